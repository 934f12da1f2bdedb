"""Pings of both sides (RFC 6455 sections 5.5.2 and 5.5.3; Ktor's pingIntervalMillis and timeoutMillis)."""

import time

from checking import HANG_MS, Background, equal, eventually, true
from ktorws_ctypes import (
    CONTROL_CLOSE,
    CONTROL_PING,
    CONTROL_PONG,
    LIVENESS_ANY,
    LIVENESS_PONG,
    Initiator,
    State,
    Status,
    lib,
)
from peer import BINARY, CLOSE, PING, PONG, TEXT, close, frame, text
from sessions import closes, echoes, ends, receives
from wire import opened

KIB = 1024
# A timeout that only a hang meets, however busy the machine is.
PATIENT = dict(set_ping_timeout_ms=HANG_MS)


def behaviour_061_ping_gets_one_pong_with_its_payload():
    with opened() as (session, wire):
        for payload in (b"x", b"", bytes(range(125)), b"\xff\0" * 62):
            wire.send(frame(PING, payload))
            wire.expect(PONG, payload)
        # exactly one: what comes next is a message
        echoes(session, wire)
        wire.send(frame(PING, b"and one more"))
        wire.expect(PONG, b"and one more")
        equal("pings, pongs of ws_get_stats", (session.stats.pings_received, session.stats.pongs_sent), (5, 5))
        closes(session, wire)


def behaviour_061_pings_are_shown_and_left_to_the_application_as_asked():
    with opened(set_deliver_control=CONTROL_PING | CONTROL_PONG | CONTROL_CLOSE) as (session, wire):
        wire.send(text(b"a") + frame(PING, b"\0\xff") + frame(PONG, b"unasked") + text(b"b"))
        for expected in ((TEXT, 0, b"a", 0), (PING, 0, b"\0\xff", 0), (PONG, 0, b"unasked", 0), (TEXT, 0, b"b", 0)):
            equal("ws_recv", session.recv_frame(HANG_MS), (Status.OK, expected))
        wire.expect(PONG, b"\0\xff")
        wire.send(close(1001, b"going"))
        equal("ws_recv", session.recv_frame(HANG_MS), (Status.OK, (CLOSE, 0, b"going", 1001)))
        wire.expect_close(1001, b"going")
        wire.fin()
        ends(session, Status.CLOSED, remote=1001, clean=True)
    with opened(set_auto_pong=0, set_deliver_control=CONTROL_PING) as (session, wire):
        wire.send(frame(PING, b"for the application"))
        equal("ws_recv", session.recv_frame(HANG_MS), (Status.OK, (PING, 0, b"for the application", 0)))
        echoes(session, wire)
        equal("ws_send, a pong", session.send_control(PONG, b"mine"), Status.OK)
        wire.expect(PONG, b"mine")
        closes(session, wire)


def behaviour_062_ten_pings_get_ten_pongs_in_order():
    with opened() as (session, wire):
        wire.send(b"".join(frame(PING, b"%d" % i) for i in range(10)))
        for i in range(10):
            wire.expect(PONG, b"%d" % i)
        echoes(session, wire)
        closes(session, wire)


def behaviour_063_pong_does_not_wait_for_the_application():
    with opened() as (session, wire):
        # it calls nothing at all
        for i in range(3):
            wire.send(text(b"unread") + frame(PING, b"%d" % i))
            wire.expect(PONG, b"%d" % i)
        receives(session, "unread", "unread", "unread")
        closes(session, wire)


def behaviour_063_pong_to_a_ping_behind_a_message():
    with opened() as (session, wire):
        for _ in range(50):
            # The application is away, and the library reads. Then it is quiet for a while, so that the application,
            # when it comes, takes the message before the library looks; and goes again.
            wire.send(frame(PING, b"away"))
            wire.expect(PONG, b"away")
            time.sleep(0.02)
            wire.send(text(b"message") + frame(PING, b"behind it"))
            receives(session, "message")
            wire.expect(PONG, b"behind it")
        closes(session, wire)


def behaviour_063_pong_goes_between_the_frames_of_a_large_send():
    size, piece = 32 * KIB * KIB, 16 * KIB
    with opened(window=64 * KIB, set_auto_fragment=piece) as (session, wire):
        sending = Background(session.send, bytes(size))
        # the send is under way, and stands, for nobody reads
        first = wire.next()
        equal("the first fragment", (first.opcode, first.fin, len(first.payload)), (BINARY, False, piece))
        wire.send(frame(PING, b"meanwhile"))
        eventually("the ping is received", lambda: session.stats.pings_received == 1)
        got, pongs = piece, 0
        while got < size:
            sent = wire.next()
            if sent.opcode == PONG:
                equal("payload of the pong", sent.payload, b"meanwhile")
                pongs += 1
                continue
            got += len(sent.payload)
            equal("opcode of a fragment", sent.opcode, 0)
            equal("fin", sent.fin, got == size)
        equal("pongs before the last fragment", pongs, 1)
        equal("ws_send_binary", sending.result(), Status.OK)
        closes(session, wire)


def behaviour_064_pings_come_at_the_interval():
    interval, count = 100, 5
    before = time.monotonic()
    with opened(set_ping_interval_ms=interval, **PATIENT) as (session, wire):
        payloads = set()
        for i in range(count):
            ping = wire.next()
            equal("what the client sends", ping.opcode, PING)
            # it can come late, and never early
            true("time before the ping", time.monotonic() - before >= (i + 1) * interval / 1000)
            true("bytes of the payload", 0 < len(ping.payload) <= 125, len(ping.payload))
            payloads.add(ping.payload)
            wire.send(frame(PONG, ping.payload))
        equal("different payloads", len(payloads), count)
        # the next one says that the last pong was taken
        ping = wire.next()
        equal("what the client sends", ping.opcode, PING)
        stats = session.stats
        true("pings, pongs of ws_get_stats", stats.pings_sent > count and stats.pongs_received == count)
        true("last_rtt_us", stats.last_rtt_us > 0)
        equal("ws_state", session.state, State.OPEN)


def behaviour_065_no_pong_in_time_ends_the_session():
    # neither the server's Close nor its end of TCP is waited for
    settings = dict(set_ping_interval_ms=50, set_ping_timeout_ms=100, set_close_timeout_ms=-1)
    for receive in (True, False):
        with opened(**settings) as (session, wire):
            waiting = Background(session.recv, -1) if receive else None
            ping = wire.next()
            equal("what the client sends", ping.opcode, PING)
            sent = wire.next()
            while sent.opcode == PING:
                sent = wire.next()
            equal("then", (sent.opcode, sent.payload), (CLOSE, (1011).to_bytes(2, "big") + b"Ping timeout"))
            wire.expect_end("fin", "rst")
            if receive:
                equal("ws_recv", waiting.result(), (Status.PING_TIMEOUT, None))
            ends(session, Status.PING_TIMEOUT, local=1011, remote=1006, clean=False, initiator=Initiator.LOCAL)
            equal("ws_send_text", session.send("late"), Status.PING_TIMEOUT)


def behaviour_066_only_the_matching_pong_counts():
    for liveness in (dict(), dict(set_ping_liveness=LIVENESS_PONG)):
        with opened(set_ping_interval_ms=50, set_ping_timeout_ms=150, **liveness) as (session, wire):
            while (sent := wire.next()).opcode == PING:
                others = {sent.payload + b"x", sent.payload[:-1], sent.payload[::-1], b""} - {sent.payload}
                wire.send(b"".join(frame(PONG, other) for other in others) + text(b"data"))
            equal("then", (sent.opcode, sent.payload), (CLOSE, (1011).to_bytes(2, "big") + b"Ping timeout"))
            wire.expect_end("fin", "rst")
            while (status := session.recv(HANG_MS)[0]) == Status.OK:
                pass
            equal("ws_recv", status, Status.PING_TIMEOUT)


def behaviour_066_any_bytes_count_where_that_is_asked_for():
    timeout = 1.0
    settings = dict(set_ping_interval_ms=100, set_ping_timeout_ms=int(timeout * 1000), set_ping_liveness=LIVENESS_ANY)
    with opened(**settings) as (session, wire):
        first = time.monotonic()
        while time.monotonic() - first < 2.2 * timeout:
            equal("what the client sends", wire.next().opcode, PING)
            wire.send(text(b"alive"))
        # and where nothing comes it ends all the same
        while (sent := wire.next()).opcode == PING:
            pass
        equal("then", (sent.opcode, sent.payload[2:]), (CLOSE, b"Ping timeout"))
        while (status := session.recv(HANG_MS)[0]) == Status.OK:
            pass
        equal("ws_recv", status, Status.PING_TIMEOUT)


def behaviour_067_interval_changes_at_run_time():
    # the ping that is under way: answered, or not and then forgotten with its timeout
    for is_answered, timeout_ms in ((True, HANG_MS), (False, 1000)):
        with opened(set_ping_interval_ms=50, set_ping_timeout_ms=timeout_ms) as (session, wire):
            ping = wire.next()
            equal("what the client sends", ping.opcode, PING)
            if is_answered:
                wire.send(frame(PONG, ping.payload))
                eventually("the pong is received", lambda: session.stats.pongs_received == 1)
            equal("ws_set_ping_interval_ms", session.call("set_ping_interval_ms", 0), Status.OK)
            equal("ws_get_ping_interval_ms", lib.ws_get_ping_interval_ms(session.handle), 0)
            # another one may have gone out in between
            equal("ws_send_text", session.send("from here on"), Status.OK)
            while (sent := wire.next()).opcode == PING:
                pass
            equal("message", (sent.opcode, sent.payload), (TEXT, b"from here on"))
            equal("ws_recv", session.recv(300 if is_answered else 1500), (Status.TIMEOUT, None))
            echoes(session, wire)
            closes(session, wire)


def behaviour_067_pings_that_begin_late_have_their_whole_timeout():
    with opened() as (session, wire):
        equal("ws_get_ping_interval_ms", lib.ws_get_ping_interval_ms(session.handle), 0)
        equal("ws_set_ping_interval_ms", session.call("set_ping_interval_ms", 600), Status.OK)
        equal("ws_get_ping_timeout_ms", lib.ws_get_ping_timeout_ms(session.handle), 1200)
        for _ in range(2):
            ping = wire.next()
            equal("what the client sends", ping.opcode, PING)
            # no Close comes before the pong, nor with it
            equal("ws_recv", session.recv(100), (Status.TIMEOUT, None))
            wire.expect_nothing_yet()
            wire.send(frame(PONG, ping.payload))
        equal("ws_set_ping_timeout_ms", session.call("set_ping_timeout_ms", HANG_MS), Status.OK)
        equal("ws_set_ping_interval_ms", session.call("set_ping_interval_ms", 50), Status.OK)
        for _ in range(3):
            ping = wire.next()
            equal("what the client sends", ping.opcode, PING)
            wire.send(frame(PONG, ping.payload))
        equal("ws_state", session.state, State.OPEN)


def behaviour_068_no_pings_unless_asked_for():
    with opened() as (session, wire):
        equal("ws_get_ping_interval_ms", lib.ws_get_ping_interval_ms(session.handle), 0)
        equal("ws_recv", session.recv(2000), (Status.TIMEOUT, None))
        wire.expect_nothing_yet()
        echoes(session, wire)
        equal("pings_sent", session.stats.pings_sent, 0)
        closes(session, wire)
