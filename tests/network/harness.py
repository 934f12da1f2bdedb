"""Runs the tests of a file here, and looks at what they leave behind: descriptors, threads, words on standard error."""

import concurrent.futures
import faulthandler
import gc
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "hostile")]
from process import StandardError, resources

# Both have a process.py and a wire.py: from now on those of the behaviours.
sys.path.insert(1, os.path.join(TESTS, "behaviours"))
from checking import HANG_MS, attempt, equal, eventually
from ktorws_ctypes import Configuration, Failure, Session, Status, lib, shutdown

# For all tests of a file; they take a tenth of that.
PATIENCE_S = 100
# Most of the time they wait.
AT_ONCE = 8


def skip(why):
    """as ctest knows it: see CMakeLists.txt"""
    print(f"SKIPPED: {why}", file=sys.stderr, flush=True)
    sys.exit(77)


def main(tests, warm_up=None, idle_threads=0):
    """`tests` are functions; `warm_up` is called before anything is counted, and starts what the library keeps;
    `idle_threads` is how many threads more its pools may keep for a while, until ws_shutdown"""
    chosen = sys.argv[1:]
    tests = [test for test in tests if not chosen or any(name in test.__name__ for name in chosen)]
    faulthandler.dump_traceback_later(PATIENCE_S, exit=True)
    standard_error = StandardError()
    before_all = resources()
    failed = 0

    def report(name, complaint):
        nonlocal failed
        if complaint:
            failed += 1
            print(f"FAILED {name}\n    " + complaint.strip().replace("\n", "\n    "), flush=True)
        else:
            print(f"ok     {name}", flush=True)

    if warm_up:
        warm_up()
    for test in tests:
        before = resources()
        complaint = attempt(test)
        complaint = complaint or attempt(lambda before=before: expect_no_more_than(before, idle_threads))
        report(test.__name__, complaint)
    report("ws_shutdown", attempt(lambda: equal("ws_shutdown", shutdown(HANG_MS), Status.OK)))
    report("nothing is left", attempt(lambda: expect_no_more_than(before_all)))
    written = standard_error.end()
    report("nothing was written to standard error", written)
    print(f"{len(tests)} tests, {failed} failed", flush=True)
    # threads of servers that wait would keep an orderly exit waiting
    os._exit(1 if failed else 0)


def expect_no_more_than(before, idle_threads=0):
    """descriptors and threads go back to what they were; a thread that was joined may be listed a moment longer"""
    descriptors, threads = before
    # what Python's servers leave behind has cycles
    gc.collect()

    def is_back():
        now_descriptors, now_threads = resources()
        return len(now_descriptors) <= len(descriptors) and now_threads <= threads + idle_threads

    try:
        eventually("", is_back)
    except AssertionError:
        raise AssertionError(f"descriptors and threads: before {before}, after {resources()}") from None


def refusal(url, configuration=None, **settings):
    """why there is no session"""
    try:
        with Session(url, configuration, **settings):
            pass
    except Failure as failure:
        return failure
    raise AssertionError(f"ws_connect to {url} succeeds")


def setting_status(name, *arguments, is_null=False):
    """what ws_config_<name> returns for a new configuration, or for NULL"""
    with Configuration() as config:
        return Status(getattr(lib, "ws_config_" + name)(None if is_null else config.handle, *arguments))


def for_each(values, check):
    """calls `check` with every value, several at a time; complains of all that fail"""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        complaints = pool.map(lambda value: attempt(lambda: check(value)), values)
    complaints = [f"{value}: {complaint}" for value, complaint in zip(values, complaints) if complaint]
    if complaints:
        raise AssertionError(
            "\n".join(complaints[:10] + ([f"and {len(complaints) - 10} more"] * (len(complaints) > 10)))
        )
