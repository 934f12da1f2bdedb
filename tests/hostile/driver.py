#!/usr/bin/env python3
"""Runs libktorws against server.py: for each fault the status the caller gets, its message, what went over the wire,
and at the end memory, descriptors and threads.

    driver.py [-v] [PATH-PREFIX ...]

-v prints every case with the message the library gave. The library: see ktorws_ctypes.py.
"""

import base64
import concurrent.futures
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from cases import CASES, settings
from ktorws_ctypes import Failure, Initiator, Phase, Session, State, Status, lib, shutdown
from peer import CLOSE, FAULTS, PONG

# A wait that lasts this long means a hang; nothing here takes a fifth of it.
HANG_S = 20
# What a client with the act push sends.
PUSHED, PUSHED_SIZE = 200, 60000
# Four sessions at a time, none of which may hold more than a message of 1 MiB or a refusal's 64 KiB.
MOST_GROWTH_KIB = 24 * 1024


class Check:
    """Collects what is not as expected."""

    def __init__(self):
        self.complaints = []

    def equal(self, what, got, expected):
        if got != expected:
            self.complaints.append(f"{what}: expected {brief(expected)}, got {brief(got)}")

    def among(self, what, got, expected):
        if got not in expected:
            self.complaints.append(f"{what}: expected {' or '.join(brief(e) for e in expected)}, got {brief(got)}")

    def true(self, what, holds, got=""):
        if not holds:
            self.complaints.append(f"{what}{': ' + brief(got) if got != '' else ''}")


def brief(value):
    text = value.name if isinstance(value, (Status, Phase, State, Initiator)) else repr(value)
    return text if len(text) < 160 else text[:120] + f"... ({len(text)} characters)"


class Server:
    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        if not line.startswith("LISTENING "):
            raise AssertionError(f"server.py said {line!r} instead of LISTENING")
        self.ports = json.loads(line.removeprefix("LISTENING "))
        self.records = {}
        self.all_records = []
        self.changed = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            record = json.loads(line)
            with self.changed:
                self.records[record["case"]] = record
                self.all_records.append(record)
                self.changed.notify_all()

    def record(self, name):
        with self.changed:
            if not self.changed.wait_for(lambda: name in self.records, HANG_S):
                raise AssertionError("the server did not see the end of the connection")
            return self.records.pop(name)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def run(case, ports, peer):
    """The complaints, and the message the library gave."""
    check = Check()
    port = ports[case.port]
    config = settings(**case.config)
    says = [pattern.replace("{port}", str(port)) for pattern in case.says]
    failure = None
    try:
        with Session(case.url.format(port=port, path=case.path, name=case.name), **config) as session:
            check.among("ws_connect", Status.OK, case.connect)
            if Status.OK in case.connect:
                failure = run_open(case, session, check)
    except Failure as refusal:
        failure = refusal
        check.among("ws_connect", refusal.status, case.connect)
        check.among("phase", refusal.phase, case.phase)
        if case.errno:
            check.equal("errno", refusal.os_errno, case.errno)
        if case.http:
            check.equal(
                "HTTP status, Location, body",
                (refusal.http_status, refusal.http_location, refusal.http_body),
                case.http,
            )
    if failure:
        check.true("the message is empty", failure.message)
        for pattern in says:
            check.true(f"the message does not say {pattern}", re.search(pattern, failure.message), failure.message)
    if not case.port and "{path}" in case.url:
        check_wire(case, peer.record(case.name), check)
    elif case.path == "/no-server/tls-to-plain":
        record = peer.record("no request")
        check.true(
            "something other than a TLS record was sent", record["request"].startswith("\x16\x03"), record["request"]
        )
    return check.complaints, failure.message if failure else ""


def run_open(case, session, check):
    """Receives until the end. Before that, case.act can be: close, after the first message (close-abort: and abort, after
    the end); push, a lot of messages; wait, for the end of the connection; or the client loses patience (give-up,
    flood), or does nothing at all for a while (neglect)."""
    check.equal("ws_subprotocol", session.subprotocol, case.subprotocol)
    check.equal("ws_response_status", lib.ws_response_status(session.handle), 101)
    messages = []
    patience_ms = {"give-up": 300, "flood": 2500}.get(case.act, HANG_S * 1000)
    if case.act.startswith("close"):
        status, message = session.recv(patience_ms)
        check.equal("the message before ws_close", (status, message), (Status.OK, "first"))
        messages.append(message)
        check.equal("ws_close", session.close(1000, "bye"), Status.OK)
    if case.act == "push":
        sent = [session.send("x" * PUSHED_SIZE) for _ in range(PUSHED)]
        check.equal("ws_send_text", set(sent), {Status.OK})
        check.equal("ws_close", session.close(1000, "bye"), Status.OK)
    if case.act == "wait":
        check.equal("ws_wait_closed without receiving", session.wait_closed(HANG_S * 1000), Status.OK)
    if case.act == "neglect":
        status = session.wait_closed(1000)
    while case.act != "neglect":
        status, message = session.recv(patience_ms)
        if status != Status.OK:
            break
        messages.append(message)
    check.among("ws_recv at the end", status, case.end)
    if case.messages is not None:
        check.equal("messages", messages, case.messages)
    if status == Status.TIMEOUT:
        # nothing was lost by waiting: the session is as open as before
        check.equal("ws_state after a timeout", session.state, State.OPEN)
        check.equal("ws_abort", session.abort(), Status.OK)
        while (status := session.recv(HANG_S * 1000)[0]) == Status.OK:
            pass
        check.equal("ws_recv after ws_abort", status, Status.ABORTED)
        return None
    check.equal("ws_recv once more", session.recv(HANG_S * 1000)[0], status)
    if case.act == "close-abort":
        check.equal("ws_abort after the end", session.abort(), Status.OK)
    check.true("ws_wait_closed ran out of time", session.wait_closed(HANG_S * 1000) != Status.TIMEOUT)
    check.equal("ws_state", session.state, State.CLOSED)
    check.true("ws_send_text after the end succeeded", session.send("too late") != Status.OK)
    local_code, remote_code, reason, clean, initiator = session.close_info
    if case.local_code is not None:
        check.equal("local code", local_code, case.local_code)
    if case.remote_code is not None:
        check.equal("remote code", remote_code, case.remote_code)
    if case.reason is not None:
        check.equal("reason", reason, case.reason)
    if case.initiator is not None:
        check.equal("initiator", initiator, case.initiator)
        check.equal("clean", clean, case.clean)
    error = session.error
    if status == Status.CLOSED:
        check.true("a clean end has an error", error is None, error)
    else:
        check.true("the end has no error", error is not None)
        if error:
            check.equal("status of ws_session_error", error.status, status)
            check.equal("phase of ws_session_error", error.phase, Phase.OPEN)
    return error


def check_wire(case, record, check):
    check.equal("trouble in server.py", record["trouble"], None)
    check.true("the connection was left open", record["ended"] != "held")
    if case.ended:
        check.among("end of TCP", record["ended"], case.ended)
    if case.poured is not None:
        check.true(f"more than {case.poured} bytes were taken", record["poured"] <= case.poured, record["poured"])
    frames = record["frames"]
    if case.connect != (Status.OK,):
        check.equal("frames after a refused handshake", frames, [])
    if case.closes is not None:
        check.equal("close frames", [f["code"] for f in frames if f["opcode"] == CLOSE], case.closes)
    if case.pongs is not None:
        check.equal("pongs", [f["payload"] for f in frames if f["opcode"] == PONG], case.pongs)
    opcodes = [f["opcode"] for f in frames]
    if CLOSE in opcodes:
        check.equal("frames after Close", opcodes[opcodes.index(CLOSE) + 1 :], [])
    check.true(
        "a frame without mask, without FIN or with reserved bits",
        all(f["masked"] and f["fin"] and not f["rsv"] for f in frames),
        frames,
    )
    # one pair of equal keys among a thousand is chance, once in 8600 runs; two are not
    keys = [f["key"] for f in frames]
    check.true("masking keys repeat", len(keys) - len(set(keys)) <= 1, keys)


def check_requests(records, check):
    """every opening handshake seen in the run"""
    nonces = set()
    requests = [r for r in records if r["request"].startswith("GET ")]
    for r in requests:
        fields = {name.lower(): value for name, value in r["headers"]}
        check.equal(f"fields sent twice to {r['path']}", len(fields), len(r["headers"]))
        check.true("request line", re.fullmatch(r"GET /\S* HTTP/1\.1", r["request"]), r["request"])
        check.equal("Upgrade", fields.get("upgrade", "").lower(), "websocket")
        check.equal("Connection", fields.get("connection", "").lower(), "upgrade")
        check.equal("Sec-WebSocket-Version", fields.get("sec-websocket-version"), "13")
        check.true("Host", re.fullmatch(r"127\.0\.0\.1:\d+", fields.get("host", "")), fields.get("host"))
        nonce = fields.get("sec-websocket-key", "")
        check.true("Sec-WebSocket-Key", len(nonce) == 24 and len(base64.b64decode(nonce)) == 16, nonce)
        nonces.add(nonce)
    check.equal("different Sec-WebSocket-Keys", len(nonces), len(requests))
    return check.complaints


def status_kib(field):
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def forget_peak():
    with open("/proc/self/clear_refs", "w", encoding="ascii") as f:
        f.write("5")


def resources():
    """What every descriptor is, and how many threads there are."""
    descriptors = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            descriptors.append(os.readlink(f"/proc/self/fd/{fd}").partition(":")[0])
        except FileNotFoundError:
            pass  # the one that listed the directory
    return sorted(descriptors), len(os.listdir("/proc/self/task"))


def run_all(cases, ports, peer, report):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [(case, pool.submit(run, case, ports, peer)) for case in cases]
        for case, future in running:
            try:
                complaints, message = future.result(HANG_S * 10)
            except concurrent.futures.TimeoutError:
                print(f"FAILED {case.name}\n    hangs", flush=True)
                os._exit(1)
            except AssertionError as error:
                complaints, message = [str(error)], ""
            except Exception:
                complaints, message = [traceback.format_exc()], ""
            report(case.name, complaints, message)


def repeat(ports, peer, rounds):
    """Memory after many endings of every kind: the second half must not add to what the first half took."""
    paths = {
        "/handshake/accept-wrong",
        "/status/404",
        "/tcp/fin",
        "/frame/rsv1",
        "/limit/frame-over",
        "/utf8/ff",
        "/close/1000",
        "/end/fin",
        "/end/rst",
        "/no-server/refused",
        "/no-server/unresolvable",
    }
    cases = [case for case in CASES if case.name in paths]
    taken = []
    for _ in range(2):
        for _ in range(rounds):
            for case in cases:
                complaints, _message = run(case, ports, peer)
                if complaints:
                    return [f"{case.name} repeated: {complaint}" for complaint in complaints]
        peer.all_records.clear()
        taken.append(status_kib("VmRSS"))
    check = Check()
    check.true(
        f"resident memory grew over {rounds * len(cases)} sessions from {taken[0]} KiB",
        taken[1] - taken[0] < 2048,
        f"{taken[1]} KiB",
    )
    return check.complaints


def main():
    verbose = "-v" in sys.argv
    prefixes = [a for a in sys.argv[1:] if a != "-v"]
    cases = [case for case in CASES if not prefixes or any(case.path.startswith(p) for p in prefixes)]
    passed = failed_count = 0

    def report(name, complaints, message=""):
        nonlocal passed, failed_count
        if complaints:
            failed_count += 1
            print(f"FAILED {name}")
            for complaint in complaints:
                print("    " + complaint.replace("\n", "\n    "))
            if message:
                print(f"    message: {message}")
        else:
            passed += 1
            if verbose:
                print(f"ok     {name}" + (f"\n       {message}" if message else ""))
        sys.stdout.flush()

    missing = set(FAULTS) - {case.path for case in CASES}
    report("every fault of server.py has a case", [f"no case for {path}" for path in sorted(missing)])

    peer = Server()
    # a port that refuses, for it does not listen; and one whose backlog is full, so that a connect gets no answer
    refusing = socket.socket()
    refusing.bind(("127.0.0.1", 0))
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    in_backlog = [socket.create_connection(full.getsockname())]
    waiting = socket.socket()
    waiting.setblocking(False)
    waiting.connect_ex(full.getsockname())
    ports = {**peer.ports, "refused": refusing.getsockname()[1], "full": full.getsockname()[1]}
    before = resources()
    start_kib = status_kib("VmRSS")
    forget_peak()

    run_all(cases, ports, peer, report)
    grown = status_kib("VmHWM") - start_kib
    report(
        f"peak memory grew by {grown} KiB",
        [f"expected at most {MOST_GROWTH_KIB} KiB"] if grown > MOST_GROWTH_KIB else [],
    )
    report("requests", check_requests(peer.all_records, Check()))
    if not prefixes:
        report("repeated sessions leave no memory behind", repeat(ports, peer, 100))

    status = shutdown(HANG_S * 1000)
    report("ws_shutdown", [] if status == Status.OK else [f"returned {status.name}"])
    # the kernel lists a thread a little longer than its join takes
    deadline = time.monotonic() + HANG_S
    while (after := resources()) != before and time.monotonic() < deadline:
        time.sleep(0.01)
    report(
        "descriptors and threads after ws_shutdown", [] if after == before else [f"expected {before}", f"got {after}"]
    )
    case = next(case for case in CASES if case.path == "/handshake/case")
    report("a session after ws_shutdown", run(case, ports, peer)[0])
    report("ws_shutdown again", [] if shutdown(HANG_S * 1000) == Status.OK else ["failed"])

    for sock in (refusing, full, waiting, *in_backlog):
        sock.close()
    peer.stop()
    print(f"{passed} passed, {failed_count} failed")
    return 1 if failed_count else 0


if __name__ == "__main__":
    sys.exit(main())
