"""What the tests of settings are written with. Each is a function of the lab that raises AssertionError; what it
returns is a message to be shown."""

import re

from checking import equal, true
from checks import Check
from ktorws_ctypes import Failure, Phase, Session, Status, lib
from lab_client import talk, url
from lab_server import Server, context

SETTINGS = []


def setting(name):
    """registers a test"""

    def register(function):
        def run(lab):
            return [], function(lab) or ""

        SETTINGS.append((name, run))
        return function

    return register


def serving(lab, certificate="valid", **options):
    """a Server, for `with`"""
    return Server(context(lab.path(f"{certificate}.pem"), **options))


def visit(server, configuration, host="localhost"):
    """an orderly session; the server's record, with what the library says of resumption"""
    check = Check()
    with Session(url(server, host), configuration) as session:
        resumed = session.info.tls_resumed
        talk(session, Status.CLOSED, check)
    record = server.record()
    check.equal("trouble of the server", record.error, "")
    if check.complaints:
        raise AssertionError("\n".join(check.complaints))
    equal("ws_session_info.tls_resumed and what the server says", resumed, int(record.resumed))
    return record


def refusal(server, configuration, *says, host="localhost", status=Status.TLS_CERTIFICATE, told="ALERT"):
    """a connection that does not come to HTTP; the message"""
    try:
        with Session(url(server, host), configuration):
            pass
    except Failure as failure:
        equal("ws_connect", failure.status, status)
        equal("phase", failure.phase, Phase.TLS)
        for pattern in says:
            true(f"the message does not say {pattern}", re.search(pattern, failure.message), failure.message)
        message = failure.message
    else:
        raise AssertionError(f"ws_connect: expected {status.name}, got OK")
    record = server.record()
    equal("what the server got of HTTP", record.request, None)
    true("HTTP went over the wire in plain text", b"GET /" not in record.raw)
    if told:
        true(f"the server was not told {told}", re.search(told, record.error), record.error)
    return message


def invalid(configuration, name, *arguments, status=Status.INVALID_ARGUMENT):
    with configuration.clone() as tried:
        equal(f"ws_config_{name}{arguments}", tried.call(name, *arguments), status)
        true(f"ws_config_error of ws_config_{name}", lib.ws_config_error(tried.handle))
