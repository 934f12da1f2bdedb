"""The closing handshake, and ends without one."""

import closing_faults
from case import HARDLY_PATIENT, IMPATIENT_CLOSING, accepted, cut, failed
from ktorws_ctypes import Initiator, Status
from limit_cases import LIMITS

CASES = [
    # closing
    *(
        accepted(
            f"/close/{code}",
            messages=["first"],
            local_code=code,
            remote_code=code,
            reason=closing_faults.WHY,
            closes=[code],
        )
        for code in closing_faults.VALID_CODES
    ),
    *(failed(f"/close/{code}", Status.PROTOCOL, 1002, rf"\b{code}\b") for code in closing_faults.INVALID_CODES),
    accepted("/close/empty", messages=["first"], local_code=1005, remote_code=1005, reason=b"", closes=[None]),
    failed("/close/one-byte", Status.PROTOCOL, 1002),
    accepted("/close/reason-123", messages=["first"], reason=b"r" * 123),
    failed("/close/reason-not-utf8", Status.UTF8, 1007),
    accepted("/close/data-after", messages=["first"]),
    accepted("/close/garbage-after", messages=["first"]),
    accepted("/close/twice", messages=["first"]),
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
    accepted("/close/answers-slowly", messages=["first"], act="close", initiator=Initiator.LOCAL),
    accepted(
        "/close/crossing",
        messages=[],
        act="send-and-close",
        remote_code=3001,
        reason=b"crossing",
        # whichever Close was sooner
        initiator=(Initiator.LOCAL, Initiator.REMOTE),
        local_code=(1000, 3001),
        closes=([1000], [3001]),
    ),
    # nobody else ends the connection
    accepted("/close/first-and-no-fin", messages=["first"], config=IMPATIENT_CLOSING),
    accepted("/close/no-fin", messages=["first"], act="close", initiator=Initiator.LOCAL, config=HARDLY_PATIENT),
    cut(
        "/close/no-answer",
        act="close",
        local_code=1000,
        closes=[1000],
        config=IMPATIENT_CLOSING,
        initiator=Initiator.LOCAL,
    ),
    cut(
        "/close/no-answer-but-data",
        act="close",
        ended=("fin", "rst"),
        local_code=1000,
        closes=[1000],
        config=IMPATIENT_CLOSING,
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
    cut("/end/fin-at-once", messages=[]),
    cut("/end/rst-at-once", Status.IO, messages=[], pongs=["sync"]),
    cut("/end/fin"),
    cut("/end/rst", Status.IO, pongs=["sync"]),
    *(cut("/end/fin-inside-" + name) for name in closing_faults.PARTS),
    *(cut("/end/rst-inside-" + name, Status.IO, pongs=["sync"]) for name in closing_faults.PARTS),
    cut(
        "/end/rst-instead-of-answer",
        Status.IO,
        act="close",
        local_code=1000,
        closes=[1000],
        initiator=Initiator.LOCAL,
    ),
    # it is up to the application how long it waits
    accepted("/end/silent", messages=["first"], act="give-up-and-close", initiator=Initiator.LOCAL),
    cut(
        "/end/silent-inside-frame",
        act="give-up-and-close",
        local_code=1000,
        closes=[1000],
        initiator=Initiator.LOCAL,
        config=IMPATIENT_CLOSING,
    ),
    # the same when nobody receives until it is over
    failed("/frame/rsv1", Status.PROTOCOL, 1002, act="wait", config=IMPATIENT_CLOSING),
    failed("/limit/frame-over", Status.FRAME_TOO_BIG, 1009, act="wait", config=dict(**LIMITS, **IMPATIENT_CLOSING)),
    accepted("/close/1000", messages=["first"], reason=closing_faults.WHY, act="wait"),
    cut("/end/fin", act="wait"),
    cut("/end/rst", Status.IO, pongs=["sync"], act="wait"),
]
