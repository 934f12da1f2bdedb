"""Builds the server, our own clients and, when they are wanted, the peers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "target/bench"
SERVER = OUTPUT / "server/release/bench_server"
SPINNER = OUTPUT / "spinner"

C_FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow"]


def run(*command, **environment):
    result = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment})
    if result.returncode != 0:
        sys.exit(f"bench: failed: {' '.join(map(str, command))}")


def compile_c(program, *sources, flags=()):
    run("gcc", *C_FLAGS, *(f"benches/c/{source}" for source in sources), "-o", program, "-pthread", *flags)


def build_own():
    """Everything but the peers; returns the programs that are clients."""
    library = ROOT / "target/release/libktorws.so"
    if not library.exists():
        sys.exit("bench: there is no target/release/libktorws.so: make build")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    shutil.copy(library, OUTPUT / "libktorws.so.0")
    link = OUTPUT / "libktorws.so"
    link.unlink(missing_ok=True)
    link.symlink_to("libktorws.so.0")

    # For this machine: the server is to be fast, and goes nowhere else.
    manifest = ["--locked", "--manifest-path", "benches/server/Cargo.toml"]
    flags = {"CARGO_TARGET_DIR": str(OUTPUT / "server"), "RUSTFLAGS": "-C target-cpu=native"}
    run("cargo", "build", "--quiet", "--release", *manifest, **flags)
    compile_c(SPINNER, "spinner.c")
    compile_c(OUTPUT / "raw", "raw.c", "bench.c", "works.c")
    linked = ["-Iinclude", f"-L{OUTPUT}", "-lktorws", "-Wl,-rpath,$ORIGIN"]
    compile_c(OUTPUT / "ktorws", "ktorws.c", "bench.c", "works.c", flags=linked)
    return [OUTPUT / "raw", OUTPUT / "ktorws"]


def build_peers():
    """Returns the peers' programs."""
    run("benches/peers/build.sh")
    programs = sorted((OUTPUT / "peers").iterdir())
    return [program for program in programs if program.is_file() and os.access(program, os.X_OK)]
