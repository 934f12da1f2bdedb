"""Sizes at and over the limits, and more of everything than fits."""

import select

from peer import BINARY, BYE, KIB, PING, PONG, Gone, fault, frame, last, more, sends, text

# The driver sets both limits to LIMIT unless it says otherwise.

LIMIT = 65536
sends("/limit/frame-exact", frame(BINARY, b"x" * LIMIT), BYE)
sends("/limit/frame-over", text(b"first"), frame(BINARY, b"x" * (LIMIT + 1)), text(b"never"))
sends("/limit/frame-over-announced", text(b"first"), frame(BINARY, b"", length=LIMIT + 1))
sends("/limit/fragments-exact", frame(BINARY, b"x" * (LIMIT // 2), fin=False), last(b"x" * (LIMIT // 2)), BYE)
sends(
    "/limit/fragments-over", text(b"first"), frame(BINARY, b"x" * 40000, fin=False), last(b"x" * 40000), text(b"never")
)
sends(
    "/limit/fragments-over-announced", text(b"first"), frame(BINARY, b"x" * 40000, fin=False), last(b"", length=40000)
)


@fault("/limit/fragments-endless")
def _(c):
    c.send(c.head() + frame(BINARY, b"", fin=False))
    c.pour(more(b"x" * 1000) * 4, 64 * KIB * KIB)


# As large as nobody minds, unless a limit is set.
LARGE = 16 * KIB * KIB
LARGE_BYTE = b"\xab"


@fault("/limit/large")
def _(c):
    c.send(c.head() + frame(BINARY, length=LARGE))
    for _ in range(LARGE // 65536):
        c.send(LARGE_BYTE * 65536)
    c.close_sent = True
    c.send(BYE)


@fault("/limit/large-in-fragments")
def _(c):
    c.send(c.head() + frame(BINARY, LARGE_BYTE * 4096, fin=False))
    for _ in range(LARGE // 4096 - 2):
        c.send(more(LARGE_BYTE * 4096))
    c.close_sent = True
    c.send(last(LARGE_BYTE * 4096) + BYE)


@fault("/limit/empty-fragments")
def _(c):
    c.send(c.head() + text(b"", fin=False))
    for _ in range(100):
        c.send(more(b"") * 10000)
    c.close_sent = True
    c.send(last(b"at last") + BYE)


@fault("/limit/empty-fragments-endless")
def _(c):
    c.send(c.head() + text(b"", fin=False))
    while True:
        c.send(more(b"") * 2000)


@fault("/limit/pings")
def _(c):
    c.send(c.head())
    for i in range(1000):
        c.send(frame(PING, b"%d" % i) + (text(b"%d" % i) if i % 10 == 0 else b""))
    c.wait(lambda: sum(f["opcode"] == PONG for f in c.frames) == 1000)
    c.close_sent = True
    c.send(BYE)


@fault("/limit/pings-read-slowly", reads=False)
def _(c):
    """pings as fast as the client takes them; its pongs are read only while it takes none, so its queue never drains"""
    c.send(c.head())
    c.sock.setblocking(False)
    pings = unsent = frame(PING, b"p" * 125) * 64
    taken = 0
    while taken < 32 * KIB * KIB:
        try:
            while True:
                unsent = unsent[c.sock.send(unsent) :] or pings
        except BlockingIOError:
            pass
        select.select([c.sock], [c.sock], [])
        try:
            pongs = c.sock.recv(65536)
            if not pongs:
                raise Gone
            taken += len(pongs)
        except BlockingIOError:
            pass
    c.rst()


@fault("/limit/pings-unread", reads=False)
def _(c):
    c.send(c.head())
    c.sock.settimeout(2)
    c.pour(frame(PING, b"p" * 125) * 64, 64 * KIB * KIB)
    c.close_sent = True
    c.send(BYE)


@fault("/limit/pings-to-a-sender", reads=False)
def _(c):
    """takes what the client sends in large pieces, and pings it before each: then it can read and send at once"""
    c.send(c.head())
    while True:
        c.send(frame(PING, b"p") * 4)
        if not c.sock.recv(4 * KIB * KIB):
            break


@fault("/limit/messages-unread", reads=False)
def _(c):
    c.send(c.head())
    c.sock.settimeout(1)
    c.pour(frame(BINARY, b"x" * 1000) * 64, 64 * KIB * KIB)


@fault("/limit/nothing-read", reads=False)
def _(c):
    c.send(c.head())
    c.wait_released()
