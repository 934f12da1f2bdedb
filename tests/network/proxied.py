"""Sessions through fault_proxy.py."""

import contextlib
import itertools
import json
import os
import queue
import subprocess
import sys
import threading

from checking import HANG_S


HERE = os.path.dirname(os.path.abspath(__file__))


def start(*script):
    """a process of Python that ends when its standard input does"""
    command = [sys.executable, "-B", os.path.join(HERE, *script)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def stop(process):
    with contextlib.suppress(OSError):
        process.stdin.close()
    process.wait()
    process.stdout.close()


@contextlib.contextmanager
def python_echo():
    """the port of another echo server, Python websockets"""
    process = start("..", "interop", "python_echo.py")
    try:
        yield int(process.stdout.readline().removeprefix("PORT "))
    finally:
        stop(process)


class FaultProxy:
    """The proxy's process."""

    def __init__(self):
        self.process = start("fault_proxy.py")
        self.numbers = itertools.count()
        self.answers = {}
        self.writing = threading.Lock()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            self.answers[answer["id"]].put(answer)

    def tell(self, **command):
        with self.writing:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()

    def connection(self, server_port, up=None, down=None):
        number = next(self.numbers)
        answers = self.answers[number] = queue.Queue()
        self.tell(id=number, listen=server_port, up=up or {}, down=down or {})
        return Faulty(self, number, answers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self.process)


class Faulty:
    """One connection through it, still to be made to `port`."""

    def __init__(self, proxy, number, answers):
        self.proxy, self.number, self.answers = proxy, number, answers
        self.port = self.answer("port")

    def answer(self, key):
        try:
            answer = self.answers.get(timeout=HANG_S)
        except queue.Empty:
            raise AssertionError(f"the proxy has no answer {key}") from None
        if key not in answer:
            raise AssertionError(f"the proxy answers {answer}, expected {key}")
        return answer[key] if key != "ended" else answer

    def expect_reached(self, fault):
        """the fault has taken place; everything before it was passed on"""
        reached = self.answer("reached")
        if reached != fault:
            raise AssertionError(f"the proxy has come to {reached}, expected {fault}")

    def arm(self, direction, after, action):
        """a fault when so many more bytes have passed; none is under way"""
        self.proxy.tell(id=self.number, arm=direction, after=after, action=action)
        self.answer("armed")

    def release(self, direction):
        self.proxy.tell(id=self.number, release=direction)

    def end(self):
        """how it ended, and what passed: see fault_proxy.py"""
        while "ended" not in (answer := self.answers.get(timeout=HANG_S)):
            pass
        return answer
