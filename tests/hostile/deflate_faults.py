"""Messages compressed with permessage-deflate (RFC 7692): right ones that are unusual, and wrong ones."""

import random

from deflate import Deflate, once
from peer import BINARY, BYE, CLOSE, FAULTS, PING, PONG, fault, frame, last, more, text

EXTENSION = "permessage-deflate"
H = bytes.fromhex


def agree(c, parameters="", behind=b""):
    """the 101 head with the extension"""
    c.deflate = Deflate(EXTENSION + parameters)
    c.send(c.head(extra=[f"Sec-WebSocket-Extensions: {EXTENSION}{parameters}"]) + behind)


def compressed(payload, opcode=1, **how):
    return frame(opcode, payload, rsv=4, **how)


def sends(name, *parts, parameters=""):
    """the 101 head, then in a second segment the parts"""

    def run(c):
        agree(c, parameters)
        data = b"".join(parts)
        c.close_sent = BYE in data
        c.send(data)

    FAULTS["/deflate/" + name] = run


def single_bytes(payload):
    """each in a fragment of its own"""
    fragments = [payload[i : i + 1] for i in range(len(payload))]
    return compressed(fragments[0], fin=False) + b"".join(map(more, fragments[1:-1])) + last(fragments[-1])


# Echoes: what the client sends must inflate within what was agreed.

ECHOES = {
    "echo": "",
    "echo-server-forgets": "; server_no_context_takeover",
    "echo-client-forgets": "; client_no_context_takeover",
    "echo-both-forget": "; server_no_context_takeover; client_no_context_takeover",
    **{f"echo-server-{n}": f"; server_max_window_bits={n}" for n in (8, 9, 10, 12, 15)},
    **{f"echo-client-{n}": f"; client_max_window_bits={n}" for n in (8, 9, 12, 15)},
    "echo-both-9-and-forget": "; server_max_window_bits=9; client_max_window_bits=9"
    "; server_no_context_takeover; client_no_context_takeover",
    "echo-quoted": '; server_max_window_bits="12"; client_max_window_bits="10"',
    "echo-quoted-with-escape": r'; server_max_window_bits="1\2"',
    "echo-odd-spacing": "; client_no_context_takeover;server_max_window_bits = 12 \t;server_no_context_takeover",
}
for name, parameters in ECHOES.items():

    @fault("/deflate/" + name)
    def _(c, parameters=parameters):
        c.on_message = lambda opcode, message: c.send(compressed(c.deflate.deflate(message), opcode))
        agree(c, parameters)


NOISE = random.Random(7692).randbytes(3000)
# Twice the same, and the same again at a distance.
ECHOED = [NOISE, NOISE, NOISE + b"far" * 2000 + NOISE, "κόσμε " * 2000, "", b"", "short", b"\x00" * 40000]

# Right. HELLO and what refers to it are the samples of section 7.2.3.

HELLO = H("f248cdc9c90700")
AGAIN = H("f200110000")
FINAL = H("f348cdc9c9070000")
RIGHT = {
    "one-block": (compressed(HELLO), ["Hello"]),
    "two-fragments": (compressed(HELLO[:3], fin=False) + last(HELLO[3:]), ["Hello"]),
    "window": (compressed(HELLO) + compressed(AGAIN), ["Hello", "Hello"]),
    "stored-block": (compressed(H("000500faff48656c6c6f00")), ["Hello"]),
    "final-block": (compressed(FINAL), ["Hello"]),
    "two-blocks": (compressed(H("f248050000 00ffff cac9c90700")), ["Hello"]),
    "empty": (compressed(b"\x00"), [""]),
    "final-block-then-window": (compressed(FINAL) + compressed(AGAIN), ["Hello", "Hello"]),
    "final-block-then-block": (compressed(FINAL[:-1] + HELLO), ["HelloHello"]),
    "final-block-then-block-with-window": (compressed(FINAL[:-1] + AGAIN), ["HelloHello"]),
    "two-final-blocks": (compressed(FINAL[:-1] * 2 + b"\x00"), ["HelloHello"]),
    "final-stored-block": (compressed(H("010500faff48656c6c6f00")) + compressed(AGAIN), ["Hello", "Hello"]),
    "final-block-in-fragments": (
        compressed(FINAL[:4], fin=False) + more(FINAL[4:7]) + last(FINAL[7:]) + compressed(AGAIN),
        ["Hello", "Hello"],
    ),
    "empty-then-window": (compressed(HELLO) + compressed(b"\x00") + compressed(AGAIN), ["Hello", "", "Hello"]),
    "uncompressed": (text(b"Hello"), ["Hello"]),
    "uncompressed-between": (compressed(HELLO) + text(b"plain") + compressed(AGAIN), ["Hello", "plain", "Hello"]),
    "binary": (compressed(HELLO, BINARY), [b"Hello"]),
    "binary-not-utf8": (compressed(once(b"\xff\xfe"), BINARY), [b"\xff\xfe"]),
    "ping-inside": (compressed(HELLO[:3], fin=False) + frame(PING, b"p") + last(HELLO[3:]), ["Hello"]),
    "empty-last-fragment": (compressed(HELLO, fin=False) + last(b""), ["Hello"]),
    "empty-first-fragment": (compressed(b"", fin=False) + last(HELLO), ["Hello"]),
    "single-bytes": (single_bytes(HELLO), ["Hello"]),
    "characters-in-single-bytes": (single_bytes(once("κόσμε".encode())), ["κόσμε"]),
}
for name, (data, _messages) in RIGHT.items():
    sends(name, data, BYE)

# Wrong, between a text that must be delivered and one that must not.

LONG = once(b"".join(b"%d " % i for i in range(1000)))
BROKEN = {
    "not-deflate": b"\xff" * 20,
    "reserved-block-type": b"\x07",
    "distance-before-start": AGAIN,
    "stored-length-wrong": H("0005000000"),
    "stored-block-cut": H("001400ebff48656c6c6f"),
    "block-cut": HELLO[:3],
    "codes-cut": LONG[:40],
    "half": LONG[: len(LONG) // 2],
    "too-many-codes": H("f248cdc9c9d751c840"),
    "garbage-behind-final-block": FINAL[:-1] + b"\xff",
}
for name, payload in BROKEN.items():
    sends(name, text(b"first"), compressed(payload, BINARY), text(b"never"))
sends(
    "takeover-broken",
    compressed(HELLO),
    compressed(AGAIN),
    text(b"never"),
    parameters="; server_no_context_takeover",
)
# A window of 512 bytes is promised and a larger one used, over two messages and within one.
FAR = Deflate()
NOISE_TWICE = NOISE + b"\x00" * 16000 + NOISE
WINDOW_BROKEN = {
    "window-broken": (NOISE, compressed(FAR.deflate(NOISE), BINARY), NOISE, compressed(FAR.deflate(NOISE), BINARY)),
    "window-broken-inside-message": (b"", frame(BINARY), NOISE_TWICE, compressed(once(NOISE_TWICE), BINARY)),
}
for name, (_first, first, _second, second) in WINDOW_BROKEN.items():
    sends(name, first, second, BYE, parameters="; server_max_window_bits=9")
sends("no-payload", compressed(b""), text(b"after"), BYE)

NOT_UTF8 = once(b"ab\xed\xa0\x80")
sends("not-utf8", text(b"first"), compressed(once(b"ab\xff")), text(b"never"))
sends("not-utf8-cut", text(b"first"), compressed(once(b"ab\xe2\x82")), text(b"never"))
sends(
    "not-utf8-in-fragments",
    text(b"first"),
    compressed(NOT_UTF8[:3], fin=False) + last(NOT_UTF8[3:]),
    text(b"never"),
)
# Nothing more comes until the client has failed the connection.
sends("not-utf8-early", text(b"first"), compressed(NOT_UTF8 + b"\x00\x00\xff\xff", fin=False))

# The reserved bits: RSV1 belongs on the first frame of a message only.
RESERVED = {
    "rsv1-continuation": text(b"a", fin=False) + last(HELLO, rsv=4),
    "rsv1-second-fragment": compressed(HELLO[:3], fin=False) + last(HELLO[3:], rsv=4),
    "rsv1-ping": frame(PING, HELLO, rsv=4),
    "rsv1-pong": frame(PONG, HELLO, rsv=4),
    "rsv1-close": frame(CLOSE, b"\x03\xe8", rsv=4),
    "rsv2": text(b"x", rsv=2),
    "rsv3": text(b"x", rsv=1),
    "rsv1-and-rsv2": text(HELLO, rsv=6),
}
for name, data in RESERVED.items():
    sends(name, text(b"first"), data, text(b"never"))
