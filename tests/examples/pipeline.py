#!/usr/bin/env python3
"""pipeline.c and a server with permessage-deflate."""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "behaviours"), os.path.join(TESTS, "proxies")]
from checking import HANG_S, equal, true
from harness import main
from programs import echo_server


def check(environment, program):
    url = f"ws://127.0.0.1:{echo_server(environment, 'python')[1]}/"
    lines = [f"line {number}: the quick brown fox jumps over the lazy dog" for number in range(3000)]
    text = "".join(line + "\n" for line in lines)
    ended = subprocess.run([*program, url], input=text, capture_output=True, text=True, timeout=HANG_S)
    equal("exit status", (ended.returncode, ended.stdout), (0, text))
    sizes = re.fullmatch(r"pipeline: (\d+) messages of (\d+) bytes, (\d+) bytes on the wire\n", ended.stderr)
    true("statistics", sizes, ended.stderr)
    messages, payload, wire = (int(size) for size in sizes.groups())
    equal("messages and bytes", (messages, payload), (len(lines), len(text) - len(lines)))
    true("it was compressed", wire < payload // 2, wire)


if __name__ == "__main__":
    sys.exit(main(check))
