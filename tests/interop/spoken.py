"""What the servers speak in their messages, each so that bytes sent come back: an echo, MQTT, NATS, DevTools."""

import itertools
import json

from checking import HANG_MS, equal, true
from ktorws_ctypes import BINARY, TEXT, Session, Status


class Speaker:
    """A session and a protocol in its messages. The bytes to come back are letters."""

    # of the messages it sends
    type = BINARY

    def __init__(self, url, **settings):
        self.session = Session(url, **settings)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.session.__exit__(*exception)

    def message(self):
        status, message = self.session.recv(HANG_MS)
        equal("ws_recv", status, Status.OK)
        return message

    def tell(self, data):
        equal("ws_send", self.session.send_part(self.type, data), Status.OK)

    def encoded(self, letters):
        """the message with which they are sent"""
        return letters

    def read(self):
        """the letters that have come back"""
        return self.message()

    def greet(self):
        """what has to be said first"""

    def echoes(self, letters):
        self.tell(self.encoded(letters))
        true(f"{len(letters)} letters come back", self.read() == letters)


class Echo(Speaker):
    def read(self):
        message = self.message()
        equal("kind of message", isinstance(message, str), self.type == TEXT)
        return message.encode() if self.type == TEXT else message


class Stream(Speaker):
    """A protocol that takes messages for parts of a stream."""

    def __init__(self, url, **settings):
        super().__init__(url, **settings)
        self.buffer = bytearray()

    def need(self, size):
        while len(self.buffer) < size:
            self.buffer += self.message()

    def take(self, size):
        self.need(size)
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken


class Mqtt(Stream):
    """MQTT 3.1.1 (its section 6 is about WebSocket)"""

    CONNECT, CONNACK, PUBLISH, SUBSCRIBE, SUBACK = 0x10, 0x20, 0x30, 0x82, 0x90
    TOPIC = b"\0\1t"

    @staticmethod
    def packet(kind, body):
        size, digits = len(body), bytearray()
        while True:
            size, digit = divmod(size, 128)
            digits.append(digit | (128 if size else 0))
            if not size:
                return bytes([kind]) + digits + body

    def next_packet(self):
        (kind,) = self.take(1)
        size = shift = 0
        while True:
            (digit,) = self.take(1)
            size |= (digit & 127) << shift
            shift += 7
            if not digit & 128:
                return kind, self.take(size)

    @classmethod
    def hello(cls):
        # level 4, a clean session, without keepalive
        return cls.packet(cls.CONNECT, b"\0\4MQTT\4\2\0\0" + b"\0\7interop")

    def greet(self):
        self.tell(self.hello())
        equal("CONNACK", self.next_packet(), (self.CONNACK, b"\0\0"))
        self.tell(self.packet(self.SUBSCRIBE, b"\0\1" + self.TOPIC + b"\0"))
        equal("SUBACK", self.next_packet(), (self.SUBACK, b"\0\1\0"))

    def encoded(self, letters):
        return self.packet(self.PUBLISH, self.TOPIC + letters)

    def read(self):
        kind, body = self.next_packet()
        equal("PUBLISH", (kind, body[:3]), (self.PUBLISH, self.TOPIC))
        return body[3:]

    def break_rules(self):
        """a second CONNECT"""
        self.tell(self.hello())


class Nats(Stream):
    """the lines of NATS's client protocol"""

    def line(self):
        while b"\r\n" not in self.buffer:
            self.buffer += self.message()
        return self.take(self.buffer.index(b"\r\n") + 2)[:-2]

    def greet(self):
        true("INFO", self.line().startswith(b"INFO {"))
        self.tell(b'CONNECT {"verbose":false,"headers":false}\r\nSUB t 1\r\nPING\r\n')
        equal("PONG", self.line(), b"PONG")

    def encoded(self, letters):
        return b"PUB t %d\r\n%s\r\n" % (len(letters), letters)

    def read(self):
        line = self.line()
        true("MSG", line.startswith(b"MSG t 1 "), line)
        letters = self.take(int(line.split()[-1]))
        equal("end of MSG", self.take(2), b"\r\n")
        return letters

    def break_rules(self):
        self.tell(b"NONSENSE\r\n")


class DevTools(Speaker):
    """JSON commands; a page returns the letters"""

    type = TEXT

    def __init__(self, url, **settings):
        super().__init__(url, **settings)
        self.numbers = itertools.count(1)

    def encoded(self, letters):
        parameters = {"expression": f"'{letters.decode()}'"}
        command = {"id": next(self.numbers), "method": "Runtime.evaluate", "params": parameters}
        return json.dumps(command).encode()

    def read(self):
        return json.loads(self.message())["result"]["result"]["value"].encode()

    def break_rules(self):
        """ask for the end of the page"""
        self.tell(b'{"id":0,"method":"Page.close"}')
