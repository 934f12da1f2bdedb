"""Faults of the closing handshake, and ends without one."""

from peer import BINARY, BYE, CLOSE, PING, close, fault, frame, sends, text

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
