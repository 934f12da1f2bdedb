"""Sizes at and over the limits, and more of everything than fits."""

from case import IMPATIENT_CLOSING, KIB, Case, accepted, cut, failed
from ktorws_ctypes import Initiator, Status
from limit_faults import LARGE, LARGE_BYTE, LIMIT

LIMITS = dict(max_frame_size=LIMIT, max_message_size=LIMIT)

LARGE_MESSAGE = LARGE_BYTE * LARGE
CASES = [
    accepted("/limit/frame-exact", messages=[b"x" * LIMIT], config=LIMITS),
    accepted("/limit/fragments-exact", messages=[b"x" * LIMIT], config=LIMITS),
    failed("/limit/frame-over", Status.FRAME_TOO_BIG, 1009, "65537", "65536", config=LIMITS),
    failed("/limit/frame-over-announced", Status.FRAME_TOO_BIG, 1009, "65537", "65536", config=LIMITS),
    failed("/limit/fragments-over", Status.MESSAGE_TOO_BIG, 1009, "80000", "65536", config=LIMITS),
    failed("/limit/fragments-over-announced", Status.MESSAGE_TOO_BIG, 1009, "80000", "65536", config=LIMITS),
    failed(
        "/limit/fragments-endless",
        Status.MESSAGE_TOO_BIG,
        1009,
        str(KIB * KIB),
        messages=[],
        config=dict(max_message_size=KIB * KIB),
        poured=32 * KIB * KIB,
    ),
    # the library's memory for it and the driver's copy
    accepted("/limit/large", messages=[LARGE_MESSAGE], alone=2 * LARGE // KIB + 4 * KIB),
    # without a length to go by memory may double when it is full
    accepted("/limit/large-in-fragments", messages=[LARGE_MESSAGE], alone=3 * LARGE // KIB + 4 * KIB),
    failed("/limit/large", Status.FRAME_TOO_BIG, 1009, messages=[], config=LIMITS, variant="limit"),
    failed("/limit/large-in-fragments", Status.MESSAGE_TOO_BIG, 1009, messages=[], config=LIMITS, variant="limit"),
    accepted("/limit/empty-fragments", messages=["at last"]),
    Case("/limit/empty-fragments-endless", act="give-up", ended=("fin", "rst"), messages=[], end=(Status.TIMEOUT,)),
    accepted("/limit/pings", messages=[str(i) for i in range(0, 1000, 10)], pongs=[str(i) for i in range(1000)]),
    # a send may be what meets the reset, and then the stream just ends for the reader
    cut("/limit/pings-read-slowly", Status.IO, messages=[], end=(Status.IO, Status.CLOSED_ABNORMALLY)),
    Case(
        "/limit/pings-unread",
        act="flood",
        ended=None,
        messages=[],
        end=(Status.TIMEOUT, Status.CLOSED),
        closes=None,
        pongs=None,
    ),
    Case("/limit/messages-unread", act="neglect", ended=("fin", "rst"), messages=[], end=(Status.TIMEOUT,)),
    # a sender waits for room that the answer to a ping makes
    Case(
        "/limit/pings-to-a-sender",
        act="push",
        port="small-window",
        messages=[],
        end=(Status.CLOSED_ABNORMALLY,),
        closes=None,
        pongs=None,
        config=dict(outgoing_queue=(0, 65536, 0), send_timeout_ms=5000, **IMPATIENT_CLOSING),
    ),
    cut(
        "/limit/nothing-read",
        act="fill",
        messages=[],
        ended=None,
        initiator=Initiator.LOCAL,
        config=dict(send_timeout_ms=300, **IMPATIENT_CLOSING),
    ),
]
