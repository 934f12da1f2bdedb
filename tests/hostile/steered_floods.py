"""What a server sends without end, so that a client runs out of memory or time."""

import zlib

from peer import PING, frame, more, text
from steered_script import RSV1

# As much as the empty blocks of a message that fills a read of the client's.
MESSAGE_IN_BLOCKS = b"\x00\x01\x00\xfe\xffA" + b"\x00\x00\x00\xff\xff" * 13100 + b"\x00"
ZEROS = zlib.compressobj(9, zlib.DEFLATED, -15)
BOMB = ZEROS.compress(bytes(30 << 20))[: 28 * 1024]

# What they begin with, and what follows again and again.
FLOODS = {
    "pings": (b"", frame(PING, b"p" * 125) * 256),
    "bare": (b"", frame(PING) * 10000),
    "empty": (text(b"", fin=False), more(b"") * 10000),
    "blocks": (b"", frame(2, MESSAGE_IN_BLOCKS, rsv=RSV1)),
    "last": (frame(2, b"", fin=False, rsv=RSV1), more(b"\x03\x00" * (32 * 1024))),
    "bomb": (frame(2, BOMB, rsv=RSV1, fin=False), b""),
}
