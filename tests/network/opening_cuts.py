#!/usr/bin/env python3
"""The connection is cut, reset or stalled at every byte of the opening handshake, or brings it in odd pieces.

Run as `echo_server -- opening_cuts.py [NAME ...]`.
"""

import errno
import os
import re
from urllib.parse import urlsplit

from harness import for_each, main, refusal  # first: it says where the others are
from checking import HANG_MS, Background, among, equal, true
from ktorws_ctypes import Initiator, Phase, Session, Status
from proxied import FaultProxy, python_echo

STALLED_MS = 60
PATIENT = dict(set_connect_timeout_ms=HANG_MS, set_handshake_timeout_ms=HANG_MS)
PLAIN_PORT = urlsplit(os.environ["ECHO_WS_URL"]).port
TLS_PORT = urlsplit(os.environ["ECHO_WSS_URL"]).port
TRUSTED = dict(add_tls_ca_file=os.environ["ECHO_CA_FILE"].encode())
proxy = None


def plain(faulty):
    return f"ws://127.0.0.1:{faulty.port}/"


def tls(faulty):
    return f"wss://localhost:{faulty.port}/"


def sizes(url_of, server_port, **settings):
    """the turns of an opening that nothing happens to: [direction, bytes], ..."""
    faulty = proxy.connection(server_port)
    with Session(url_of(faulty), **settings, **PATIENT) as session:
        equal("ws_abort", session.abort(), Status.OK)
    return faulty.end()["turns"]


def stalls(failure, phase, limit_ms):
    equal("status", failure.status, Status.TIMEOUT)
    equal("phase", failure.phase, phase)
    true(f"the message does not say {limit_ms} ms", re.search(rf"\b{limit_ms} ms\b", failure.message), failure.message)


def is_reset(failure, phase):
    equal("status", failure.status, Status.IO)
    equal("phase", failure.phase, phase)
    among("errno", failure.os_errno, (errno.ECONNRESET, errno.EPIPE))


def ends(faulty):
    """the client lets go of its connection"""
    among("the client's end", faulty.end()["ended"], ("fin", "rst", "cut"))


def plain_sizes():
    (up, request), (down, answer) = sizes(plain, PLAIN_PORT)
    equal("who speaks first", (up, down), ("up", "down"))
    return request, answer


def plain_cut_in_the_answer():
    _, answer = plain_sizes()

    def cut(offset):
        faulty = proxy.connection(PLAIN_PORT, down={"at": {offset: "fin"}})
        failure = refusal(plain(faulty), **PATIENT)
        equal("status", failure.status, Status.HANDSHAKE_INVALID)
        equal("phase", failure.phase, Phase.HANDSHAKE)
        true("the message does not say how far it came", f" {offset} bytes" in failure.message, failure.message)
        ends(faulty)

    for_each(range(answer), cut)


def plain_reset_in_the_answer():
    _, answer = plain_sizes()

    def cut(offset):
        faulty = proxy.connection(PLAIN_PORT, down={"at": {offset: "rst"}})
        is_reset(refusal(plain(faulty), **PATIENT), Phase.HANDSHAKE)

    for_each(range(answer), cut)


def plain_stalled_in_the_answer():
    _, answer = plain_sizes()

    def cut(offset):
        faulty = proxy.connection(PLAIN_PORT, down={"at": {offset: "stall"}})
        failure = refusal(plain(faulty), set_connect_timeout_ms=HANG_MS, set_handshake_timeout_ms=STALLED_MS)
        stalls(failure, Phase.HANDSHAKE, STALLED_MS)
        ends(faulty)

    for_each(range(answer), cut)


def plain_cut_in_the_request():
    request, _ = plain_sizes()

    def cut(offset):
        faulty = proxy.connection(PLAIN_PORT, up={"at": {offset: "fin"}})
        failure = refusal(plain(faulty), **PATIENT)
        equal("status", failure.status, Status.HANDSHAKE_INVALID)
        equal("phase", failure.phase, Phase.HANDSHAKE)
        true("the message does not say how far it came", " 0 bytes" in failure.message, failure.message)
        ends(faulty)

    for_each(range(request), cut)


def plain_reset_in_the_request():
    request, _ = plain_sizes()

    def cut(offset):
        faulty = proxy.connection(PLAIN_PORT, up={"at": {offset: "rst"}})
        is_reset(refusal(plain(faulty), **PATIENT), Phase.HANDSHAKE)

    for_each(range(request), cut)


def plain_stalled_in_the_request():
    request, _ = plain_sizes()

    def cut(offset):
        faulty = proxy.connection(PLAIN_PORT, up={"at": {offset: "stall"}})
        failure = refusal(plain(faulty), set_connect_timeout_ms=HANG_MS, set_handshake_timeout_ms=STALLED_MS)
        stalls(failure, Phase.HANDSHAKE, STALLED_MS)
        ends(faulty)

    for_each(range(request), cut)


def plain_half_closed_in_the_request():
    """the server sees half a request and its end, and ends the connection in its turn"""
    request, _ = plain_sizes()

    def cut(offset):
        faulty = proxy.connection(PLAIN_PORT, up={"at": {offset: "half-close"}})
        failure = refusal(plain(faulty), **PATIENT)
        among("status", failure.status, (Status.HANDSHAKE_INVALID, Status.HANDSHAKE_STATUS))
        equal("phase", failure.phase, Phase.HANDSHAKE)
        ends(faulty)

    for_each(range(request), cut)


def right_behind_the_answer(fault, status):
    _, answer = plain_sizes()
    faulty = proxy.connection(PLAIN_PORT, down={"at": {answer: fault}})
    with Session(plain(faulty), **PATIENT) as session:
        equal("ws_recv", session.recv(HANG_MS)[0], status)
        equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
        _, remote_code, _, clean, initiator = session.close_info
        equal("how it ended", (remote_code, clean, initiator), (1006, False, Initiator.TRANSPORT))
        equal("phase", session.error.phase, Phase.OPEN)


def plain_cut_behind_the_answer():
    right_behind_the_answer("fin", Status.CLOSED_ABNORMALLY)


def plain_reset_behind_the_answer():
    right_behind_the_answer("rst", Status.IO)


def echoes_and_closes(url, **settings):
    with Session(url, **settings, **PATIENT) as session:
        for message in ("", "short", "x" * 126, b"\0" * 70000):
            equal("sending", session.send(message), Status.OK)
            equal("ws_recv", session.recv(HANG_MS), (Status.OK, message))
        equal("ws_close", session.close(1000, "bye"), Status.OK)
        equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
        equal("clean", session.close_info[3], True)


def in_slices():
    # the echo server takes a request in many pieces for an attack
    with python_echo() as plain_port:
        for size in (1, 2, 7):
            slices = {"slice": size}
            echoes_and_closes(plain(proxy.connection(plain_port, up=slices, down=slices)))
            echoes_and_closes(tls(proxy.connection(TLS_PORT, up=slices, down=slices)), **TRUSTED)


def late():
    slowly = {"latency_ms": 20}
    echoes_and_closes(plain(proxy.connection(PLAIN_PORT, up=slowly, down=slowly)))
    echoes_and_closes(tls(proxy.connection(TLS_PORT, up=slowly, down=slowly)), **TRUSTED)


def held_at_every_byte_of_the_answer():
    """what came before is kept, and what follows makes it whole"""
    _, answer = plain_sizes()

    def hold(offset):
        faulty = proxy.connection(PLAIN_PORT, down={"at": {offset: "hold"}})
        opening = Background(Session, plain(faulty), **PATIENT)
        faulty.expect_reached("down hold")
        faulty.release("down")
        with opening.result() as session:
            equal("sending", session.send("after all"), Status.OK)
            equal("ws_recv", session.recv(HANG_MS), (Status.OK, "after all"))

    for_each(range(answer), hold)


class TlsSizes:
    """How much goes each way while TLS is negotiated, and until the session is open."""

    def __init__(self):
        turns = sizes(tls, TLS_PORT, **TRUSTED)
        self.hello, self.flight = (size for _, size in turns[:2])
        self.up = sum(size for direction, size in turns if direction == "up")
        self.down = sum(size for direction, size in turns if direction == "down")

    def sample(self, total):
        """the first record's header, and borders of what follows; the last bytes are of ws_abort or of nothing"""
        return [*range(8), *range(8, total - 8, max(1, total // 24))]

    def phase(self, offset):
        """of a fault at that byte of what the server says; signatures differ in length by a few bytes"""
        if abs(offset - self.flight) <= 8:
            return (Phase.TLS, Phase.HANDSHAKE)
        return (Phase.TLS,) if offset < self.flight else (Phase.HANDSHAKE,)


def tls_broken_in_what_the_server_says(fault, check, **settings):
    measured = TlsSizes()

    def cut(offset):
        faulty = proxy.connection(TLS_PORT, down={"at": {offset: fault}})
        failure = refusal(tls(faulty), **{**TRUSTED, **PATIENT, **settings})
        among("phase", failure.phase, measured.phase(offset))
        check(failure)
        ends(faulty)

    for_each(measured.sample(measured.down), cut)


def tls_cut_in_what_the_server_says():
    def check(failure):
        equal("status", failure.status, Status.IO if failure.phase == Phase.TLS else Status.HANDSHAKE_INVALID)

    tls_broken_in_what_the_server_says("fin", check)


def tls_reset_in_what_the_server_says():
    tls_broken_in_what_the_server_says("rst", lambda failure: is_reset(failure, failure.phase))


def tls_stalled_in_what_the_server_says():
    tls_broken_in_what_the_server_says(
        "stall",
        lambda failure: stalls(failure, failure.phase, STALLED_MS),
        set_handshake_timeout_ms=STALLED_MS,
    )


def tls_broken_in_what_the_client_says():
    """whatever the phase, the client hears of it"""
    measured = TlsSizes()

    def cut(case):
        offset, fault = case
        limit = dict(set_handshake_timeout_ms=STALLED_MS) if fault == "stall" else {}
        faulty = proxy.connection(TLS_PORT, up={"at": {offset: fault}})
        failure = refusal(tls(faulty), **{**TRUSTED, **PATIENT, **limit})
        # TLS is done for the client when it has said its last word
        phase = (Phase.TLS,) if offset < measured.hello else (Phase.TLS, Phase.HANDSHAKE)
        among("phase", failure.phase, phase)
        if fault == "stall":
            stalls(failure, failure.phase, STALLED_MS)
        elif fault == "rst":
            is_reset(failure, failure.phase)
        else:
            equal("status", failure.status, Status.IO if failure.phase == Phase.TLS else Status.HANDSHAKE_INVALID)
        ends(faulty)

    # what comes last may be of ws_abort, or cut off by it
    offsets = measured.sample(measured.up - 100)
    for_each([(offset, fault) for offset in offsets for fault in ("fin", "rst", "stall")], cut)


TESTS = (
    plain_cut_in_the_answer,
    plain_reset_in_the_answer,
    plain_stalled_in_the_answer,
    plain_cut_in_the_request,
    plain_reset_in_the_request,
    plain_stalled_in_the_request,
    plain_half_closed_in_the_request,
    plain_cut_behind_the_answer,
    plain_reset_behind_the_answer,
    held_at_every_byte_of_the_answer,
    tls_cut_in_what_the_server_says,
    tls_reset_in_what_the_server_says,
    tls_stalled_in_what_the_server_says,
    tls_broken_in_what_the_client_says,
    in_slices,
    late,
)

if __name__ == "__main__":
    with FaultProxy() as proxy:
        main(TESTS, warm_up=lambda: [sizes(plain, PLAIN_PORT), TlsSizes()])
