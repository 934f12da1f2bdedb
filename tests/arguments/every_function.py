"""Every function of ktorws.h with NULL, edge numbers and objects in each state: none crashes, and each status that one returns
is one that its comment names. The calls are made from the declarations, so that a new function is among them.

It runs under the echo server.
"""

import ctypes
import itertools
import os
import re
import signal
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "docs" / "reference"), str(ROOT / "tests")]

import header  # noqa: E402
from ktorws_declarations import LIBRARY  # noqa: E402

NUMBERS = {
    "int32_t": ctypes.c_int32,
    "uint16_t": ctypes.c_uint16,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
    "ws_status": ctypes.c_int32,
    "ws_phase": ctypes.c_int32,
    "ws_session_state": ctypes.c_int32,
}
# What it points to has to be there for as many bytes as the number behind it says: only 0 and too much can be tried.
BEHIND_POINTER = {"length", "size", "capacity", "count", "certificate_size", "key_size"}
# Ends the process of a call that waits.
SECONDS = 60


class Parameter:
    def __init__(self, declaration):
        match = re.fullmatch(r"(.*?)(\w+)", declaration.strip())
        self.type, self.name = match[1].strip(), match[2]
        self.number = NUMBERS.get(self.type)
        self.is_const = self.type.startswith("const ")
        # of the struct or the handle it points to
        self.target = re.sub(r"const |\*| ", "", self.type)

    @property
    def is_output(self):
        return self.number is None and ("**" in self.type or not self.is_const and self.target in NUMBERS)


class Function:
    def __init__(self, item):
        self.name, self.text, self.returns = item.name, item.text, item.returns
        inside = item.declaration[item.declaration.index("(") + 1 : item.declaration.rindex(")")]
        self.parameters = [] if inside == "void" else [Parameter(each) for each in " ".join(inside.split()).split(",")]

    def statuses(self, functions):
        """the statuses that its comment names, those of the functions that it refers to included"""
        named = set(re.findall(r"WS_ERR_\w+", self.text))
        for other in re.findall(r"(?:what|as|status of) (ws_\w+)", self.text):
            # The error that ended a session is what receiving returns behind the last message.
            other = "ws_recv" if other == "ws_session_error" else other
            if other in functions and other != self.name:
                named |= functions[other].statuses(functions)
        return named

    def call(self, library, arguments):
        function = getattr(library, self.name)
        function.restype = None if self.returns == "void" else NUMBERS.get(self.returns, ctypes.c_void_p)
        function.argtypes = [parameter.number or ctypes.c_void_p for parameter in self.parameters]
        return function(*arguments)


class Objects:
    """Makes what the parameters point to. Each is made anew for each call: a function may free it."""

    def __init__(self, library, url):
        self.library, self.url = library, url
        for name in ("ws_config_new", "ws_cookie_jar_new", "ws_group_new"):
            getattr(library, name).restype = ctypes.c_void_p
        library.ws_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]

    def session(self, state):
        session = ctypes.c_void_p()
        assert self.library.ws_connect(self.url.encode(), None, ctypes.byref(session), None) == 0
        if state == "closed":
            assert self.library.ws_abort(session) == 0
        return session

    def error(self):
        session, error = ctypes.c_void_p(), ctypes.c_void_p()
        self.library.ws_connect(b"gopher://localhost/", None, ctypes.byref(session), ctypes.byref(error))
        assert error
        return error

    def frame(self):
        session, frame = self.session("open"), ctypes.c_void_p()
        assert self.library.ws_send_text(session, b"a", ctypes.c_size_t(1)) == 0
        assert self.library.ws_recv(session, ctypes.byref(frame), ctypes.c_int64(-1)) == 0
        return frame

    def argument(self, parameter, state):
        """something that the function can take"""
        makers = {
            "ws_config": self.library.ws_config_new,
            "ws_cookie_jar": self.library.ws_cookie_jar_new,
            "ws_group": self.library.ws_group_new,
            "ws_session": lambda: self.session(state),
            "ws_error": self.error,
            "ws_frame": self.frame,
        }
        if parameter.number:
            return 0
        if parameter.is_output:
            return ctypes.create_string_buffer(b"\xff" * 64, 64)
        if parameter.target in makers:
            return makers[parameter.target]()
        if parameter.target in ("char", "void", "uint8_t"):
            return ctypes.create_string_buffer(b"a\0" + 62 * b"\0", 64)
        # A struct of the application's, whose struct_size is 0 and whose pointers are NULL.
        return ctypes.create_string_buffer(256)


def edges(function, parameter):
    kind, bits = parameter.number, 8 * ctypes.sizeof(parameter.number)
    largest = 2**bits - 1 if kind(-1).value > 0 else 2 ** (bits - 1) - 1
    if parameter.name in BEHIND_POINTER and "*" in "".join(other.type for other in function.parameters[1:]):
        return [0] if parameter.name in ("count", "capacity") else [0, largest, largest - 1]
    if parameter.name == "timeout_ms" and not function.name.startswith(("ws_config_", "ws_set_")):
        return [0, 1]
    return [0, 1, largest, largest // 2, kind(-1).value, kind(-(2 ** (bits - 1))).value]


def cases(function):
    """(which parameters are NULL, the state of sessions, the numbers)"""
    pointers = [index for index, parameter in enumerate(function.parameters) if not parameter.number]
    numbers = [index for index, parameter in enumerate(function.parameters) if parameter.number]
    zeros = dict.fromkeys(numbers, 0)
    states = ["open", "closed"] if any(p.target == "ws_session" for p in function.parameters) else ["open"]
    yield set(pointers), "open", zeros
    for state in states:
        for index in pointers:
            yield {index}, state, zeros
        choices = [edges(function, function.parameters[index]) for index in numbers]
        for values in itertools.product(*choices) if len(numbers) < 3 else zip(*choices):
            yield set(), state, dict(zip(numbers, values))


def opaque_only(function):
    """objects that only callbacks are given: without one, NULL is all there is"""
    return any(p.target in ("ws_auth", "ws_attempt", "ws_sink") and "**" not in p.type for p in function.parameters)


def check(function, statuses, library, objects, missing, state, numbers):
    arguments = []
    for index, parameter in enumerate(function.parameters):
        is_callback = not parameter.number and "*" not in parameter.type
        if index in missing or is_callback:
            arguments.append(None)
        else:
            arguments.append(numbers.get(index, 0) if parameter.number else objects.argument(parameter, state))
    found = function.call(library, arguments)
    if 0 in missing and function.returns.endswith("*") and "char" not in function.returns:
        assert not found, f"{function.name}(NULL) returns a pointer"
    if function.returns != "ws_status" or function.name == "ws_error_status":
        return
    library.ws_status_name.restype = ctypes.c_char_p
    status = library.ws_status_name(found).decode()
    given = ("NULL" if index in missing else str(numbers.get(index, "…")) for index in range(len(arguments)))
    call = f"{function.name}({', '.join(given)}), sessions {state}: {status}"
    assert found == 0 or status in statuses, f"{call}, which the comment does not name"
    assert found != 0 or 0 not in missing, call
    for parameter, argument in zip(function.parameters, arguments):
        if found != 0 and argument and "**" in parameter.type and parameter.name != "frames":
            written = argument.raw[:8]
            # A failure is an object.
            assert written == bytes(8) or parameter.name == "error" and written != b"\xff" * 8, f"{call}, {parameter.name}"


def run(function, statuses, library, objects):
    for missing, state, numbers in cases(function):
        if opaque_only(function) and 0 not in missing:
            continue
        check(function, statuses, library, objects, missing, state, numbers)


def main():
    url = os.environ["ECHO_WS_URL"]
    library = ctypes.CDLL(LIBRARY)
    items = header.read(ROOT / "include" / "ktorws.h").items.values()
    functions = {item.name: Function(item) for item in items if item.kind == "function"}
    failed = []
    # A setter may create the file it is given.
    directory = tempfile.TemporaryDirectory()
    os.chdir(directory.name)
    for function in functions.values():
        # The process is forked before it uses the library: each function meets it as new.
        child = os.fork()
        if child == 0:
            signal.alarm(SECONDS)
            code = 1
            try:
                run(function, function.statuses(functions), library, Objects(library, url))
                code = 0
            except AssertionError as error:
                print(error, flush=True)
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if status != 0:
            print(f"{function.name}: {os.waitstatus_to_exitcode(status)}", flush=True)
            failed.append(function.name)
    directory.cleanup()
    print(f"{len(functions)} functions, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
