"""What is offered of permessage-deflate besides its parameters: leaving one out, and a second offer (RFC 7692 section 5.1)."""

import ctypes
import zlib

from checking import equal
from http_api import fails
from ktorws_ctypes import DeflateOptions, Session, Status, lib
from peer import TEXT, frame
from web import Server, works

OMIT, FALLBACK = 1, 2


def deflate(**members):
    options = DeflateOptions(**{"struct_size": ctypes.sizeof(DeflateOptions), **members})
    return dict(install_deflate=ctypes.pointer(options))


def agrees(parameters):
    def act(request):
        accepted = f"Sec-WebSocket-Extensions: permessage-deflate{parameters}"
        request.wire.send(request.wire.head(extra=[accepted]))
        sent = request.wire.next_or_none()
        if sent is None:
            return False
        # what it has compressed, or not
        inflated = sent.payload
        if sent.rsv:
            inflated = zlib.decompressobj(-15).decompress(sent.payload + b"\0\0\xff\xff")
        request.wire.send(frame(TEXT, inflated))
        return False

    return act


def offered(answer="", status=None, **members):
    """what a server is offered that answers so"""
    with Server([agrees(answer)]) as server:
        if status:
            fails(server.url(), status, **deflate(**members))
        else:
            with Session(server.url(), **deflate(**members)) as session:
                works(session)
        return server.only().value("Sec-WebSocket-Extensions")


def test_leaving_client_max_window_bits_out():
    equal("offer", offered(), "permessage-deflate; client_max_window_bits")
    equal("offer", offered(flags=OMIT), "permessage-deflate")
    members = dict(flags=OMIT, client_max_window_bits=9, server_no_context_takeover=1)
    got = offered("; server_no_context_takeover", **members)
    equal("offer", got, "permessage-deflate; server_no_context_takeover")
    # a server must not answer with what was not offered
    offered("; client_max_window_bits=15", status=Status.HANDSHAKE_INVALID, flags=OMIT)


def test_a_second_offer():
    both = "permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate"
    for answer in ("", "; server_max_window_bits=10", "; server_max_window_bits=9; client_max_window_bits=12"):
        equal("offer", offered(answer, flags=FALLBACK, server_max_window_bits=10), both)
    # without it, what was asked for has to be there
    offered("", status=Status.HANDSHAKE_INVALID, server_max_window_bits=10)
    # and it is no answer to either
    for answer in ("; client_max_window_bits=12", "; unknown", ", permessage-deflate"):
        offered(answer, status=Status.HANDSHAKE_INVALID, flags=FALLBACK, server_max_window_bits=10)
    equal("one offer", offered(flags=FALLBACK | OMIT), "permessage-deflate")


def test_arguments():
    size = ctypes.sizeof(DeflateOptions)
    for members, expected in (
        (dict(flags=4), Status.INVALID_ARGUMENT),
        (dict(flags=2**31), Status.INVALID_ARGUMENT),
        (dict(struct_size=size - 1), Status.INVALID_ARGUMENT),
        (dict(struct_size=4097), Status.INVALID_ARGUMENT),
        (dict(struct_size=size + 8), Status.OK),
        (dict(flags=OMIT | FALLBACK), Status.OK),
    ):
        config = lib.ws_config_new()
        # with room behind it
        memory = ctypes.create_string_buffer(8192)
        options = DeflateOptions.from_buffer(memory)
        options.struct_size = size
        for name, value in members.items():
            setattr(options, name, value)
        equal(f"{members}", lib.ws_config_install_deflate(config, ctypes.pointer(options)), expected)
        lib.ws_config_free(config)
