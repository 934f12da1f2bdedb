"""Text."""

from case import accepted, not_utf8
from utf8_faults import INVALID_UTF8, VALID_UTF8

CASES = [
    # text
    *(not_utf8(name) for name in INVALID_UTF8),
    *(not_utf8("fragments/" + name) for name in INVALID_UTF8),
    *(not_utf8(name) for name in ("early-in-frame", "early-surrogate", "early-in-fragment")),
    accepted("/utf8/borders", messages=[c.decode() for c in VALID_UTF8]),
    accepted("/utf8/split-characters", messages=[c.decode() for c in VALID_UTF8 for _ in range(1, len(c))]),
    accepted("/utf8/binary", messages=[b"\xff\xfe\x80"]),
]
