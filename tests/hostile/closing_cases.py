"""The closing handshake, and ends without one."""

import closing_faults
from case import IMPATIENT, accepted, cut, failed
from ktorws_ctypes import Initiator, Status
from limit_cases import LIMITS

CASES = [
    # closing
    *(
        accepted(f"/close/{code}", messages=["first"], local_code=code, remote_code=code, reason=b"why", closes=[code])
        for code in closing_faults.VALID_CODES
    ),
    *(failed(f"/close/{code}", Status.PROTOCOL, 1002, rf"\b{code}\b") for code in closing_faults.INVALID_CODES),
    accepted("/close/empty", messages=["first"], local_code=1005, remote_code=1005, reason=b"", closes=[None]),
    failed("/close/one-byte", Status.PROTOCOL, 1002),
    accepted("/close/reason-123", messages=["first"], reason=b"r" * 123),
    failed("/close/reason-not-utf8", Status.UTF8, 1007),
    accepted("/close/data-after", messages=["first"]),
    accepted("/close/inside-message", messages=["first"]),
    accepted("/close/answers", messages=["first"], act="close", initiator=Initiator.LOCAL),
    accepted(
        "/close/answers-otherwise",
        messages=["first"],
        act="close",
        initiator=Initiator.LOCAL,
        remote_code=4000,
        reason=b"other",
    ),
    accepted(
        "/close/answers-late",
        messages=["first", *(f"late {i}" for i in range(10))],
        act="close",
        initiator=Initiator.LOCAL,
    ),
    accepted("/close/no-fin", messages=["first"], act="close", initiator=Initiator.LOCAL, config=IMPATIENT),
    cut("/close/no-answer", act="close", local_code=1000, closes=[1000], config=IMPATIENT, initiator=Initiator.LOCAL),
    cut(
        "/close/no-answer-but-data",
        act="close",
        ended=("fin", "rst"),
        local_code=1000,
        closes=[1000],
        config=IMPATIENT,
        initiator=Initiator.LOCAL,
        messages=None,
    ),
    cut("/end/fin-instead-of-answer", act="close", local_code=1000, closes=[1000], initiator=Initiator.LOCAL),
    # an abort drops what is left of the connection: with no close timeout nothing else would
    accepted(
        "/close/no-fin",
        messages=["first"],
        act="close-abort",
        initiator=Initiator.LOCAL,
        config=dict(close_timeout_ms=-1),
    ),
    # ends without a Close
    cut("/end/fin"),
    cut("/end/fin-inside-header"),
    cut("/end/fin-inside-frame"),
    cut("/end/fin-inside-message"),
    cut("/end/rst", Status.IO, pongs=["sync"]),
    cut("/end/rst-inside-message", Status.IO, pongs=["sync"]),
    # the same when nobody receives until it is over
    failed("/frame/rsv1", Status.PROTOCOL, 1002, act="wait", config=IMPATIENT),
    failed("/limit/frame-over", Status.FRAME_TOO_BIG, 1009, act="wait", config=dict(**LIMITS, **IMPATIENT)),
    accepted("/close/1000", messages=["first"], reason=b"why", act="wait"),
    cut("/end/fin", act="wait"),
    cut("/end/rst", Status.IO, pongs=["sync"], act="wait"),
]
