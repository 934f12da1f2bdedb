"""What the behaviours are checked with: comparisons, calls on other threads, waiting."""

import concurrent.futures
import os
import threading
import time
import traceback

# A wait that lasts this long means a hang; nothing here takes a fifth of it.
HANG_S = 60
HANG_MS = HANG_S * 1000


def brief(value):
    text = getattr(value, "name", None) or repr(value)
    return text if len(text) < 160 else text[:120] + f"... ({len(text)} characters)"


def equal(what, got, expected):
    if got != expected:
        raise AssertionError(f"{what}: expected {brief(expected)}, got {brief(got)}")


def among(what, got, expected):
    if got not in expected:
        raise AssertionError(f"{what}: expected {' or '.join(brief(e) for e in expected)}, got {brief(got)}")


def true(what, holds, got=""):
    if not holds:
        raise AssertionError(f"{what}{': ' + brief(got) if got != '' else ''}")


# recvfrom, poll and ppoll on x86-64
WAITS_FOR_BYTES = (45, 7, 271)


def system_call(thread_id):
    """the number of the one that a thread of this process is in, None if it is in none"""
    with open(f"/proc/self/task/{thread_id}/syscall", encoding="ascii") as f:
        word = f.read().split()[0]
    return int(word) if word.isdigit() else None


class Background:
    """A call on a thread of its own."""

    def __init__(self, run, *arguments, **named):
        self.future = concurrent.futures.Future()

        def call():
            try:
                self.future.set_result(run(*arguments, **named))
            except BaseException as error:
                self.future.set_exception(error)

        self.thread = threading.Thread(target=call, daemon=True)
        self.thread.start()

    def wait_until_it_receives(self):
        """returns once the thread sleeps in the kernel, waiting for bytes"""
        eventually("the thread waits for bytes", lambda: system_call(self.thread.native_id) in WAITS_FOR_BYTES)

    def result(self):
        try:
            return self.future.result(HANG_S)
        except concurrent.futures.TimeoutError:
            raise AssertionError("a call on another thread does not return") from None

    @property
    def is_done(self):
        return self.future.done()


def eventually(what, holds):
    """waits for what nothing tells of"""
    limit = time.monotonic() + HANG_S
    while not holds():
        if time.monotonic() > limit:
            raise AssertionError(f"{what}: it does not happen")
        time.sleep(0.001)


def serial(run):
    """a behaviour that counts what the process has: it runs while no other does"""
    run.is_serial = True
    return run


def attempt(function):
    """the complaint of a test, empty if there is none"""
    try:
        function()
    except AssertionError as error:
        where = traceback.extract_tb(error.__traceback__)
        lines = [f"{os.path.basename(at.filename)}:{at.lineno}" for at in where[1:]]
        return f"{error}\n(at {' > '.join(lines)})"
    except Exception:
        return traceback.format_exc()
    return ""
