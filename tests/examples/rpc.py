#!/usr/bin/env python3
"""rpc.cpp and a server that answers in another order, with errors, too late, or not at all."""

import itertools
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "behaviours"), os.path.join(TESTS, "proxies")]
from checking import HANG_MS, HANG_S, equal
from harness import contains, main
from local_server import LocalServer, cut
from programs import free_ports

TRICKY = [
    r'["\"id\": 999, ]}{[", {"id": 999, "error": [{}]}, "\\"]',
    "{}",
    "[]",
    "null",
    '{"id":5,"result":["},{"]}',
    "[1, 2.5e-3, true]",
    '"grüß dich"',
]


class JsonRpc:
    """Its methods are those of the calls. hold is answered after the next release."""

    def __init__(self):
        self.server = LocalServer(self.take).come()
        self.held = []
        self.forms = itertools.cycle([(",", ":"), (", ", ": "), ("\r\n\t, ", " :\n")])

    def take(self, connection, message):
        call = json.loads(message)
        equal("members of a request", set(call), {"jsonrpc", "id", "method", "params"})
        getattr(self, call["method"])(connection, call)

    def respond(self, connection, call, **outcome):
        """in one of the forms that JSON allows: members in any order, with blanks and line ends between"""
        response = list({"jsonrpc": "2.0", "id": call["id"], **outcome}.items())
        comma, colon = next(self.forms)
        members = [f'"{name}"{colon}{json.dumps(value, ensure_ascii=False)}' for name, value in response]
        if comma != ",":
            members.reverse()
        connection.send("{" + comma.join(members) + "}")

    def echo(self, connection, call):
        self.respond(connection, call, result=call["params"])

    def error(self, connection, call):
        self.respond(connection, call, error={"code": -32601, "message": "no such method"})

    def hold(self, _, call):
        self.held.append(call)

    def release(self, connection, call):
        self.echo(connection, call)
        while self.held:
            self.echo(connection, self.held.pop())

    def never(self, connection, call):
        # none of it is an answer
        connection.send('{"jsonrpc": "2.0", "method": "news", "params": []}')
        connection.send("no JSON")
        connection.send('{"id": 1')

    def drop(self, connection, _):
        cut(connection)


def run(program, url, limit_ms, *calls):
    """(exit status, {call: what its line says after it})"""
    ended = subprocess.run(
        [*program, url, str(limit_ms)],
        input="".join(call + "\n" for call in calls),
        capture_output=True,
        text=True,
        timeout=HANG_S,
    )
    equal("standard error", ended.stderr, "")
    lines = ended.stdout.splitlines()
    equal("one line for each call", len(lines), len(calls))
    for line, call in zip(lines, calls, strict=True):
        equal("the order of the lines", line[: len(call)], call)
    return ended.returncode, [line[len(call) :] for line, call in zip(lines, calls, strict=True)]


def returns_results(program, rpc):
    """whatever they and the responses look like"""
    status, said = run(
        program, rpc.server.url, HANG_MS, *("echo " + value for value in TRICKY * 9), "error [1]", "echo"
    )
    equal("exit status", status, 1)
    for value, line in zip(TRICKY * 9, said, strict=False):
        equal("sign of a result", line[:3], " = ")
        equal("result", json.loads(line[3:]), json.loads(value))
    equal("error", json.loads(said[-2].removeprefix(": ")), {"code": -32601, "message": "no such method"})
    equal("without parameters", json.loads(said[-1].removeprefix(" = ")), [])
    equal("code of the Close", rpc.server.close_code(), 1000)


def has_many_under_way(program, rpc):
    """the first is answered last, when the last has come"""
    calls = [f"hold [{number}]" for number in range(2000)] + ["release [0]"]
    status, said = run(program, rpc.server.url, HANG_MS, *calls)
    equal("exit status", status, 0)
    equal("results", [json.loads(line[3:]) for line in said], [*([number] for number in range(2000)), [0]])
    rpc.server.close_code()


def gives_up_in_time(program, rpc):
    """without harm to others"""
    status, said = run(program, rpc.server.url, 5000, "never", "echo [1]", "never [2]", "echo [3]")
    equal("exit status", status, 1)
    equal("results", [json.loads(line[3:]) for line in said[1::2]], [[1], [3]])
    for line in said[::2]:
        contains("why", line, ": call: timed out")
    equal("code of the Close", rpc.server.close_code(), 1000)


def fails_with_the_connection(program, rpc):
    """those under way, and those that follow"""
    calls = ["hold [1]", "never [2]", "drop [3]", *(f"echo [{number}]" for number in range(2000))]
    status, said = run(program, rpc.server.url, HANG_MS, *calls)
    equal("exit status", status, 1)
    for line in said:
        equal("sign of a failure", line[:2], ": ")
    equal("code of the Close", rpc.server.close_code(), 1006)


def refuses(program):
    ended = subprocess.run(program, capture_output=True, text=True, timeout=HANG_S)
    equal("without arguments", (ended.returncode, ended.stdout), (2, ""))
    contains("usage", ended.stderr, "usage: rpc URL LIMIT_MS")
    url = f"ws://127.0.0.1:{free_ports(1)[0]}/"
    ended = subprocess.run([*program, url, "1000"], capture_output=True, text=True, timeout=HANG_S)
    equal("without a server", (ended.returncode, ended.stdout), (1, ""))
    contains("the complaint", ended.stderr, "rpc: ")


def check(_, program):
    rpc = JsonRpc()
    for part in (returns_results, has_many_under_way, gives_up_in_time, fails_with_the_connection):
        part(program, rpc)
    refuses(program)


if __name__ == "__main__":
    sys.exit(main(check))
