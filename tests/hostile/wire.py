"""What must hold of all that the server saw."""

import base64
import re

from checks import one_of
from ktorws_ctypes import Status
from peer import BINARY, CLOSE, PONG, TEXT


def check_wire(case, record, check):
    check.equal("trouble in server.py", record["trouble"], None)
    check.true("the connection was left open", record["ended"] != "held")
    if case.ended:
        check.among("end of TCP", record["ended"], case.ended)
    if case.poured is not None:
        check.true(f"more than {case.poured} bytes were taken", record["poured"] <= case.poured, record["poured"])
    frames = record["frames"]
    if case.connect != (Status.OK,):
        check.equal("frames after a refused handshake", frames, [])
    if case.closes is not None:
        check.among("close frames", [f["code"] for f in frames if f["opcode"] == CLOSE], one_of(case.closes))
    if case.pongs is not None:
        check.equal("pongs", [f["payload"] for f in frames if f["opcode"] == PONG], case.pongs)
    opcodes = [f["opcode"] for f in frames]
    if CLOSE in opcodes:
        check.equal("frames after Close", opcodes[opcodes.index(CLOSE) + 1 :], [])
    check.true("a frame without mask or without FIN", all(f["masked"] and f["fin"] for f in frames), frames)
    # RSV1 on a message is a compressed one, which the server inflates
    rsv1 = (TEXT, BINARY) if record["deflate"] else ()
    check.true("reserved bits", all(f["rsv"] in ((0, 4) if f["opcode"] in rsv1 else (0,)) for f in frames), frames)
    offers = [value for name, value in record["headers"] if name.lower() == "sec-websocket-extensions"]
    check.equal("offer of extensions", [elements(offer) for offer in offers], [elements(o) for o in case.offer])
    # one pair of equal keys among a thousand is chance, once in 8600 runs; two are not
    keys = [f["key"] for f in frames]
    check.true("masking keys repeat", len(keys) - len(set(keys)) <= 1, keys)
    if case.wire:
        case.wire(record, check)


def elements(extension):
    """the name, and the parameters in no order"""
    name, *parameters = extension.split("; ")
    return [name, *sorted(parameters)]


def check_requests(records, check):
    """every opening handshake seen in the run"""
    nonces = set()
    requests = [r for r in records if r["request"].startswith("GET ")]
    for r in requests:
        check.true("no case has made a request, was a redirect followed?", r["case"] is not None, r["path"])
        fields = {name.lower(): value for name, value in r["headers"]}
        check.equal(f"fields sent twice to {r['path']}", len(fields), len(r["headers"]))
        check.true("request line", re.fullmatch(r"GET /\S* HTTP/1\.1", r["request"]), r["request"])
        check.equal("Upgrade", fields.get("upgrade", "").lower(), "websocket")
        check.equal("Connection", fields.get("connection", "").lower(), "upgrade")
        check.equal("Sec-WebSocket-Version", fields.get("sec-websocket-version"), "13")
        check.true(
            "Host", re.fullmatch(r"(127\.0\.0\.1|[\w.-]+\.proxy\.test):\d+", fields.get("host", "")), fields.get("host")
        )
        nonce = fields.get("sec-websocket-key", "")
        check.true("Sec-WebSocket-Key", len(nonce) == 24 and len(base64.b64decode(nonce)) == 16, nonce)
        nonces.add(nonce)
    check.equal("different Sec-WebSocket-Keys", len(nonces), len(requests))
    return check.complaints
