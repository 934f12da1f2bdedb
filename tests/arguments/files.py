"""Every function of ktorws.h that takes a file, a directory or PEM text, and every variable of the environment that names one,
with each kind of file: a refusal says which file it is and why, sticks to the configuration, and costs no time, memory or
descriptor.
"""

import contextlib
import ctypes
import os
import re
import resource
import signal
import socket
import sys
import tempfile
from ctypes import byref, c_void_p
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "docs" / "reference"), str(ROOT / "tests")]

import header  # noqa: E402
from every_function import SECONDS, Function  # noqa: E402
from file_kinds import Files  # noqa: E402
from file_table import ACCEPTED, ENVIRONMENT, SETTERS, Used  # noqa: E402
from ktorws_declarations import Status, lib  # noqa: E402

# A file that is read before it is refused takes 64 MiB.
MOST_MEMORY = 32 << 20
# A leak of a small object or of a descriptor adds up.
REPEATS = 20
NOBODY = 65534
PR_SET_DUMPABLE = 4
IN_OPEN = 0x20
URL = b"ws://127.0.0.1:1/"
libc = ctypes.CDLL(None, use_errno=True)


def parameters_of_files():
    """those of the header, by the words in the names of the functions and of the parameters"""
    found = set()
    for item in header.read(ROOT / "include" / "ktorws.h").items.values():
        if item.kind != "function":
            continue
        function = Function(item)
        for parameter in function.parameters:
            names_file = re.search(r"(^|_)(path|file|dir|directory|pem)(_|$)", parameter.name)
            if parameter.type == "const char *" and (
                names_file or re.search(r"_(file|dir|path|pem|unix_socket)(_|$)", function.name)
            ):
                found.add((function.name, parameter.name))
    return found


def variables_of_files():
    names = set()
    for source in (ROOT / "src").rglob("*.rs"):
        names.update(re.findall(r'"([A-Z_]*(?:CERT|FILE|DIR|PATH)[A-Z_]*)"', source.read_text(encoding="utf-8")))
    return {name for name in names if not name.startswith("WS_")}


def become_nobody():
    """Permissions do not hold root back."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        # else /proc/self is still root's
        libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def peak_memory():
    with open("/proc/self/status", encoding="utf-8") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) << 10


def descriptors():
    names = os.listdir("/proc/self/fd")
    # The one of the listing itself is gone.
    return {name: os.readlink(f"/proc/self/fd/{name}") for name in names if os.path.lexists(f"/proc/self/fd/{name}")}


@contextlib.contextmanager
def unopened(path):
    """Opening a pipe would wake the process at its other end."""
    watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert libc.inotify_add_watch(watch, path, IN_OPEN) >= 0, os.strerror(ctypes.get_errno())
    try:
        yield
        with contextlib.suppress(BlockingIOError):
            os.read(watch, 4096)
            raise AssertionError("the pipe was opened")
    finally:
        os.close(watch)


def message_of(error):
    return lib.ws_error_message(error).decode()


def connect(config, url=URL):
    """(status, message)"""
    session, error = c_void_p(), c_void_p()
    status = Status(lib.ws_connect(url, config, byref(session), byref(error)))
    assert not session, "there is a session"
    message = message_of(error)
    lib.ws_error_free(error)
    return status, message


def says(message, names, reason):
    assert re.search(reason, message), f"the message does not say {reason!r}: {message}"
    for name in names:
        shown = '"' + "".join(chr(byte) if byte < 0x80 else f"\\x{byte:02x}" for byte in name) + '"'
        assert shown in message, f"the message does not name {shown}: {message[:300]}"


def check_setter(setter, row, kind, path, files, expected):
    names = [] if row.is_text else [path]
    for _ in range(2 if kind == "huge" else REPEATS):
        config = lib.ws_config_new()
        status = Status(row.call(config, path, files))
        refused = lib.ws_config_error(config)
        if expected is ACCEPTED or isinstance(expected, Used):
            assert status == Status.OK, f"{status.name}: {message_of(refused)}"
            assert not refused
            if expected is not ACCEPTED:
                status, message = connect(config)
                assert status == expected.status, f"ws_connect: {status.name}, {message}"
                says(message, names, expected.reason)
        else:
            assert status == Status.INVALID_ARGUMENT, f"{status.name}, not refused"
            message = message_of(refused)
            says(message, names, expected)
            assert message.startswith(setter + ": "), message
            check_sticks(config, row, files, message)
        lib.ws_config_free(config)
    if row.after:
        row.after(kind, path, files)


def check_sticks(config, row, files, message):
    """also behind a value that is taken, and in a copy"""
    assert row.call(config, row.good(files), files) == Status.OK
    copy = lib.ws_config_clone(config)
    for each in (config, copy):
        assert message_of(lib.ws_config_error(each)) == message
        assert connect(each) == (Status.INVALID_ARGUMENT, message), connect(each)
        session = c_void_p(1)
        assert lib.ws_connect_async(URL, each, byref(session)) == Status.INVALID_ARGUMENT
        assert not session
    lib.ws_config_free(copy)


def check_variable(name, row, kind, path, files, expected):
    # Connections are accepted by the kernel, and nobody reads from them.
    with socket.create_server(("127.0.0.1", 0), backlog=4 * REPEATS) as server:
        url = f"wss://127.0.0.1:{server.getsockname()[1]}/".encode()
        os.environb[name.encode()] = path
        for _ in range(REPEATS):
            status, message = connect(None, url)
            assert status == Status.TLS, f"{status.name}: {message}"
            # These paths are bytes, and Rust shows them in its own way.
            says(message, [] if kind == "not UTF-8" else [path], expected)
        del os.environ[name]


def in_child(work, as_nobody):
    """the exit status of the process that works"""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(SECONDS)
            # A fault in here must not fill the disk.
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if as_nobody:
                become_nobody()
            connect(None)
            lib.ws_shutdown(-1)
            before = descriptors()
            # From here on the peak counts.
            with open("/proc/self/clear_refs", "w", encoding="utf-8") as file:
                file.write("5")
            memory = peak_memory()
            work()
            grown = peak_memory() - memory
            assert grown < MOST_MEMORY, f"it took {grown >> 20} MiB"
            lib.ws_shutdown(-1)
            assert descriptors() == before, f"descriptors: {before} before, {descriptors()} after"
            code = 0
        except AssertionError as error:
            print("   ", error, flush=True)
        except BaseException as error:
            print("   ", repr(error), flush=True)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def cases():
    """(name, row, how it is checked, kind, what is expected)"""
    for table, check in ((SETTERS, check_setter), (ENVIRONMENT, check_variable)):
        for key, row in table.items():
            name = key if isinstance(key, str) else "/".join(key)
            for kind, expected in row.expected.items():
                yield name, row, check, kind, expected


def run_case(place, name, row, check, kind, expected):
    """the exit status of its process"""
    with Files(place) as files:
        # The files are there before the child gives up its rights, and it writes further ones.
        path = row.make(kind, files)
        if kind == "unreadable":
            os.chmod(place, 0o777)

        def work():
            with unopened(path) if kind.startswith("FIFO") else contextlib.nullcontext():
                check(name.split("/")[0], row, kind, path, files, expected)

        return in_child(work, kind == "unreadable")


def main(only):
    missing = parameters_of_files() ^ set(SETTERS)
    assert not missing, f"the header and the table differ: {missing}"
    missing = variables_of_files() ^ set(ENVIRONMENT)
    assert not missing, f"the sources and the table differ: {missing}"
    lib.ws_config_clone.restype, lib.ws_config_clone.argtypes = c_void_p, (c_void_p,)
    count, failed = 0, 0
    for name in ENVIRONMENT:
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as directory:
        # for nobody
        os.chmod(directory, 0o755)
        for name, row, check, kind, expected in cases():
            if only not in f"{name}/{kind}":
                continue
            count += 1
            code = run_case(os.path.join(directory, str(count)).encode(), name, row, check, kind, expected)
            if code != 0:
                failed += 1
                print(f"{name}, {kind}: {code}", flush=True)
    print(f"{count} cases, {failed} failed")
    return 1 if failed or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
