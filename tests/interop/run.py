#!/usr/bin/env python3
"""Runs the interop program against a real server: run.py (node|python) (ws|wss) PROGRAM [--env DIR]

PROGRAM is the built interop.c, with anything it is to be run under before it; DIR (default target/test-env) is what
tests/setup.sh filled.
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    arguments = sys.argv[1:]
    environment = os.path.join(os.path.dirname(os.path.dirname(HERE)), "target", "test-env")
    if "--env" in arguments:
        at = arguments.index("--env")
        environment = os.path.abspath(arguments[at + 1])
        del arguments[at : at + 2]
    server, scheme, *program = arguments
    command = {
        "node": ["node", os.path.join(HERE, "node_echo.cjs")],
        "python": [sys.executable, os.path.join(HERE, "python_echo.py")],
    }[server]
    ca_file = []
    if scheme == "wss":
        tls = os.path.join(environment, "tls")
        command += [os.path.join(tls, "server.pem"), os.path.join(tls, "server.key")]
        ca_file = [os.path.join(tls, "ca.pem")]
    modules = os.path.join(environment, "node", "node_modules")
    peer = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "NODE_PATH": modules}
    )
    try:
        line = peer.stdout.readline()
        if not line.startswith("PORT "):
            print(f"{server} server: expected PORT n, got {line!r}")
            return 1
        return subprocess.run([*program, f"{scheme}://127.0.0.1:{int(line.split()[1])}", *ca_file]).returncode
    finally:
        peer.stdin.close()
        peer.wait()


if __name__ == "__main__":
    sys.exit(main())
