#!/usr/bin/env python3
"""Runs the numbered behaviours through the C API, against servers of this process.

    run.py [NUMBER | MODULE ...]

Each number from 1 to 105 has tests, functions called behaviour_NUMBER_..., or a line of docs/ktor-parity.md that says
why it has none. That document names them all. The library: see ktorws_ctypes.py.
"""

import concurrent.futures
import faulthandler
import importlib
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "hostile")]
from checking import HANG_MS, attempt
from ktorws_ctypes import REPOSITORY, Status, shutdown

MODULES = "opening_handshake reaching receiving sending ping_pong closing extensions robustness".split()
NUMBERS = range(1, 106)
DOCUMENT = os.path.join(REPOSITORY, "docs", "ktor-parity.md")
# Most of the time they wait.
AT_ONCE = 6
# For all of them; it takes a tenth of that.
PATIENCE_S = 100


def number_of(name):
    return int(name.split("_")[1])


def discover():
    """(module, name, function) of every test"""
    return [
        (module, name, function)
        for module in MODULES
        for name, function in vars(importlib.import_module(module)).items()
        if re.fullmatch(r"behaviour_\d{3}_\w+", name)
    ]


def rows():
    """the last cell of each row of the document's table of behaviours, by number"""
    with open(DOCUMENT, encoding="utf-8") as lines:
        cells = [re.fullmatch(r"\| (\d+) \|.*\| ([^|]+) \|\n", line) for line in lines]
    return {int(row[1]): row[2] for row in cells if row}


def compare_with_document(tests):
    """what is wrong with it, and which numbers it says are not tested"""
    documented = rows()
    complaints, elsewhere = [], []
    for number in NUMBERS:
        names = {name for _, name, _ in tests if number_of(name) == number}
        row = documented.get(number, "")
        named = set(re.findall(r"behaviour_\d{3}_\w+", row))
        if not row:
            complaints.append(f"{number} has no row")
        if names != named:
            complaints.append(f"{number}: the document names {sorted(named)}, there are {sorted(names)}")
        if not names:
            elsewhere.append(number)
            if not row.startswith("Not in this version: "):
                complaints.append(f"{number} has no test, and the document does not say why")
    return complaints, elsewhere


class Report:
    def __init__(self):
        self.passed, self.failed = set(), set()

    def __call__(self, number, name, complaint):
        if complaint:
            self.failed.add(number)
            print(f"FAILED {name}\n    " + complaint.strip().replace("\n", "\n    "), flush=True)
        else:
            self.passed.add(number)
            print(f"ok     {name}", flush=True)


def main():
    chosen = sys.argv[1:]
    all_tests = discover()
    tests = [
        (module, name, function)
        for module, name, function in all_tests
        if not chosen or module in chosen or str(number_of(name)) in chosen
    ]
    if chosen and not tests:
        sys.exit(f"no behaviour or module is called {' or '.join(chosen)}")
    report = Report()
    complaints, elsewhere = compare_with_document(all_tests)
    print("FAILED" if complaints else "ok    ", "docs/ktor-parity.md names every behaviour and its tests")
    for complaint in complaints:
        print("    " + complaint)

    faulthandler.dump_traceback_later(PATIENCE_S, exit=True)
    for _, name, function in tests:
        if getattr(function, "is_serial", False):
            report(number_of(name), name, attempt(function))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        running = {
            pool.submit(attempt, function): name
            for _, name, function in tests
            if not getattr(function, "is_serial", False)
        }
        for future in concurrent.futures.as_completed(running):
            report(number_of(running[future]), running[future], future.result())
    status = shutdown(HANG_MS)
    report(0, "ws_shutdown", "" if status == Status.OK else status.name)

    passed = report.passed - report.failed - {0}
    failed = report.failed - {0}
    print(f"behaviours: {len(passed)} passed, {len(failed)} failed, {len(elsewhere)} belong elsewhere", flush=True)
    # connections that are still held would keep an orderly exit waiting
    os._exit(1 if complaints or report.failed else 0)


if __name__ == "__main__":
    main()
