"""Signals, fork, the end of the interpreter: what needs a process of its own."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from conftest import PATIENCE_S, echo, serving, until_gone, wants
from ktorws.sync import connect

# Each does something that does not end, and says READY before; then the session is used again.
WAITING = {
    "recv": "ws.recv()",
    "recv with a timeout": "ws.recv(timeout=1000)",
    "iterating": "list(ws)",
    "ping behind a thread that receives": """
        threading.Thread(target=lambda: received.append(ws.recv()), daemon=True).start()
        while True:
            ws.ping()
    """,
}


def sleeping(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def interrupt(program, *arguments):
    """Runs it, sends SIGINT when it is ready, and returns what it printed."""
    # Who starts the tests in the background may have had it ignored.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n" + program
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout.readline() == "READY\n"
    while sleeping(process.pid) != "S":
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, printed
    return printed


@pytest.mark.parametrize("what", WAITING)
def test_ctrl_c_leaves_the_session_usable(url, what):
    action = WAITING[what].strip("\n")
    if "\n" not in action:
        action = " " * 8 + action
    program = f"""
import sys, threading
from ktorws.sync import connect
received = []
with connect(sys.argv[1]) as ws:
    try:
        print("READY", flush=True)
{action}
    except KeyboardInterrupt:
        print("interrupted")
    ws.send("still here")
    print(received[0] if received else ws.recv() if threading.active_count() == 1 else "still here")
"""
    assert interrupt(program, url) == "interrupted\nstill here\n"


def test_ctrl_c_while_sending(script):
    program = """
import sys
from ktorws.sync import connect
ws = connect(sys.argv[1], close_timeout=0.05)
try:
    print("READY", flush=True)
    while True:
        ws.send(bytes(1 << 20))
except KeyboardInterrupt:
    print("interrupted", ws.state.name)
"""
    stop = threading.Event()
    assert interrupt(program, script(lambda _peer: stop.wait())) == "interrupted OPEN\n"
    stop.set()


def test_ctrl_c_while_opening_and_closing(script):
    program = """
import sys
from ktorws.sync import connect
try:
    print("READY", flush=True)
    with connect(sys.argv[1], open_timeout=None, close_timeout=None):
        pass
except KeyboardInterrupt:
    print("interrupted")
"""
    for shakes_hands in (False, True):
        assert interrupt(program, script(until_gone, shakes_hands=shakes_hands)) == "interrupted\n"


def test_a_signal_handler_runs_at_once_and_waiting_goes_on(url):
    program = """
import signal, sys
from ktorws.sync import connect
with connect(sys.argv[1]) as ws:
    signal.signal(signal.SIGINT, lambda *_: ws.send("from the handler"))
    print("READY", flush=True)
    print(ws.recv())
"""
    assert interrupt(program, url) == "from the handler\n"


def test_ctrl_c_in_asyncio(url):
    program = """
import asyncio, sys
from ktorws.asyncio import connect
async def main():
    async with connect(sys.argv[1]) as ws:
        try:
            print("READY", flush=True)
            await ws.recv()
        except asyncio.CancelledError:
            await ws.send("cleaned up")
            print(await ws.recv())
            raise
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
"""
    assert interrupt(program, url) == "cleaned up\ninterrupted\n"


def test_fork(url):
    with connect(url) as ws:
        ws.send("before")
        child = os.fork()
        if child == 0:
            outcome = 1
            try:
                for use in (lambda: ws.send("x"), ws.recv, ws.ping):
                    try:
                        use()
                    except RuntimeError:
                        continue
                    os._exit(2)
                with connect(url) as other:
                    other.send("mine")
                    outcome = 0 if other.recv() == "mine" else 3
                del ws
            finally:
                os._exit(outcome)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert ws.recv() == "before"
        ws.send("after")
        assert ws.recv() == "after"


def run(program, *arguments):
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program, *arguments], capture_output=True, text=True, timeout=PATIENCE_S
    )
    return done.returncode, done.stdout, done.stderr


def test_a_subinterpreter_is_refused_and_the_first_interpreter_goes_on():
    program = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
import ktorws
from ktorws.sync import connect
code = '''
try:
    import ktorws
except ImportError as error:
    assert "subinterpreter" in str(error), error
else:
    raise SystemError("imported")
'''
for _ in range(2):
    failure = interpreters.run_string(interpreters.create(), code)
    assert failure is None, failure
try:
    connect("nowhere")
except ktorws.InvalidURI:
    print("end")
"""
    assert run(program)[:2] == (0, "end\n")


def test_importing_anew_keeps_what_is_there(url):
    program = """
import sys
from ktorws.sync import connect
with connect(sys.argv[1]) as ws:
    for name in [name for name in sys.modules if name.startswith("ktorws")]:
        del sys.modules[name]
    from ktorws.sync import connect as another
    ws.send("x")
    with another(sys.argv[1]) as other:
        other.send("y")
        print(ws.recv(), other.recv())
"""
    assert run(program, url) == (0, "x y\n", "")


def test_the_interpreter_ends_with_sessions_and_threads(url):
    program = """
import sys, threading
from ktorws.sync import connect
ws = connect(sys.argv[1])
other = connect(sys.argv[1])
threading.Thread(target=other.recv, daemon=True).start()
print("end")
"""
    assert run(program, url) == (0, "end\n", "")


def test_the_interpreter_ends_while_the_library_calls_it(script):
    program = """
import sys
import ktorws
from ktorws.sync import connect
never = ktorws.Reconnect(first_delay=0.001, max_delay=0.001, decide=lambda *_: 0.001)
sessions = [connect(sys.argv[1], reconnect=never) for _ in range(8)]
print("end")
"""
    assert run(program, script(lambda peer: None)) == (0, "end\n", "")


def test_functions_of_closed_sessions_are_let_go():
    import gc
    import weakref

    class Answer:
        def __call__(self, challenge):
            return "Bearer token"

    with serving(echo, wants("Bearer token")) as server:
        answer = Answer()
        with connect(server.url, auth=answer) as ws:
            pass
        gone = weakref.ref(answer)
        del answer, ws
        # A thread of the library may be the last to have it.
        while gone() is not None:
            gc.collect()
