"""The server's side of permessage-deflate (RFC 7692), on zlib."""

import contextlib
import ctypes
import zlib

from ktorws_ctypes import DeflateOptions
from wire import Listener, upgrade

RSV1 = 4
TAIL = b"\0\0\xff\xff"
ACCEPTED = "permessage-deflate"


def options(**fields):
    return DeflateOptions(struct_size=ctypes.sizeof(DeflateOptions), **fields)


class Deflate:
    """Compresses messages, in a window of that many bits, which is kept from one to the next or is not."""

    def __init__(self, bits=15, keeps=True):
        self.new = lambda: zlib.compressobj(wbits=-bits)
        self.keeps = keeps
        self.context = self.new()

    def __call__(self, payload):
        if not self.keeps:
            self.context = self.new()
        data = self.context.compress(payload) + self.context.flush(zlib.Z_SYNC_FLUSH)
        return data.removesuffix(TAIL)


class Inflate:
    """Inflates messages. What refers to something further back than the window is an error."""

    def __init__(self, bits=15, keeps=True):
        self.new = lambda: zlib.decompressobj(wbits=-bits)
        self.keeps = keeps
        # zlib looks at the window only for what is not in the output of the same call
        self.at_a_time = 1 if bits < 15 else 0
        self.context = self.new()

    def __call__(self, data):
        if not self.keeps:
            self.context = self.new()
        data += TAIL
        message = bytearray()
        while piece := self.context.decompress(data, self.at_a_time):
            message += piece
            data = self.context.unconsumed_tail
        return bytes(message)


@contextlib.contextmanager
def opened_deflate(response=ACCEPTED, offer=None, window=None, **settings):
    """a session that offers permessage-deflate with such options, NULL unless given, and its connection"""
    serve = upgrade(extra=[f"Sec-WebSocket-Extensions: {response}"] if response else [])
    with Listener(serve, window=window) as listener:
        with listener.open(install_deflate=offer, **settings) as pair:
            yield pair
