"""Faults of the closing handshake, and ends without one."""

from peer import BINARY, BYE, CLOSE, PING, close, fault, frame, sends, text

# Closing

VALID_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
INVALID_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1099, 1100, 1999, 2000, 2999, 5000, 9999, 65535)
WHY = "why \u00e9".encode()
for code in VALID_CODES + INVALID_CODES:
    sends(f"/close/{code}", text(b"first"), close(code, WHY))
sends("/close/empty", text(b"first"), close())
sends("/close/one-byte", text(b"first"), frame(CLOSE, b"\x03"))
sends("/close/reason-123", text(b"first"), close(1000, b"r" * 123))
sends("/close/reason-not-utf8", text(b"first"), close(1000, b"\xff"))
sends("/close/data-after", text(b"first"), BYE, text(b"never"), frame(PING, b"never"))
sends("/close/garbage-after", text(b"first"), BYE, b"\xff" * 500)
sends("/close/twice", text(b"first"), BYE, close(1001, b"never"))
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


@fault("/close/first-and-no-fin", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first") + BYE)


@fault("/close/answers-slowly", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first"))
    c.wait_close()
    c.pause(0.2)
    c.send(BYE)
    c.fin()


@fault("/close/crossing", answers_close=False)
def _(c):
    c.on_message = lambda opcode, message: c.send(close(3001, b"crossing"))
    c.send(c.head())
    c.wait_close()
    c.fin()


# Ends without a Close


@fault("/end/fin-at-once")
def _(c):
    c.send(c.head())
    c.fin()


@fault("/end/rst-at-once")
def _(c):
    c.send(c.head())
    c.sync()
    c.rst()


@fault("/end/fin")
def _(c):
    c.send(c.head() + text(b"first"))
    c.fin()


@fault("/end/rst")
def _(c):
    c.send(c.head() + text(b"first"))
    c.sync()
    c.rst()


# What has come when the connection ends.
PARTS = {
    "header": frame(BINARY, b"x" * 300)[:1],
    "length": frame(BINARY, b"x" * 300)[:3],
    "frame": frame(BINARY, b"x" * 300)[:200],
    "message": text(b"half", fin=False),
}
for name, part in PARTS.items():

    @fault("/end/fin-inside-" + name)
    def _(c, part=part):
        c.send(c.head() + text(b"first") + part)
        c.fin()

    @fault("/end/rst-inside-" + name)
    def _(c, part=part):
        c.send(c.head() + text(b"first"))
        c.sync()
        c.send(part)
        c.taken()
        c.rst()


@fault("/end/silent")
def _(c):
    c.send(c.head() + text(b"first"))


@fault("/end/silent-inside-frame", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first") + PARTS["frame"])


@fault("/end/fin-instead-of-answer", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first"))
    c.wait_close()
    c.fin()


@fault("/end/rst-instead-of-answer", answers_close=False)
def _(c):
    c.send(c.head() + text(b"first"))
    c.wait_close()
    c.rst()
