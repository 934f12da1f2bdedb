"""TLS servers on OpenSSL, with a record of what reached them: of the bytes too, so that nothing goes by unseen."""

import base64
import dataclasses
import hashlib
import queue
import re
import socket
import ssl
import struct
import threading
import warnings

from client_hello import ClientHello
from peer import BYE, text

HANG_S = 20
PIECE = 1 << 16
V1_0, V1_1, V1_2, V1_3 = (ssl.TLSVersion[name] for name in ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"))
ALERT = 21
# A Close with a code and no reason, from a client: header, masking key, code.
CLOSE_SIZE = 2 + 4 + 2


@dataclasses.dataclass
class Record:
    """One connection, as the server saw it."""

    raw: bytes = b""
    # what OpenSSL says of the client's alert, or of what the client did
    error: str = ""
    # once the handshake is over
    version: str = ""
    alpn: str = ""
    resumed: bool = False
    client: str = ""
    # the head of the HTTP request; None if no byte of one was there
    request: bytes = None
    ended: str = ""

    @property
    def hello(self):
        return ClientHello(self.raw)

    @property
    def plain_alerts(self):
        """of the alerts that the client has sent without encryption, the descriptions"""
        alerts, rest = [], self.raw
        while len(rest) >= 5:
            kind, size = rest[0], struct.unpack("!H", rest[3:5])[0]
            if kind == ALERT and size == 2:
                alerts.append(rest[6])
            rest = rest[5 + size :]
        return alerts


def context(pem_file, *, versions=(V1_2, V1_3), ciphers=None, client_ca=None, alpn=None, name=None, key_log=None):
    """name: that of SNI which it insists on, None for no name at all, if given"""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ciphers:
        made.set_ciphers(ciphers)
    made.load_cert_chain(pem_file)
    with warnings.catch_warnings():
        # Python deprecates the versions that have to be refused
        warnings.simplefilter("ignore", DeprecationWarning)
        made.minimum_version, made.maximum_version = versions
    if client_ca:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(client_ca)
    if alpn:
        made.set_alpn_protocols(alpn)
    if name is not None:
        wanted = name or None
        made.sni_callback = lambda _tls, seen, _context: (
            None if seen == wanted else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        )
    if key_log:
        made.keylog_filename = key_log
    return made


class Stream:
    """TLS over a socket by way of memory, so that the record keeps the client's bytes."""

    def __init__(self, sock, tls_context, record, substitute=None):
        self.sock, self.record, self.substitute = sock, record, substitute
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = tls_context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def flush(self):
        if data := self.outgoing.read():
            self.sock.sendall(data.replace(*self.substitute) if self.substitute else data)

    def call(self, function, *arguments):
        while True:
            try:
                return function(*arguments)
            except ssl.SSLWantReadError:
                self.flush()
                data = self.sock.recv(PIECE)
                self.record.raw += data
                self.incoming.write(data) if data else self.incoming.write_eof()
            finally:
                self.flush()

    def read(self):
        """b"" at the end that close_notify tells of"""
        try:
            return self.call(self.tls.read, PIECE)
        except ssl.SSLZeroReturnError:
            return b""

    def write(self, data):
        self.call(self.tls.write, data)

    def finish(self):
        """close_notify, and then the client's"""
        self.call(self.tls.unwrap)


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# What happens behind the 101 and a text: each takes the stream


def orderly(stream):
    """the client's messages are read until its Close"""
    read_frame(stream)
    stream.write(BYE)
    stream.finish()


def no_close_notify(stream):
    """the closing handshake is complete, and then TCP ends"""
    read_frame(stream)
    stream.write(BYE)
    stream.sock.shutdown(socket.SHUT_WR)


def cut_fin(stream):
    read_frame(stream)
    stream.sock.shutdown(socket.SHUT_WR)


def cut_reset(stream):
    read_frame(stream)
    reset(stream.sock)


def cut_notify(stream):
    read_frame(stream)
    stream.finish()


def read_frame(stream):
    """something from the client: by then it has received what was sent to it"""
    data = b""
    while len(data) < CLOSE_SIZE:
        if not (piece := stream.read()):
            raise ssl.SSLEOFError("the client has gone")
        data += piece


class Server:
    """Accepts one connection after the other. `answer` is for a server without TLS: what a ClientHello is answered
    with, b"" for the end of TCP, None for nothing at all, "rst" for a reset. `substitute`: what is replaced by what on
    its way to the client."""

    def __init__(self, tls_context=None, then=orderly, answer=None, substitute=None, address="127.0.0.1"):
        self.context, self.then, self.answer, self.substitute = tls_context, then, answer, substitute
        self.last_client = None
        self.records = queue.Queue()
        self.accepted = 0
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, 0), family=self.family)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                sock, address = self.listener.accept()
            except OSError:
                return  # given up by stop
            if address == self.last_client:
                return sock.close()
            self.accepted += 1
            record = Record()
            with sock:
                sock.settimeout(HANG_S)
                try:
                    self.serve(sock, record)
                except OSError as error:
                    record.error = getattr(error, "reason", None) or type(error).__name__
                except Exception as error:
                    record.error = f"{type(error).__name__}: {error}"
                self.drain(sock, record)
            self.records.put(record)

    def serve(self, sock, record):
        if not self.context:
            record.raw += sock.recv(PIECE)
            if self.answer == "rst":
                reset(sock)
            elif self.answer is not None:
                sock.sendall(self.answer)
                sock.shutdown(socket.SHUT_WR)
            return
        stream = Stream(sock, self.context, record, self.substitute)
        stream.call(stream.tls.do_handshake)
        tls = stream.tls
        record.version, record.resumed = tls.version(), tls.session_reused
        record.alpn = tls.selected_alpn_protocol() or ""
        if certificate := tls.getpeercert():
            record.client = dict(part[0] for part in certificate["subject"])["commonName"]
        head = b""
        while b"\r\n\r\n" not in head:
            if not (piece := stream.read()):
                return
            head += piece
            record.request = head
        key = re.search(rb"(?i)sec-websocket-key: (\S+)", head)[1]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        stream.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + accept
            + b"\r\n\r\n"
            + text(b"hello")
        )
        self.then(stream)

    def drain(self, sock, record):
        """what the client still sends, to the end"""
        try:
            while data := sock.recv(PIECE):
                record.raw += data
            record.ended = "fin"
        except ConnectionResetError:
            record.ended = "rst"
        except OSError as error:
            # closed by this side, or held by the other
            record.ended = type(error).__name__

    def record(self):
        """of the next connection that has ended"""
        try:
            return self.records.get(timeout=HANG_S)
        except queue.Empty:
            raise AssertionError("the server did not see the end of a connection") from None

    def stop(self):
        """returns once all connections of before are served: their number"""
        address = self.listener.getsockname()
        with socket.socket(self.family) as sock:
            sock.bind((address[0], 0))
            self.last_client = sock.getsockname()
            sock.connect(address)
            self.thread.join(HANG_S)
        self.listener.close()
        return self.accepted

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
