"""Text."""

from case import accepted, not_utf8
from utf8_faults import CHARACTERS, INVALID_UTF8, NONCHARACTERS, VALID_UTF8

CASES = [
    *(not_utf8(name) for name in INVALID_UTF8),
    *(not_utf8("fragments/" + name) for name in INVALID_UTF8),
    *(not_utf8(name) for name in "surrogate-in-single-bytes above-10ffff-split cut-by-empty-last".split()),
    *(not_utf8("early-" + name) for name in "in-frame surrogate in-fragment in-first-fragment".split()),
    # right
    accepted("/utf8/borders", messages=[c.decode() for c in VALID_UTF8]),
    accepted("/utf8/split-characters", messages=[c.decode() for c in VALID_UTF8 for _ in range(1, len(c))]),
    accepted("/utf8/binary", messages=[b"\xff\xfe\x80"]),
    accepted("/utf8/single-bytes", messages=[CHARACTERS]),
    accepted("/utf8/ping-inside-character", messages=[CHARACTERS], pongs=["\xff"]),
    accepted("/utf8/pong", messages=["x"]),
    accepted("/utf8/nul-inside", messages=["a\0b"]),
    accepted("/utf8/byte-order-mark", messages=["\ufeffhi"]),
    accepted("/utf8/noncharacters", messages=[NONCHARACTERS]),
]
