"""What a server is going to send, written down first, so that it can be sent in any pieces."""

from deflate import Deflate
from peer import PING, PONG, close, frame, text

RSV1 = 4


def numbered(number, size):
    """the text with a number, filled up to size"""
    return b"%d" % number + (b" " + b"x" * size)[: max(0, size - len(b"%d" % number))]


def cut(data, parts):
    """into so many parts of about the same size, some of them empty if there are not enough bytes"""
    size = -(-len(data) // parts)
    return [data[i * size : (i + 1) * size] for i in range(parts)]


class Script:
    def __init__(self, compresses):
        self.deflate = Deflate() if compresses else None
        self.bytes = b""
        self.pings = 0

    def add(self, made):
        """returns how many bytes it has"""
        self.bytes += made
        return len(made)

    def take(self, count):
        taken, self.bytes = self.bytes[:count], self.bytes[count:]
        return taken

    def message(self, payload, fragments, pings):
        """a text, with so many pings between its first fragment and the second"""
        rsv = 0
        if self.deflate:
            payload, rsv = self.deflate.deflate(payload), RSV1
        first, *others = cut(payload, fragments)
        frames = [text(first, fin=not others, rsv=rsv)]
        frames += [self.make_ping() for _ in range(pings)]
        frames += [frame(0, other, fin=i == len(others) - 1) for i, other in enumerate(others)]
        return b"".join(frames)

    def make_ping(self):
        self.pings += 1
        return frame(PING, b"%d" % (self.pings - 1))

    def other(self, what):
        if what == "ping":
            return self.make_ping()
        return {
            "pong": frame(PONG, b"unasked"),
            "close": close(1000, b"bye"),
            "opcode": frame(3),
            "utf8": text(b"\xff"),
            "size": text(b"", length=1 << 40),
        }[what]


class ScriptCommands:
    """The commands of a connection that has a `script`."""

    def message_for_later_(self, size, fragments="1", pings="0"):
        """adds the next text to the script; answers with how many bytes that are"""
        self.numbered += 1
        payload = numbered(self.numbered - 1, int(size))
        return self.script.add(self.script.message(payload, int(fragments), int(pings)))

    def later_(self, what):
        """adds a `ping`, a `pong`, a `close` with 1000 or a violation to the script, and answers in the same way"""
        return self.script.add(self.script.other(what))

    def release_(self, count):
        """so many bytes of the script"""
        self.out += self.script.take(int(count))

    def release_in_two_reads_(self, count):
        """so many bytes of the script, then the rest of it. Between them is a byte of urgent data, where a read of the client ends.
        Nothing else may wait to be sent."""
        self.stream.send_urgent(self.script.take(int(count)) + b"!")
        self.out += self.script.take(len(self.script.bytes))

    def answered_(self):
        """waits for the pongs to all pings of the script, which must be released: what stands before is decoded then"""
        self.wait(lambda: len(self.frames.pongs) >= self.script.pings)
        return "yes" if self.frames.pongs == [b"%d" % i for i in range(self.script.pings)] else "no"
