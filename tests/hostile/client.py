"""The client's side of a case."""

import re

from acts import ACTS, HANG_S, PATIENCE_MS
from checks import Check, one_of
from ktorws_ctypes import Failure, Phase, Session, State, Status, lib
from proxy_case import PASSWORD, Proxied
from proxy_wire import check_proxied
from wire import check_wire


def run(case, ports, peer):
    """The complaints, and the message the library gave."""
    check = Check()
    port = ports[case.port]
    says = [pattern.replace("{port}", str(port)) for pattern in case.says]
    failure = None
    try:
        with Session(case.location(ports), **case.configuration(ports)) as session:
            check.among("ws_connect", Status.OK, case.connect)
            if Status.OK in case.connect:
                failure = run_open(case, session, check)
    except Failure as refusal:
        failure = refusal
        check_refusal(case, refusal, port, check)
    if failure:
        check.true("the message is empty", failure.message)
        for pattern in says:
            check.true(f"the message does not say {pattern}", re.search(pattern, failure.message), failure.message)
        check.true("the message tells the password", PASSWORD not in failure.message, failure.message)
    if isinstance(case, Proxied):
        check_proxied(case, peer, ports, check)
    elif not case.port and "{path}" in case.url:
        peer.release(case.name)
        check_wire(case, peer.record(case.name), check)
    elif case.path == "/no-server/tls-to-plain":
        record = peer.record("no request")
        check.true(
            "something other than a TLS record was sent", record["request"].startswith("\x16\x03"), record["request"]
        )
    return check.complaints, failure.message if failure else ""


def check_refusal(case, refusal, port, check):
    check.among("ws_connect", refusal.status, case.connect)
    check.among("phase", refusal.phase, case.phase)
    if case.errno:
        check.equal("errno", refusal.os_errno, case.errno)
    if case.http:
        status, body = case.http
        check.equal("HTTP status", refusal.http_status, status)
        if body is not None:
            check.equal("HTTP body", refusal.http_body, body)
    for name, values in case.fields.items():
        values = [value.replace("{port}", str(port)) for value in values]
        check.equal(name, refusal.http_fields[name], values)


def run_open(case, session, check):
    """Acts, receives until the end, and looks at how it ended."""
    check.equal("ws_subprotocol", session.subprotocol, case.subprotocol)
    check.equal("ws_response_status", lib.ws_response_status(session.handle), 101)
    check.equal("ws_extension_find", bool(lib.ws_extension_find(session.handle, b"permessage-deflate")), case.extension)
    for name, values in case.fields.items():
        check.equal(name, session.response_values(name), values)
    messages = ACTS[case.act](case, session, check)
    if case.act == "neglect":
        status = session.wait_closed(1000)
    else:
        status = receive(session, messages, PATIENCE_MS.get(case.act, HANG_S * 1000))
    if case.act == "give-up-and-close":
        check.equal("ws_recv while nothing comes", status, Status.TIMEOUT)
        check.equal("ws_state after a timeout", session.state, State.OPEN)
        check.equal("ws_close", session.close(1000, "bye"), Status.OK)
        status = receive(session, messages, HANG_S * 1000)
    check.among("ws_recv at the end", status, case.end)
    if case.messages is not None:
        check.among("messages", messages, one_of(case.messages))
    if status == Status.TIMEOUT:
        # nothing was lost by waiting: the session is as open as before
        check.equal("ws_state after a timeout", session.state, State.OPEN)
        check.equal("ws_abort", session.abort(), Status.OK)
        check.equal("ws_recv after ws_abort", receive(session, [], HANG_S * 1000), Status.ABORTED)
        return None
    check.equal("ws_recv once more", session.recv(HANG_S * 1000)[0], status)
    if case.act == "close-abort":
        check.equal("ws_abort after the end", session.abort(), Status.OK)
    return check_end(case, session, status, check)


def receive(session, messages, patience_ms):
    """Receives until the end or until nothing comes, and returns the status of that."""
    while True:
        status, message = session.recv(patience_ms)
        if status != Status.OK:
            return status
        # of many equal ones in a row one is kept
        messages.append(messages[-1] if messages and messages[-1] == message else message)


def check_end(case, session, status, check):
    check.true("ws_wait_closed ran out of time", session.wait_closed(HANG_S * 1000) != Status.TIMEOUT)
    check.equal("ws_state", session.state, State.CLOSED)
    check.true("ws_send_text after the end succeeded", session.send("too late") != Status.OK)
    local_code, remote_code, reason, clean, initiator = session.close_info
    if case.local_code is not None:
        check.among("local code", local_code, one_of(case.local_code))
    if case.remote_code is not None:
        check.equal("remote code", remote_code, case.remote_code)
    if case.reason is not None:
        check.equal("reason", reason, case.reason)
    if case.initiator is not None:
        check.among("initiator", initiator, one_of(case.initiator))
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
