"""Faults of frames."""

from peer import BINARY, BYE, CLOSE, PING, PONG, close, fault, frame, last, more, sends, text

# Each wrong one stands between a text that must be delivered and one that must not.

MASK = b"\x01\x02\x03\x04"


def wrong_frame(name, *parts):
    sends("/frame/" + name, text(b"first"), *parts, text(b"never"))


for rsv, bits in (("1", 4), ("2", 2), ("3", 1)):
    wrong_frame("rsv" + rsv, text(b"x", rsv=bits))
wrong_frame("rsv-all", text(b"x", rsv=7))
wrong_frame("rsv1-ping", frame(PING, b"x", rsv=4))
wrong_frame("rsv1-close", frame(CLOSE, b"\x03\xe8", rsv=4))
wrong_frame("rsv2-close", frame(CLOSE, b"\x03\xe8", rsv=2))
wrong_frame("rsv2-continuation", text(b"a", fin=False), last(b"b", rsv=2))
RESERVED_OPCODES = (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
for opcode in RESERVED_OPCODES:
    wrong_frame(f"opcode-{opcode}", frame(opcode, b"x"))
wrong_frame("opcode-3-empty", frame(3))
wrong_frame("masked-text", text(b"x", mask=MASK))
wrong_frame("masked-ping", frame(PING, b"x", mask=MASK))
wrong_frame("masked-close", frame(CLOSE, b"\x03\xe8", mask=MASK))
wrong_frame("ping-fragmented", frame(PING, b"x", fin=False), last(b"y"))
wrong_frame("pong-fragmented", frame(PONG, b"x", fin=False), last(b"y"))
wrong_frame("close-fragmented", frame(CLOSE, b"\x03\xe8", fin=False), last(b""))
wrong_frame("ping-126", frame(PING, b"x" * 126))
wrong_frame("ping-65536", frame(PING, b"x" * 65536))
wrong_frame("pong-126", frame(PONG, b"x" * 126))
wrong_frame("pong-65536", frame(PONG, b"x" * 65536))
wrong_frame("close-126", close(1000, b"x" * 124))
wrong_frame("continuation-without-start", last(b"x"))
wrong_frame("continuation-without-start-or-end", more(b"x"))
wrong_frame("continuation-after-the-last", text(b"a", fin=False), last(b"b"), last(b"c"))
wrong_frame("text-inside-message", text(b"a", fin=False), text(b"b"))
wrong_frame("binary-inside-message", text(b"a", fin=False), frame(BINARY, b"b", fin=False))
wrong_frame("binary-inside-message-whole", text(b"a", fin=False), frame(BINARY, b"b"))
wrong_frame("length-16-of-100", text(b"x" * 100, form=16))
wrong_frame("length-16-of-125", text(b"x" * 125, form=16))
wrong_frame("length-16-of-ping", frame(PING, b"xx", form=16))
for length in (0, 100, 1000, 65535):
    wrong_frame(f"length-64-of-{length}", text(b"x" * length, form=64))
wrong_frame("length-top-bit", text(b"x" * 100, length=1 << 63, form=64))
wrong_frame("length-top-bit-and-1", text(b"x", length=1 << 63 | 1, form=64))
wrong_frame("length-all-ones", frame(BINARY, b"x" * 100, length=(1 << 64) - 1))
# A little of it comes, and nothing more.
HUGE = {"2-to-31": 1 << 31, "4g-and-5": (1 << 32) + 5, "2-to-62": 1 << 62, "2-to-63-less-1": (1 << 63) - 1}
for name, length in HUGE.items():
    wrong_frame("length-" + name, frame(BINARY, b"x" * 64, length=length, form=64))


@fault("/frame/rsv1-and-pours-on", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first") + text(b"x", rsv=4))
    while True:
        c.send(frame(BINARY, b"x" * 60000))


@fault("/frame/length-2-to-62-and-fin")
def _(c):
    c.send(c.head() + text(b"first") + frame(BINARY, b"x" * 100000, length=1 << 62))
    c.fin()


# Nothing is wrong with these.

RIGHT = {
    "empty-text": text(b""),
    "empty-binary": frame(BINARY, b""),
    "empty-fragments": text(b"", fin=False) + more(b"") + last(b""),
    "fragments-with-ping": text(b"AB", fin=False) + more(b"C1") + frame(PING, b"p") + more(b"") + last(b"23"),
    "fragments-with-pong": text(b"a", fin=False) + frame(PONG, b"unasked") + last(b"b"),
    "fragments-1000": text(b"x", fin=False) + more(b"x") * 998 + last(b"x"),
    "unasked-pong": frame(PONG, b"unasked") + text(b"x"),
    "ping-empty": frame(PING) + text(b"x"),
    "ping-125": frame(PING, bytes(range(125))) + text(b"x"),
}
SIZES = (1, 125, 126, 127, 65535, 65536)
for size in SIZES:
    RIGHT[f"size-{size}"] = frame(BINARY, b"x" * size)
for name, data in RIGHT.items():
    sends("/frame/" + name, data, BYE)
