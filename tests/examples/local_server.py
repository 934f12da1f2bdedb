"""A server in the test itself. It comes and goes, always on the same port."""

import contextlib
import queue
import socket
import threading

from checking import HANG_S, Background
from programs import free_ports
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


class LocalServer:
    """on_message(connection, message) is called for each message, on the connection's thread."""

    def __init__(self, on_message=lambda connection, message: None):
        (self.port,) = free_ports(1)
        self.url = f"ws://127.0.0.1:{self.port}/"
        self.on_message = on_message
        self.opened = queue.Queue()
        self.closed = queue.Queue()

    def come(self):
        self.server = serve(self.handle, "127.0.0.1", self.port, ping_interval=None)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def handle(self, connection):
        self.opened.put(connection)
        with contextlib.suppress(ConnectionClosed):
            for message in connection:
                self.on_message(connection, message)
        self.closed.put(connection.close_code)

    def accept(self):
        """the next connection"""
        return self.opened.get(timeout=HANG_S)

    def close_code(self):
        """of the next connection that ends, 1006 if the client sent no Close"""
        return self.closed.get(timeout=HANG_S)

    def go(self):
        """Listens no more and cuts all connections, without a Close."""
        shutting_down = Background(self.server.shutdown, close_connections=False)
        if not self.server.socket_closed.wait(HANG_S):
            raise AssertionError("the server goes on listening")
        for connection in self.server.connections:
            cut(connection)
        shutting_down.result()

    def restart(self, code, reason):
        """Closes all connections with these, and listens no more."""
        Background(self.server.shutdown, code=code, reason=reason).result()


def cut(connection):
    """ends it without a Close"""
    with contextlib.suppress(OSError):
        connection.socket.shutdown(socket.SHUT_RDWR)
