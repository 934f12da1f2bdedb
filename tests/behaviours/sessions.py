"""What a session must do, as the caller sees it."""

from checking import HANG_MS, equal, true
from ktorws_ctypes import Initiator, State, Status
from peer import CLOSE, TEXT, frame, text


def receives(session, *messages):
    for message in messages:
        equal("ws_recv", session.recv(HANG_MS), (Status.OK, message))


def ends(session, status, **expected):
    """receiving returns `status`, for good; `expected` is of ws_get_close_info and ws_wait_closed's state"""
    for _ in range(2):
        equal("ws_recv at the end", session.recv(HANG_MS), (status, None))
    equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
    equal("ws_state", session.state, State.CLOSED)
    names = ("local", "remote", "reason", "clean", "initiator")
    info = dict(zip(names, session.close_info))
    equal("ws_get_close_info", {name: info[name] for name in expected}, expected)
    true("ws_session_error", (session.error is None) == (status == Status.CLOSED), session.error)
    if session.error:
        equal("ws_session_error", session.error.status, status)


def echoes(session, wire, message="still there"):
    """the session is as open as it was"""
    equal("ws_send_text", session.send(message), Status.OK)
    wire.expect(TEXT, message.encode())
    wire.send(text(message.encode()))
    receives(session, message)


def closes(session, wire, code=1000, reason="bye"):
    """an orderly end that this side begins"""
    equal("ws_close", session.close(code, reason), Status.OK)
    sent = wire.expect_close(code, reason.encode())
    wire.send(frame(CLOSE, sent.payload))
    wire.fin()
    ends(
        session,
        Status.CLOSED,
        local=code,
        remote=code,
        reason=reason.encode(),
        clean=True,
        initiator=Initiator.LOCAL,
    )
    wire.expect_end()


def fails(session, wire, frames, status, code):
    """`frames` of the server end the session with `status`, and with a Close of `code` on the wire; what comes before
    them is delivered, what comes behind them is not"""
    wire.send(text(b"first") + frames + text(b"never"))
    receives(session, "first")
    fails_now(session, wire, status, code)


def fails_now(session, wire, status, code):
    equal("ws_recv", session.recv(HANG_MS), (status, None))
    sent = wire.next()
    equal("the frame that says why", (sent.opcode, sent.payload[:2]), (CLOSE, code.to_bytes(2, "big")))
    true("its reason is empty or too long", 0 < len(sent.payload[2:].decode()) <= 123)
    wire.expect_end()
    wire.fin()
    ends(session, status, local=code, remote=1006, reason=b"", clean=False, initiator=Initiator.PROTOCOL)
