"""Frames."""

import frame_faults
from case import IMPATIENT_CLOSING, KIB, accepted, cut, failed, wrong_frame
from ktorws_ctypes import Status

UNLIMITED = dict(max_frame_size=(1 << 63) - 1, max_message_size=(1 << 63) - 1)

CASES = [
    *(wrong_frame("rsv" + name) for name in "1 2 3 -all 1-ping 1-close 2-close 2-continuation".split()),
    *(wrong_frame(f"opcode-{n}", rf"(?i)\b(0x0?{n:x}|{n})\b") for n in frame_faults.RESERVED_OPCODES),
    wrong_frame("opcode-3-empty"),
    *(wrong_frame("masked-" + name, "mask") for name in ("text", "ping", "close")),
    *(wrong_frame(name + "-fragmented") for name in ("ping", "pong", "close")),
    *(wrong_frame(name, "125") for name in "ping-126 ping-65536 pong-126 pong-65536 close-126".split()),
    wrong_frame("continuation-without-start"),
    wrong_frame("continuation-without-start-or-end"),
    wrong_frame("continuation-after-the-last", messages=["first", "ab"]),
    wrong_frame("text-inside-message"),
    wrong_frame("binary-inside-message"),
    wrong_frame("binary-inside-message-whole"),
    *(wrong_frame("length-16-of-" + name, number) for name, number in (("100", "100"), ("125", "125"), ("ping", "2"))),
    *(wrong_frame(f"length-64-of-{length}", str(length)) for length in (0, 100, 1000, 65535)),
    *(wrong_frame("length-" + name) for name in ("top-bit", "top-bit-and-1", "all-ones")),
    wrong_frame("rsv1-and-pours-on", ended=("fin", "rst"), config=IMPATIENT_CLOSING),
    *(
        failed("/frame/length-" + name, Status.FRAME_TOO_BIG, 1009, str(length), str(64 * KIB * KIB))
        for name, length in frame_faults.HUGE.items()
    ),
    cut("/frame/length-2-to-62-and-fin", config=UNLIMITED),
    # right
    accepted("/frame/empty-text", messages=[""]),
    accepted("/frame/empty-binary", messages=[b""]),
    accepted("/frame/empty-fragments", messages=[""]),
    accepted("/frame/fragments-with-ping", messages=["ABC123"], pongs=["p"]),
    accepted("/frame/fragments-with-pong", messages=["ab"]),
    accepted("/frame/fragments-1000", messages=["x" * 1000]),
    accepted("/frame/unasked-pong", messages=["x"]),
    accepted("/frame/ping-empty", messages=["x"], pongs=[""]),
    accepted("/frame/ping-125", messages=["x"], pongs=["".join(map(chr, range(125)))]),
    *(accepted(f"/frame/size-{size}", messages=[b"x" * size]) for size in frame_faults.SIZES),
]
