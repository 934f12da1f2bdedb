"""The client's pings."""

from case import accepted, failed
from ktorws_ctypes import LIVENESS_ANY, Initiator, Status
from peer import PING

# an answer counts when it comes, not when the time for it is over
PATIENT = dict(ping_interval_ms=30, ping_timeout_ms=10000)
SOON = dict(ping_interval_ms=50, ping_timeout_ms=200)


def pinged(record, check):
    payloads = [f["payload"] for f in record["frames"] if f["opcode"] == PING]
    check.true("no ping was sent", payloads)
    check.equal("different pings", len(set(payloads)), len(payloads))


def timed_out(name):
    return failed(
        "/ping/" + name,
        Status.PING_TIMEOUT,
        1011,
        "200 ms",
        messages=[],
        initiator=Initiator.LOCAL,
        ended=("fin", "rst"),
        config=SOON,
        wire=pinged,
    )


CASES = [
    accepted("/ping/answered", messages=[], config=PATIENT, wire=pinged),
    # a pong to no ping is no sign of life, unless any byte is
    timed_out("answered-otherwise"),
    accepted(
        "/ping/answered-otherwise",
        messages=[],
        config=dict(**PATIENT, ping_liveness=LIVENESS_ANY),
        wire=pinged,
        variant="any",
    ),
    timed_out("unanswered"),
    timed_out("unanswered-inside-frame"),
]
