"""The client's side of the lab: one session, and what it and the server must have seen."""

import re

from checks import Check
from ktorws_ctypes import Configuration, Failure, Phase, Session, State, Status
from lab_server import HANG_S, Server, context

HANG_MS = HANG_S * 1000
PATIENT = dict(set_connect_timeout_ms=HANG_MS, set_handshake_timeout_ms=HANG_MS, set_close_timeout_ms=HANG_MS)


def url(server, host="localhost"):
    return f"wss://{host}:{server.port}/"


def configured(lab, **settings):
    """a Configuration that trusts the lab, unless the settings say otherwise"""
    trust = {} if any(name.startswith("add_tls_ca") for name in settings) else dict(add_tls_ca_file=lab.ca)
    settings = {**PATIENT, **trust, **settings}
    return Configuration(**{name: value for name, value in settings.items() if value is not None})


def run(case, lab):
    """The complaints, and the message the library gave."""
    check = Check()
    tls_context = None
    if case.certificate:
        options = {**case.context, **({"client_ca": lab.ca} if "client_ca" in case.context else {})}
        tls_context = context(lab.path(f"{case.certificate}.pem"), **options)
    address = case.host.strip("[]") if ":" in case.host else "127.0.0.1"
    server = Server(tls_context, case.then, case.answer, address=address)
    failure = None
    try:
        with configured(lab, **case.settings(lab)) as configuration:
            try:
                with Session(url(server, case.host), configuration) as session:
                    check.equal("ws_connect", Status.OK, case.status)
                    failure = talk(session, case.end, check)
            except Failure as refusal:
                failure = refusal
                check_refusal(case, refusal, lab, check)
        check_record(case, server.record(), check)
    finally:
        accepted = server.stop()
    check.equal("connections to the server", accepted, 1)
    return check.complaints, failure.message if failure else ""


def talk(session, end, check):
    """the server's text, one of the client, and the end; its error"""
    check.equal("ws_recv", session.recv(HANG_MS), (Status.OK, "hello"))
    if end == Status.CLOSED:
        check.equal("ws_close", session.close(1000), Status.OK)
    else:
        check.equal("ws_send_text", session.send("what follows is the end"), Status.OK)
    check.equal("ws_recv at the end", session.recv(HANG_MS)[0], end)
    check.true("ws_wait_closed ran out of time", session.wait_closed(HANG_MS) != Status.TIMEOUT)
    check.equal("ws_state", session.state, State.CLOSED)
    clean, error = end == Status.CLOSED, session.error
    check.equal("remote code", session.close_info[1], 1000 if clean else 1006)
    check.equal("clean", session.close_info[3], clean)
    check.equal("phase of ws_session_error", error and error.phase, None if clean else Phase.OPEN)
    return error


def check_refusal(case, refusal, lab, check):
    check.equal("ws_connect", refusal.status, case.status)
    check.equal("phase", refusal.phase, case.phase)
    check.equal("ws_error_tls_alert", refusal.tls_alert, case.alert)
    check.equal("ws_error_http_status", refusal.http_status, 0)
    if case.errno:
        check.equal("ws_error_os_errno", refusal.os_errno, case.errno)
    check.true("the message is not for people", is_readable(refusal.message), refusal.message)
    patterns = lab[case.certificate].patterns if case.certificate else {}
    for pattern in case.says:
        for name, value in patterns.items():
            pattern = pattern.replace("{" + name + "}", value)
        check.true(f"the message does not say {pattern}", re.search(pattern, refusal.message), refusal.message)


def is_readable(message):
    """no names of types, no tables of bytes, nothing that a terminal obeys, and not too much"""
    return not re.search(r"[\x00-\x1f\x7f]| {|\[\d+,|\(\w*Error\(", message) and len(message) < 600


def check_record(case, record, check):
    hello = record.hello
    is_name = not re.fullmatch(r"[\d.]+|\[.*\]", case.host)
    check.equal("the server name asked for", hello.server_name, case.host.rstrip(".") if is_name else None)
    check.equal("the protocols offered", hello.alpn, ["http/1.1"])
    check.true("HTTP went over the wire in plain text", b"GET /" not in record.raw and b"Host:" not in record.raw)
    if case.status == Status.OK:
        check.true(
            "no HTTP request has come", (record.request or b"").startswith(b"GET / HTTP/1.1\r\n"), record.request
        )
        check.equal("trouble of the server", record.error, "")
        for what in ("version", "alpn"):
            if getattr(case, what) is not None:
                check.equal(what, getattr(record, what), getattr(case, what))
        return
    check_unread(record, check)
    if isinstance(case.told, str) and case.certificate:
        check.true(f"the server was not told {case.told}", re.search(case.told, record.error), record.error)
    elif case.told == "any":
        check.true("no alert was sent", record.plain_alerts, record.raw[-20:])
    elif case.told:
        check.equal("the alerts sent", record.plain_alerts, [case.told])


def check_unread(record, check):
    """the server has got nothing of HTTP"""
    check.equal("what the server got of HTTP", record.request, None)
