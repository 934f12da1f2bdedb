"""Builds the server, our own clients and, when they are wanted, the peers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import messages

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "target/bench"
SERVER = OUTPUT / "server/release/bench_server"
SPINNER = OUTPUT / "spinner"
OWN = OUTPUT / "ktorws"
OTHER = OUTPUT / "other"
LIBRARY = "libktorws.so.0"
TEST_ENV = ROOT / "target/test-env"

TEXT_SIZES = (4096, 65536)

# What is there when tests/setup.sh has installed what these peers need.
SCRIPTS = {
    "python-websockets": TEST_ENV / "venv/requirements.txt",
    "node-ws": TEST_ENV / "node/installed.json",
}

C_FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow"]


def run(*command, **environment):
    result = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment})
    if result.returncode != 0:
        sys.exit(f"bench: failed: {' '.join(map(str, command))}")


def succeeds(*command):
    return subprocess.run(command, cwd=ROOT, stdout=sys.stderr).returncode == 0


def compile_c(program, *sources, flags=()):
    run("gcc", *C_FLAGS, *(f"benches/c/{source}" for source in sources), "-o", program, "-pthread", *flags)


def texts_file(size):
    return OUTPUT / f"texts-{size}.txt"


def build_own():
    """Everything but the peers; returns the programs that are clients, as commands."""
    library = ROOT / "target/release/libktorws.so"
    if not library.exists():
        sys.exit("bench: there is no target/release/libktorws.so: make build")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    shutil.copy(library, OUTPUT / LIBRARY)
    link = OUTPUT / "libktorws.so"
    link.unlink(missing_ok=True)
    link.symlink_to(LIBRARY)

    # For this machine: the server is to be fast, and goes nowhere else.
    manifest = ["--locked", "--manifest-path", "benches/server/Cargo.toml"]
    flags = {"CARGO_TARGET_DIR": str(OUTPUT / "server"), "RUSTFLAGS": "-C target-cpu=native"}
    run("cargo", "build", "--quiet", "--release", *manifest, **flags)
    compile_c(SPINNER, "spinner.c")
    shared = ["bench.c", "many.c", "process.c", "texts.c", "works.c"]
    compile_c(OUTPUT / "raw", "raw.c", "floor.c", *shared)
    compile_c(OUTPUT / "raw_epoll", "raw_epoll.c", "floor.c", *shared)
    # A function that another build of the library lacks is missed when it is called, not before.
    linked = ["-Iinclude", f"-L{OUTPUT}", "-lktorws", "-Wl,-rpath,$ORIGIN,-z,lazy"]
    own = ["ktorws.c", "ktorws_callback.c", "ktorws_event_fd.c", "ktorws_many.c"]
    compile_c(OWN, *own, *shared, flags=linked)
    for size in TEXT_SIZES:
        messages.write(texts_file(size), size)
    return [[OUTPUT / "raw"], [OUTPUT / "raw_epoll"], [OWN]]


def with_other(library):
    """Returns the command of our own clients in C with another build of the library, which they find beside them."""
    OTHER.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copy(library, OTHER / LIBRARY)
    except OSError as error:
        sys.exit(f"bench: OTHER={library}: {error.strerror}")
    shutil.copy(OWN, OTHER)
    program = OTHER / OWN.name
    tried = subprocess.run([program, "--list"], capture_output=True, text=True)
    if tried.returncode != 0:
        sys.exit(f"bench: OTHER={library}: the clients cannot be loaded with it: {tried.stderr.strip()}")
    return [program]


def script_peers():
    """Returns the commands of the peers that need no compiling, and installs what they need."""
    if not all(needed.exists() for needed in SCRIPTS.values()) and not succeeds("tests/setup.sh"):
        print("bench: tests/setup.sh failed", file=sys.stderr)
    missing = [name for name, needed in SCRIPTS.items() if not needed.exists()]
    if missing:
        print(f"bench: LEFT OUT: {', '.join(missing)}", file=sys.stderr)
    peers = ROOT / "benches/peers"
    commands = {
        "python-websockets": [TEST_ENV / "venv/bin/python", peers / "python_websockets.py"],
        "node-ws": ["env", f"NODE_PATH={TEST_ENV / 'node/node_modules'}", "node", peers / "node_ws.js"],
    }
    return [command for name, command in commands.items() if name not in missing]


def python_clients():
    """Returns the commands of the clients in Python, with the package that is made of the library anew."""
    venv, python = OUTPUT / "python", OUTPUT / "python/bin/python"
    requirements = ROOT / "benches/python/requirements.txt"
    installed = venv / "requirements.txt"
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if not installed.exists() or installed.read_text() != requirements.read_text():
        print("bench: installing clients in Python into target/bench/python", file=sys.stderr)
        if not (succeeds("python3", "-m", "venv", "--clear", venv) and succeeds(*pip, "install", "-r", requirements)):
            print("bench: LEFT OUT: the clients in Python", file=sys.stderr)
            return []
        shutil.copy(requirements, installed)
    run(*pip, "install", "--no-build-isolation", "--no-index", "--no-deps", "--force-reinstall", "./bindings/python")
    return [[python, ROOT / "benches/python" / program] for program in ("own.py", "peers.py")]


def go_clients():
    """Returns the command of the clients in Go, if they can be built here."""
    return [[OUTPUT / "go/clients"]] if succeeds("benches/go/build.sh") else []


def build_peers():
    """Returns the commands of the peers that are compiled."""
    run("benches/peers/build.sh")
    programs = sorted((OUTPUT / "peers").iterdir())
    return [[program] for program in programs if program.is_file() and os.access(program, os.X_OK)]
