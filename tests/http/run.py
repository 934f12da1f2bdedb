#!/usr/bin/env python3
"""Runs tests of HTTP around the handshake through the C API, against servers of this process.

    run.py MODULE [WORD ...]

Tests are the functions of the module that are called test_...; with words, those whose names hold one of them. The
library: see ktorws_ctypes.py.
"""

import faulthandler
import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "behaviours"), os.path.join(TESTS, "hostile")]
from checking import HANG_MS, HANG_S, attempt
from ktorws_ctypes import Status, shutdown


def watched(test):
    """the complaint, unless it hangs"""
    faulthandler.dump_traceback_later(3 * HANG_S, exit=True)
    try:
        return attempt(test)
    finally:
        faulthandler.cancel_dump_traceback_later()


def main():
    module, *words = sys.argv[1:]
    tests = {
        name: function
        for name, function in vars(importlib.import_module(module)).items()
        if name.startswith("test_") and (not words or any(word in name for word in words))
    }
    if not tests:
        sys.exit(f"no test of {module} is called so")
    failed = 0
    for name, test in tests.items():
        complaint = watched(test)
        failed += complaint != ""
        print(("FAILED " if complaint else "ok     ") + name, flush=True)
        if complaint:
            print("    " + complaint.strip().replace("\n", "\n    "), flush=True)
    status = shutdown(HANG_MS)
    if status != Status.OK:
        print(f"FAILED ws_shutdown: {status.name}")
        failed += 1
    print(f"{module}: {len(tests)} tests, {failed} failed", flush=True)
    # connections that are still held would keep an orderly exit waiting
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()
