"""ktorws.sync against real servers."""

import array
import queue
import threading
import time

import pytest

import ktorws
from conftest import PATIENCE_S, echo, lose_pings, serving, tell_parts, until_gone
from ktorws.sync import connect


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("", ""),
        ("grüße €😀", "grüße €😀"),
        (b"", b""),
        (b"\0\xff", b"\0\xff"),
        (bytearray(b"abc"), b"abc"),
        (memoryview(b"abcdef")[::2], b"ace"),
        (array.array("H", [1, 2]), b"\1\0\2\0"),
        ("x" * 3_000_000, "x" * 3_000_000),
    ],
)
def test_messages_keep_type_and_content(url, sent, received):
    with connect(url, max_size=None) as ws:
        ws.send(sent)
        assert ws.recv() == received


def test_text_and_decode_choose_the_type(url):
    with connect(url) as ws:
        ws.send("€", text=False)
        assert ws.recv() == "€".encode()
        ws.send(b"\xe2\x82\xac", text=True)
        assert ws.recv() == "€"
        ws.send("€")
        assert ws.recv(decode=False) == "€".encode()
        ws.send("€".encode())
        assert ws.recv(None, True) == "€"


def test_what_is_not_a_message_is_refused_and_nothing_is_lost(url):
    with connect(url) as ws:
        for wrong in (None, 5, {"a": "b"}, [1], ["a", b"b"], object()):
            with pytest.raises(TypeError):
                ws.send(wrong)
        with pytest.raises(UnicodeEncodeError):
            ws.send("\ud800")
        with pytest.raises(ValueError, match="UTF-8"):
            ws.send(b"\xff", text=True)
        for arguments, named in (((), {}), (("a", None, 1, 2), {}), (("a",), {"message": "a"}), (("a",), {"what": 1})):
            with pytest.raises(TypeError):
                ws.send(*arguments, **named)
        ws.send("still here")
        assert ws.recv() == "still here"


def test_an_iterable_goes_out_in_fragments():
    with serving(tell_parts) as server, connect(server.url, compression=None) as ws:
        ws.send(["a", "bc", "def"])
        assert ws.recv() == "str:1,str:2,str:3"
        ws.send(bytes([byte]) for byte in range(3))
        # An empty one ends what does not say beforehand how many there are.
        assert ws.recv() == "bytes:1,bytes:1,bytes:1,bytes:0"
        ws.send(iter(()))
        ws.send(["only"])
        assert ws.recv() == "str:4"
        ws.send([])
        ws.send("next")
        assert ws.recv() == "str:4"


def test_each_fragment_goes_out_at_once():
    arrived = queue.Queue()

    async def tell_each(connection):
        async for part in connection.recv_streaming():
            arrived.put(part)

    def parts():
        for part in ("a", "b", "c"):
            yield part
            # The next one is not known before this one has arrived.
            assert arrived.get(timeout=PATIENCE_S) == part

    with serving(tell_each) as server, connect(server.url) as ws:
        ws.send(parts())


def test_a_message_that_breaks_off_closes_the_session():
    def broken():
        yield "a"
        yield "b"
        raise KeyError("no more")

    with serving(tell_parts) as server:
        with connect(server.url) as ws, pytest.raises(KeyError, match="no more"):
            ws.send(broken())
        assert ws.state is ktorws.State.CLOSED
    assert server.closes == [(1011, "")]


def test_other_threads_send_behind_fragments():
    is_half, goes_on = threading.Event(), threading.Event()

    def parts():
        yield "a"
        yield "b"
        is_half.set()
        goes_on.wait()
        yield "c"

    with serving(echo) as server, connect(server.url, compression=None) as ws:
        first = threading.Thread(target=ws.send, args=(parts(),))
        first.start()
        is_half.wait()
        second = threading.Thread(target=ws.send, args=("second",))
        second.start()
        goes_on.set()
        assert ws.recv() == "abc"
        assert ws.recv() == "second"
        first.join()
        second.join()


def test_a_timeout_loses_nothing(url):
    with connect(url) as ws:
        for timeout in (0, -1, 0.01):
            with pytest.raises(TimeoutError):
                ws.recv(timeout)
        with pytest.raises(TimeoutError):
            ws.recv(timeout=0.15)
        for wrong in ("soon", float("nan")):
            with pytest.raises((TypeError, ValueError)):
                ws.recv(wrong)
        ws.send("late")
        assert ws.recv(timeout=float("inf")) == "late"


def test_iterating_ends_with_the_session(url):
    with connect(url + "burst/300") as ws:
        assert list(ws) == [str(number) for number in range(300)]
        assert list(ws) == []
        with pytest.raises(ktorws.ConnectionClosedOK) as closed:
            ws.recv()
        with pytest.raises(ktorws.ConnectionClosedOK):
            ws.send("too late")
    assert closed.value.rcvd == ktorws.Close(1000, "")
    assert closed.value.rcvd_then_sent is True
    assert (ws.close_code, ws.close_reason) == (1000, "")


def test_a_close_with_an_error_is_an_error(url):
    with connect(url + "close/4321/because") as ws, pytest.raises(ktorws.ConnectionClosedError) as closed:
        list(ws)
    assert closed.value.rcvd == ktorws.Close(4321, "because")
    assert str(closed.value) == "received 4321 (private use) because; then sent 4321 (private use)"
    assert (ws.close_code, ws.close_reason) == (4321, "because")


def test_a_lost_connection_is_an_error(url):
    with connect(url + "drop") as ws, pytest.raises(ktorws.ConnectionClosedError) as closed:
        ws.recv()
    assert closed.value.rcvd is None
    assert ws.close_code == 1006
    assert "no close frame received" in str(closed.value)


def test_text_of_the_server_that_is_not_utf_8_is_an_error(script):
    def act(peer):
        peer.sendall(b"\x81\x01\xff")
        until_gone(peer)

    with connect(script(act), close_timeout=0.1) as ws:
        for use in (ws.recv, lambda: ws.send("x"), lambda: ws.send(b"\xff", text=True)):
            with pytest.raises(ktorws.ConnectionClosedError) as closed:
                use()
            assert closed.value.sent.code == 1007


def test_closing_tells_the_server():
    with serving(echo) as server:
        with connect(server.url) as ws:
            assert (ws.close_code, ws.close_reason, ws.state) == (None, None, ktorws.State.OPEN)
            ws.close(4000, "done")
            ws.close(1000)
            with pytest.raises(ktorws.ConnectionClosedError) as closed:
                ws.recv()
        with connect(server.url):
            pass
        with pytest.raises(KeyError), connect(server.url):
            raise KeyError
        with connect(server.url) as wrong:
            for code, reason in ((999, ""), (1006, ""), (5000, ""), (1000, "x" * 124)):
                with pytest.raises(ValueError):
                    wrong.close(code, reason)
            assert wrong.state is ktorws.State.OPEN
    assert server.closes == [(4000, "done"), (1000, ""), (1011, ""), (1000, "")]
    assert closed.value.sent == ktorws.Close(4000, "done")
    assert closed.value.rcvd_then_sent is False


def test_what_came_before_the_close_can_still_be_received():
    async def send_three(connection):
        for number in range(3):
            await connection.send(str(number))

    with serving(send_three) as server, connect(server.url) as ws:
        ws._wait_closed()
        assert list(ws) == ["0", "1", "2"]


def test_ping_waits_for_its_pong(url):
    with connect(url) as ws:
        ws.send("before")
        assert ws.ping() > 0
        assert ws.ping("data", timeout=10) == ws.latency
        assert ws.recv(timeout=0) == "before"
        with pytest.raises(ValueError):
            ws.ping(b"x" * 126)
        assert ws.statistics().pongs_received == 2


def test_pongs_do_not_prolong_a_timeout(url):
    with connect(url, ping_interval=0.01) as ws:
        with pytest.raises(TimeoutError):
            ws.recv(timeout=0.1)
        # Each pong within another 100 ms would have begun them anew, for ever.
        assert ws.statistics().pongs_received > 0


def test_ping_without_pong_times_out(script):
    with connect(script(until_gone), close_timeout=0.1) as ws:
        with pytest.raises(TimeoutError):
            ws.ping("data", timeout=0.05)
        with pytest.raises(TimeoutError):
            ws.ping("data", timeout=0.05)


def test_a_ping_that_is_lost_with_its_connection_fails(script):
    reconnect = ktorws.Reconnect(first_delay=0.01)
    with connect(script(lose_pings(3)), reconnect=reconnect, close_timeout=0.1) as ws:
        with pytest.raises(ConnectionResetError):
            ws.ping()
        outcome = []

        def ping():
            try:
                outcome.append(ws.ping("the same"))
            except ConnectionResetError as error:
                outcome.append(error)

        pinging = threading.Thread(target=ping)
        pinging.start()
        pinging.join()
        with pytest.raises(ConnectionResetError):
            ws.ping("the same")
        assert isinstance(outcome[0], ConnectionResetError)
        assert ws.latency == 0
        assert ws.ping("the same") == ws.latency
        assert ws.statistics().reconnects == 3


def test_a_ping_in_an_outage_has_its_time_from_when_it_is_sent(script):
    reconnect = ktorws.Reconnect(decide=lambda _why, _attempt, _delay: 0.5)
    with connect(script(lose_pings(1)), reconnect=reconnect, close_timeout=0.1) as ws:
        with pytest.raises(ConnectionResetError):
            ws.ping(b"lost")
    with connect(script(lose_pings(1)), reconnect=reconnect, close_timeout=0.1) as ws:
        ws._send_control(True, b"to be closed on")
        while ws.state is ktorws.State.OPEN:
            time.sleep(0.001)
        lost = time.monotonic()
        with pytest.raises(TimeoutError):
            ws.ping(timeout=0.01)
        latency = ws.ping()
        assert latency < time.monotonic() - lost - 0.4


def test_ping_while_another_thread_receives(url):
    with connect(url) as ws:
        received = []
        receiver = threading.Thread(target=lambda: received.extend(ws))
        receiver.start()
        for number in range(100):
            ws.send(str(number))
            ws.ping()
        ws.close()
        receiver.join()
    assert received == [str(number) for number in range(100)]


def test_each_message_goes_to_one_of_the_threads_that_receive(url):
    count, threads = 2000, 4
    with connect(url) as ws:
        received = [[] for _ in range(threads)]
        receivers = [threading.Thread(target=lambda to=to: to.extend(ws)) for to in received]
        senders = [
            threading.Thread(target=lambda first=first: [ws.send(str(n)) for n in range(first, count, threads)])
            for first in range(threads)
        ]
        for thread in receivers + senders:
            thread.start()
        for sender in senders:
            sender.join()
        while sum(map(len, received)) < count:
            time.sleep(0.001)
        ws.close()
        for receiver in receivers:
            receiver.join()
    everything = [int(message) for part in received for message in part]
    assert sorted(everything) == list(range(count))
    for part in received:
        for first in range(threads):
            of_one = [int(message) for message in part if int(message) % threads == first]
            assert of_one == sorted(of_one)


def test_other_threads_run_while_one_waits(url):
    with connect(url) as ws:
        late = threading.Thread(target=lambda: ws.send("from another thread"))
        threading.Timer(0.05, late.start).start()
        assert ws.recv() == "from another thread"


def test_closing_wakes_who_receives(url):
    with connect(url) as ws:
        outcome = []

        def receive():
            try:
                ws.recv()
            except ktorws.ConnectionClosed as error:
                outcome.append(error)

        receiver = threading.Thread(target=receive)
        receiver.start()
        ws.close()
        receiver.join()
    assert isinstance(outcome[0], ktorws.ConnectionClosedOK)


def test_sending_waits_until_there_is_room(script):
    goes_on = threading.Event()
    total = []

    def read_late(peer):
        goes_on.wait()
        size = 0
        while size < 64 * (1 << 20):
            size += len(peer.recv(1 << 20))
        total.append(size)
        peer.sendall(b"\x81\x04done")
        until_gone(peer)

    with connect(script(read_late), close_timeout=1, compression=None) as ws:
        sent = []
        sender = threading.Thread(target=lambda: [(ws.send(bytes(1 << 20)), sent.append(1)) for _ in range(64)])
        sender.start()
        # It stands still before all has gone.
        before = -1
        while before != len(sent):
            before = len(sent)
            time.sleep(0.1)
        assert len(sent) < 64
        goes_on.set()
        assert ws.recv() == "done"
        sender.join()
    assert len(sent) == 64
