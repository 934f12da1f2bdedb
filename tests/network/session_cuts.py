#!/usr/bin/env python3
"""An open connection is cut, reset, stalled or held at the borders of messages and inside the headers of frames.

Run as `echo_server -- session_cuts.py [NAME ...]`.
"""

import contextlib
import os
from urllib.parse import urlsplit

from harness import for_each, main  # first: it says where the others are
from checking import HANG_MS, among, equal, true
from ktorws_ctypes import Initiator, Phase, Session, State, Status
from proxied import FaultProxy

# A timeout of this length is expected.
MOMENT_MS = 20
PATIENT = dict(set_connect_timeout_ms=HANG_MS, set_handshake_timeout_ms=HANG_MS, set_close_timeout_ms=HANG_MS)
PORTS = {name: urlsplit(os.environ[f"ECHO_{name.upper()}_URL"]).port for name in ("ws", "wss")}
# More than kernel and queues hold between two processes.
MUCH = 64 << 20
proxy = None


@contextlib.contextmanager
def opened(scheme="ws", **settings):
    """a session that has echoed a message, and its connection through the proxy; nothing is under way"""
    faulty = proxy.connection(PORTS[scheme])
    if scheme == "wss":
        settings["add_tls_ca_file"] = os.environ["ECHO_CA_FILE"].encode()
    host = "127.0.0.1" if scheme == "ws" else "localhost"
    with Session(f"{scheme}://{host}:{faulty.port}/", **{**PATIENT, **settings}) as session:
        echoes(session, "first")
        yield session, faulty


def echoes(session, message):
    equal("sending", session.send(message), Status.OK)
    equal("ws_recv", session.recv(HANG_MS), (Status.OK, message))


def has_ended(session, status):
    """with `status`, for good"""
    for _ in range(2):
        equal("ws_recv at the end", session.recv(HANG_MS), (status, None))
    equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
    equal("ws_state", session.state, State.CLOSED)
    equal("ws_get_close_info", session.close_info, (0, 1006, b"", False, Initiator.TRANSPORT))
    equal("ws_session_error", (session.error.status, session.error.phase), (status, Phase.OPEN))
    true("ws_send_text after the end succeeds", session.send("too late") != Status.OK)


def header_size(size, is_masked=False):
    return (2 if size < 126 else 4 if size < 65536 else 10) + 4 * is_masked


def frames(is_masked=False):
    """(payload's size, offset): every byte of the header, and some of the payload, up to the border behind it"""
    for size in (0, 1, 125, 126, 65535, 65536):
        header = header_size(size, is_masked)
        within = {1, size // 2, size - 1, size} if size else set()
        for offset in [*range(header + 1), *sorted(header + at for at in within if at > 0)]:
            yield size, offset


def records():
    """the same of TLS records: 5 bytes of header, 17 to check it with"""
    for size in (1, 126):
        whole = 5 + header_size(size) + size + 17
        for offset in (*range(7), whole // 2, whole - 1):
            yield size, offset


def cut_in_a_frame(fault, status):
    def cut(case):
        size, offset = case
        with opened() as (session, faulty):
            faulty.arm("down", offset, fault)
            equal("sending", session.send("x" * size), Status.OK)
            if offset == header_size(size) + size:
                equal("ws_recv", session.recv(HANG_MS), (Status.OK, "x" * size))
            has_ended(session, status)

    for_each(list(frames()), cut)


def frames_cut():
    cut_in_a_frame("fin", Status.CLOSED_ABNORMALLY)


def frames_half_closed():
    """the server's end of stream only: the library ends its own side"""
    cut_in_a_frame("half-close", Status.CLOSED_ABNORMALLY)


def frames_reset():
    cut_in_a_frame("rst", Status.IO)


def own_frames_cut():
    """the client's frames come to the server in part; the client hears of it"""
    for fault, status in ("fin", Status.CLOSED_ABNORMALLY), ("rst", Status.IO):

        def cut(case, fault=fault, status=status):
            size, offset = case
            with opened() as (session, faulty):
                faulty.arm("up", offset, fault)
                among("sending", session.send("x" * size), (Status.OK, status))
                if offset == header_size(size, True) + size:
                    # the server may have answered just before
                    while (received := session.recv(HANG_MS)) == (Status.OK, "x" * size):
                        pass
                    equal("ws_recv", received, (status, None))
                has_ended(session, status)

        for_each(list(frames(True)), cut)


def tls_records_cut():
    for fault, status in ("fin", Status.CLOSED_ABNORMALLY), ("rst", Status.IO):

        def cut(case, fault=fault, status=status):
            size, offset = case
            with opened("wss") as (session, faulty):
                faulty.arm("down", offset, fault)
                equal("sending", session.send("x" * size), Status.OK)
                has_ended(session, status)

        for_each(list(records()), cut)


def held_and_released(scheme, case):
    """a message that stops half-way is waited for; giving up waiting loses nothing of it"""
    size, offset = case
    with opened(scheme) as (session, faulty):
        faulty.arm("down", offset, "hold")
        equal("sending", session.send("x" * size), Status.OK)
        faulty.expect_reached("down hold")
        for _ in range(2):
            equal("ws_recv while it is held", session.recv(MOMENT_MS), (Status.TIMEOUT, None))
        equal("ws_state", session.state, State.OPEN)
        faulty.release("down")
        equal("ws_recv", session.recv(HANG_MS), (Status.OK, "x" * size))
        echoes(session, "and on")


def frames_held():
    for_each(
        [(size, at) for size, at in frames() if at < header_size(size) + size], lambda c: held_and_released("ws", c)
    )


def tls_records_held():
    for_each(list(records()), lambda case: held_and_released("wss", case))


def a_stall_is_found_by_pings():
    """the peer does not answer, and TCP says nothing of it"""

    def stall(case):
        scheme, direction, fault, offset = case
        with opened(scheme, set_ping_interval_ms=30, set_ping_timeout_ms=500) as (session, faulty):
            faulty.arm(direction, offset, fault)
            equal("ws_recv", session.recv(HANG_MS), (Status.PING_TIMEOUT, None))
            equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
            equal("phase", session.error.phase, Phase.OPEN)
            true("the message does not say 500 ms", "500 ms" in session.error.message, session.error.message)

    for_each(
        [
            (scheme, direction, fault, offset)
            for scheme in PORTS
            for direction in ("up", "down")
            for fault in ("stall", "drop")
            for offset in (0, 1, 3)
        ],
        stall,
    )


def sending_into_a_stall():
    """it takes what fits, then its timeout; the session goes on"""
    with opened(set_send_timeout_ms=MOMENT_MS) as (session, faulty):
        faulty.arm("up", 1 << 16, "hold")
        block = bytes(1 << 20)
        sent = 0
        while (status := session.send(block)) == Status.OK and sent < MUCH:
            sent += len(block)
        equal("sending what does not fit", status, Status.TIMEOUT)
        equal("ws_state", session.state, State.OPEN)
        faulty.release("up")
        for _ in range(sent // len(block)):
            equal("ws_recv", session.recv(HANG_MS), (Status.OK, block))
        echoes(session, "and on")


def a_close_that_nobody_answers():
    """ends at the close timeout, wherever the answer is lost"""

    def lose(case):
        direction, fault, offset = case
        with opened(set_close_timeout_ms=100) as (session, faulty):
            faulty.arm(direction, offset, fault)
            equal("ws_close", session.close(1000, "bye"), Status.OK)
            equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
            equal("ws_state", session.state, State.CLOSED)
            local_code, remote_code, _, clean, _ = session.close_info
            equal("how it ended", (local_code, remote_code, clean), (1000, 1006, False))

    for_each([(d, f, at) for d in ("up", "down") for f in ("stall", "drop", "fin", "rst") for at in (0, 1, 3)], lose)


TESTS = (
    frames_cut,
    frames_half_closed,
    frames_reset,
    own_frames_cut,
    tls_records_cut,
    frames_held,
    tls_records_held,
    a_stall_is_found_by_pings,
    sending_into_a_stall,
    a_close_that_nobody_answers,
)


def warm_up():
    for scheme in PORTS:
        with opened(scheme):
            pass


if __name__ == "__main__":
    with FaultProxy() as proxy:
        main(TESTS, warm_up)
