#!/usr/bin/env python3
"""Runs libktorws against servers with good, bad and odd certificates, and through everything that can be set of TLS.

    driver.py [-v] [--directory DIRECTORY] [NAME-PREFIX ...]

The certificates are made anew in DIRECTORY, by default one that is removed at the end. -v prints every case with the
message that the library gave. The library: see ktorws_ctypes.py.
"""

import argparse
import concurrent.futures
import os
import socket
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "hostile"), os.path.join(TESTS, "behaviours")]
import lab_client
from ktorws_ctypes import Status, shutdown
from lab import Lab
from lab_cases import CASES
from lab_server import HANG_S
from process import StandardError, resources
from settings_cases import SETTINGS

# Most of the time they wait.
AT_ONCE = 4


def outcome(run, *arguments):
    """the complaints, and the message that the library gave"""
    try:
        return run(*arguments)
    except AssertionError as error:
        return [str(error)], ""
    except Exception:
        return [traceback.format_exc()], ""


class Report:
    def __init__(self, verbose):
        self.verbose, self.passed, self.failed = verbose, 0, 0

    def __call__(self, name, complaints, message=""):
        if complaints:
            self.failed += 1
            print(f"FAILED {name}")
            for complaint in complaints:
                print("    " + complaint.strip().replace("\n", "\n    "))
            if message:
                print(f"    message: {message}")
        else:
            self.passed += 1
            if self.verbose:
                print(f"ok     {name}" + (f"\n       {message}" if message else ""))
        sys.stdout.flush()


def run_all(cases, report):
    """cases: (name, function, argument ...)"""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        running = [(name, pool.submit(outcome, *call)) for name, *call in cases]
        for name, future in running:
            try:
                report(name, *future.result(HANG_S * 10))
            except concurrent.futures.TimeoutError:
                print(f"FAILED {name}\n    hangs", flush=True)
                os._exit(1)


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        print("SKIPPED ipv6: no IPv6", flush=True)
        return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-v", action="store_true", dest="verbose")
    parser.add_argument("--directory")
    parser.add_argument("prefixes", nargs="*")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        return run_in(arguments.directory or temporary, arguments.prefixes, Report(arguments.verbose))


def run_in(directory, prefixes, report):
    # So that the mode of a key log says something.
    os.umask(0o022)
    lab = Lab(directory)
    # Secrets that a variable asks for are the host's business, not that of a library.
    unasked = os.environ["SSLKEYLOGFILE"] = lab.fresh("unasked.keys")
    names = [case.name for case in CASES] + [name for name, _ in SETTINGS]
    report("no two cases share a name", [name for name in set(names) if names.count(name) > 1])
    ipv6 = has_ipv6()
    cases = [(case.name, lab_client.run, case, lab) for case in CASES if ipv6 or "[" not in case.host]
    cases += [(*setting, lab) for setting in SETTINGS]
    cases = [case for case in cases if not prefixes or any(case[0].startswith(prefix) for prefix in prefixes)]

    standard_error = StandardError()
    before = resources()
    run_all(cases, report)
    status = shutdown(HANG_S * 1000)
    report("ws_shutdown", [] if status == Status.OK else [f"returned {status.name}"])
    # the kernel lists a thread a little longer than its join takes
    deadline = time.monotonic() + HANG_S
    while (after := resources()) != before and time.monotonic() < deadline:
        time.sleep(0.01)
    report("descriptors and threads at the end", [] if after == before else [f"expected {before}", f"got {after}"])
    report("no key log by the environment", [f"there is {unasked}"] if os.path.exists(unasked) else [])
    written = standard_error.end()
    report("nothing was written to standard error", [written] if written else [])
    print(f"tls lab: {report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
