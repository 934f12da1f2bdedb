#!/usr/bin/env python3
"""Runs a program of this folder and checks what it does: driver.py TASK PROGRAM... (below the echo server)

All libraries have the same tasks; PROGRAM may have in front what it runs under.
"""

import base64
import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[1:1] = [TESTS, os.path.join(TESTS, "behaviours"), os.path.join(TESTS, "hostile")]
from checking import HANG_S, equal, true
from peer import CLOSE, PING, PONG, TEXT, Gone, close, frame
from python_server import python_server
from wire import Listener, answer, upgrade

ECHO_URL, TLS_URL, CA_FILE = (os.environ[name] for name in ("ECHO_WS_URL", "ECHO_WSS_URL", "ECHO_CA_FILE"))
LINES = [f"line {number}" for number in range(1, 201)]
BODY = "closed for maintenance"
CREDENTIALS = "user:secret"


def start(program, *arguments):
    return subprocess.Popen(
        [*program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.alarm(HANG_S),
    )


def run(program, *arguments):
    """its exit status, and what it prints on standard output and error"""
    process = start(program, *arguments)
    output, errors = process.communicate(timeout=HANG_S)
    return process.returncode, output, errors


def prints(expected, program, *arguments):
    status, output, errors = run(program, *arguments)
    equal(f"exit status ({errors.strip()})", status, 0)
    equal("output", output, expected)


def fails(program, *arguments):
    """It must say why, and print no message."""
    status, output, errors = run(program, *arguments)
    equal("exit status", status, 1)
    equal("output", output, "")
    true("there is an explanation", errors)


def echo(program):
    prints("hello\n", program, ECHO_URL)
    fails(program, "ws://127.0.0.1:1/")


def timeout(program):
    prints("nothing yet\nhello\n", program, ECHO_URL)


def chat(program):
    process = start(program, ECHO_URL)
    process.stdin.write("\n".join([*LINES, ""]))
    process.stdin.flush()
    equal("output", [process.stdout.readline().strip() for _ in LINES], LINES)
    output, errors = process.communicate(timeout=HANG_S)
    equal("the end", (process.returncode, output, errors), (0, "", ""))


def file(program):
    content = os.urandom(1_000_001)
    with tempfile.NamedTemporaryFile() as sent, Listener() as listener:
        sent.write(content)
        sent.flush()
        process = start(program, listener.url(), sent.name)
        wire = listener.wire()
        fragments = [wire.next()]
        while not fragments[-1].fin:
            fragments.append(wire.next())
        equal("the file", b"".join(fragment.payload for fragment in fragments), content)
        true("there are fragments", len(fragments) >= 16, len(fragments))
        wire.send(frame(TEXT, hashlib.sha256(content).hexdigest().encode()))
        finish(wire)
        output, errors = process.communicate(timeout=HANG_S)
        equal("output", output.strip(), hashlib.sha256(content).hexdigest())
        equal(f"exit status ({errors.strip()})", process.returncode, 0)


def finish(wire):
    """the client's Close and the answer to it"""
    sent = wire.next()
    while sent.opcode == PING:
        wire.send(frame(PONG, sent.payload))
        sent = wire.next()
    equal("the last frame", sent.opcode, CLOSE)
    leave(wire, frame(CLOSE, sent.payload))


def leave(wire, answer=b""):
    """A client may be gone once it has sent its Close."""
    with contextlib.suppress(Gone):
        wire.send(answer)
        wire.fin()


def keepalive(program):
    with Listener() as listener:
        process = start(program, listener.url())
        wire = listener.wire()
        for _ in range(2):
            ping = wire.next()
            equal("the client sends", ping.opcode, PING)
            wire.send(frame(PONG, ping.payload))
        wire.send(frame(TEXT, b"still here") + close(1000))
        while wire.next().opcode == PING:
            pass
        leave(wire)
        output, errors = process.communicate(timeout=HANG_S)
        equal(f"exit status ({errors.strip()})", process.returncode, 0)
        equal("output", output, "still here\n")
    fails(program, ECHO_URL + "silent")


def deflate(program):
    def extensions(ws):
        ws.recv()
        ws.send(" ".join(extension.name for extension in ws.protocol.extensions) or "none")
        ws.recv()

    with python_server(extensions, compression="deflate") as url:
        prints("permessage-deflate\n", program, url + "/")


def ca(program):
    url = TLS_URL.replace("127.0.0.1", "localhost")
    prints("hello\n", program, url, CA_FILE)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as other:
        other.write(another_authority())
        other.flush()
        fails(program, url, other.name)


def another_authority():
    import trustme

    return trustme.CA().cert_pem.bytes().decode()


def proxy(program):
    with Tunnels() as tunnels:
        prints("hello\n", program, ECHO_URL, f"http://{CREDENTIALS}@127.0.0.1:{tunnels.port}")
        equal("what the proxy was asked", tunnels.asked, ["CONNECT " + ECHO_URL.split("/")[2]])
        fails(program, ECHO_URL, f"http://user:wrong@127.0.0.1:{tunnels.port}")


class Tunnels:
    """A proxy with a password."""

    def __enter__(self):
        self.asked = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(65536)
            if not data:
                return
            head += data
        lines = head.decode().split("\r\n")
        credentials = base64.b64encode(CREDENTIALS.encode()).decode()
        if not any(line.lower() == f"proxy-authorization: basic {credentials}".lower() for line in lines):
            client.sendall(b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n')
            client.close()
            return
        method, target, _ = lines[0].split()
        self.asked.append(f"{method} {target}")
        host, port = target.split(":")
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        threading.Thread(target=pump, args=(client, server), daemon=True).start()
        pump(server, client)


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


UNAVAILABLE = f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: {len(BODY)}"


def refused(program):
    with Listener(answer(UNAVAILABLE, BODY.encode())) as listener:
        prints(f"503\n30\n{BODY}\n", program, listener.url())
    fails(program, "ws://127.0.0.1:1/")


def reconnect(program):
    accept = upgrade()
    refuse = answer("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0")
    turns = iter([accept, refuse, refuse, accept])
    with Listener(lambda wire: next(turns)(wire)) as listener:
        process = start(program, listener.url())
        wire = listener.wire()
        wire.expect(TEXT, b"subscribe")
        wire.send(frame(TEXT, b"one"))
        wire.fin()
        listener.wire()
        listener.wire()
        wire = listener.wire()
        wire.expect(TEXT, b"subscribe")
        wire.send(frame(TEXT, b"two") + close(1000))
        wire.expect_close(1000)
        leave(wire)
        output, errors = process.communicate(timeout=HANG_S)
        equal(f"exit status ({errors.strip()})", process.returncode, 0)
        equal("output", output, "one\ntwo\n")


def end(program):
    with Listener() as listener:
        process = start(program, listener.url())
        wire = listener.wire()
        wire.expect(TEXT, b"last")
        wire.expect_close(1000, b"bye")
        wire.send(frame(TEXT, b"one more") + close(1000, b"see you"))
        wire.fin()
        output, errors = process.communicate(timeout=HANG_S)
        equal(f"exit status ({errors.strip()})", process.returncode, 0)
        equal("output", output, "one more\nclosed: 1000 see you\n")


TASKS = {
    "echo": echo,
    "timeout": timeout,
    "chat": chat,
    "poll": chat,
    "file": file,
    "keepalive": keepalive,
    "deflate": deflate,
    "ca": ca,
    "proxy": proxy,
    "refused": refused,
    "reconnect": reconnect,
    "end": end,
}

if __name__ == "__main__":
    task, *program = sys.argv[1:]
    TASKS[task](program)
    print("passed")
