"""Faults of the opening handshake."""

import functools

from peer import BYE, FAULTS, KIB, fault, text

# A text follows each refused head in the same segment: it must not be delivered.


def greet(c, **changes):
    c.close_sent = True
    c.send(c.head(**changes) + text(b"hello") + BYE)


for name, changes in {
    "upgrade-missing": dict(upgrade=None),
    "upgrade-wrong": dict(upgrade="h2c"),
    "upgrade-empty": dict(upgrade=""),
    "connection-missing": dict(connection=None),
    "connection-close": dict(connection="close"),
    "connection-other-token": dict(connection="keep-alive, Upgrade-Insecure"),
    "accept-missing": dict(accept=None),
    "accept-empty": dict(accept=""),
    "accept-wrong": dict(accept="s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    "http-1.0": dict(status="HTTP/1.0 101 Switching Protocols"),
    "http-2": dict(status="HTTP/2 101"),
    "http-2.0": dict(status="HTTP/2.0 101 Switching Protocols"),
    "http-lower-case": dict(status="http/1.1 101 Switching Protocols"),
    "status-1010": dict(status="HTTP/1.1 1010 Switching Protocols"),
    "status-word": dict(status="HTTP/1.1 OK Switching Protocols"),
    "no-colon": dict(extra=["X-Header without colon"]),
    "space-before-colon": dict(extra=["X-Header : value"]),
    "nul": dict(extra=["X-Header: a\0b"]),
    "bare-cr": dict(extra=["X-Header: a\rX-Other: b"]),
    "subprotocol-unoffered": dict(extra=["Sec-WebSocket-Protocol: soap"]),
    "subprotocol-two": dict(extra=["Sec-WebSocket-Protocol: chat, superchat"]),
    "subprotocol-two-fields": dict(extra=["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: superchat"]),
    "subprotocol-case": dict(extra=["Sec-WebSocket-Protocol: CHAT"]),
    "subprotocol-chosen": dict(extra=["Sec-WebSocket-Protocol: superchat"]),
    "subprotocol-none": dict(),
    "extension-unoffered": dict(extra=["Sec-WebSocket-Extensions: permessage-deflate"]),
    "extension-unknown": dict(extra=["Sec-WebSocket-Extensions: x-unheard-of; level=9"]),
    "connection-list": dict(connection="keep-alive, Upgrade"),
    "connection-two-fields": dict(connection="keep-alive", extra=["Connection: Upgrade"]),
    "case": dict(upgrade="WebSocket", connection="uPGRADE"),
    "reason-empty": dict(status="HTTP/1.1 101 "),
    "reason-missing": dict(status="HTTP/1.1 101"),
    "head-60k-one-field": dict(extra=["X-Long: " + "v" * 60 * KIB]),
    "head-60k-many-fields": dict(extra=[f"X-{i:04}: " + "v" * 52 for i in range(960)]),
    "head-70k-one-field": dict(extra=["X-Long: " + "v" * 70 * KIB]),
    "head-70k-many-fields": dict(extra=[f"X-{i:04}: " + "v" * 52 for i in range(1200)]),
}.items():
    FAULTS["/handshake/" + name] = functools.partial(greet, **changes)


@fault("/handshake/accept-other-case")
def _(c):
    greet(c, accept=c.accept.swapcase())


@fault("/handshake/accept-twice")
def _(c):
    greet(c, extra=["Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="])


@fault("/handshake/accept-twice-equal")
def _(c):
    greet(c, extra=[f"Sec-WebSocket-Accept: {c.accept}"])


@fault("/handshake/white-space")
def _(c):
    greet(c, upgrade="  websocket\t", connection="\tkeep-alive ,\t Upgrade ", accept=f" \t{c.accept} ")


@fault("/handshake/lower-case-names")
def _(c):
    names, _, _ = c.head().partition(b"\r\n\r\n")
    status, *lines = names.decode().split("\r\n")
    lines = [name.lower() + ":" + value for name, value in (line.split(": ", 1) for line in lines)]
    c.close_sent = True
    c.send("\r\n".join([status, *lines, "", ""]).encode() + text(b"hello") + BYE)


@fault("/handshake/interim-100")
def _(c):
    c.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    greet(c)


@fault("/handshake/interim-103-and-101-together")
def _(c):
    c.close_sent = True
    c.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n" + c.head() + text(b"hello") + BYE)


@fault("/handshake/interim-endless")
def _(c):
    c.pour(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" * 16, 64 * KIB * KIB)


@fault("/handshake/head-endless")
def _(c):
    c.send(c.head(end="\r\n"))
    c.pour(b"X-Field: value\r\n" * 256, 64 * KIB * KIB)


@fault("/handshake/line-endless")
def _(c):
    c.send(b"HTTP/1.1 101 ")
    c.pour(b"A" * 4096, 64 * KIB * KIB)


@fault("/handshake/byte-by-byte")
def _(c):
    c.close_sent = True
    for byte in c.head() + text(b"hello") + BYE:
        c.send(bytes([byte]))


@fault("/handshake/frame-split-behind-head")
def _(c):
    hello = text(b"hello")
    c.close_sent = True
    c.send(c.head() + hello[:3])
    c.send(hello[3:] + BYE)
