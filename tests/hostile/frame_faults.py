"""Faults of frames."""

from peer import BINARY, BYE, CLOSE, PING, PONG, close, fault, frame, last, more, sends, text

# Each wrong one stands between a text that must be delivered and one that must not.

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
