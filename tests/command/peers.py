"""Servers of others: npm ws, and Python websockets with its defaults."""

import contextlib
import os
import subprocess

from checking import equal, true
from python_server import python_server
from tool import CLOSE_CODE, has, run

HERE = os.path.dirname(os.path.abspath(__file__))


@contextlib.contextmanager
def node():
    server = subprocess.Popen(
        ["node", os.path.join(os.path.dirname(HERE), "interop", "node_echo.cjs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "NODE_PATH": os.path.join(os.environ["KTORWS_TEST_ENV"], "node", "node_modules")},
    )
    with server:
        yield f"ws://127.0.0.1:{server.stdout.readline().split()[1]}"
        server.stdin.close()


def test_node():
    data = bytes(range(256)) * 4000
    with node() as url:
        equal("lines", run("-n", "3", url, input="a\nß\n\n").out, "a\nß\n\n".encode())
        equal("one message", run("-b1", "-n", "1", url, input=data).out, data)
        ended = run("--deflate", "--json", "-b1", "-n", "1", url, input=data)
        true("it is compressed", ended.event("closed")["statistics"]["wire_received"] < len(data) / 10)
        equal("fragments", run("-N", "-n", "2", url + "/fragments").lines, ["price: € 5", "pong ok"])
        ended = run("-N", "--control", "-n", "1", url + "/ping")
        equal("a ping", (ended.out, ended.err), (b"pong ok\n", "< ping, 5 bytes 00ff800a00\n< close 1000 \n"))
        has("standard error", run("-N", url + "/close/3001", status=CLOSE_CODE).err, "3001: bye")
        ended = run("-v", "-p", "chat.v1,chat.v2", "-H", "X-Asked: 1", "-n", "1", url + "/headers")
        has("headers", ended.out.decode(), '"x-asked":"1"')
        has("what -v shows", ended.err, "* subprotocol chat.v2")


def test_python_with_its_defaults():
    lines = "".join(f"line {number}\n" for number in range(1000))
    with python_server(compression="deflate") as url:
        equal("lines", run("--deflate", "-n", "1000", url, input=lines).out.decode(), lines)
        equal("lines", run("-n", "1000", url, input=lines).out.decode(), lines)
