"""A server whose connections a test drives itself: it sends what it likes, and reads the client's frames one by one.

Nobody reads in between, so a test that does not read holds the client back.
"""

import contextlib
import dataclasses
import queue
import socket
import threading

from checking import HANG_S, equal
from ktorws_ctypes import Failure, Session
from peer import BINARY, CLOSE, PING, PONG, TEXT, Connection, Gone
from steered_frames import unmask

NAMES = {0: "continuation", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}


@dataclasses.dataclass(frozen=True)
class Sent:
    """A frame of the client. `form` is how many bits its length is written in, `key` None if it was not masked."""

    opcode: int
    fin: bool
    rsv: int
    key: bytes
    form: int
    payload: bytes

    @property
    def name(self):
        """for messages of failures"""
        size = len(self.payload)
        payload = self.payload if size <= 80 else f"{size} bytes"
        return f"{NAMES.get(self.opcode, self.opcode)} fin={int(self.fin)} rsv={self.rsv} {payload}"


class Wire(Connection):
    """One connection of a client."""

    def __init__(self, sock):
        super().__init__(sock)
        sock.settimeout(HANG_S)
        self.data = bytearray()
        self.is_masked = True
        self.trouble = None
        # the listener's part is over
        self.served = threading.Event()

    def read_request(self):
        complete = super().read_request()
        self.data += self.surplus
        return complete

    def fill(self, size):
        while len(self.data) < size:
            try:
                chunk = self.sock.recv(1 << 18)
            except TimeoutError:
                raise AssertionError("the client sends nothing") from None
            except OSError:
                self.ended = "rst"
                return False
            if not chunk:
                self.ended = "fin" if not self.data else f"fin inside a frame, {len(self.data)} bytes of it came"
                return False
            self.data += chunk
        return True

    def next_or_none(self):
        """the next frame, None at the end of the connection"""
        if self.ended or not self.fill(2):
            return None
        first, second = self.data[:2]
        size, form = second & 127, 7
        at = 2
        if size >= 126:
            form = 16 if size == 126 else 64
            at += form // 8
            if not self.fill(at):
                return None
            size = int.from_bytes(self.data[2:at], "big")
        key = None
        if second & 0x80:
            if not self.fill(at + 4):
                return None
            key = bytes(self.data[at : at + 4])
            at += 4
        if not self.fill(at + size):
            return None
        payload = bytes(self.data[at : at + size])
        del self.data[: at + size]
        sent = Sent(
            first & 15, bool(first & 0x80), first >> 4 & 7, key, form, unmask(payload, key) if key and size else payload
        )
        equal("masked", key is not None, self.is_masked)
        equal(f"bits of the length {size}", form, 7 if size < 126 else 16 if size < 65536 else 64)
        return sent

    def next(self):
        sent = self.next_or_none()
        if sent is None:
            raise AssertionError(f"the connection ended ({self.ended}) where a frame was expected")
        return sent

    def expect(self, opcode, payload=b"", fin=True, rsv=0):
        """the next frame must be this one"""
        sent = self.next()
        expected = dataclasses.replace(sent, opcode=opcode, payload=payload, fin=fin, rsv=rsv)
        equal("the client's next frame", sent, expected)
        return sent

    def expect_close(self, code=None, reason=b""):
        return self.expect(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)

    def expect_end(self, *how):
        """the client must send no other frame before the end, which must be one of `how`; fin if none is given"""
        sent = self.next_or_none()
        if sent is not None:
            raise AssertionError(f"the client sends {sent.name} where the end was expected")
        if self.ended not in (how or ("fin",)):
            raise AssertionError(f"the connection ends with {self.ended}")

    def expect_nothing_yet(self):
        """whether nothing is there to be read, without waiting"""
        self.sock.settimeout(0)
        try:
            data = bytes(self.data) or self.sock.recv(1 << 16)
            raise AssertionError(f"the client has sent {data!r}" if data else "the client has ended the connection")
        except BlockingIOError:
            pass
        finally:
            self.sock.settimeout(HANG_S)

    def close(self):
        self.sock.close()


def upgrade(**changes):
    """A server that accepts, with a 101 changed as Connection.head takes it."""

    def serve(wire):
        if wire.read_request():
            wire.send(wire.head(**changes))

    return serve


def answer(head, body=b""):
    """A server that answers with something else."""

    def serve(wire):
        if wire.read_request():
            wire.send(head.encode() + b"\r\n\r\n" + body)
            wire.fin()

    return serve


class Listener:
    """Serves every connection on a thread of its own with `serve`, and has them in the order they came in.

    `window` is the size of the kernel's receive buffer; `tls` an SSLContext.
    """

    def __init__(self, serve=None, tls=None, address=("127.0.0.1", 0), window=None):
        self.serve = serve or upgrade()
        self.tls = tls
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.create_server(address, family=family, backlog=256)
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        host, self.port = self.socket.getsockname()[:2]
        self.host = f"[{host}]" if ":" in host else host
        self.wires = queue.Queue()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            wire = Wire(sock)
            self.accepted(wire)
            self.wires.put(wire)
            threading.Thread(target=self.run, args=(wire,), daemon=True).start()

    def accepted(self, wire):
        """for those who want to know"""

    def run(self, wire):
        try:
            if self.tls:
                wire.sock = self.tls.wrap_socket(wire.sock, server_side=True)
            self.serve(wire)
        except (Gone, OSError) as error:
            wire.trouble = error
        finally:
            wire.served.set()

    def url(self, path="/"):
        return f"{'wss' if self.tls else 'ws'}://{self.host}:{self.port}{path}"

    def wire(self):
        """the next connection, once it is served"""
        try:
            wire = self.wires.get(timeout=HANG_S)
        except queue.Empty:
            raise AssertionError("no connection comes") from None
        if not wire.served.wait(HANG_S):
            raise AssertionError("the connection is not served")
        return wire

    @contextlib.contextmanager
    def open(self, path="/", **settings):
        """a session, and its connection"""
        with Session(self.url(path), **settings) as session:
            wire = self.wire()
            try:
                yield session, wire
            finally:
                wire.close()

    def refuse(self, path="/", **settings):
        """what ws_connect says, and the connection"""
        try:
            with Session(self.url(path), **settings):
                pass
        except Failure as failure:
            return failure, self.wire()
        raise AssertionError("ws_connect succeeds")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # wakes the accept
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@contextlib.contextmanager
def opened(serve=None, path="/", window=None, **settings):
    """a session with a server of its own, and its connection"""
    with Listener(serve, window=window) as listener, listener.open(path, **settings) as pair:
        yield pair


def refused(serve, path="/", **settings):
    """what ws_connect says of a server of its own, and the connection"""
    with Listener(serve) as listener:
        return listener.refuse(path, **settings)
