"""The manual page, --help and the README beside the command say what it does."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading

from checking import HANG_S, equal, true
from python_server import python_server
from tool import PROGRAM, clean_environment, directory, has, run
from websockets.protocol import State

TOOL = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "tool")
PAGE = os.path.join(TOOL, "ktorws.1")


def read(name):
    with open(os.path.join(TOOL, name), encoding="utf-8") as f:
        return f.read()


def options_of_the_program():
    return set(re.findall(r'^    \{"([a-z-]+)", (?:no|required|optional)_argument', read("options.c"), re.M))


def test_help_knows_every_option():
    text = run("--help").out.decode()
    equal("long options", set(re.findall(r"--([a-z][a-z-]+)", text)), options_of_the_program())
    true("it is as wide as a terminal", max(map(len, text.splitlines())) <= 90)
    equal("-h", run("-h").out.decode(), text)


def test_version():
    true("version", re.fullmatch(rb"ktorws [\d.]+ \(libktorws [\d.]+\)\n", run("--version").out))
    equal("-V", run("-V").out, run("--version").out)


def test_the_page_knows_every_option():
    entries = re.findall(r"^\.It (Fl .*)$", read("ktorws.1"), re.M)
    equal("long options", {name for entry in entries for name in re.findall(r"Fl Fl ([a-z-]+)", entry)}, options_of_the_program())
    short = {name for entry in entries for name in re.findall(r"(?<!Fl )Fl (\w)(?!\w)", entry)}
    letters = re.search(r'getopt_long\(argc, argv, "([^"]+)"', read("options.c")).group(1)
    equal("short options", short, set(letters.replace(":", "")))


def test_the_page_knows_every_exit_status():
    text = read("ktorws.1")
    section = text[text.index(".Sh EXIT STATUS") : text.index(".Sh EXAMPLES")]
    codes = re.findall(r"^    ENDED_\w+ = (\d+),$", read("exit_status.h"), re.M)
    equal("statuses", re.findall(r"^\.It (\d+)$", section, re.M), codes)


def test_the_page_is_well_formed():
    if shutil.which("mandoc"):
        # lines of the source may be as long as everywhere here, and manuals of others need not be installed
        done = subprocess.run(["mandoc", "-Tlint", "-Wstyle", PAGE], capture_output=True, text=True)
        allowed = ("input text line longer than 80 bytes", "referenced manual not found", "outdated mandoc.db")
        equal("complaints", [line for line in done.stdout.splitlines() if not any(part in line for part in allowed)], [])
    if shutil.which("groff"):
        done = subprocess.run(["groff", "-mdoc", "-ww", "-z", "-Tutf8", PAGE], capture_output=True, text=True)
        equal("complaints", done.stderr, "")


def examples():
    """those of the page, and of the README"""
    lines = re.findall(r"^\.Dl (ktorws.*)$", read("ktorws.1"), re.M)
    lines = [line.replace(r"\(aq", "'").replace(r"\(dq", '"') for line in lines]
    for block in re.findall(r"```sh\n(.*?)```", read("README.md"), re.S):
        lines += [line for line in block.splitlines() if "ktorws " in line]
    return lines


def command_of(session):
    """the process of the command that a shell with a session of its own has started"""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", encoding="ascii") as f:
            command, fields = re.fullmatch(r"\d+ \((.*)\) (.*)\n", f.read()).groups()
            if command == "ktorws" and int(fields.split()[3]) == session:
                return int(name)
    raise AssertionError("the command does not run")


def test_every_example_works():
    """Against a server that greets, tells its time, and echoes; one that goes on is interrupted behind the greeting."""
    greeted = []

    def serve(ws):
        of_this_example = greeted[-1]
        ws.send("welcome")
        # once it is answered an interrupt does not find the command connecting; one that closes at once does not answer
        answered = ws.ping()
        while not answered.wait(0.01) and ws.state is State.OPEN:
            pass
        of_this_example.set()
        for message in ws:
            ws.send(message)

    with python_server(serve) as url, directory() as path:
        os.symlink(PROGRAM, os.path.join(path, "ktorws"))
        for name in ("picture.png", "data.bin", "lines.txt"):
            with open(os.path.join(path, name), "wb") as f:
                f.write(b"one\ntwo\n")
        with open(os.path.join(path, "token"), "w", encoding="ascii") as f:
            f.write("abc\n")
        environment = clean_environment(PATH=f"{path}:{os.environ['PATH']}")
        found = examples()
        true("there are examples", len(found) >= 8, found)
        for line in found:
            if "| jq" in line and not shutil.which("jq"):
                continue
            greeted.append(threading.Event())
            process = subprocess.Popen(
                ["bash", "-c", re.sub(r"wss://example\.org", url, line)],
                cwd=path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            if "-N" in line:
                true("it is connected", greeted[-1].wait(HANG_S))
                os.kill(command_of(process.pid), signal.SIGINT)
            out, err = process.communicate(timeout=HANG_S)
            if process.returncode != 0:
                raise AssertionError(f"{line}: {process.returncode}\n{err}{out}")
        with open(os.path.join(path, "feed.log"), encoding="ascii") as f:
            has("feed.log", f.read(), "welcome")
