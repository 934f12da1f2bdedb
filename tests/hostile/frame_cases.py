"""Frames."""

import frame_faults
from case import IMPATIENT, KIB, accepted, cut, failed, wrong_frame
from ktorws_ctypes import Status

UNLIMITED = dict(max_frame_size=(1 << 63) - 1, max_message_size=(1 << 63) - 1)

CASES = [
    # frames
    *(wrong_frame("rsv" + name) for name in ("1", "2", "3", "1-ping", "1-close", "2-continuation")),
    *(wrong_frame(f"opcode-{n}", rf"(?i)\b(0x0?{n:x}|{n})\b") for n in frame_faults.RESERVED_OPCODES),
    *(wrong_frame("masked-" + name, "mask") for name in ("text", "ping", "close")),
    *(wrong_frame(name + "-fragmented") for name in ("ping", "pong", "close")),
    wrong_frame("ping-126", "125"),
    wrong_frame("pong-65536", "125"),
    wrong_frame("close-126", "125"),
    wrong_frame("continuation-without-start"),
    wrong_frame("continuation-after-the-last", messages=["first", "ab"]),
    wrong_frame("text-inside-message"),
    wrong_frame("binary-inside-message"),
    wrong_frame("length-16-not-minimal", "125"),
    wrong_frame("length-64-not-minimal", "65535"),
    wrong_frame("length-64-of-0"),
    wrong_frame("length-top-bit"),
    wrong_frame("length-all-ones"),
    wrong_frame("rsv1-and-pours-on", ended=("fin", "rst"), config=IMPATIENT),
    failed("/frame/length-2-to-62", Status.FRAME_TOO_BIG, 1009, str(1 << 62), str(64 * KIB * KIB)),
    cut("/frame/length-2-to-62-and-fin", config=UNLIMITED),
    accepted("/frame/empty", messages=["", b""]),
    accepted("/frame/borders", messages=[b"x" * n for n in (125, 126, 127, 65535, 65536)]),
    accepted("/frame/fragments-with-ping", messages=["ABC123"], pongs=["p"]),
    accepted("/frame/unasked-pong", messages=["x"]),
]
