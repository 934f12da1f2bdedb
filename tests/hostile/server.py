#!/usr/bin/env python3
"""A WebSocket server that misbehaves: one URL path per fault.

    server.py [--list] [--log FILE]

Prints `LISTENING {"": PORT, "at-accept/...": PORT, ...}` once it accepts connections on 127.0.0.1. The nameless
port serves the paths that --list prints; the others do their fault before a request is read. For each connection
one JSON line goes to FILE (default: standard output) when it has ended: the request as it came, the frames of
the client (opcode, fin, rsv, masked, key, length; the payload up to 125 bytes; close code and reason) and how the client's
side of TCP ended: `fin`, `rst`, or `held` when it was still open after HOLD seconds. A query `?case=NAME` comes back as
`case`. Ends when standard input does.
"""

import base64
import functools
import hashlib
import json
import os
import select
import socket
import struct
import sys
import threading
import traceback
from urllib.parse import parse_qs

HOLD = 15
# In the log, of one connection; a Close comes on top.
MOST_FRAMES = 2000
KIB = 1024
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode, payload=b"", fin=True, rsv=0, mask=None, length=None, form=None):
    """length announces another length than the payload's; form (7, 16, 64) chooses the bits it is written in"""
    n = len(payload) if length is None else length
    form = form or (7 if n < 126 else 16 if n < 65536 else 64)
    masked = 0x80 if mask else 0
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if form == 7:
        head += bytes([masked | n])
    elif form == 16:
        head += struct.pack("!BH", masked | 126, n)
    else:
        head += struct.pack("!BQ", masked | 127, n)
    if mask:
        head += mask
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return head + payload


def text(payload, **how):
    return frame(TEXT, payload, **how)


def more(payload, **how):
    return frame(0, payload, fin=False, **how)


def last(payload, **how):
    return frame(0, payload, **how)


def close(code=None, reason=b""):
    return frame(CLOSE, (b"" if code is None else struct.pack("!H", code)) + reason)


BYE = close(1000, b"bye")


class Gone(Exception):
    """The client's side has ended."""


class Connection:
    def __init__(self, sock):
        self.sock = sock
        sock.settimeout(HOLD)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sending = threading.Lock()
        self.changed = threading.Condition()
        self.frames = []
        self.ended = None
        self.close_sent = False
        self.poured = None
        self.request = ""
        self.headers = []
        self.path = self.case = None
        self.surplus = b""
        self.reader = None

    def read_request(self):
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = self.sock.recv(65536)
            head += chunk
            if not chunk or not head.startswith(b"GET "[: len(head)]) or len(head) > 256 * KIB:
                self.request = head[:64].decode("latin-1")
                self.case = "no request"
                return False
        head, _, self.surplus = head.partition(b"\r\n\r\n")
        self.request, *lines = head.decode("latin-1").split("\r\n")
        self.headers = [line.split(": ", 1) for line in lines]
        self.path, _, query = self.request.split(" ")[1].partition("?")
        self.case = parse_qs(query).get("case", [None])[0]
        return True

    def header(self, name):
        return next((value for n, value in self.headers if n.lower() == name.lower()), "")

    @property
    def accept(self):
        digest = hashlib.sha1(
            self.header("Sec-WebSocket-Key").encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        ).digest()
        return base64.b64encode(digest).decode()

    def head(
        self,
        status="HTTP/1.1 101 Switching Protocols",
        upgrade="websocket",
        connection="Upgrade",
        accept=True,
        extra=(),
        end="\r\n\r\n",
    ):
        lines = [status]
        lines += [] if upgrade is None else [f"Upgrade: {upgrade}"]
        lines += [] if connection is None else [f"Connection: {connection}"]
        lines += [] if accept is None else [f"Sec-WebSocket-Accept: {self.accept if accept is True else accept}"]
        return ("\r\n".join([*lines, *extra]) + end).encode("latin-1")

    def send(self, data):
        with self.sending:
            try:
                self.sock.sendall(data)
            except OSError as error:
                raise Gone from error

    def pour(self, chunk, limit):
        """chunk after chunk until the client ends the connection; False if it took all of limit"""
        self.poured = 0
        while self.poured < limit:
            with self.changed:
                if self.ended:
                    return True
            self.send(chunk)
            self.poured += len(chunk)
        return False

    def sync(self):
        """returns when the client has taken everything that was sent so far"""
        with self.changed:
            seen = sum(f["opcode"] == PONG for f in self.frames)
        self.send(frame(PING, b"sync"))
        self.wait(lambda: sum(f["opcode"] == PONG for f in self.frames) > seen)

    def wait(self, condition):
        with self.changed:
            if not self.changed.wait_for(lambda: self.ended or condition(), HOLD):
                raise AssertionError("what was waited for did not come")
            if not condition():
                raise Gone

    def wait_close(self):
        self.wait(lambda: any(f["opcode"] == CLOSE for f in self.frames))

    def fin(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise Gone from error

    def rst(self):
        # the reader must not hold the socket while it is closed: a reset goes out when the last user is gone
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.shutdown(socket.SHUT_RD)
        if self.reader:
            self.reader.join()
        self.sock.close()
        self.ended = "server rst"

    def read_frames(self, answer_close):
        data = bytearray(self.surplus)

        def take(n):
            while len(data) < n:
                chunk = self.sock.recv(1 << 16)
                if not chunk:
                    raise EOFError
                data.extend(chunk)
            taken = bytes(data[:n])
            del data[:n]
            return taken

        ended = "held"
        try:
            while True:
                first, second = take(2)
                n = second & 127
                if n >= 126:
                    n = int.from_bytes(take(2 if n == 126 else 8), "big")
                key = take(4) if second & 0x80 else None
                payload = take(n)
                if key:
                    payload = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
                record = {
                    "opcode": first & 15,
                    "fin": bool(first & 0x80),
                    "rsv": first >> 4 & 7,
                    "masked": bool(key),
                    "key": key.hex() if key else None,
                    "length": n,
                }
                if n <= 125:
                    record["payload"] = payload.decode("latin-1")
                if first & 15 == CLOSE:
                    record["code"] = int.from_bytes(payload[:2], "big") if n >= 2 else None
                    record["reason"] = payload[2:].decode("utf-8", "backslashreplace")
                with self.changed:
                    if len(self.frames) < MOST_FRAMES or record["opcode"] == CLOSE:
                        self.frames.append(record)
                    self.changed.notify_all()
                if first & 15 == CLOSE and answer_close:
                    try:
                        if not self.close_sent:
                            self.send(frame(CLOSE, payload))
                        self.fin()
                    except Gone:
                        pass
        except EOFError:
            ended = "fin" if not data else f"fin inside a frame, {len(data)} bytes of it came"
        except TimeoutError:
            pass
        except OSError:
            ended = "rst"
        with self.changed:
            self.ended = self.ended or ended
            self.changed.notify_all()

    def serve(self):
        trouble = None
        try:
            if self.read_request():
                run = FAULTS.get(self.path)
                if run is None:
                    raise AssertionError(f"no such fault: {self.path}")
                if getattr(run, "reads", True):
                    self.reader = threading.Thread(
                        target=self.read_frames, args=(getattr(run, "answers_close", True),), daemon=True
                    )
                    self.reader.start()
                run(self)
            else:
                self.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                self.fin()
        except Gone:
            pass
        except OSError as error:
            self.ended = self.ended or type(error).__name__
        except Exception:
            trouble = traceback.format_exc()
        if self.ended is None:
            if self.reader is None:
                self.sock.settimeout(HOLD)
                self.reader = threading.Thread(target=self.read_frames, args=(False,), daemon=True)
                self.reader.start()
            self.reader.join()
        self.sock.close()
        log(
            {
                "case": self.case,
                "path": self.path,
                "request": self.request,
                "headers": self.headers,
                "frames": self.frames,
                "ended": self.ended,
                "poured": self.poured,
                "trouble": trouble,
            }
        )


FAULTS = {}


def fault(path, reads=True, answers_close=True):
    def register(run):
        run.reads, run.answers_close = reads, answers_close
        FAULTS[path] = run
        return run

    return register


def sends(path, *parts):
    """the 101 head, then in a second segment the parts"""

    def run(c):
        c.send(c.head())
        data = b"".join(parts)
        c.close_sent = BYE in data or path.startswith("/close/")
        c.send(data)

    FAULTS[path] = run


# Opening handshake. A text follows each refused head in the same segment: it must not be delivered.


def greet(c, **changes):
    c.close_sent = True
    c.send(c.head(**changes) + text(b"hello") + BYE)


for name, changes in {
    "upgrade-missing": dict(upgrade=None),
    "upgrade-wrong": dict(upgrade="h2c"),
    "upgrade-empty": dict(upgrade=""),
    "connection-missing": dict(connection=None),
    "connection-close": dict(connection="close"),
    "connection-other-token": dict(connection="keep-alive, Upgrade-Insecure"),
    "accept-missing": dict(accept=None),
    "accept-empty": dict(accept=""),
    "accept-wrong": dict(accept="s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    "http-1.0": dict(status="HTTP/1.0 101 Switching Protocols"),
    "http-2": dict(status="HTTP/2 101"),
    "http-2.0": dict(status="HTTP/2.0 101 Switching Protocols"),
    "http-lower-case": dict(status="http/1.1 101 Switching Protocols"),
    "status-1010": dict(status="HTTP/1.1 1010 Switching Protocols"),
    "status-word": dict(status="HTTP/1.1 OK Switching Protocols"),
    "no-colon": dict(extra=["X-Header without colon"]),
    "space-before-colon": dict(extra=["X-Header : value"]),
    "nul": dict(extra=["X-Header: a\0b"]),
    "bare-cr": dict(extra=["X-Header: a\rX-Other: b"]),
    "subprotocol-unoffered": dict(extra=["Sec-WebSocket-Protocol: soap"]),
    "subprotocol-two": dict(extra=["Sec-WebSocket-Protocol: chat, superchat"]),
    "subprotocol-two-fields": dict(extra=["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: superchat"]),
    "subprotocol-case": dict(extra=["Sec-WebSocket-Protocol: CHAT"]),
    "subprotocol-chosen": dict(extra=["Sec-WebSocket-Protocol: superchat"]),
    "subprotocol-none": dict(),
    "extension-unoffered": dict(extra=["Sec-WebSocket-Extensions: permessage-deflate"]),
    "extension-unknown": dict(extra=["Sec-WebSocket-Extensions: x-unheard-of; level=9"]),
    "connection-list": dict(connection="keep-alive, Upgrade"),
    "connection-two-fields": dict(connection="keep-alive", extra=["Connection: Upgrade"]),
    "case": dict(upgrade="WebSocket", connection="uPGRADE"),
    "reason-empty": dict(status="HTTP/1.1 101 "),
    "reason-missing": dict(status="HTTP/1.1 101"),
    "head-60k-one-field": dict(extra=["X-Long: " + "v" * 60 * KIB]),
    "head-60k-many-fields": dict(extra=[f"X-{i:04}: " + "v" * 52 for i in range(960)]),
    "head-70k-one-field": dict(extra=["X-Long: " + "v" * 70 * KIB]),
    "head-70k-many-fields": dict(extra=[f"X-{i:04}: " + "v" * 52 for i in range(1200)]),
}.items():
    FAULTS["/handshake/" + name] = functools.partial(greet, **changes)


@fault("/handshake/accept-other-case")
def _(c):
    greet(c, accept=c.accept.swapcase())


@fault("/handshake/accept-twice")
def _(c):
    greet(c, extra=["Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="])


@fault("/handshake/accept-twice-equal")
def _(c):
    greet(c, extra=[f"Sec-WebSocket-Accept: {c.accept}"])


@fault("/handshake/white-space")
def _(c):
    greet(c, upgrade="  websocket\t", connection="\tkeep-alive ,\t Upgrade ", accept=f" \t{c.accept} ")


@fault("/handshake/lower-case-names")
def _(c):
    names, _, _ = c.head().partition(b"\r\n\r\n")
    status, *lines = names.decode().split("\r\n")
    lines = [name.lower() + ":" + value for name, value in (line.split(": ", 1) for line in lines)]
    c.close_sent = True
    c.send("\r\n".join([status, *lines, "", ""]).encode() + text(b"hello") + BYE)


@fault("/handshake/interim-100")
def _(c):
    c.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    greet(c)


@fault("/handshake/interim-103-and-101-together")
def _(c):
    c.close_sent = True
    c.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n" + c.head() + text(b"hello") + BYE)


@fault("/handshake/interim-endless")
def _(c):
    c.pour(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" * 16, 64 * KIB * KIB)


@fault("/handshake/head-endless")
def _(c):
    c.send(c.head(end="\r\n"))
    c.pour(b"X-Field: value\r\n" * 256, 64 * KIB * KIB)


@fault("/handshake/line-endless")
def _(c):
    c.send(b"HTTP/1.1 101 ")
    c.pour(b"A" * 4096, 64 * KIB * KIB)


@fault("/handshake/byte-by-byte")
def _(c):
    c.close_sent = True
    for byte in c.head() + text(b"hello") + BYE:
        c.send(bytes([byte]))


@fault("/handshake/frame-split-behind-head")
def _(c):
    hello = text(b"hello")
    c.close_sent = True
    c.send(c.head() + hello[:3])
    c.send(hello[3:] + BYE)


# Other answers


def answers(path, head, body=b""):
    def run(c):
        c.send(head.encode() + b"\r\n\r\n" + body)
        c.fin()

    FAULTS["/status/" + path] = run


answers("200", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11", b"hello world")
answers("200-with-upgrade", "HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0")
answers("204", "HTTP/1.1 204 No Content")
answers("302", "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 5", b"moved")
answers("400", "HTTP/1.1 400 Bad Request\r\nContent-Length: 11", b"bad request")
answers("401", 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="chat"\r\nContent-Length: 5', b"login")
answers("404", "HTTP/1.1 404 Not Found\r\nContent-Length: 0")
answers("500", "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4", b"oops")
answers(
    "503-chunked",
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nTransfer-Encoding: chunked",
    b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n",
)
answers("503-until-close", "HTTP/1.1 503 Service Unavailable\r\nConnection: close", b"until the end")
answers("503-cut-short", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000", b"short")
answers("503-large", f"HTTP/1.1 503 Service Unavailable\r\nContent-Length: {200 * KIB}", b"0123456789abcdef" * 64 * 200)


@fault("/status/503-stalled")
def _(c):
    c.send(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000\r\n\r\nhalf")


@fault("/status/503-endless")
def _(c):
    c.send(b"HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n")
    c.pour(b"1000\r\n" + b"x" * 4096 + b"\r\n", 64 * KIB * KIB)


# TCP before and in the answer


@fault("/tcp/silent")
def _(c):
    pass


@fault("/tcp/silent-after-half-the-head")
def _(c):
    c.send(c.head()[:60])


@fault("/tcp/one-header-after-another")
def _(c):
    c.send(c.head(end="\r\n"))
    while not c.ended:
        c.send(b"X-Field: value\r\n")
        with c.changed:
            c.changed.wait_for(lambda: c.ended, 0.05)


@fault("/tcp/fin")
def _(c):
    c.fin()


@fault("/tcp/rst")
def _(c):
    c.rst()


@fault("/tcp/fin-after-half-the-head")
def _(c):
    c.send(c.head()[:60])
    c.fin()


@fault("/tcp/rst-after-half-the-head")
def _(c):
    c.send(c.head()[:60])
    c.rst()


NOT_HTTP = {
    "garbage": bytes(range(128, 256)) * 2,
    "ssh": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "tls-alert": bytes.fromhex("15030300020228"),
    "h2-settings": bytes.fromhex("000000040000000000"),
    "html": b"<html><body>Please log in</body></html>\r\n\r\n",
}
for name, data in NOT_HTTP.items():

    @fault("/tcp/" + name)
    def _(c, data=data):
        c.send(data)
        c.fin()


# Frames. Each wrong one stands between a text that must be delivered and one that must not.

MASK = b"\x01\x02\x03\x04"


def wrong_frame(name, *parts):
    sends("/frame/" + name, text(b"first"), *parts, text(b"never"))


for rsv, bits in (("1", 4), ("2", 2), ("3", 1)):
    wrong_frame("rsv" + rsv, text(b"x", rsv=bits))
wrong_frame("rsv1-ping", frame(PING, b"x", rsv=4))
wrong_frame("rsv1-close", frame(CLOSE, b"\x03\xe8", rsv=4))
wrong_frame("rsv2-continuation", text(b"a", fin=False), last(b"b", rsv=2))
RESERVED_OPCODES = (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
for opcode in RESERVED_OPCODES:
    wrong_frame(f"opcode-{opcode}", frame(opcode, b"x"))
wrong_frame("masked-text", text(b"x", mask=MASK))
wrong_frame("masked-ping", frame(PING, b"x", mask=MASK))
wrong_frame("masked-close", frame(CLOSE, b"\x03\xe8", mask=MASK))
wrong_frame("ping-fragmented", frame(PING, b"x", fin=False), last(b"y"))
wrong_frame("pong-fragmented", frame(PONG, b"x", fin=False), last(b"y"))
wrong_frame("close-fragmented", frame(CLOSE, b"\x03\xe8", fin=False), last(b""))
wrong_frame("ping-126", frame(PING, b"x" * 126))
wrong_frame("pong-65536", frame(PONG, b"x" * 65536))
wrong_frame("close-126", close(1000, b"x" * 124))
wrong_frame("continuation-without-start", last(b"x"))
wrong_frame("continuation-after-the-last", text(b"a", fin=False), last(b"b"), last(b"c"))
wrong_frame("text-inside-message", text(b"a", fin=False), text(b"b"))
wrong_frame("binary-inside-message", text(b"a", fin=False), frame(BINARY, b"b", fin=False))
wrong_frame("length-16-not-minimal", text(b"x" * 125, form=16))
wrong_frame("length-64-not-minimal", text(b"x" * 65535, form=64))
wrong_frame("length-64-of-0", text(b"", form=64))
wrong_frame("length-top-bit", text(b"x" * 100, length=1 << 63, form=64))
wrong_frame("length-all-ones", frame(BINARY, b"x" * 100, length=(1 << 64) - 1))
wrong_frame("length-2-to-62", frame(BINARY, b"x" * 100, length=1 << 62))


@fault("/frame/rsv1-and-pours-on", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first") + text(b"x", rsv=4))
    while True:
        c.send(frame(BINARY, b"x" * 60000))


@fault("/frame/length-2-to-62-and-fin")
def _(c):
    c.send(c.head() + text(b"first") + frame(BINARY, b"x" * 100000, length=1 << 62))
    c.fin()


for name, data in {
    "empty": text(b"") + frame(BINARY, b""),
    "borders": b"".join(frame(BINARY, b"x" * n) for n in (125, 126, 127, 65535, 65536)),
    "fragments-with-ping": text(b"AB", fin=False) + more(b"C1") + frame(PING, b"p") + more(b"") + last(b"23"),
    "unasked-pong": frame(PONG, b"unasked") + text(b"x"),
}.items():
    sends("/frame/" + name, data, BYE)


# Limits: the driver sets both limits to LIMIT unless it says otherwise.

LIMIT = 65536
sends("/limit/frame-exact", frame(BINARY, b"x" * LIMIT), BYE)
sends("/limit/frame-over", text(b"first"), frame(BINARY, b"x" * (LIMIT + 1)), text(b"never"))
sends("/limit/frame-over-announced", text(b"first"), frame(BINARY, b"", length=LIMIT + 1))
sends("/limit/fragments-exact", frame(BINARY, b"x" * (LIMIT // 2), fin=False), last(b"x" * (LIMIT // 2)), BYE)
sends(
    "/limit/fragments-over", text(b"first"), frame(BINARY, b"x" * 40000, fin=False), last(b"x" * 40000), text(b"never")
)
sends(
    "/limit/fragments-over-announced", text(b"first"), frame(BINARY, b"x" * 40000, fin=False), last(b"", length=40000)
)


@fault("/limit/fragments-endless")
def _(c):
    c.send(c.head() + frame(BINARY, b"", fin=False))
    c.pour(more(b"x" * 1000) * 4, 64 * KIB * KIB)


@fault("/limit/empty-fragments")
def _(c):
    c.send(c.head() + text(b"", fin=False))
    for _ in range(100):
        c.send(more(b"") * 10000)
    c.close_sent = True
    c.send(last(b"at last") + BYE)


@fault("/limit/empty-fragments-endless")
def _(c):
    c.send(c.head() + text(b"", fin=False))
    while True:
        c.send(more(b"") * 2000)


@fault("/limit/pings")
def _(c):
    c.send(c.head())
    for i in range(1000):
        c.send(frame(PING, b"%d" % i) + (text(b"%d" % i) if i % 10 == 0 else b""))
    c.wait(lambda: sum(f["opcode"] == PONG for f in c.frames) == 1000)
    c.close_sent = True
    c.send(BYE)


@fault("/limit/pings-read-slowly", reads=False)
def _(c):
    """pings as fast as the client takes them; its pongs are read only while it takes none, so its queue never drains"""
    c.send(c.head())
    c.sock.setblocking(False)
    pings = unsent = frame(PING, b"p" * 125) * 64
    taken = 0
    while taken < 32 * KIB * KIB:
        try:
            while True:
                unsent = unsent[c.sock.send(unsent) :] or pings
        except BlockingIOError:
            pass
        select.select([c.sock], [c.sock], [])
        try:
            pongs = c.sock.recv(65536)
            if not pongs:
                raise Gone
            taken += len(pongs)
        except BlockingIOError:
            pass
    c.rst()


@fault("/limit/pings-unread", reads=False)
def _(c):
    c.send(c.head())
    c.sock.settimeout(2)
    c.pour(frame(PING, b"p" * 125) * 64, 64 * KIB * KIB)
    c.close_sent = True
    c.send(BYE)


@fault("/limit/messages-unread", reads=False)
def _(c):
    c.send(c.head())
    c.sock.settimeout(1)
    c.pour(frame(BINARY, b"x" * 1000) * 64, 64 * KIB * KIB)


# Text

INVALID_UTF8 = {
    "lone-continuation": b"\x80",
    "overlong-2": b"\xc0\xaf",
    "overlong-3": b"\xe0\x80\xaf",
    "overlong-4": b"\xf0\x80\x80\xaf",
    "surrogate": b"\xed\xa0\x80",
    "surrogate-pair": b"\xed\xa0\x80\xed\xb0\x80",
    "above-10ffff": b"\xf4\x90\x80\x80",
    "five-bytes": b"\xf8\x88\x80\x80\x80",
    "fe": b"\xfe",
    "ff": b"\xff",
    "broken-in-the-middle": "κόσμε".encode() + b"\xed\xa0\x80edited",
    "cut-2": b"\xc3",
    "cut-3": b"\xe2\x82",
    "cut-4": b"\xf0\x9f\x98",
    "far-behind-ascii": b"a" * 5000 + b"\xff" + b"a" * 5000,
}
for name, data in INVALID_UTF8.items():
    sends("/utf8/" + name, text(b"first"), text(data), text(b"never"))
    sends(
        "/utf8/fragments/" + name,
        text(b"first"),
        text(b"ok " + data[:1], fin=False),
        more(data[1:2]),
        last(data[2:]),
        text(b"never"),
    )
VALID_UTF8 = [
    b"\x00",
    b"\x7f",
    b"\xc2\x80",
    b"\xdf\xbf",
    b"\xe0\xa0\x80",
    b"\xed\x9f\xbf",
    b"\xee\x80\x80",
    b"\xef\xbf\xbe",
    b"\xef\xbf\xbf",
    b"\xf0\x90\x80\x80",
    b"\xf4\x8f\xbf\xbf",
]
sends("/utf8/borders", *map(text, VALID_UTF8), BYE)
sends(
    "/utf8/split-characters",
    *(text(c[:n], fin=False) + more(b"") + last(c[n:]) for c in VALID_UTF8 for n in range(1, len(c))),
    BYE,
)
sends("/utf8/binary", frame(BINARY, b"\xff\xfe\x80"), BYE)
# Only the wrong beginning is sent; nothing more comes until the client has failed the connection.
sends("/utf8/early-in-frame", text(b"first"), text(b"ok \xff", length=1000))
sends("/utf8/early-surrogate", text(b"first"), text(b"ok \xed\xa0", length=1000))
sends("/utf8/early-in-fragment", text(b"first"), text(b"ok", fin=False), more(b" \xc0", length=1000))


# Closing

VALID_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
INVALID_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535)
for code in VALID_CODES + INVALID_CODES:
    sends(f"/close/{code}", text(b"first"), close(code, b"why"))
sends("/close/empty", text(b"first"), close())
sends("/close/one-byte", text(b"first"), frame(CLOSE, b"\x03"))
sends("/close/reason-123", text(b"first"), close(1000, b"r" * 123))
sends("/close/reason-not-utf8", text(b"first"), close(1000, b"\xff"))
sends("/close/data-after", text(b"first"), BYE, text(b"never"), frame(PING, b"never"), b"\xff" * 64)
sends("/close/inside-message", text(b"first"), text(b"half", fin=False), BYE)


@fault("/close/answers")
def _(c):
    c.send(c.head() + text(b"first"))


@fault("/close/answers-otherwise", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first"))
    c.wait_close()
    c.send(close(4000, b"other"))
    c.fin()


@fault("/close/answers-late", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first"))
    c.wait_close()
    c.send(b"".join(text(b"late %d" % i) for i in range(10)) + BYE)
    c.fin()


@fault("/close/no-answer", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first"))


@fault("/close/no-answer-but-data", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first"))
    c.wait_close()
    while True:
        c.send(text(b"and on"))
        with c.changed:
            if c.changed.wait_for(lambda: c.ended, 0.02):
                return


@fault("/close/no-fin", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first"))
    c.wait_close()
    c.send(BYE)


# Ends without a Close


@fault("/end/fin")
def _(c):
    c.send(c.head() + text(b"first"))
    c.fin()


@fault("/end/rst")
def _(c):
    c.send(c.head() + text(b"first"))
    c.sync()
    c.rst()


@fault("/end/fin-inside-header")
def _(c):
    c.send(c.head() + text(b"first") + frame(BINARY, b"x" * 300)[:3])
    c.fin()


@fault("/end/fin-inside-frame")
def _(c):
    c.send(c.head() + text(b"first") + frame(BINARY, b"x" * 300)[:200])
    c.fin()


@fault("/end/fin-inside-message")
def _(c):
    c.send(c.head() + text(b"first") + text(b"half", fin=False))
    c.fin()


@fault("/end/rst-inside-message")
def _(c):
    c.send(c.head() + text(b"first") + text(b"half", fin=False))
    c.sync()
    c.rst()


@fault("/end/fin-instead-of-answer", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first"))
    c.wait_close()
    c.fin()


# Faults before a request is read

AT_ACCEPT = {
    "fin": lambda sock: sock.close(),
    "rst": lambda sock: (sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)), sock.close()),
    "ssh": lambda sock: sock.sendall(NOT_HTTP["ssh"]),
    "silent": lambda sock: None,
}


def listen(accepted):
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)

    def run():
        while True:
            accepted(listener.accept()[0])

    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname()[1]


logging = threading.Lock()
log_file = sys.stdout


def log(record):
    with logging:
        print(json.dumps(record), file=log_file, flush=True)


def at_accept(run, sock):
    kept.append(sock)
    run(sock)


kept = []


def main():
    global log_file
    if "--list" in sys.argv:
        return print("\n".join(FAULTS))
    if "--log" in sys.argv:
        log_file = open(sys.argv[sys.argv.index("--log") + 1], "a", encoding="utf-8")
    ports = {"": listen(lambda sock: threading.Thread(target=Connection(sock).serve, daemon=True).start())}
    for name, run in AT_ACCEPT.items():
        ports["at-accept/" + name] = listen(functools.partial(at_accept, run))
    print("LISTENING", json.dumps(ports), flush=True)
    sys.stdin.read()
    # connections that are still held would keep an orderly exit waiting
    os._exit(0)


if __name__ == "__main__":
    main()
