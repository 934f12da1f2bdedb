"""Answers to the offer of permessage-deflate."""

import functools

from opening_faults import greet
from peer import FAULTS

EXTENSION = "permessage-deflate"


def answers(name, *values):
    """a text follows, which must not be delivered where the answer is wrong"""
    extra = [f"Sec-WebSocket-Extensions: {value}" for value in values]
    FAULTS["/negotiation/" + name] = functools.partial(greet, extra=extra)


# Wrong whatever was offered, of the extension's name
WRONG = {
    "name-in-other-case": "Permessage-Deflate",
    "name-of-old-draft": "x-webkit-deflate-frame",
    "name-quoted": '"permessage-deflate"',
    "other-extension": "x-unheard-of",
    "other-extension-besides": "permessage-deflate, x-unheard-of",
    "twice": "permessage-deflate, permessage-deflate",
    "twice-with-parameters": "permessage-deflate, permessage-deflate; server_no_context_takeover",
    # of the form
    "no-name": "; a=b",
    "no-comma": "permessage-deflate permessage-deflate",
    "semicolon-at-end": "permessage-deflate;",
    "parameter-empty": "permessage-deflate; ; server_no_context_takeover",
    "quote-not-closed": 'permessage-deflate; server_max_window_bits="10',
    "quote-not-opened": 'permessage-deflate; server_max_window_bits=10"',
    "quote-empty": 'permessage-deflate; server_max_window_bits=""',
    "quote-with-space": 'permessage-deflate; server_max_window_bits="10 "',
    # of the parameters
    "parameter-unknown": "permessage-deflate; unheard_of",
    "parameter-in-other-case": "permessage-deflate; Server_No_Context_Takeover",
    "parameter-twice": "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    "window-twice": "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
    "window-twice-otherwise": "permessage-deflate; server_max_window_bits=10; server_max_window_bits=12",
    "server-takeover-with-value": "permessage-deflate; server_no_context_takeover=1",
    "client-takeover-with-value": "permessage-deflate; client_no_context_takeover=true",
    "server-window-without-value": "permessage-deflate; server_max_window_bits",
    "client-window-without-value": "permessage-deflate; client_max_window_bits",
}
NUMBERS = {
    **{value: value for value in "7 16 08 010 0 -10 10.0 0x0a x ten".split()},
    "plus-10": "+10",
    "empty": "",
    "2-to-32-and-10": str((1 << 32) + 10),
    "16-quoted": '"16"',
}
for side in ("server", "client"):
    for name, value in NUMBERS.items():
        WRONG[f"{side}-window-{name}"] = f"permessage-deflate; {side}_max_window_bits={value}"
for name, value in WRONG.items():
    answers(name, value)
answers("twice-in-two-fields", EXTENSION, EXTENSION)

# Right or wrong according to what was offered
answers("plain", EXTENSION)
answers("none")
for side in ("server", "client"):
    answers(side + "-forgets", f"{EXTENSION}; {side}_no_context_takeover")
    for bits in (8, 10, 12, 15):
        answers(f"{side}-window-{bits}", f"{EXTENSION}; {side}_max_window_bits={bits}")
