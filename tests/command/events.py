"""--json: what scripts rely on."""

import base64
import json
import re
import time

from checking import equal, true
from peer import CLOSE, PING, PONG, TEXT, frame
from python_server import python_server
from tool import ABNORMALLY, CERTIFICATE, CLOSE_CODE, CONNECT, EARLY, PROTOCOL, REFUSED, TIMEOUT, echo_server, echo_url, run
from web import Server, answers, opens
from wire import Listener, upgrade

# every event, and what it always has
MEMBERS = {
    "opened": {"url", "subprotocol", "extensions", "timings_ms", "tls_resumed", "response_headers"},
    "message": {"type", "size"},
    "ping": {"size", "base64"},
    "pong": {"size", "base64"},
    "close": {"size", "code", "reason"},
    "closed": {"code", "reason", "local_code", "clean", "by", "statistics"},
    "error": {"message"},
    "latency": {"number", "ms"},
    "rate": {"messages", "bytes", "ms"},
    "summary": {"sent", "received"},
}


def events(*arguments, **how):
    """checked one by one"""
    before = time.time()
    ended = run("--json", *arguments, **how)
    after = time.time()
    times = []
    for line in ended.out.split(b"\n")[:-1]:
        event = json.loads(line)
        missing = MEMBERS[event["event"]] - event.keys()
        true(f"{event['event']} has all of its members", not missing, missing)
        times.append(event["time"])
    equal("the last byte", ended.out[-1:], b"\n")
    # also for readers that take other characters for ends of lines, and on a terminal
    equal("lines", len(ended.out.decode().splitlines()), len(times))
    true("nothing drives a terminal", not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", ended.out.decode()))
    equal("times", times, sorted(times))
    true("times are of now", before - 0.001 <= times[0] and times[-1] <= after + 0.001, (before, times, after))
    equal("standard error", ended.err, "")
    return ended.events


def kinds(found):
    return [event["event"] for event in found]


def test_a_conversation():
    found = events(echo_url(), input="one\n")
    equal("events", kinds(found), ["opened", "message", "closed"])
    opened, message, closed = found
    equal("URL", opened["url"], echo_url())
    equal("extensions", opened["extensions"], [])
    headers = [(header["name"].lower(), header["value"]) for header in opened["response_headers"]]
    true("headers", ("upgrade", "websocket") in headers, headers)
    equal("message", {**message, "time": 0}, {"event": "message", "time": 0, "type": "text", "size": 3, "text": "one"})
    equal("end", [closed[name] for name in ("code", "reason", "local_code", "clean", "by")], [1000, "", 1000, True, "local"])
    numbers = closed["statistics"]
    equal("sent", [numbers[name] for name in ("messages_sent", "payload_sent")], [1, 3])
    equal("received", [numbers[name] for name in ("messages_received", "payload_received")], [1, 3])


def test_every_header_of_the_answer():
    """whatever its name, as often as it came and in its order"""
    fields = ["X-Request-Id: 7", "Unheard-Of: a  b", "x-request-id: 8", "X-Empty: "]
    with Server(lambda request: opens(*fields)) as server:
        opened = events("-m", "x", server.url())[0]
        shown = run("-v", "-m", "x", server.url()).err
    headers = [f"{header['name']}: {header['value']}" for header in opened["response_headers"]]
    equal("headers", headers[-len(fields) :], fields)
    lines = [line.removeprefix("< ") for line in shown.splitlines() if line.startswith("< ")]
    equal("what -v shows", [line.rstrip() for line in lines[-len(fields) :]], [field.rstrip() for field in fields])


def test_every_character():
    text = "".join(map(chr, range(0x800))) + "\u2028\ufffd\uffff\U0001f600\U0010ffff"
    message = events("-1", echo_url(), input=text)[1]
    equal("text", message["text"], text)
    equal("size", message["size"], len(text.encode()))


def test_every_byte():
    for size in (0, 1, 2, 3, 256, 100_000):
        data = (bytes(range(256)) * 400)[:size]
        message = events("-1b", echo_url(), input=data)[1]
        equal("type", message["type"], "binary")
        equal("data", base64.b64decode(message["base64"], validate=True), data)


def test_control_frames():
    def serve(wire):
        upgrade()(wire)
        wire.send(frame(PING, b"\x00a") + frame(PONG, b"") + frame(CLOSE, b"\x03\xe9bye"))
        while wire.next().opcode != CLOSE:
            pass
        wire.fin()

    with Listener(serve) as listener:
        found = events("-N", listener.url())
        equal("events", kinds(found), ["opened", "ping", "pong", "closed"])
        equal("payload", base64.b64decode(found[1]["base64"]), b"\x00a")
        found = events("-N", "--control", listener.url())
        equal("events", kinds(found), ["opened", "ping", "pong", "close", "closed"])
        equal("Close", (found[3]["code"], found[3]["reason"]), (1001, "bye"))
        equal("end", [found[4][name] for name in ("code", "reason", "by", "clean")], [1001, "bye", "remote", True])
        ended = run("-N", "--control", listener.url())
        equal("without --json", ended.err.splitlines(), ["< ping, 2 bytes 0061", "< pong, 0 bytes ", "< close 1001 bye"])
        equal("output", ended.out, b"")
        equal("without --control", run("-N", listener.url()).err, "")


def test_an_error_is_the_only_event():
    with Server(lambda request: answers(503, body=b"later \xff")) as server:
        for arguments, status, expected in (
            (["ws://127.0.0.1:1/"], CONNECT, {"status": "WS_ERR_CONNECT", "phase": "connect", "errno": 111}),
            ([echo_server()["ECHO_WSS_URL"]], CERTIFICATE, {"status": "WS_ERR_TLS_CERTIFICATE", "phase": "tls"}),
            (
                [server.url()],
                REFUSED,
                {"status": "WS_ERR_HANDSHAKE_STATUS", "phase": "handshake", "http_status": 503, "http_body": "later \ufffd"},
            ),
        ):
            found = events(*arguments, status=status)
            equal("events", kinds(found), ["error"])
            equal("the error", {name: found[0].get(name) for name in expected}, expected)


def test_an_error_of_an_open_session():
    found = events("-N", echo_url("drop"), status=ABNORMALLY)
    equal("events", kinds(found), ["opened", "error", "closed"])
    equal("the error", (found[1]["status"], found[1]["phase"]), ("WS_ERR_CLOSED_ABNORMALLY", "open"))
    equal("the end", (found[2]["code"], found[2]["by"], found[2]["clean"]), (1006, "transport", False))
    with Listener(lambda wire: (upgrade()(wire), wire.send(frame(TEXT, b"\xff")), wire.next(), wire.fin())) as listener:
        found = events("-N", listener.url(), status=PROTOCOL)
        equal("the error", found[1]["status"], "WS_ERR_UTF8")
        equal("the end", (found[2]["local_code"], found[2]["by"]), (1007, "protocol"))


def test_ends_that_the_command_sees():
    """closed is the last event all the same"""
    found = events("-N", "-n", "4", echo_url("burst/3"), status=EARLY)
    equal("events", kinds(found), ["opened"] + ["message"] * 3 + ["error", "closed"])
    found = events("-N", "-n", "2", "-w", "0.05", echo_url("hello"), status=TIMEOUT)
    equal("events", kinds(found), ["opened", "message", "error", "closed"])
    found = events("-N", echo_url("close/4001/bye"), status=CLOSE_CODE)
    equal("events", kinds(found), ["opened", "closed"])
    equal("the end", (found[1]["code"], found[1]["reason"]), (4001, "bye"))


def test_compression():
    with python_server(compression="deflate") as url:
        found = events("--deflate", "-n", "1", "-m", "x" * 1000, url)
    equal("extensions", [extension["name"] for extension in found[0]["extensions"]], ["permessage-deflate"])
    numbers = found[-1]["statistics"]
    equal("before", (numbers["compressed_sent_before"], numbers["compressed_received_before"] > 0), (1000, True))
    true("after", numbers["compressed_sent_after"] < 100, numbers)


def test_latency():
    found = events("--latency=4", "--interval", "0.001", echo_url())
    equal("events", kinds(found), ["opened"] + ["latency"] * 4 + ["summary", "closed"])
    times = sorted(event["ms"] for event in found[1:5])
    equal("numbers", [event["number"] for event in found[1:5]], [1, 2, 3, 4])
    summary = found[5]
    equal("counts", (summary["sent"], summary["received"]), (4, 4))
    equal("times", [summary[f"{name}_ms"] for name in ("min", "p50", "p99", "max")], [times[0], times[1], times[3], times[3]])
    true("the mean", abs(summary["avg_ms"] - sum(times) / 4) < 0.002, (summary, times))
    steps = [abs(found[i + 1]["ms"] - found[i]["ms"]) for i in (1, 2, 3)]
    true("jitter", abs(summary["jitter_ms"] - sum(steps) / 3) < 0.002, (summary, steps))


def test_latency_of_a_server_without_pongs():
    with Listener() as listener:
        found = events("--latency=1", "--close-timeout", "0.05", listener.url(), status=TIMEOUT)
    summary = next(event for event in found if event["event"] == "summary")
    equal("counts", (summary["sent"], summary["received"]), (1, 0))
    true("no times", "min_ms" not in summary, summary)


def test_throughput():
    found = events("--throughput=0.2", "--block", "1000", echo_url())
    summary = next(event for event in found if event["event"] == "summary")
    true("all came back", summary["sent"] == summary["received"] > 0, summary)
    equal("bytes", summary["bytes"], summary["received"] * 1000)
    equal("the session's number", found[-1]["statistics"]["messages_sent"], summary["sent"])
    equal("the last event", found[-1]["event"], "closed")


def test_throughput_of_small_messages():
    for size in ("1", "9"):
        found = events("--throughput=0.02", "--block", size, echo_url())
        equal("the last event", found[-1]["event"], "closed")


def test_throughput_needs_an_echo():
    def other(ws):
        for message in ws:
            ws.send(message[:-1] + b"?")

    with python_server(other) as url:
        found = events("--throughput=0.1", url, status=PROTOCOL)
        true("the error", "echoes" in next(e for e in found if e["event"] == "error")["message"])


def test_throughput_of_a_greeting_server():
    def greeting(ws):
        ws.send("welcome")
        for message in ws:
            ws.send(message)

    with python_server(greeting) as url:
        events("--throughput=0.1", url)


def test_measures_for_people():
    out = run("--latency=2", "--interval", "0.001", echo_url()).lines
    equal("lines", [line.split()[0] for line in out], ["1:", "2:", "2"])
    out = run("--throughput=0.1", echo_url()).lines
    equal("lines", len(out), 1)
    true("all came back", out[0].split()[0] == out[0].split()[2], out)
