#!/usr/bin/env python3
"""A WebSocket server that a test program steers: what it sends, in which pieces, when it reads and when it goes.

    steered_server.py -- PROGRAM ARGUMENTS...

Runs PROGRAM with STEERED_WS_URL, STEERED_WSS_URL, STEERED_CA_FILE and STEERED_PORT in its environment and exits with its
exit status. On STEERED_PORT of 127.0.0.1 it takes commands, a line each, and answers each with a line. A command is for
the connection that was accepted last, or for the number-th one, from 0, after `connection NUMBER`; `connections` says
how many there were; `everyone PID COMMAND` has every one of them do something, the first one first, while a process is stopped, and lets it go
on when its kernel has all of that. See the methods of Connection and ScriptCommands with an underscore behind the name. At the path
/greeting/COUNT/SIZE the server sends so many texts of that size in one piece with its answer; at /deflate it accepts permessage-deflate, at /extension the extension that is offered first, at /asking every extension that is
offered, without parameters, of requests with credentials; it answers others there with 401.
"""

import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

import trustme
from steered_connection import RECEIVE_BUFFER, SEND_BUFFER, Connection


class Server:
    def __init__(self):
        self.current = None
        self.connections = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority = trustme.CA()
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self.context)
        self.ca_pem = authority.cert_pem.bytes()

    def set_current(self, connection):
        self.current = connection
        self.connections.append(connection)

    def command(self, words):
        if words[0] == "connections":
            return len(self.connections)
        if words[0] == "everyone":
            os.kill(int(words[1]), signal.SIGSTOP)
            try:
                answers = {connection.command(words[2:]) for connection in self.connections}
                return " ".join(answers | {connection.command(["taken"]) for connection in self.connections})
            finally:
                os.kill(int(words[1]), signal.SIGCONT)
        if words[0] == "connection":
            self.current = self.connections[int(words[1])]
            return "ok"
        return self.current.command(words)

    def listen(self, context=None):
        listener = socket.create_server(("127.0.0.1", 0))
        # inherited by the connections; before they are made, so that the window is never larger
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

        def run():
            while True:
                connection = Connection(listener.accept()[0], context)
                threading.Thread(target=connection.run, args=(self.set_current,), daemon=True).start()

        threading.Thread(target=run, daemon=True).start()
        return listener.getsockname()[1]

    def take_commands(self):
        listener = socket.create_server(("127.0.0.1", 0))

        def run():
            while True:
                with listener.accept()[0] as sock, sock.makefile("rw", encoding="utf-8") as lines:
                    for line in lines:
                        try:
                            answer = self.command(line.split())
                        except Exception as error:
                            answer = f"{line.strip()}: {type(error).__name__} {error}"
                        lines.write(f"{answer}\n")
                        lines.flush()

        threading.Thread(target=run, daemon=True).start()
        return listener.getsockname()[1]


def main():
    server = Server()
    with tempfile.NamedTemporaryFile(suffix=".pem") as ca_file:
        ca_file.write(server.ca_pem)
        ca_file.flush()
        addresses = {
            "STEERED_WS_URL": f"ws://127.0.0.1:{server.listen()}/",
            "STEERED_WSS_URL": f"wss://127.0.0.1:{server.listen(server.context)}/",
            "STEERED_CA_FILE": ca_file.name,
            "STEERED_PORT": str(server.take_commands()),
        }
        program = sys.argv[sys.argv.index("--") + 1 :]
        status = subprocess.run(program, env={**os.environ, **addresses}, check=False).returncode
    # connections that are still held would keep an orderly exit waiting
    sys.stdout.flush()
    os._exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
