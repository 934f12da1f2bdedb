"""Answers to the client's pings, and none."""

from peer import BYE, PING, PONG, fault, frame, text

# So many pings until the server closes.
PINGS = 5


def pings(c):
    return [f["payload"].encode("latin-1") for f in c.frames if f["opcode"] == PING]


def answer_pings(c, answer):
    c.send(c.head())
    for number in range(PINGS):
        c.wait(lambda number=number: len(pings(c)) > number)
        c.send(frame(PONG, answer(pings(c)[number])))
    c.close_sent = True
    c.send(BYE)


@fault("/ping/answered")
def _(c):
    answer_pings(c, lambda payload: payload)


@fault("/ping/answered-otherwise")
def _(c):
    answer_pings(c, lambda payload: b"not " + payload)


@fault("/ping/unanswered")
def _(c):
    c.send(c.head())


@fault("/ping/unanswered-inside-frame", answers_close=False)
def _(c):
    c.send(c.head() + text(b"x" * 300)[:200])
