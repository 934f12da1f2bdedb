"""What every fault is made of: frames, the client's connection with its record, and the table of faults."""

import array
import base64
import collections
import fcntl
import hashlib
import json
import socket
import struct
import sys
import termios
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
        payload = unmask(payload, mask)
    return head + payload


def unmask(payload, key):
    mask = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(len(payload), "big")


def text(payload, **how):
    return frame(TEXT, payload, **how)


def more(payload, **how):
    return frame(0, payload, fin=False, **how)


def last(payload, **how):
    return frame(0, payload, **how)


def close(code=None, reason=b""):
    return frame(CLOSE, (b"" if code is None else struct.pack("!H", code)) + reason)


BYE = close(1000, b"bye")


class Log:
    """Where the records of connections go, a line each."""

    file = sys.stdout
    lock = threading.Lock()

    @classmethod
    def write(cls, record):
        with cls.lock:
            print(json.dumps(record), file=cls.file, flush=True)


# For each case an event that the driver sets once it has seen what it wanted to see.
RELEASED = collections.defaultdict(threading.Event)


class Gone(Exception):
    """The client's side has ended."""


class Connection:
    # what the case is called where none was named
    no_request = "no request"

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
        # of the client: (opcode, reserved bits, payloads) of the message under way, and what is called with each one
        self.partial = None
        self.on_message = None
        self.messages = []
        # once permessage-deflate is agreed on
        self.deflate = None
        self.trouble = None
        self.reader = None

    def read_head(self, method):
        head = self.surplus
        while b"\r\n\r\n" not in head:
            chunk = self.sock.recv(65536)
            head += chunk
            if not chunk or not head.startswith(method[: len(head)]) or len(head) > 256 * KIB:
                self.request = head[:64].decode("latin-1")
                self.case = self.no_request
                return False
        head, _, self.surplus = head.partition(b"\r\n\r\n")
        self.request, *lines = head.decode("latin-1").split("\r\n")
        self.headers = [line.split(": ", 1) for line in lines]
        return True

    def read_request(self):
        if not self.read_head(b"GET "):
            return False
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

    def taken(self):
        """returns when the client's kernel has taken everything that was sent so far"""
        left = array.array("i", [1])
        while left[0] and not self.ended:
            self.pause(0.001)
            fcntl.ioctl(self.sock, termios.TIOCOUTQ, left)

    def pause(self, seconds):
        """a pace to send at; less when the connection has ended"""
        with self.changed:
            self.changed.wait_for(lambda: self.ended, seconds)

    def wait_released(self):
        RELEASED[self.case].wait(HOLD)

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
                    payload = unmask(payload, key)
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
                if first & 15 < CLOSE:
                    self.take_fragment(first, payload)
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
        except Exception:
            self.trouble = traceback.format_exc()
            ended = "trouble"
        with self.changed:
            self.ended = self.ended or ended
            self.changed.notify_all()

    def take_fragment(self, first, payload):
        """puts the client's messages together"""
        if first & 15:
            self.partial = (first & 15, first >> 4 & 7, [])
        opcode, rsv, payloads = self.partial
        payloads.append(payload)
        if first & 0x80:
            message = b"".join(payloads)
            received = len(message)
            if rsv & 4 and self.deflate:
                message = self.deflate.inflate(message)
            self.messages.append({"compressed": bool(rsv & 4), "received": received, "size": len(message)})
            if self.on_message:
                self.on_message(opcode, message)

    def serve(self):
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
            self.trouble = traceback.format_exc()
        if self.ended is None:
            if self.reader is None:
                self.sock.settimeout(HOLD)
                self.reader = threading.Thread(target=self.read_frames, args=(False,), daemon=True)
                self.reader.start()
            self.reader.join()
        self.sock.close()
        Log.write(self.record())

    def record(self):
        return {
            "case": self.case,
            "path": self.path,
            "request": self.request,
            "headers": self.headers,
            "frames": self.frames,
            "ended": self.ended,
            "poured": self.poured,
            "messages": self.messages,
            "deflate": self.deflate is not None,
            "trouble": self.trouble,
        }


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
