"""Reconnecting: `Reconnect` and its functions."""

import asyncio
import socket
import threading
import time

import pytest

import ktorws
from conftest import frame, lose_pings, next_frame, refuse, serving, until_gone
from ktorws.asyncio import connect as asyncio_connect
from ktorws.sync import connect


def lose_after(first, second=b""):
    """A server that sends the first bytes, and ends the connection when something comes. On the next one it sends the
    second ones, and answers messages and pings."""
    connections = []

    def act(peer):
        connections.append(peer)
        if len(connections) == 1:
            peer.sendall(first)
            peer.recv(65536)
            return
        peer.sendall(second)
        while head := peer.recv(2, socket.MSG_WAITALL):
            rest = peer.recv(4 + (head[1] & 127), socket.MSG_WAITALL)
            payload = bytes(byte ^ rest[at % 4] for at, byte in enumerate(rest[4:]))
            opcode = head[0] & 15
            if opcode == 8:
                return
            peer.sendall(bytes((0x80 | (10 if opcode == 9 else opcode), len(payload))) + payload)

    return act


def test_reconnecting(script):
    told = []
    reconnect = ktorws.Reconnect(first_delay=0.01, on_reconnect=told.append)
    with connect(script(lose_after(b"", b"\x81\x05again")), reconnect=reconnect, close_timeout=0.1) as ws:
        ws.send("x")
        assert ws.recv() == "again"
        assert ws.statistics().reconnects == 1
        assert ws.state is ktorws.State.OPEN
    assert told == [ws]


def test_deciding_about_reconnecting(script):
    asked = []

    def decide(why, attempt, delay):
        asked.append((why, attempt, delay))
        return 0.01 if len(asked) < 3 else None

    url = script(lambda peer: None)
    reconnect = ktorws.Reconnect(first_delay=0.01, decide=decide)
    with connect(url, reconnect=reconnect) as ws, pytest.raises(ktorws.ConnectionClosedError):
        ws.recv()
    assert len(asked) == 3
    why, attempt, delay = asked[0]
    assert why
    assert attempt == 1
    assert delay > 0


def test_what_is_wrong_is_told_in_an_outage(script):
    reconnect = ktorws.Reconnect(first_delay=60)
    with connect(script(lose_pings(1)), reconnect=reconnect, close_timeout=0.1) as ws:
        ws._send_control(True, b"to be closed on")
        while ws.state is ktorws.State.OPEN:
            time.sleep(0.001)
        with pytest.raises(ValueError, match="UTF-8"):
            ws.send(b"\xff", text=True)
        assert ws.state is ktorws.State.CONNECTING


def reconnected(url, on_reconnect):
    """A session that has another connection already, and has received nothing yet."""
    reconnect = ktorws.Reconnect(first_delay=0.01, on_reconnect=on_reconnect)
    ws = connect(url, reconnect=reconnect, close_timeout=0.1, compression=None)
    ws.send("x")
    while ws.statistics().reconnects == 0:
        time.sleep(0.001)
    return ws


def test_on_reconnect_is_called_between_the_messages(script):
    order = []

    def another(ws):
        order.append((ws, threading.current_thread()))

    with reconnected(script(lose_after(b"\x81\x011\x81\x012", b"\x81\x013")), another) as ws:
        assert order == []
        for _ in range(3):
            order.append(ws.recv())
    assert order == ["1", "2", (ws, threading.current_thread()), "3"]


def test_on_reconnect_can_send_and_receive(script):
    answers = []

    def log_in(ws):
        ws.send("user")
        answers.append(ws.recv())

    with reconnected(script(lose_after(b"\x81\x011")), log_in) as ws:
        assert ws.recv() == "1"
        with pytest.raises(TimeoutError):
            # It is called by this call, also when no message comes.
            while not answers:
                ws.recv(timeout=0)
            ws.recv(timeout=0)
    assert answers == ["user"]


def test_on_reconnect_is_called_in_a_ping(script):
    told = []
    with reconnected(script(lose_after(b"")), told.append) as ws:
        while not told:
            assert ws.ping() > 0
    assert told == [ws]


def test_an_on_reconnect_that_fails_does_not_keep_messages_away(script, monkeypatch):
    reported = []
    monkeypatch.setattr("sys.unraisablehook", lambda report: reported.append(report.exc_type))
    with reconnected(script(lose_after(b"", b"\x81\x013")), lambda _ws: 1 / 0) as ws:
        assert ws.recv() == "3"
    assert reported == [ZeroDivisionError]


def test_an_on_reconnect_that_is_interrupted_interrupts_the_call(script):
    def interrupt(_ws):
        raise KeyboardInterrupt

    with reconnected(script(lose_after(b"", b"\x81\x013")), interrupt) as ws:
        with pytest.raises(KeyboardInterrupt):
            ws.recv()
        assert ws.recv() == "3"


def test_reconnecting_in_a_loop(run, script):
    async def main():
        told = []
        reconnect = ktorws.Reconnect(first_delay=0.01, on_reconnect=told.append)
        url = script(lose_after(b"", b"\x81\x05again"))
        async with asyncio_connect(url, reconnect=reconnect, close_timeout=0.1) as ws:
            await ws.send("x")
            assert await ws.recv() == "again"
            while not told:
                await asyncio.sleep(0.001)
            assert told == [ws]
            assert ws.statistics().reconnects == 1

    run(main())


def test_in_a_loop_on_reconnect_is_called_between_the_messages(run, script):
    order = []

    async def main():
        reconnect = ktorws.Reconnect(first_delay=0.01, on_reconnect=order.append)
        url = script(lose_after(b"\x81\x011\x81\x012", b"\x81\x013"))
        async with asyncio_connect(url, reconnect=reconnect, close_timeout=0.1) as ws:
            assert await ws.recv() == "1"
            await ws.send("x")
            while ws.statistics().reconnects == 0:
                await asyncio.sleep(0.001)
            assert order == []
            for _ in range(2):
                order.append(await ws.recv())
            assert order == ["2", ws, "3"]

    run(main())


@pytest.mark.parametrize("pause", [asyncio.sleep, lambda seconds: asyncio.sleep(time.sleep(seconds) or 0)])
@pytest.mark.parametrize("messages", [0, 1, 2])
def test_on_reconnect_is_called_while_nobody_receives(run, script, messages, pause):
    async def main():
        told = asyncio.Event()
        reconnect = ktorws.Reconnect(first_delay=0.01, on_reconnect=lambda _ws: told.set())
        url = script(lose_after(b"\x81\x01x" * messages))
        async with asyncio_connect(url, reconnect=reconnect, close_timeout=0.1) as ws:
            await ws.send("x")
            while ws.statistics().reconnects == 0:
                await pause(0.001)
            # Behind the messages of the lost connection, and then without a further call.
            for _ in range(messages):
                assert not told.is_set()
                assert await ws.recv() == "x"
            await told.wait()

    run(main())


def test_an_on_reconnect_that_fails_is_reported_by_the_loop(run, script):
    async def main():
        reported = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context["exception"]))
        reconnect = ktorws.Reconnect(first_delay=0.01, on_reconnect=lambda _ws: 1 / 0)
        url = script(lose_after(b"", b"\x81\x013"))
        async with asyncio_connect(url, reconnect=reconnect, close_timeout=0.1) as ws:
            await ws.send("x")
            assert await ws.recv() == "3"
        assert [type(error) for error in reported] == [ZeroDivisionError]

    run(main())


QUICKLY = {"first_delay": 0.01, "max_delay": 0.01}


def refuse_first(count, status=503):
    """Refuses so many handshakes."""
    requests = []

    def answer(connection, request):
        requests.append(request)
        return refuse(status)(connection, request) if len(requests) <= count else None

    return answer


async def stay(connection):
    await connection.wait_closed()


def test_the_first_opening_is_tried_again_too(run):
    decided = []

    def decide(why, attempt, delay):
        decided.append((attempt, delay is not None))
        return 0.01

    with serving(stay, refuse_first(2)) as server:
        with connect(server.url, reconnect=ktorws.Reconnect(first=True, decide=decide)) as ws:
            assert ws.state is ktorws.State.OPEN
            assert ws.statistics().reconnects == 0
    assert decided == [(1, True), (2, True)]

    async def main(url):
        async with asyncio_connect(url, reconnect=ktorws.Reconnect(first=True, **QUICKLY)) as ws:
            assert ws.state is ktorws.State.OPEN

    with serving(stay, refuse_first(2)) as server:
        run(main(server.url))


def test_the_first_opening_is_given_up():
    for reconnect, attempts in (
        (ktorws.Reconnect(first=True, max_attempts=2, **QUICKLY), 3),
        (ktorws.Reconnect(**QUICKLY), 1),
    ):
        with serving(stay, refuse_first(100)) as server, pytest.raises(ktorws.InvalidStatus) as refused:
            connect(server.url, reconnect=reconnect)
        assert len(server.requests) == attempts
        assert refused.value.response.status_code == 503


def test_how_long_a_server_may_keep_off():
    delays = []

    def decide(_why, _attempt, delay):
        delays.append(delay)

    with serving(stay, refuse(503, Retry_After="3600")) as server, pytest.raises(ktorws.InvalidStatus):
        connect(server.url, reconnect=ktorws.Reconnect(first=True, max_retry_after=60, decide=decide))
    assert delays == [60]


def test_an_attempt_is_prepared():
    seen = []

    def prepare(attempt):
        seen.append(attempt)
        if isinstance(attempt.error, ktorws.InvalidStatus):
            attempt.set_url(server.url + "other")
            attempt.set_header("Authorization", "Bearer new")
            attempt.set_header("X-Old", None)

    def answer(connection, request):
        return refuse(401)(connection, request) if len(server.requests) == 2 else None

    async def leave_once(connection):
        if len(server.requests) == 1:
            await connection.close(1012)
        else:
            await connection.send("back")
            await connection.wait_closed()

    reconnect = ktorws.Reconnect(prepare=prepare, decide=lambda _why, _attempt, _delay: 0.01)
    with serving(leave_once, answer) as server:
        options = {"auth": ktorws.BearerAuth("old"), "additional_headers": {"X-Old": "1"}}
        with connect(server.url, reconnect=reconnect, **options) as ws:
            assert ws.recv() == "back"
            assert ws.uri == server.url
    requests = [(each.path, each.headers["Authorization"], each.headers.get("X-Old")) for each in server.requests]
    assert requests == [("/", "Bearer old", "1"), ("/", "Bearer old", "1"), ("/other", "Bearer new", None)]
    first, second = seen
    assert (first.number, second.number) == (1, 2)
    assert first.error.rcvd == ktorws.Close(1012, "")
    assert second.error.response.status_code == 401
    with pytest.raises(RuntimeError, match="returned"):
        first.set_url(server.url)
    with pytest.raises(RuntimeError, match="returned"):
        first.set_header("X", "y")


def test_an_attempt_that_cannot_be_made(script, monkeypatch):
    url = script(lambda peer: None)
    reported = []
    monkeypatch.setattr("sys.unraisablehook", lambda what: reported.append(type(what.exc_value)))
    for prepare, error in (
        (lambda attempt: attempt.set_url("ftp://there/"), ktorws.InvalidURI),
        (lambda attempt: attempt.set_header("Upgrade", "x"), ValueError),
    ):
        with connect(url, reconnect=ktorws.Reconnect(prepare=prepare, **QUICKLY)) as ws, pytest.raises(error):
            ws.recv()
        assert reported.pop() is error
    # Of another function the attempt is as it was.
    connections = []

    def act(peer):
        connections.append(peer)
        if len(connections) > 1:
            peer.sendall(frame(0x81, b"back"))
            until_gone(peer)

    with connect(script(act), reconnect=ktorws.Reconnect(prepare=lambda _: 1 / 0, **QUICKLY), close_timeout=0.1) as ws:
        assert ws.recv() == "back"
    assert reported == [ZeroDivisionError]


def test_what_is_wrong_in_an_outage_is_told(script):
    decided, goes_on = threading.Event(), threading.Event()

    def decide(_why, _attempt, _delay):
        decided.set()
        goes_on.wait()

    with connect(script(next_frame), reconnect=ktorws.Reconnect(decide=decide)) as ws:
        assert ws.error is None
        ws.send("x")
        decided.wait()
        assert ws.state is ktorws.State.CONNECTING
        assert isinstance(ws.error, ktorws.ConnectionClosedError)
        goes_on.set()
        with pytest.raises(ktorws.ConnectionClosedError):
            ws.recv()
