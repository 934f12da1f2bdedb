#!/usr/bin/env python3
"""screenshot.c and a Chromium."""

import os
import pathlib
import struct
import subprocess
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "behaviours"), os.path.join(TESTS, "proxies")]
from chromium import start_chromium
from checking import HANG_S, equal, true
from harness import contains, main


def read_png(path):
    """(width, height, the first pixel), after a check of all that it holds; of 8 bits, RGB, not interlaced"""
    data = pathlib.Path(path).read_bytes()
    equal("signature", data[:8], b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, []
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + size)
        equal(f"checksum of {kind}", zlib.crc32(kind + content), checksum)
        chunks.append((kind, content))
        at += size + 12
    equal("last chunk", chunks[-1], (b"IEND", b""))
    width, height, *form = struct.unpack(">IIBBBBB", chunks[0][1])
    equal("form", form, [8, 2, 0, 0, 0])
    rows = zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT"))
    equal("pixels", len(rows), height * (1 + 3 * width))
    return width, height, rows[1:4]


def check(environment, program):
    active_port = start_chromium(environment)
    picture = os.path.join(environment.work, "page.png")

    def run(*arguments):
        ended = subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=HANG_S)
        return ended.returncode, ended.stdout, ended.stderr

    def refused(*arguments):
        status, out, error = run(*arguments)
        equal("exit status", (status, out), (1, ""))
        true("no picture", not os.path.exists(picture))
        return error

    status, out, error = run(active_port, f"file://{HERE}/page.html", picture)
    equal("exit status and errors", (status, error), (0, ""))
    equal("the picture", read_png(picture), (1600, 1200, bytes.fromhex("123456")))
    size = os.path.getsize(picture)
    true("some megabytes", size > 4 << 20, size)
    os.remove(picture)

    status, out, error = run(active_port, "data:text/html,<body style='margin:0;background:%23fedcba'>", picture)
    equal("exit status and errors", (status, error), (0, ""))
    equal("the picture", read_png(picture), (1600, 1200, bytes.fromhex("fedcba")))
    os.remove(picture)

    contains("no page", refused(active_port, "file:///nonexistent", picture), "net::ERR_FILE_NOT_FOUND")
    contains("no URL", refused(active_port, "nonsense", picture), "Cannot navigate to invalid URL")
    contains("no URL", refused(active_port, 'data:,"', picture), "are not part of a URL")
    contains("no directory", refused(active_port, "data:,", "/nonexistent/page.png"), "/nonexistent/page.png")
    contains("no browser", refused("/nonexistent", "data:,", picture), "/nonexistent")
    nobody = environment.file("nobody", "1\n/devtools/browser/0\n")
    contains("no browser", refused(nobody, "data:,", picture), "could not connect to 127.0.0.1:1")
    equal("usage", run()[0], 2)


if __name__ == "__main__":
    sys.exit(main(check))
