"""What the client does before it receives until the end.

An act takes the case, its session and a Check, and returns the messages that it has received.
"""

from ktorws_ctypes import State, Status, lib

# A wait that lasts this long means a hang; nothing here takes a fifth of it.
HANG_S = 20
PUSHED, PUSHED_SIZE = 200, 60000
# Into a queue of 1 MiB, for a server that does not read. The kernel's buffers take some MiB.
FILLING, QUEUE, MOST_TAKEN = 65536, 1024 * 1024, 32 * 1024 * 1024


def receive(_case, _session, _check):
    return []


def close(_case, session, check):
    status, message = session.recv(HANG_S * 1000)
    check.equal("the message before ws_close", (status, message), (Status.OK, "first"))
    check.equal("ws_close", session.close(1000, "bye"), Status.OK)
    return [message]


def send_and_close(_case, session, check):
    check.equal("ws_send_text", session.send("go"), Status.OK)
    check.equal("ws_close", session.close(1000, "bye"), Status.OK)
    return []


def say_ready(_case, session, check):
    """a sign for the server that the handshake is over"""
    check.equal("ws_send_text", session.send("ready"), Status.OK)
    return []


def push(_case, session, check):
    sent = [session.send("x" * PUSHED_SIZE) for _ in range(PUSHED)]
    check.equal("ws_send_text", set(sent), {Status.OK})
    check.equal("ws_close", session.close(1000, "bye"), Status.OK)
    return []


def fill(_case, session, check):
    """sends until there is no more room"""
    taken = 0
    while (status := session.send(b"x" * FILLING)) == Status.OK and taken < MOST_TAKEN:
        taken += FILLING
    check.equal("ws_send_binary", status, Status.TIMEOUT)
    check.equal("ws_state after a timeout", session.state, State.OPEN)
    waiting = lib.ws_buffered_amount(session.handle)
    check.true("ws_buffered_amount", QUEUE - FILLING * 2 <= waiting <= QUEUE, waiting)
    check.equal("ws_close", session.close(1000, "bye"), Status.OK)
    return []


def echo(case, session, check):
    """each of case.sent comes back before the next is sent"""
    received = []
    for message in case.sent:
        check.equal("sending", session.send(message), Status.OK)
        status, answer = session.recv(HANG_S * 1000)
        check.equal("receiving", status, Status.OK)
        check.true("an echo is not what was sent", answer == message)
        received.append(answer)
    check.equal("ws_close", session.close(1000, "bye"), Status.OK)
    return received


def wait(_case, session, check):
    """for the end, without receiving"""
    check.equal("ws_wait_closed without receiving", session.wait_closed(HANG_S * 1000), Status.OK)
    return []


ACTS = {
    "receive": receive,
    "close": close,
    # and ws_abort after the end
    "close-abort": close,
    "send-and-close": send_and_close,
    "say-ready": say_ready,
    "push": push,
    "fill": fill,
    "echo": echo,
    "wait": wait,
    # receive, but no longer than PATIENCE_MS, and then end it with ws_abort or ws_close
    "give-up": receive,
    "give-up-and-close": receive,
    "flood": receive,
    # does nothing at all for a while, and then ends it with ws_abort
    "neglect": receive,
}
PATIENCE_MS = {"give-up": 300, "give-up-and-close": 300, "flood": 2500}
