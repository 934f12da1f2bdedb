"""Answers to the offer of permessage-deflate."""

import ctypes

from case import accepted, refused
from ktorws_ctypes import DeflateOptions
from negotiation_faults import WRONG


def offering(*parameters, **options):
    """a session that offers the extension with these parameters"""
    return dict(
        config=dict(install_deflate=DeflateOptions(struct_size=ctypes.sizeof(DeflateOptions), **options)),
        offer=("; ".join(("permessage-deflate", *parameters)),),
    )


DEFAULT = offering("client_max_window_bits")
SERVER_FORGETS = offering("client_max_window_bits", "server_no_context_takeover", server_no_context_takeover=1)
CLIENT_FORGETS = offering("client_max_window_bits", "client_no_context_takeover", client_no_context_takeover=1)
SERVER_12 = offering("client_max_window_bits", "server_max_window_bits=12", server_max_window_bits=12)
CLIENT_12 = offering("client_max_window_bits=12", client_max_window_bits=12)


def refused_answer(name, variant="", offered=DEFAULT):
    return refused("/negotiation/" + name, "extension|permessage-deflate|Extensions", variant=variant, **offered)


def accepted_answer(name, variant="", offered=DEFAULT, agreed=True):
    return accepted("/negotiation/" + name, variant=variant, extension=agreed, **offered)


CASES = [
    *(refused_answer(name) for name in WRONG),
    refused_answer("twice-in-two-fields"),
    # nothing was offered
    refused_answer("plain", "unoffered", {}),
    refused_answer("client-window-10", "unoffered", {}),
    # something was asked for and is not in the answer, or not as asked
    refused_answer("plain", "server-forgets", SERVER_FORGETS),
    refused_answer("client-forgets", "server-forgets", SERVER_FORGETS),
    refused_answer("plain", "server-12", SERVER_12),
    refused_answer("server-window-15", "server-12", SERVER_12),
    # more than was offered
    refused_answer("client-window-15", "client-12", CLIENT_12),
    # right
    accepted_answer("none", agreed=False),
    *(accepted_answer(name) for name in ("plain", "server-forgets", "client-forgets")),
    *(accepted_answer(f"{side}-window-{bits}") for side in ("server", "client") for bits in (8, 10, 12, 15)),
    accepted_answer("server-forgets", "server-forgets", SERVER_FORGETS),
    accepted_answer("client-forgets", "client-forgets", CLIENT_FORGETS),
    # it is for the client to keep
    accepted_answer("plain", "client-forgets", CLIENT_FORGETS),
    accepted_answer("server-window-12", "server-12", SERVER_12),
    accepted_answer("server-window-10", "server-12", SERVER_12),
    accepted_answer("client-window-12", "client-12", CLIENT_12),
    accepted_answer("client-window-8", "client-12", CLIENT_12),
    accepted_answer("plain", "client-12", CLIENT_12),
]
