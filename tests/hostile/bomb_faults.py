"""Little on the wire that inflates to very much."""

import zlib

from deflate import TAIL, once
from deflate_faults import agree, compressed
from peer import BINARY, BYE, KIB, fault, more

MIB = KIB * KIB
ZEROS = bytes(MIB)


def full_block():
    """1 MiB of zeros that refers to nothing before it, so that it can be sent again and again"""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(ZEROS) + deflater.flush(zlib.Z_FULL_FLUSH)


BLOCK = full_block()
MESSAGE = once(ZEROS)
MANY = 500


@fault("/bomb/message")
def _(c):
    agree(c)
    c.send(compressed((BLOCK * 256)[: -len(TAIL)], BINARY))


@fault("/bomb/fragments")
def _(c):
    agree(c, behind=compressed(BLOCK, BINARY, fin=False))
    c.pour(more(BLOCK), 64 * MIB)


@fault("/bomb/messages")
def _(c):
    agree(c, "; server_no_context_takeover")
    for _ in range(MANY):
        c.send(compressed(MESSAGE, BINARY))
    c.close_sent = True
    c.send(BYE)


@fault("/bomb/messages-unread", reads=False)
def _(c):
    agree(c, "; server_no_context_takeover")
    c.sock.settimeout(1)
    c.pour(compressed(MESSAGE, BINARY), 64 * MIB)


@fault("/bomb/empty-blocks")
def _(c):
    """one message without an end and without content"""
    blocks = b"\x00\x00\x00\xff\xff" * 800
    agree(c, behind=compressed(blocks, BINARY, fin=False))
    c.pour(more(blocks), 256 * MIB)
