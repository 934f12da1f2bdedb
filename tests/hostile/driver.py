#!/usr/bin/env python3
"""Runs libktorws against server.py: for each fault the status the caller gets, its message, what went over the wire,
and at the end memory, descriptors and threads.

    driver.py [-v] [PATH-PREFIX ...]

-v prints every case with the message the library gave. The library: see ktorws_ctypes.py.
"""

import concurrent.futures
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import trustme
from acts import HANG_S
from cases import CASES
from checks import Check
from client import run
from ktorws_ctypes import Status, shutdown
from peer import FAULTS
from process import StandardError, forget_peak, give_back, resources, status_kib, steady_malloc
from proxy_shutdown import check_shutdown
from proxy_wire import check_asked
from wire import check_requests

# Four sessions at a time, none of which may hold more than a message of 1 MiB or a refusal's 64 KiB.
MOST_GROWTH_KIB = 24 * 1024
# Of what a large message took, once it is gone.
MOST_KEPT_KIB = 4 * 1024


class Server:
    def __init__(self, tls):
        command = [sys.executable, os.path.join(HERE, "server.py"), "--tls", *tls]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
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

    def release(self, name):
        """lets a fault go on that waits for the client"""
        with self.changed:
            self.process.stdin.write(name + "\n")
            self.process.stdin.flush()

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def make_certificates(directory):
    """files of the authority, of a certificate for 127.0.0.1, and of its key"""
    ca = trustme.CA()
    proxy = ca.issue_cert("127.0.0.1")
    files = [os.path.join(directory, name) for name in ("ca.pem", "proxy.pem", "proxy.key")]
    for file, pem in zip(files, (ca.cert_pem, proxy.cert_chain_pems[0], proxy.private_key_pem)):
        pem.write_to_path(file)
    return files


def outcome(case, ports, peer):
    """of run, also where it raises"""
    try:
        return run(case, ports, peer)
    except AssertionError as error:
        return [str(error)], ""
    except Exception:
        return [traceback.format_exc()], ""


def run_together(cases, ports, peer, report):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [(case, pool.submit(outcome, case, ports, peer)) for case in cases]
        for case, future in running:
            try:
                complaints, message = future.result(HANG_S * 10)
            except concurrent.futures.TimeoutError:
                print(f"FAILED {case.name}\n    hangs", flush=True)
                os._exit(1)
            report(case.name, complaints, message)


def kept_kib(before):
    give_back()
    return status_kib("VmRSS") - before


def run_alone(case, ports, peer):
    """Memory may grow while the case runs, as far as it says, and must be given back then."""
    give_back()
    before = status_kib("VmRSS")
    forget_peak()
    complaints, message = outcome(case, ports, peer)
    grown = status_kib("VmHWM") - before
    # the library's threads may still be at it
    deadline = time.monotonic() + HANG_S
    while (kept := kept_kib(before)) > MOST_KEPT_KIB and time.monotonic() < deadline:
        time.sleep(0.01)
    check = Check()
    check.true(f"peak memory grew by more than {case.alone} KiB", grown <= case.alone, grown)
    check.true(f"more than {MOST_KEPT_KIB} KiB were kept", kept <= MOST_KEPT_KIB, kept)
    return complaints + check.complaints, message


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
        "/negotiation/parameter-unknown",
        "/deflate/window",
        "/deflate/not-deflate",
        "/bomb/message",
        "/connect/ok",
        "/connect/407-basic~login",
        "/connect/fin",
        "/socks/ipv6",
        "/socks/code-1",
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

    names = [case.name for case in CASES]
    report("no two cases share a name", [name for name in set(names) if names.count(name) > 1])
    missing = set(FAULTS) - {path for case in CASES for path in (case.path, getattr(case, "inner", ""))}
    report("every fault of server.py has a case", [f"no case for {path}" for path in sorted(missing)])

    standard_error = StandardError()
    directory = tempfile.TemporaryDirectory()
    authority, *certificate = make_certificates(directory.name)
    peer = Server(certificate)
    # a port that refuses, for it does not listen; and one whose backlog is full, so that a connect gets no answer
    refusing = socket.socket()
    refusing.bind(("127.0.0.1", 0))
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    in_backlog = [socket.create_connection(full.getsockname())]
    waiting = socket.socket()
    waiting.setblocking(False)
    waiting.connect_ex(full.getsockname())
    ports = {**peer.ports, "refused": refusing.getsockname()[1], "full": full.getsockname()[1], "ca": authority}
    steady_malloc()
    before = resources()
    start_kib = status_kib("VmRSS")
    forget_peak()

    run_together([case for case in cases if case.alone is None], ports, peer, report)
    grown = status_kib("VmHWM") - start_kib
    report(
        f"peak memory grew by {grown} KiB",
        [f"expected at most {MOST_GROWTH_KIB} KiB"] if grown > MOST_GROWTH_KIB else [],
    )
    for case in cases:
        if case.alone is not None:
            report(case.name, *run_alone(case, ports, peer))
    report("requests", check_requests(peer.all_records, Check()))
    report("requests to proxies", check_asked(cases, peer.all_records, Check()))
    if not prefixes:
        report("repeated sessions leave no memory behind", repeat(ports, peer, 100))

    report("ws_shutdown while a proxy is silent", check_shutdown())
    status = shutdown(HANG_S * 1000)
    report("ws_shutdown", [] if status == Status.OK else [f"returned {status.name}"])
    # the kernel lists a thread a little longer than its join takes
    deadline = time.monotonic() + HANG_S
    while (after := resources()) != before and time.monotonic() < deadline:
        time.sleep(0.01)
    report(
        "descriptors and threads after ws_shutdown", [] if after == before else [f"expected {before}", f"got {after}"]
    )
    case = next(case for case in CASES if case.path == "/handshake/hello")
    report("a session after ws_shutdown", run(case, ports, peer)[0])
    report("ws_shutdown again", [] if shutdown(HANG_S * 1000) == Status.OK else ["failed"])

    for sock in (refusing, full, waiting, *in_backlog):
        sock.close()
    peer.stop()
    directory.cleanup()
    written = standard_error.end()
    report("nothing was written to standard error", [written] if written else [])
    print(f"{passed} passed, {failed_count} failed")
    return 1 if failed_count else 0


if __name__ == "__main__":
    sys.exit(main())
