"""Every exit status, and what is said with it."""

import contextlib
import os
import re
import resource
import select
import signal
import socket

from checking import HANG_S, equal, eventually
from peer import TEXT, frame
from tool import (
    ABNORMALLY,
    CERTIFICATE,
    CLEANLY,
    CLOSE_CODE,
    CONNECT,
    EARLY,
    HANDSHAKE,
    INPUT,
    INTERNAL,
    OUTPUT,
    PROTOCOL,
    PROXY,
    REFUSED,
    RESOLVE,
    TIMEOUT,
    TLS,
    USAGE,
    Running,
    echo_server,
    echo_url,
    file_with,
    has,
    has_not,
    pending,
    run,
)
from web import Server, answers, redirects
from wire import Listener, answer, upgrade


@contextlib.contextmanager
def closed_port():
    """one that nobody listens on, and nobody takes meanwhile"""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def says(arguments, status, *parts, **how):
    try:
        has("standard error", run(*arguments, status=status, **how).err, "ktorws: ", *parts)
    except AssertionError as error:
        raise AssertionError(f"{arguments}: {error}") from None


def test_0_closed_by_us():
    equal("standard error", run("-m", "x", echo_url()).err, "")


def test_0_closed_by_the_server():
    for code in (1000, 1001):
        equal("standard error", run("-N", echo_url(f"close/{code}/bye")).err, "")
    with Listener(lambda wire: (upgrade()(wire), wire.send(b"\x88\x00"), wire.fin())) as listener:
        run("-N", listener.url())


def test_0_our_own_code():
    equal("standard error", run("-m", "x", "--close", "4000", echo_url()).err, "")


def test_1_no_descriptors():
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))

    ended = run("-m", "x", echo_url(), status=INTERNAL, preexec_fn=few)
    has("standard error", ended.err, "ktorws: ")


def test_2_usage():
    for arguments in (
        [],
        ["ws://a/", "ws://b/"],
        ["--no-such-option", "ws://a/"],
        ["-n", "0", "ws://a/"],
        ["-n", "1x", "ws://a/"],
        ["-n", "99999999999999999999", "ws://a/"],
        ["-w", "-1", "ws://a/"],
        ["-w", "1e3", "ws://a/"],
        ["--ping", "0", "ws://a/"],
        ["--close", "1005", "ws://a/"],
        ["--close", "999", "ws://a/"],
        ["--close", "5000", "ws://a/"],
        ["--close", "1000," + "x" * 124, "ws://a/"],
        ["--block", "0", "ws://a/"],
        ["--block", "1X", "ws://a/"],
        ["--max-message", "99999999999G", "ws://a/"],
        ["-H", "no colon", "ws://a/"],
        ["-H", "Upgrade: x", "ws://a/"],
        ["-H", "@/no/such/file", "ws://a/"],
        ["-p", "a b", "ws://a/"],
        ["--deflate=level=10", "ws://a/"],
        ["--deflate=speed=1", "ws://a/"],
        ["--cacert", "/no/such/file", "ws://a/"],
        ["--cacert", "/dev/null", "ws://a/"],
        ["--key", "/dev/null", "ws://a/"],
        ["--pin", "x", "ws://a/"],
        ["--tls-min", "1.1", "ws://a/"],
        ["--resolve", "a:1", "ws://a/"],
        ["--resolve", "a:b:127.0.0.1", "ws://a/"],
        ["--resolve", "a:1:b", "ws://a/"],
        ["--interface", "lo", "ws://a/"],
        ["--unix-socket", "x" * 200, "ws://a/"],
        ["-x", "ftp://a", "ws://a/"],
        ["--digest", "ws://a/"],
        ["-u", "a:b", "--user-file", "/dev/null", "ws://a/"],
        ["--reconnect=0", "ws://a/"],
        ["http ://a/"],
        ["ftp://a/"],
        ["ws://a/#fragment"],
    ):
        says(arguments, USAGE)


def test_a_file_that_is_missing():
    for option in ("--cacert", "--capath", "--crl", "--cert", "--key"):
        says([option, "/no/such/file", "ws://a/"], USAGE, f"{option} /no/such/file: No such file or directory")


def test_a_secret_in_place_of_its_file_is_not_shown():
    for option in ("--bearer", "--user-file", "--netrc-file", "--cookie-file"):
        ended = run(option, "user:s3cret", "ws://a/", status=USAGE)
        has("standard error", ended.err, f"{option}: ", "No such file or directory")
        has_not("standard error", ended.err, "s3cret")
    with file_with("machine a user:s3cret") as name:
        ended = run("--netrc-file", name, "ws://a/", status=USAGE)
        has("standard error", ended.err, "word 3")
        has_not("standard error", ended.err, "s3cret")


def test_3_no_address():
    says(["ws://nobody.invalid/"], RESOLVE, "nobody.invalid")


def test_4_no_connection():
    with closed_port() as port:
        says([f"ws://127.0.0.1:{port}/"], CONNECT, f"127.0.0.1:{port}")


def test_5_no_proxy():
    with closed_port() as port:
        says(["-x", f"http://127.0.0.1:{port}", echo_url()], PROXY)


def test_6_no_tls():
    says([echo_url().replace("ws:", "wss:")], TLS, "ws://")
    for said in (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"hello, who are you?"):
        with Listener(lambda wire, said=said: (wire.send(said), wire.fin())) as listener:
            says([listener.url().replace("ws:", "wss:")], TLS, "not TLS", "ws://")


def test_9_tls_where_none_is_asked_for():
    says([echo_server()["ECHO_WSS_URL"].replace("wss:", "ws:")], HANDSHAKE, "TLS", "wss://")


def test_7_no_trust():
    says([echo_server()["ECHO_WSS_URL"]], CERTIFICATE, "certificate")


def test_8_refused():
    with Server(lambda request: answers(403, "X-Request-Id: 7", body=b"go\naway\x1b")) as server:
        says([server.url()], REFUSED, "403")
        ended = run("-v", server.url(), status=REFUSED)
        equal("what -v shows", ended.err.splitlines()[1:], ["< 403", "< X-Request-Id: 7", "< Content-Length: 8", "< Connection: close", "< go", "< away^["])
    with Server(lambda request: redirects("/again")) as server:
        says([server.url()], REFUSED, "302")
        says(["--max-redirects", "2", server.url()], REFUSED, "2")
        equal("requests", len(server.requests), 1 + 3)


def test_9_no_handshake():
    with Listener(answer("HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x")) as listener:
        says([listener.url()], HANDSHAKE)


def test_10_protocol():
    for data in (b"\x81\x01\xff", b"\xc1\x00", frame(TEXT, b"x" * 2000)):
        with Listener(lambda wire: (upgrade()(wire), wire.send(data), wire.next_or_none(), wire.fin())) as listener:
            run("-N", "--max-message", "1000", listener.url(), status=PROTOCOL)


def test_11_lost():
    says(["-N", echo_url("drop")], ABNORMALLY)


def test_11_no_pong():
    with Listener() as listener:
        says(["-N", "--ping", "0.05", "--ping-timeout", "0.05", listener.url()], ABNORMALLY, "ping")


def test_12_time():
    with Listener(lambda wire: None) as listener:
        for option in ("--handshake-timeout", "--open-timeout"):
            says([option, "0.05", listener.url()], TIMEOUT)
    says(["-N", "-n", "2", "-w", "0.05", echo_url("hello")], TIMEOUT, "1 of 2 messages")
    says(["-m", "x", "--close-timeout", "0.05", echo_url("silent")], TIMEOUT, "Close")


def test_13_another_code():
    for code in (1002, 1008, 1011, 3000, 4001):
        says(["-N", echo_url(f"close/{code}/bye")], CLOSE_CODE, f"{code}: bye")


def test_13_another_code_than_ours():
    def serve(wire):
        upgrade()(wire)
        while wire.next_or_none():
            wire.send(b"\x88\x02" + (1011).to_bytes(2, "big"))
            wire.fin()

    with Listener(serve) as listener:
        says(["-w", "0", listener.url()], CLOSE_CODE, "1011")


def test_14_input():
    says([echo_url()], INPUT, "is not UTF-8", input=b"\xff")
    unreadable = os.open("/", os.O_RDONLY)
    with Running(echo_url(), stdin=unreadable) as tool:
        os.close(unreadable)
        has("standard error", tool.end(INPUT).err, "cannot read standard input: Is a directory")


def test_16_early():
    says(["-N", "-n", "4", echo_url("burst/3")], EARLY, "3 of 4 messages")


def test_16_input_that_is_left():
    with open("/dev/zero", "rb") as endless, Running("-b", echo_url("close/1000/bye"), stdin=endless) as tool:
        has("standard error", tool.end(EARLY).err, "before all of the input")
    # at its end, or with nothing there, the input is complete
    with open("/dev/null", "rb") as empty, Running("-n", "1", "-b", echo_url("burst/1"), stdin=empty) as tool:
        tool.end()
    with Running(echo_url("close/1000/bye")) as tool:
        equal("status", tool.process.wait(HANG_S), CLEANLY)


def streams_and_never_reads(wire):
    upgrade()(wire)
    message = frame(TEXT, b"x" * 1000)
    with contextlib.suppress(OSError):
        while True:
            wire.send(message)


def test_it_ends_against_a_server_that_streams_and_never_reads():
    with Listener(streams_and_never_reads) as listener, open(os.devnull, "wb") as nowhere:
        url = listener.url()

        def ends(*arguments, status=TIMEOUT):
            with Running("--close-timeout", "0.1", *arguments, url, stdout=nowhere) as tool:
                tool.end(status)

        ends("-m", "x", "-n", "1")
        ends("-m", "x", "-w", "0.1")
        ends("-N", "-n", "1")
        ends("-m", "x")
        ends()
        ends("--latency=1")
        ends("--throughput=0.1")
        for number in (signal.SIGINT, signal.SIGTERM):
            with Running("-N", "--close-timeout", "0.1", url) as tool:
                equal("a line", len(tool.line()), 1000)
                tool.interrupt(number)
                tool.end(TIMEOUT)
        with Running("-N", "--close-timeout", "0.1", url) as tool:
            equal("a line", len(tool.line()), 1000)
            tool.process.stdout.close()
            equal("status", tool.process.wait(HANG_S), OUTPUT)


def test_the_end_of_input_waits_for_answers():
    def late(wire):
        """answers after a while, and nothing more once it has seen a Close"""
        upgrade()(wire)
        while (sent := wire.next_or_none()) is not None and sent.opcode == TEXT:
            if wire.data or select.select([wire.sock], [], [], 0.1)[0]:
                break
            wire.send(frame(TEXT, b"answer to " + sent.payload))
        wire.send(b"\x88\x02\x03\xe8")
        wire.fin()

    with Listener(late) as listener:
        equal("lines", run(listener.url(), input="a\n").lines, ["answer to a"])
        equal("lines", run("-m", "a", listener.url()).lines, ["answer to a"])
        equal("at once", run("-w", "0", listener.url(), input="a\n").lines, [])
    equal("lines", run("-m", "a", "-m", "b", echo_url()).lines, ["a", "b"])


def test_the_count_is_exact():
    equal("lines", run("-N", "-n", "2", echo_url("burst/1000")).lines, ["0", "1"])


def test_waiting():
    with Running("-w", "0.2", "-m", "x", echo_url("hello")) as tool:
        equal("lines", tool.end().lines, ["hello", "x"])
    # the count ends it before the time
    equal("lines", run("-n", "2", "-w", str(HANG_S * 2), "-m", "x", echo_url("hello")).lines, ["hello", "x"])


def test_an_interrupt_closes():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with Running("-N", "--json", echo_url("hello")) as tool:
            equal("events", [event_of(tool.line()) for _ in range(2)], ["opened", "message"])
            tool.interrupt(number)
            ended = tool.end(CLEANLY)
            has("events", ended.out.decode(), '"local_code":1000', '"clean":true')


def event_of(line):
    return re.match(r'{"event":"(\w+)"', line).group(1)


def test_a_second_interrupt_kills():
    with Running("-N", "--json", "--close-timeout", "600", echo_url("silent")) as tool:
        equal("event", event_of(tool.line()), "opened")
        tool.interrupt()
        eventually("the first one is taken", lambda: pending(tool.process.pid) == 0)
        tool.interrupt()
        tool.end(-signal.SIGINT)


def test_an_interrupt_while_connecting_kills():
    with Listener(lambda wire: wire.read_request() and wire.fill(1)) as listener:
        with Running("-N", listener.url()) as tool:
            eventually("it is connected", lambda: connections(listener.port))
            tool.interrupt()
            tool.end(-signal.SIGINT)


def connections(port):
    with open("/proc/net/tcp", encoding="ascii") as f:
        return [line for line in f if f":{port:04X} 01 " in line]


def test_a_signal_that_was_ignored_stays_ignored():
    with Running(echo_url(), preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as tool:
        tool.write("one\n")
        equal("the answer", tool.line(), "one")
        tool.interrupt(signal.SIGHUP)
        tool.write("two\n")
        equal("the answer", tool.line(), "two")
        tool.end()
