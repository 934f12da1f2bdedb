"""Faults of frames, sizes and text."""

import select

from peer import BINARY, BYE, CLOSE, KIB, PING, PONG, Gone, close, fault, frame, last, more, sends, text

# Frames. Each wrong one stands between a text that must be delivered and one that must not.

MASK = b"\x01\x02\x03\x04"


def wrong_frame(name, *parts):
    sends("/frame/" + name, text(b"first"), *parts, text(b"never"))


for rsv, bits in (("1", 4), ("2", 2), ("3", 1)):
    wrong_frame("rsv" + rsv, text(b"x", rsv=bits))
wrong_frame("rsv1-ping", frame(PING, b"x", rsv=4))
wrong_frame("rsv1-close", frame(CLOSE, b"\x03\xe8", rsv=4))
wrong_frame("rsv2-continuation", text(b"a", fin=False), last(b"b", rsv=2))
RESERVED_OPCODES = (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
for opcode in RESERVED_OPCODES:
    wrong_frame(f"opcode-{opcode}", frame(opcode, b"x"))
wrong_frame("masked-text", text(b"x", mask=MASK))
wrong_frame("masked-ping", frame(PING, b"x", mask=MASK))
wrong_frame("masked-close", frame(CLOSE, b"\x03\xe8", mask=MASK))
wrong_frame("ping-fragmented", frame(PING, b"x", fin=False), last(b"y"))
wrong_frame("pong-fragmented", frame(PONG, b"x", fin=False), last(b"y"))
wrong_frame("close-fragmented", frame(CLOSE, b"\x03\xe8", fin=False), last(b""))
wrong_frame("ping-126", frame(PING, b"x" * 126))
wrong_frame("pong-65536", frame(PONG, b"x" * 65536))
wrong_frame("close-126", close(1000, b"x" * 124))
wrong_frame("continuation-without-start", last(b"x"))
wrong_frame("continuation-after-the-last", text(b"a", fin=False), last(b"b"), last(b"c"))
wrong_frame("text-inside-message", text(b"a", fin=False), text(b"b"))
wrong_frame("binary-inside-message", text(b"a", fin=False), frame(BINARY, b"b", fin=False))
wrong_frame("length-16-not-minimal", text(b"x" * 125, form=16))
wrong_frame("length-64-not-minimal", text(b"x" * 65535, form=64))
wrong_frame("length-64-of-0", text(b"", form=64))
wrong_frame("length-top-bit", text(b"x" * 100, length=1 << 63, form=64))
wrong_frame("length-all-ones", frame(BINARY, b"x" * 100, length=(1 << 64) - 1))
wrong_frame("length-2-to-62", frame(BINARY, b"x" * 100, length=1 << 62))


@fault("/frame/rsv1-and-pours-on", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first") + text(b"x", rsv=4))
    while True:
        c.send(frame(BINARY, b"x" * 60000))


@fault("/frame/length-2-to-62-and-fin")
def _(c):
    c.send(c.head() + text(b"first") + frame(BINARY, b"x" * 100000, length=1 << 62))
    c.fin()


for name, data in {
    "empty": text(b"") + frame(BINARY, b""),
    "borders": b"".join(frame(BINARY, b"x" * n) for n in (125, 126, 127, 65535, 65536)),
    "fragments-with-ping": text(b"AB", fin=False) + more(b"C1") + frame(PING, b"p") + more(b"") + last(b"23"),
    "unasked-pong": frame(PONG, b"unasked") + text(b"x"),
}.items():
    sends("/frame/" + name, data, BYE)


# Limits: the driver sets both limits to LIMIT unless it says otherwise.

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


# Text

INVALID_UTF8 = {
    "lone-continuation": b"\x80",
    "overlong-2": b"\xc0\xaf",
    "overlong-3": b"\xe0\x80\xaf",
    "overlong-4": b"\xf0\x80\x80\xaf",
    "surrogate": b"\xed\xa0\x80",
    "surrogate-pair": b"\xed\xa0\x80\xed\xb0\x80",
    "above-10ffff": b"\xf4\x90\x80\x80",
    "five-bytes": b"\xf8\x88\x80\x80\x80",
    "fe": b"\xfe",
    "ff": b"\xff",
    "broken-in-the-middle": "κόσμε".encode() + b"\xed\xa0\x80edited",
    "cut-2": b"\xc3",
    "cut-3": b"\xe2\x82",
    "cut-4": b"\xf0\x9f\x98",
    "far-behind-ascii": b"a" * 5000 + b"\xff" + b"a" * 5000,
}
for name, data in INVALID_UTF8.items():
    sends("/utf8/" + name, text(b"first"), text(data), text(b"never"))
    sends(
        "/utf8/fragments/" + name,
        text(b"first"),
        text(b"ok " + data[:1], fin=False),
        more(data[1:2]),
        last(data[2:]),
        text(b"never"),
    )
VALID_UTF8 = [
    b"\x00",
    b"\x7f",
    b"\xc2\x80",
    b"\xdf\xbf",
    b"\xe0\xa0\x80",
    b"\xed\x9f\xbf",
    b"\xee\x80\x80",
    b"\xef\xbf\xbe",
    b"\xef\xbf\xbf",
    b"\xf0\x90\x80\x80",
    b"\xf4\x8f\xbf\xbf",
]
sends("/utf8/borders", *map(text, VALID_UTF8), BYE)
sends(
    "/utf8/split-characters",
    *(text(c[:n], fin=False) + more(b"") + last(c[n:]) for c in VALID_UTF8 for n in range(1, len(c))),
    BYE,
)
sends("/utf8/binary", frame(BINARY, b"\xff\xfe\x80"), BYE)
# Only the wrong beginning is sent; nothing more comes until the client has failed the connection.
sends("/utf8/early-in-frame", text(b"first"), text(b"ok \xff", length=1000))
sends("/utf8/early-surrogate", text(b"first"), text(b"ok \xed\xa0", length=1000))
sends("/utf8/early-in-fragment", text(b"first"), text(b"ok", fin=False), more(b" \xc0", length=1000))
