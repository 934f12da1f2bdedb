"""The closing handshake, and ends without one (RFC 6455 sections 5.5.1 and 7)."""

import threading

from checking import HANG_MS, Background, equal, eventually, true
from ktorws_ctypes import QUEUE_WAIT, Initiator, State, Status
from peer import BINARY, CLOSE, PING, PONG, TEXT, close, frame, more, text
from sessions import closes, echoes, ends, fails, receives
from wire import opened

KIB = 1024
# More than the kernel ever buffers of a connection.
KERNEL = 32 * KIB * KIB
LOCAL, REMOTE, TRANSPORT = Initiator.LOCAL, Initiator.REMOTE, Initiator.TRANSPORT
TAKEN_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
REFUSED_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 32768, 65535)


def answers(frames, code, remote, reason):
    """the client answers the server's Close with `code` and its reason, and says what the server said"""
    with opened() as (session, wire):
        wire.send(text(b"first") + frames)
        receives(session, "first")
        equal("ws_recv", session.recv(HANG_MS)[0], Status.CLOSED)
        wire.expect_close(code, reason)
        wire.fin()
        ends(session, Status.CLOSED, local=remote, remote=remote, reason=reason, clean=True, initiator=REMOTE)
        wire.expect_end()


def cut(session, status=Status.CLOSED_ABNORMALLY, local=0, initiator=TRANSPORT):
    """the session has ended without the server's Close"""
    ends(session, status, local=local, remote=1006, reason=b"", clean=False, initiator=initiator)


def behaviour_069_close_waits_for_the_server_to_end_tcp():
    with opened(set_close_timeout_ms=-1) as (session, wire):
        equal("ws_close", session.close(1000, "bye"), Status.OK)
        equal("ws_state", session.state, State.CLOSING)
        sent = wire.next()
        equal("the Close", (sent.opcode, sent.payload), (CLOSE, b"\x03\xe8bye"))
        true("the Close is masked", sent.key is not None)
        wire.send(close(1000, b"bye"))
        equal("ws_recv", session.recv(HANG_MS), (Status.CLOSED, None))
        # the server has not ended TCP yet, nor may the client (section 7.1.1)
        equal("ws_wait_closed", session.wait_closed(100), Status.TIMEOUT)
        wire.expect_nothing_yet()
        wire.fin()
        ends(session, Status.CLOSED, local=1000, remote=1000, reason=b"bye", clean=True, initiator=LOCAL)
        wire.expect_end()


def behaviour_070_close_goes_behind_what_was_sent_before():
    count = 4000
    # more than the kernel takes: the last of it is still queued when ws_close is called
    with opened(window=64 * KIB, set_outgoing_queue=(0, 16 * KIB * KIB, QUEUE_WAIT)) as (session, wire):
        for i in range(count):
            equal("ws_send_text", session.send_part(TEXT, b"%d " % i + b"x" * 2000, timeout_ms=0), Status.OK)
        equal("ws_close", session.close(1000, "bye"), Status.OK)
        for i in range(count):
            wire.expect(TEXT, b"%d " % i + b"x" * 2000)
        wire.expect_close(1000, b"bye")
        wire.send(close(1000, b"bye"))
        wire.fin()
        ends(session, Status.CLOSED, clean=True, initiator=LOCAL)
        wire.expect_end()


def behaviour_071_closing_twice_sends_one_close():
    with opened() as (session, wire):
        equal("ws_close", session.close(1001, "first"), Status.OK)
        equal("ws_close again", session.close(1000, "second"), Status.OK)
        wire.expect_close(1001, b"first")
        wire.send(close(1001, b"first"))
        wire.fin()
        ends(session, Status.CLOSED, local=1001, remote=1001, clean=True, initiator=LOCAL)
        equal("ws_close after the end", session.close(1000, "third"), Status.OK)
        wire.expect_end()
    for _ in range(20):
        with opened() as (session, wire):
            threads = 8
            together = threading.Barrier(threads)

            def run(number, session=session, together=together):
                together.wait()
                return session.close(4000 + number, f"thread {number}")

            closers = [Background(run, number) for number in range(threads)]
            equal("ws_close", {closer.result() for closer in closers}, {Status.OK})
            sent = wire.next()
            number = int.from_bytes(sent.payload[:2], "big") - 4000
            equal("the Close", (sent.opcode, sent.payload[2:]), (CLOSE, b"thread %d" % number))
            wire.send(frame(CLOSE, sent.payload))
            wire.fin()
            ends(session, Status.CLOSED, local=4000 + number, clean=True, initiator=LOCAL)
            wire.expect_end()


def behaviour_072_unanswered_close_ends_at_the_close_timeout():
    with opened(set_close_timeout_ms=200) as (session, wire):
        equal("ws_close", session.close(1000, "bye"), Status.OK)
        equal("ws_wait_closed", session.wait_closed(-1), Status.OK)
        wire.expect_close(1000, b"bye")
        wire.expect_end("fin", "rst")
        cut(session, local=1000, initiator=LOCAL)
    # nor does a server that sends on keep it open
    with opened(set_close_timeout_ms=200) as (session, wire):
        equal("ws_close", session.close(1000, "bye"), Status.OK)
        wire.expect_close(1000, b"bye")
        sending = Background(wire.pour, text(b"and on"), 1 << 40)
        while (status := session.recv(HANG_MS)[0]) == Status.OK:
            pass
        equal("ws_recv", status, Status.CLOSED_ABNORMALLY)
        # Gone, or the end of the connection
        eventually("the server cannot send any more", lambda: sending.is_done)


def behaviour_073_what_comes_before_the_servers_close_is_received():
    with opened() as (session, wire):
        wire.send(text(b"before"))
        equal("ws_close", session.close(1000, "bye"), Status.OK)
        wire.expect_close(1000, b"bye")
        wire.send(b"".join(text(b"late %d" % i) for i in range(10)) + text(b"frag", fin=False))
        receives(session, "before", *(f"late {i}" for i in range(10)))
        equal("ws_state", session.state, State.CLOSING)
        wire.send(frame(0, b"ments") + close(1000, b"bye"))
        receives(session, "fragments")
        wire.fin()
        ends(session, Status.CLOSED, local=1000, remote=1000, reason=b"bye", clean=True, initiator=LOCAL)
        wire.expect_end()


def behaviour_074_servers_close_is_echoed():
    answers(close(1001, b"going"), 1001, 1001, b"going")
    # whatever is open or queued
    answers(text(b"half", fin=False) + close(4999, "grüße".encode()), 4999, 4999, "grüße".encode())
    # behind what is queued
    count = 4000
    with opened(window=64 * KIB, set_outgoing_queue=(0, 16 * KIB * KIB, QUEUE_WAIT)) as (session, wire):
        for i in range(count):
            equal("ws_send_text", session.send_part(TEXT, b"%d " % i + b"x" * 2000, timeout_ms=0), Status.OK)
        wire.send(close(1001, b"going"))
        equal("ws_recv", session.recv(HANG_MS)[0], Status.CLOSED)
        for i in range(count):
            wire.expect(TEXT, b"%d " % i + b"x" * 2000)
        wire.expect_close(1001, b"going")
        wire.fin()
        ends(session, Status.CLOSED, local=1001, remote=1001, reason=b"going", clean=True, initiator=REMOTE)


def behaviour_075_empty_close_is_answered_by_an_empty_one():
    answers(close(), None, 1005, b"")


def behaviour_076_close_of_one_byte_fails():
    for byte in (b"\x03", b"\0"):
        with opened() as (session, wire):
            fails(session, wire, frame(CLOSE, byte), Status.PROTOCOL, 1002)


def behaviour_077_close_codes_are_checked():
    for code in TAKEN_CODES:
        answers(close(code, b"why"), code, code, b"why")
    for code in REFUSED_CODES:
        for reason in (b"", b"why"):
            with opened() as (session, wire):
                fails(session, wire, close(code, reason), Status.PROTOCOL, 1002)
                true("the message does not say the code", str(code) in session.error.message, session.error.message)


def behaviour_078_close_reason_must_be_utf8():
    for reason in (b"\xff", b"ok \xed\xa0\x80", b"cut \xe2\x82"):
        with opened() as (session, wire):
            fails(session, wire, close(1000, reason), Status.UTF8, 1007)


def behaviour_079_reason_of_123_bytes_is_delivered():
    answers(close(1000, b"r" * 123), 1000, 1000, b"r" * 123)
    with opened() as (session, wire):
        fails(session, wire, close(1000, b"r" * 124), Status.PROTOCOL, 1002)


def behaviour_080_end_of_tcp_without_close_is_abnormal():
    with opened() as (session, wire):
        wire.send(text(b"first"))
        wire.fin()
        receives(session, "first")
        cut(session)
        wire.expect_end("fin", "rst")
    # also where nobody receives
    with opened() as (session, wire):
        wire.fin()
        equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
        cut(session)
    # and after our Close
    with opened() as (session, wire):
        equal("ws_close", session.close(1000), Status.OK)
        wire.expect_close(1000)
        wire.fin()
        cut(session, local=1000, initiator=LOCAL)


def behaviour_081_reset_inside_a_message_is_an_io_error():
    for half in (text(b"half", fin=False), frame(BINARY, b"half", length=1000)):
        with opened() as (session, wire):
            wire.send(text(b"first") + frame(PING, b"seen") + half)
            receives(session, "first")
            wire.expect(PONG, b"seen")
            wire.rst()
            cut(session, Status.IO)
            true("ws_error_os_errno", session.error.os_errno != 0)


def behaviour_082_end_of_tcp_inside_a_message_discards_it():
    for half in (
        text(b"half", fin=False),
        text(b"half", fin=False) + more(b"and more"),
        frame(BINARY, b"half", length=1000),
        frame(BINARY, b"x" * 1000)[:3],
        b"\x81",
    ):
        with opened() as (session, wire):
            wire.send(text(b"first") + half)
            wire.fin()
            receives(session, "first")
            cut(session)


def behaviour_083_codes_that_must_not_be_sent_are_refused():
    with opened() as (session, wire):
        for code in (1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535, 65536 + 1000, (1 << 32) - 1):
            equal(f"ws_close with {code}", session.close(code, "why"), Status.INVALID_ARGUMENT)
            equal(f"ws_close with {code}", session.close(code), Status.INVALID_ARGUMENT)
        # without a code there is no reason
        equal("ws_close with 0 and a reason", session.close(0, "why"), Status.INVALID_ARGUMENT)
        bad = b"\xff"
        equal("ws_close, not UTF-8", session.call("close", 1000, bad, len(bad)), Status.INVALID_ARGUMENT)
        equal("ws_state", session.state, State.OPEN)
        echoes(session, wire)
        closes(session, wire)
    for code in TAKEN_CODES:
        with opened() as (session, wire):
            closes(session, wire, code, "why")


def behaviour_083_close_without_a_code_is_asked_for_with_0():
    with opened() as (session, wire):
        equal("ws_close with 0", session.close(0), Status.OK)
        wire.expect_close()
        wire.send(close())
        wire.fin()
        ends(session, Status.CLOSED, local=1005, remote=1005, reason=b"", clean=True, initiator=LOCAL)
        wire.expect_end()


def behaviour_084_abort_wakes_all_who_wait():
    settings = dict(set_outgoing_queue=(0, 64 * KIB, QUEUE_WAIT), set_close_timeout_ms=-1)
    with opened(window=64 * KIB, **settings) as (session, wire):

        def send_on(timeout_ms):
            for _ in range(KERNEL // (50 * KIB)):
                if (status := session.send_part(BINARY, bytes(50 * KIB), timeout_ms=timeout_ms)) != Status.OK:
                    return status
            raise AssertionError("there is always room")

        waiting = [Background(session.recv, -1), Background(session.recv, -1), Background(send_on, -1)]
        waiting += [Background(session.wait_closed, -1)]
        # the sender has no room any more
        equal("ws_send", send_on(100), Status.TIMEOUT)
        flushing = Background(session.call, "flush", -1)
        equal("calls that have returned", [call.is_done for call in waiting], [False] * len(waiting))
        equal("ws_abort", session.abort(), Status.OK)
        equal("ws_recv", waiting[0].result(), (Status.ABORTED, None))
        equal("ws_recv", waiting[1].result(), (Status.ABORTED, None))
        equal("ws_send", waiting[2].result(), Status.ABORTED)
        equal("ws_wait_closed", waiting[3].result(), Status.OK)
        equal("ws_flush", flushing.result(), Status.ABORTED)
        cut(session, Status.ABORTED, initiator=LOCAL)
        while wire.next_or_none():
            pass
        true("end of TCP", wire.ended, wire.ended)


def behaviour_085_both_sides_close_at_once():
    with opened() as (session, wire):
        equal("ws_close", session.close(1000, "ours"), Status.OK)
        # not an answer: it was on its way when ours came
        wire.send(close(1001, b"theirs"))
        wire.expect_close(1000, b"ours")
        wire.fin()
        ends(session, Status.CLOSED, local=1000, remote=1001, reason=b"theirs", clean=True, initiator=LOCAL)
        wire.expect_end()
    for _ in range(50):
        with opened() as (session, wire):
            sending = Background(wire.send, close(1001, b"theirs"))
            equal("ws_close", session.close(1000, "ours"), Status.OK)
            sent = wire.next()
            code = int.from_bytes(sent.payload[:2], "big")
            equal("the Close", sent.payload[2:], {1000: b"ours", 1001: b"theirs"}[code])
            sending.result()
            wire.fin()
            ends(session, Status.CLOSED, local=code, remote=1001, reason=b"theirs", clean=True)
            wire.expect_end()
