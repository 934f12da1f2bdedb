#!/usr/bin/env python3
"""Runs a program with a server for it, whose URL is in HTTP_WS_URL, and exits with its exit status: serve.py PROGRAM...

/basic wants the user "user" and the password "pass", /user/N the user N with that password; /never takes none. /cookie
sets a cookie, and what is asked for with one opens. All others open.
"""

import base64
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "behaviours"), os.path.join(TESTS, "hostile")]
from web import Server, answers, opens

REFUSAL = answers(401, 'WWW-Authenticate: Basic realm="test"')


def script(request):
    _, first, *rest = request.target.split("/")
    if first == "never":
        return REFUSAL
    if first in ("basic", "user"):
        user = rest[0] if rest else "user"
        expected = "Basic " + base64.b64encode(f"{user}:pass".encode()).decode()
        return opens() if request.value("Authorization") == expected else REFUSAL
    if first == "cookie" and not request.value("Cookie"):
        return answers(403, "Set-Cookie: seen=1; Path=/")
    return opens()


def main():
    with Server(script) as server:
        environment = {**os.environ, "HTTP_WS_URL": server.url("/")}
        status = subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    # connections that are still held would keep an orderly exit waiting
    sys.stdout.flush()
    os._exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
