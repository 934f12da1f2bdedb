"""What a client has sent, taken apart."""

from peer import CLOSE, PING, PONG, unmask

LETTERS = {0: "c", 1: "t", 2: "b", CLOSE: "x", PING: "i", PONG: "o"}


class Frames:
    """What the client has sent."""

    def __init__(self):
        self.bytes = bytearray()
        # a letter of LETTERS each, a capital one for the last or only frame of a message
        self.letters = []
        self.messages = []
        self.pongs = []
        self.partial = b""
        self.close_code = None

    def feed(self, data):
        """returns the messages that are complete now"""
        self.bytes += data
        start = 0
        before = len(self.messages)
        while (end := self.take(start)) is not None:
            start = end
        del self.bytes[:start]
        return self.messages[before:]

    def take(self, start):
        if len(self.bytes) < start + 6:
            return None
        first, second = self.bytes[start], self.bytes[start + 1]
        length, at = second & 127, start + 2
        if length >= 126:
            width = 2 if length == 126 else 8
            length, at = int.from_bytes(self.bytes[at : at + width], "big"), at + width
        if len(self.bytes) < at + 4 + length:
            return None
        payload = unmask(bytes(self.bytes[at + 4 : at + 4 + length]), bytes(self.bytes[at : at + 4]))
        opcode, is_last = first & 15, bool(first & 0x80)
        self.letters.append(LETTERS[opcode].upper() if is_last else LETTERS[opcode])
        if opcode == PONG:
            self.pongs.append(payload)
        elif opcode == CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big")
        elif opcode != PING:
            self.partial += payload
            if is_last:
                self.messages.append(self.partial)
                self.partial = b""
        return at + 4 + length
