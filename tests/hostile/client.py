"""The client's side of a case."""

import re

from case import settings
from checks import Check
from ktorws_ctypes import Failure, Phase, Session, State, Status, lib
from wire import check_wire

# A wait that lasts this long means a hang; nothing here takes a fifth of it.
HANG_S = 20
# What a client with the act push sends.
PUSHED, PUSHED_SIZE = 200, 60000


def run(case, ports, peer):
    """The complaints, and the message the library gave."""
    check = Check()
    port = ports[case.port]
    config = settings(**case.config)
    says = [pattern.replace("{port}", str(port)) for pattern in case.says]
    failure = None
    try:
        with Session(case.url.format(port=port, path=case.path, name=case.name), **config) as session:
            check.among("ws_connect", Status.OK, case.connect)
            if Status.OK in case.connect:
                failure = run_open(case, session, check)
    except Failure as refusal:
        failure = refusal
        check.among("ws_connect", refusal.status, case.connect)
        check.among("phase", refusal.phase, case.phase)
        if case.errno:
            check.equal("errno", refusal.os_errno, case.errno)
        if case.http:
            check.equal(
                "HTTP status, Location, body",
                (refusal.http_status, refusal.http_location, refusal.http_body),
                case.http,
            )
    if failure:
        check.true("the message is empty", failure.message)
        for pattern in says:
            check.true(f"the message does not say {pattern}", re.search(pattern, failure.message), failure.message)
    if not case.port and "{path}" in case.url:
        check_wire(case, peer.record(case.name), check)
    elif case.path == "/no-server/tls-to-plain":
        record = peer.record("no request")
        check.true(
            "something other than a TLS record was sent", record["request"].startswith("\x16\x03"), record["request"]
        )
    return check.complaints, failure.message if failure else ""


def run_open(case, session, check):
    """Receives until the end. Before that, case.act can be: close, after the first message (close-abort: and abort, after
    the end); push, a lot of messages; wait, for the end of the connection; or the client loses patience (give-up,
    flood), or does nothing at all for a while (neglect)."""
    check.equal("ws_subprotocol", session.subprotocol, case.subprotocol)
    check.equal("ws_response_status", lib.ws_response_status(session.handle), 101)
    messages = []
    patience_ms = {"give-up": 300, "flood": 2500}.get(case.act, HANG_S * 1000)
    if case.act.startswith("close"):
        status, message = session.recv(patience_ms)
        check.equal("the message before ws_close", (status, message), (Status.OK, "first"))
        messages.append(message)
        check.equal("ws_close", session.close(1000, "bye"), Status.OK)
    if case.act == "push":
        sent = [session.send("x" * PUSHED_SIZE) for _ in range(PUSHED)]
        check.equal("ws_send_text", set(sent), {Status.OK})
        check.equal("ws_close", session.close(1000, "bye"), Status.OK)
    if case.act == "wait":
        check.equal("ws_wait_closed without receiving", session.wait_closed(HANG_S * 1000), Status.OK)
    if case.act == "neglect":
        status = session.wait_closed(1000)
    while case.act != "neglect":
        status, message = session.recv(patience_ms)
        if status != Status.OK:
            break
        messages.append(message)
    check.among("ws_recv at the end", status, case.end)
    if case.messages is not None:
        check.equal("messages", messages, case.messages)
    if status == Status.TIMEOUT:
        # nothing was lost by waiting: the session is as open as before
        check.equal("ws_state after a timeout", session.state, State.OPEN)
        check.equal("ws_abort", session.abort(), Status.OK)
        while (status := session.recv(HANG_S * 1000)[0]) == Status.OK:
            pass
        check.equal("ws_recv after ws_abort", status, Status.ABORTED)
        return None
    check.equal("ws_recv once more", session.recv(HANG_S * 1000)[0], status)
    if case.act == "close-abort":
        check.equal("ws_abort after the end", session.abort(), Status.OK)
    check.true("ws_wait_closed ran out of time", session.wait_closed(HANG_S * 1000) != Status.TIMEOUT)
    check.equal("ws_state", session.state, State.CLOSED)
    check.true("ws_send_text after the end succeeded", session.send("too late") != Status.OK)
    local_code, remote_code, reason, clean, initiator = session.close_info
    if case.local_code is not None:
        check.equal("local code", local_code, case.local_code)
    if case.remote_code is not None:
        check.equal("remote code", remote_code, case.remote_code)
    if case.reason is not None:
        check.equal("reason", reason, case.reason)
    if case.initiator is not None:
        check.equal("initiator", initiator, case.initiator)
        check.equal("clean", clean, case.clean)
    error = session.error
    if status == Status.CLOSED:
        check.true("a clean end has an error", error is None, error)
    else:
        check.true("the end has no error", error is not None)
        if error:
            check.equal("status of ws_session_error", error.status, status)
            check.equal("phase of ws_session_error", error.phase, Phase.OPEN)
    return error
