"""permessage-deflate (RFC 7692) as a server does it."""

import re
import zlib

# What ends each compressed message and is not sent (section 7.2.1).
TAIL = b"\x00\x00\xff\xff"


class Deflate:
    def __init__(self, answer="permessage-deflate"):
        """answer: the server's, as it stands in the header"""
        self.server_bits = bits(answer, "server")
        self.client_bits = bits(answer, "client")
        self.server_takes_over = "server_no_context_takeover" not in answer
        self.client_takes_over = "client_no_context_takeover" not in answer
        self.deflater = deflater(self.server_bits)
        self.inflater = zlib.decompressobj(-self.client_bits)

    def deflate(self, message):
        compressed = self.deflater.compress(message) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        if not self.server_takes_over:
            self.deflater = deflater(self.server_bits)
        return compressed[: -len(TAIL)]

    def inflate(self, compressed):
        """byte by byte: within what one call returns, zlib would also take a distance that is larger than the window"""
        message = bytearray()
        compressed += TAIL
        # in pieces, for each call copies what it leaves of its input
        for start in range(0, len(compressed), 256):
            left = compressed[start : start + 256]
            while byte := self.inflater.decompress(left, 1):
                message += byte
                left = self.inflater.unconsumed_tail
        if not self.client_takes_over:
            self.inflater = zlib.decompressobj(-self.client_bits)
        return bytes(message)


def bits(answer, side):
    found = re.search(side + r'_max_window_bits\s*=\s*"?(\d+)', answer.replace("\\", ""))
    return int(found[1]) if found else 15


def deflater(window_bits):
    # zlib has no raw deflate with a window of 256 bytes, but it can do without references
    return zlib.compressobj(0 if window_bits == 8 else 9, zlib.DEFLATED, -max(window_bits, 9))


def once(message):
    """a message that refers to none before it"""
    return Deflate().deflate(message)
