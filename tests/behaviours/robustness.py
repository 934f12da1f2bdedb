"""Timeouts, full queues, threads, and the routes of Ktor's own tests."""

import ctypes
import hashlib
import queue
from ctypes import POINTER, byref
from http import HTTPStatus

from checking import HANG_MS, Background, equal, eventually, true
from ktorws_ctypes import (
    QUEUE_CLOSE,
    QUEUE_DROP_OLDEST,
    QUEUE_WAIT,
    Callbacks,
    Failure,
    Frame,
    Initiator,
    Session,
    State,
    Status,
    lib,
)
from peer import BINARY, CLOSE, PING, PONG, TEXT, close, frame, text
from python_server import echo, python_server
from sessions import closes, echoes, ends, receives
from wire import opened

KIB = 1 << 10
MIB = 1 << 20


def behaviour_101_timeout_loses_nothing():
    with opened() as (session, wire):
        for timeout_ms in (0, 1, 50):
            equal("ws_recv with nothing there", session.recv(timeout_ms), (Status.TIMEOUT, None))
        # in the middle of a frame, of its header, and of a message
        whole = text(b"x" * 1000)
        for cut in (1, 3, 500):
            wire.send(whole[:cut])
            equal("ws_recv of half a frame", session.recv(20), (Status.TIMEOUT, None))
            wire.send(whole[cut:])
            receives(session, "x" * 1000)
        wire.send(text(b"ab", fin=False))
        equal("ws_recv of half a message", session.recv(20), (Status.TIMEOUT, None))
        wire.send(frame(0, b"cd"))
        receives(session, "abcd")
        equal("ws_state", session.state, State.OPEN)
        echoes(session, wire)
        closes(session, wire)


def behaviour_102_incoming_policy_close():
    bound = 4
    with opened(set_incoming_queue=(bound, 0, QUEUE_CLOSE)) as (session, wire):
        wire.send(b"".join(text(b"%d" % i) for i in range(bound)))
        eventually("the queue is full", lambda: session.stats.incoming_messages == bound)
        wire.expect_nothing_yet()
        wire.send(text(b"one too many"))
        wire.expect_close(1008, b"Incoming queue overflow")
        wire.fin()
        receives(session, *(f"{i}" for i in range(bound)))
        ends(session, Status.OVERFLOW, local=1008, remote=1006, clean=False)
        wire.expect_end("fin", "rst")


def behaviour_102_incoming_policy_drop_oldest():
    bound, count = 4, 100
    with opened(set_incoming_queue=(bound, 0, QUEUE_DROP_OLDEST)) as (session, wire):
        wire.send(b"".join(text(b"%d" % i) for i in range(count)) + frame(PING, b"all"))
        wire.expect(PONG, b"all")
        receives(session, *(f"{i}" for i in range(count - bound, count)))
        equal("incoming_dropped", session.stats.incoming_dropped, count - bound)
        echoes(session, wire)
        closes(session, wire)


def behaviour_102_incoming_policy_wait():
    bound, size = 8, 64 * KIB
    # more than the kernel ever buffers
    count = 64 * MIB // size
    with opened(set_incoming_queue=(bound, 0, QUEUE_WAIT)) as (session, wire):
        messages = [frame(BINARY, i.to_bytes(4, "big") + bytes(size)) for i in range(count)]
        sending = Background(wire.send, b"".join(messages) + frame(PING, b"behind"))
        eventually("the queue is full", lambda: session.stats.incoming_messages >= bound)
        true("messages in the queue", session.stats.incoming_messages <= bound, session.stats.incoming_messages)
        equal("the server has sent it all", sending.is_done, False)
        # the ping waits as well
        wire.expect_nothing_yet()
        for i in range(count):
            status, message = session.recv(HANG_MS)
            equal("ws_recv", (status, message[:4]), (Status.OK, i.to_bytes(4, "big")))
        sending.result()
        wire.expect(PONG, b"behind")
        closes(session, wire)


def fill_outgoing(session, size):
    """until something else than WS_OK comes; returns it, and how many went"""
    count = 0
    while (status := session.send_part(BINARY, count.to_bytes(4, "big") + bytes(size), timeout_ms=0)) == Status.OK:
        count += 1
        true("messages that are taken for a server that does not read", count < 64 * MIB // size)
    return status, count


def behaviour_102_outgoing_policy_close():
    size = 60 * KIB
    queue = dict(set_outgoing_queue=(0, 4 * size, QUEUE_CLOSE), set_close_timeout_ms=500)
    with opened(window=64 * KIB, **queue) as (session, wire):
        status, count = fill_outgoing(session, size)
        equal("ws_send with no room", status, Status.OVERFLOW)
        reading = Background(lambda: [sent for sent in iter(wire.next_or_none, None)])
        ends(session, Status.OVERFLOW, remote=1006, clean=False)
        equal("ws_send after it", session.send(b"late"), Status.OVERFLOW)
        *got, last = reading.result()
        equal("the last frame", (last.opcode, last.payload[:2]), (CLOSE, (1008).to_bytes(2, "big")))
        equal("its reason", last.payload[2:], b"Outgoing queue overflow")
        true("messages the server got", len(got) <= count, len(got))
        for i, sent in enumerate(got):
            equal("message", (sent.opcode, sent.payload[:4]), (BINARY, i.to_bytes(4, "big")))


def behaviour_102_outgoing_policy_drop_oldest():
    size, count = 60 * KIB, 600
    with opened(window=64 * KIB, set_outgoing_queue=(0, 4 * size, QUEUE_DROP_OLDEST)) as (session, wire):
        for i in range(count):
            status = session.send_part(BINARY, i.to_bytes(4, "big") + bytes(size), timeout_ms=0)
            equal("ws_send", status, Status.OK)
        dropped = session.stats.outgoing_dropped
        true("outgoing_dropped", dropped > 0)
        got = [int.from_bytes(wire.next().payload[:4], "big") for _ in range(count - dropped)]
        equal("the last message", got[-1], count - 1)
        true("messages are whole, in order and once", got == sorted(set(got)))
        # what was dropped was dropped together, behind what had gone out
        echoes(session, wire)
        closes(session, wire)


def behaviour_103_1000_unread_messages():
    count = 1000
    for who in ("server", "client"):
        with opened() as (session, wire):
            for i in range(count):
                equal("ws_send_text", session.send(f"{i}"), Status.OK)
            for i in range(count):
                wire.expect(TEXT, b"%d" % i)
            echoed = b"".join(text(b"%d" % i) for i in range(count))
            if who == "server":
                wire.send(echoed + close(1000))
                equal("ws_wait_closed while the server keeps TCP", session.wait_closed(50), Status.TIMEOUT)
            else:
                wire.send(echoed + frame(PING, b"all"))
                wire.expect(PONG, b"all")
                equal("ws_close", session.close(1000), Status.OK)
            wire.expect_close(1000)
            if who == "client":
                wire.send(close(1000))
            wire.fin()
            equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
            wire.expect_end()
            receives(session, *(f"{i}" for i in range(count)))
            ends(session, Status.CLOSED, clean=True)
        # and nobody ever reads them
        with opened() as (session, wire):
            wire.send(echoed)
        # a limit that they do not fit in
        with opened(set_incoming_queue=(10, 0, QUEUE_WAIT)) as (session, wire):
            wire.send(echoed)
            equal("ws_close", session.close(1000), Status.OK)
            wire.expect_close(1000)
            wire.send(close(1000))
            wire.fin()
            equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)


def behaviour_104_session_is_used_while_another_thread_receives():
    with opened() as (session, wire):
        waiting = Background(session.recv, -1)
        for i in range(100):
            equal("ws_send_text", session.send(f"{i}"), Status.OK)
            wire.expect(TEXT, b"%d" % i)
        equal("ws_flush", session.call("flush", HANG_MS), Status.OK)
        equal("ws_state", session.state, State.OPEN)
        equal("ws_set_max_frame_size", session.call("set_max_frame_size", 1000), Status.OK)
        equal("messages_sent", session.stats.messages_sent, 100)
        equal("ws_recv in another thread has returned", waiting.is_done, False)
        wire.send(text(b"for it"))
        equal("ws_recv in another thread", waiting.result(), (Status.OK, "for it"))
        # each message goes to one of the threads that wait
        receivers = [Background(session.recv, HANG_MS) for _ in range(4)]
        wire.send(b"".join(text(b"%d" % i) for i in range(4)))
        equal("messages", sorted(receiver.result() for receiver in receivers), [(Status.OK, f"{i}") for i in range(4)])
        # the new limit holds for the thread that has been waiting as well
        waiting = Background(session.recv, -1)
        wire.send(frame(BINARY, b"", length=1001))
        equal("ws_recv in another thread", waiting.result(), (Status.FRAME_TOO_BIG, None))


def behaviour_104_free_ends_the_call_of_another_thread():
    with opened() as (session, wire):
        waiting = Background(session.recv, -1)
        waiting.wait_until_it_receives()
        session.__exit__()
        equal("ws_recv in another thread", waiting.result(), (Status.ABORTED, None))
        wire.expect_end("fin", "rst")
    # a handle that is left keeps the session
    with opened() as (session, wire):
        waiting = Background(session.recv, -1)
        waiting.wait_until_it_receives()
        another = lib.ws_session_ref(session.handle)
        equal("ws_session_ref", another, session.handle)
        lib.ws_session_free(another)
        wire.send(text(b"for it"))
        equal("ws_recv in another thread", waiting.result(), (Status.OK, "for it"))
        echoes(session, wire)
        closes(session, wire)


def behaviour_104_free_in_a_callback():
    told = queue.Queue()

    def on_frame(handle, frame, _):
        content = frame.contents
        told.put((ctypes.string_at(content.data, content.size), lib.ws_send_text(handle, b"from inside", 11)))
        status = lib.ws_recv(handle, byref(POINTER(Frame)()), -1)
        told.put(Status(status))
        lib.ws_session_free(handle)

    callbacks = Callbacks(
        on_frame=on_frame,
        on_close=lambda _handle, status, _: told.put(Status(status)),
        drop=lambda _: told.put("drop"),
    )
    with opened(set_callbacks=(byref(callbacks), None)) as (session, wire):
        wire.send(text(b"first") + text(b"not delivered any more"))
        wire.expect(TEXT, b"from inside")
        wire.expect_end("fin", "rst")
        session.handle = None
        heard = [told.get(timeout=HANG_MS / 1000) for _ in range(4)]
        equal("what was told", heard, [(b"first", Status.OK), Status.STATE, Status.ABORTED, "drop"])
        equal("told besides", told.empty(), True)


def routes(ws):
    """the routes of Ktor's test server"""
    path = ws.request.path
    if path in ("/echo", "/auth"):
        return echo(ws)
    if path == "/count-pong":
        ws.ping(b"the only one").wait()
        ws.recv()
        return ws.send(repr(ws.pongs))
    if path == "/sub-protocol":
        return ws.send(ws.subprotocol)
    if path == "/close":
        return ws.close(4001, "test ended")
    raise AssertionError(path)


def behaviour_105_routes_of_ktors_server():
    def authorize(ws, request):
        if request.path == "/auth" and request.headers.get("Authorization") != "Bearer valid":
            response = ws.respond(HTTPStatus.UNAUTHORIZED, "a token is needed\n")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        if request.path == "/sub-protocol" and "Sec-WebSocket-Protocol" not in request.headers:
            return ws.respond(HTTPStatus.BAD_REQUEST, "a subprotocol is needed\n")
        return None

    def choose(ws, offered):
        return "chat" if "chat" in offered else None

    with python_server(
        routes, process_request=authorize, select_subprotocol=choose, compression="deflate"
    ) as url:
        through_routes(url)
        through_routes(url, install_deflate=None)


def through_routes(url, **settings):
    def ends_with(session, code, reason=""):
        equal("ws_recv", session.recv(HANG_MS)[0], Status.CLOSED)
        equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
        equal("codes, reason, clean", session.close_info[:4], (code, code, reason.encode(), True))

    with Session(url + "/echo", **settings) as session:
        for i in range(100):
            equal("ws_send_text", session.send(f"message {i}"), Status.OK)
            receives(session, f"message {i}")
        for message in ("", b"", "x" * 24_000, hashlib.shake_256(b"105").digest(20 * MIB)):
            sending = Background(session.send, message)
            receives(session, message)
            equal("ws_send", sending.result(), Status.OK)
        equal("ws_close", session.close(1000), Status.OK)
        ends_with(session, 1000)
    with Session(url + "/count-pong", **settings) as session:
        equal("ws_send_text", session.send("how many"), Status.OK)
        receives(session, repr([b"the only one"]))
        ends_with(session, 1000)
    with Session(url + "/sub-protocol", add_subprotocol=b"chat", **settings) as session:
        equal("ws_subprotocol", session.subprotocol, "chat")
        receives(session, "chat")
    refused(url + "/sub-protocol", 400, b"a subprotocol is needed\n", **settings)
    with Session(url + "/close", **settings) as session:
        ends_with(session, 4001, "test ended")
        equal("initiator", session.close_info[4], Initiator.REMOTE)
    refused(url + "/auth", 401, b"a token is needed\n", **settings)
    with Session(url + "/auth", add_header=(b"Authorization", b"Bearer valid"), **settings) as session:
        equal("ws_send_text", session.send("let in"), Status.OK)
        receives(session, "let in")


def refused(url, http_status, body, **settings):
    try:
        with Session(url, **settings):
            raise AssertionError(f"ws_connect to {url} succeeds")
    except Failure as failure:
        got = failure.status, failure.http_status, failure.http_body
        equal("the refusal", got, (Status.HANDSHAKE_STATUS, http_status, body))
