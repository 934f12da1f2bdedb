"""Opens sessions in an environment of their own.

Reads JSON from standard input: {"log": whether to collect the log, "attempts": [{"url", "settings", "environment"}]}.
settings are [name, argument, ...] for ws_config_<name>, environment is what changes in it before the attempt. Writes
{"outcomes": [...], "log": [...]} to standard output.
"""

import json
import os
import sys

environment = dict(os.environb)
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from ktorws_ctypes import LOG_DEBUG, Failure, LogCallback, Session, Status, lib, shutdown

# That takes the variables away that are tested here.
os.environb.update(environment)

# Nothing takes nearly this long.
HANG_MS = 20_000


def encoded(argument):
    return argument.encode() if isinstance(argument, str) else argument


def attempt(url, settings):
    arguments = {}
    for name, *values in settings:
        arguments.setdefault(name, []).append(tuple(map(encoded, values)))
    try:
        with Session(url, **arguments) as session:
            status, message = session.recv(HANG_MS)
            session.close(1000)
            session.wait_closed(HANG_MS)
            return {
                "status": "OK",
                "received": [status.name, message],
                "request_url": lib.ws_request_url(session.handle).decode(),
                "proxy_authorization": lib.ws_request_header(session.handle, b"Proxy-Authorization", 0) is not None,
            }
    except Failure as failure:
        return {
            "status": failure.status.name,
            "phase": failure.phase.name,
            "message": failure.message,
            "http_status": failure.http_status,
        }


def main():
    order = json.load(sys.stdin)
    lines = []
    told = LogCallback(lambda _level, _session, line, _user_data: lines.append(line.decode()))
    if order["log"] and lib.ws_set_log_callback(LOG_DEBUG, told, None) != Status.OK:
        raise AssertionError("ws_set_log_callback failed")
    outcomes = []
    for wanted in order["attempts"]:
        for name, value in wanted["environment"].items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        outcomes.append(attempt(wanted["url"], wanted["settings"]))
    if shutdown(HANG_MS) != Status.OK:
        raise AssertionError("ws_shutdown failed")
    json.dump({"outcomes": outcomes, "log": lines}, sys.stdout)


if __name__ == "__main__":
    main()
