"""A connection of steered_server.py: what it can be told and asked."""

import array
import base64
import contextlib
import fcntl
import hashlib
import re
import select
import socket
import termios
import threading
import time
import traceback
from itertools import groupby

from peer import PING, PONG, close, frame, more, text
from steered_floods import FLOODS
from steered_frames import Frames
from steered_script import Script, ScriptCommands, numbered
from steered_stream import Plain, Tls

# Nothing that works takes nearly this long.
HANG_S = 30
# For so long nothing must move before the server believes that it is held up. Too short only makes a test see less.
STUCK_S = 0.25
# The kernel's buffers of a connection, small so that they are full soon.
RECEIVE_BUFFER, SEND_BUFFER = 64 * 1024, 512 * 1024
# How much of a flood is made at a time.
FLOOD_PIECE = 32 * 1024


class Connection(ScriptCommands):
    def __init__(self, sock, context):
        self.sock = sock
        self.context = context
        self.changed = threading.Condition()
        self.wake_pump, self.wake = socket.socketpair()
        self.frames = Frames()
        self.out = b""
        self.moved = time.monotonic()
        self.reads = True
        self.echoes = False
        self.flood = None
        self.numbered = 0
        self.rest = b""
        self.closes = False
        self.waits_for_close = False
        self.ended = None
        self.trouble = None

    def run(self, accepted):
        try:
            self.open(accepted)
            while self.ended is None:
                self.pump()
        except (ConnectionResetError, BrokenPipeError):
            self.end("rst")
        except Exception:
            self.trouble = traceback.format_exc()
            self.end("trouble")
        finally:
            for sock in (self.sock, self.wake_pump, self.wake):
                sock.close()

    def open(self, accepted):
        self.sock.settimeout(HANG_S)
        self.stream = Tls(self.sock, self.context) if self.context else Plain(self.sock)
        head = b""
        while b"\r\n\r\n" not in head:
            if (data := self.stream.receive()) is None:
                select.select([self.sock], [], [], HANG_S)
            head += data or b""
        asks = head.startswith(b"GET /asking ")
        if asks and b"\nauthorization:" not in head.lower():
            self.stream.send(b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="r"\r\nContent-Length: 0\r\n\r\n')
            self.ended = "asked"
            return
        offered = re.search(rb"(?i)sec-websocket-extensions: ([^\r]+)", head) if asks else None
        names = [extension.split(b";")[0].strip() for extension in offered[1].split(b",")] if offered else []
        key = re.search(rb"(?i)sec-websocket-key: (\S+)", head)[1]
        compresses = head.startswith(b"GET /deflate ") and b"permessage-deflate" in head
        self.script = Script(compresses)
        agreed = b"permessage-deflate" if compresses else b", ".join(names)
        if head.startswith(b"GET /extension "):
            agreed = re.search(rb"(?i)sec-websocket-extensions: ([^;,\s]+)", head)[1]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        # before the client knows that it is connected
        accepted(self)
        with self.changed:
            self.out = (
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n"
                + (b"Sec-WebSocket-Extensions: " + agreed + b"\r\n" if agreed else b"") + b"\r\n"
            )
            if greeting := re.match(rb"GET /greeting/(\d+)/(\d+) ", head):
                self.out += self.next_texts(int(greeting[1]), int(greeting[2]))

    def pump(self):
        with self.changed:
            if self.flood and len(self.out) < FLOOD_PIECE:
                made = self.flood()
                self.out += made
                self.flood = self.flood if made else None
            reading = [self.wake_pump] + ([self.sock] if self.reads else [])
            writing = [self.sock] if self.out or self.closes is True or not self.stream.flush() else []
        readable, writable, _ = select.select(reading, writing, [], HANG_S)
        with self.changed:
            if self.wake_pump in readable:
                self.wake_pump.recv(4096)
            if self.ended is not None:
                return
            if self.sock in readable and self.reads:
                self.receive()
            if writable and self.ended is None:
                self.send()
            self.changed.notify_all()

    def receive(self):
        # until there is nothing: what TLS holds makes no socket readable
        while (data := self.stream.receive()) is not None:
            if data == b"":
                self.ended = "fin inside a frame" if self.frames.bytes else "fin"
                self.sock.close()
                return
            for message in self.frames.feed(data):
                if self.echoes:
                    self.out += text(message)
            if self.frames.close_code is not None and not self.closes:
                self.closes = True
                self.flood = None
                if not self.waits_for_close:
                    self.out += close(self.frames.close_code or None)

    def send(self):
        count = self.stream.send(self.out) if self.out else 0
        self.out = self.out[count:]
        if count:
            self.moved = time.monotonic()
        if self.closes and not self.out and self.stream.flush():
            self.stream.finish()
            self.closes = "finished"

    def end(self, how):
        with self.changed:
            self.ended = how
            self.changed.notify_all()

    def command(self, words):
        if self.trouble:
            return "trouble: " + self.trouble.replace("\n", " | ")
        with self.changed:
            answer = getattr(self, words[0] + "_")(*words[1:])
            with contextlib.suppress(OSError):
                self.wake.send(b"x")
            return str(answer or "ok")

    def wait(self, condition):
        """whether it came true before the end of the connection"""
        if not self.changed.wait_for(lambda: condition() or self.ended, HANG_S):
            raise AssertionError("what was waited for did not come")
        return bool(condition())

    def next_texts(self, count, size):
        made = b"".join(text(numbered(self.numbered + i, size)) for i in range(count))
        self.numbered += count
        return made

    # Commands

    def read_(self, switch):
        """reading on or off"""
        self.reads = switch == "on"

    def echo_(self):
        """from now on messages are sent back, as texts"""
        self.echoes = True

    def segments_(self, size):
        """from now on TCP gets at most so many bytes at a time"""
        self.stream.segment = int(size)

    def texts_(self, count, size="0", *behind):
        """texts, numbered on from those before, in one call of the kernel as far as it takes them; behind them `close`
        with 1000, if asked for"""
        self.out += self.next_texts(int(count), int(size))
        if behind:
            self.close_("1000")

    def half_(self, size):
        """the next text, but only the first half of its frame"""
        whole = self.next_texts(1, int(size))
        half = len(whole) // 2
        self.out += whole[:half]
        self.rest = whole[half:]

    def rest_(self):
        """the other half"""
        self.out += self.rest

    def fragments_(self, count):
        """a text of empty fragments, and one of "end" as the last"""
        self.out += text(b"", fin=False) + more(b"") * (int(count) - 2) + frame(0, b"end")

    def pings_(self, count=1):
        """numbered ones"""
        self.out += b"".join(frame(PING, b"%d" % i) for i in range(int(count)))

    def pong_(self, payload):
        """one that answers no ping of the library"""
        self.out += frame(PONG, payload.encode())

    def violation_(self, kind):
        """a frame with an unknown `opcode`, a text that is not `utf8`, or one of too large a `size`"""
        self.out += {"opcode": frame(3), "utf8": text(b"\xff"), "size": text(b"", length=1 << 40)}[kind]

    def fragment_(self):
        """the first fragment of a text that never ends"""
        self.out += text(b"half", fin=False)

    def close_(self, code, *answered):
        """a Close, and the end of the stream; `answered`: only behind the client's Close"""
        self.out += close(int(code))
        self.waits_for_close = bool(answered)
        self.closes = not answered

    def flood_(self, what, limit=0, size=0):
        """as fast as the client takes them: `pings`, `bare` ones without a payload, `empty` fragments, or `texts`, numbered
        on, until there are so many; at the path /deflate also binary messages of one byte in `blocks` of which most are
        empty, or one message without an end of `last` blocks or of a `bomb` of zeros"""

        def texts():
            return self.next_texts(min(FLOOD_PIECE // (int(size) + 8) + 1, int(limit) - self.numbered), int(size))

        if what == "texts":
            self.flood = texts
            return
        first, again = FLOODS[what]
        self.out += first
        self.flood = lambda: again

    def stop_(self):
        """ends a flood"""
        self.flood = None

    def numbered_(self):
        """how many numbered texts were made"""
        return str(self.numbered)

    def held_(self):
        """yes once nothing of what is to be sent moves any more, no when all of it is sent"""
        limit = time.monotonic() + HANG_S
        self.moved = time.monotonic()
        while (self.out or self.flood) and time.monotonic() < limit:
            if time.monotonic() - self.moved > STUCK_S:
                return "yes"
            self.changed.wait(STUCK_S)
        return "no"

    def taken_(self):
        """waits until the client's kernel has all that was to be sent"""
        self.wait(lambda: not self.out and self.stream.flush())
        left = array.array("i", [1])
        limit = time.monotonic() + HANG_S
        while left[0] and time.monotonic() < limit:
            fcntl.ioctl(self.sock, termios.TIOCOUTQ, left)
        return "ok" if not left[0] else "no"

    def sent_(self):
        """waits until TCP has sent all that was to be sent, be it acknowledged or not; answers with the client's port,
        the server's, and how many bytes it has sent on the connection"""
        self.wait(lambda: not self.out and self.stream.flush())
        limit = time.monotonic() + HANG_S
        while not (state := self.stream.sent())[1] and time.monotonic() < limit:
            time.sleep(0)
        ports = f"{self.sock.getpeername()[1]} {self.sock.getsockname()[1]}"
        return f"{ports} {state[0]}" if state[1] else "no"

    def reset_(self):
        self.stream.reset()
        self.ended = "server rst"

    def finish_(self):
        self.stream.finish()

    def message_(self, number):
        """the number-th message, from 0, once it is there"""
        self.wait(lambda: len(self.frames.messages) > int(number))
        return self.frames.messages[int(number)].decode()

    def in_order_(self, count, size="0"):
        """waits for so many messages; they must be numbered in order and of that size, and no more than them there"""
        self.wait(lambda: len(self.frames.messages) >= int(count))
        messages = self.frames.messages
        wrong = [i for i, message in enumerate(messages) if message != numbered(i, int(size))]
        if wrong:
            return f"message {wrong[0]} is {messages[wrong[0]][:40]}"
        return "yes" if len(messages) == int(count) else f"{len(messages)} messages"

    def rising_(self):
        """how many numbered messages have come, and the last number, if each is larger than the one before"""
        numbers = [int(message.split(b" ")[0]) for message in self.frames.messages]
        falls = [number for before, number in zip(numbers, numbers[1:]) if number <= before]
        return f"{falls[0]} comes too late" if falls else f"{len(numbers)} up to {numbers[-1]}"

    def pongs_(self, count):
        """waits for so many pongs, which must be to the numbered pings in order"""
        self.wait(lambda: len(self.frames.pongs) >= int(count))
        return "in order" if self.frames.pongs == [b"%d" % i for i in range(int(count))] else f"{self.frames.pongs[:9]}"

    def frames_(self, count):
        """the kinds of the first frames, once there are so many: letters of LETTERS, runs as letter and length"""
        self.wait(lambda: len(self.frames.letters) >= int(count))
        runs = [(letter, len(list(run))) for letter, run in groupby(self.frames.letters[: int(count)])]
        return " ".join(letter if length == 1 else f"{letter}{length}" for letter, length in runs)

    def received_(self):
        """how many messages have come"""
        return f"{len(self.frames.messages)} messages"

    def close_code_(self):
        """of the client's Close, once it is there"""
        self.wait(lambda: self.frames.close_code is not None)
        return f"{self.frames.close_code}"

    def end_(self):
        """how the connection has ended, once it has"""
        self.wait(lambda: False)
        return self.ended
