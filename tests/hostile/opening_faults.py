"""Faults of the opening handshake."""

import functools

from peer import BYE, FAULTS, KIB, fault, frame, text

# A text follows each refused head in the same segment: it must not be delivered.


def greet(c, **changes):
    c.close_sent = True
    c.send(c.head(**changes) + text(b"hello") + BYE)


def answers(path, **changes):
    FAULTS["/handshake/" + path] = functools.partial(greet, **changes)


# Upgrade and Connection
answers("upgrade-missing", upgrade=None)
answers("upgrade-wrong", upgrade="h2c")
answers("upgrade-empty", upgrade="")
answers("upgrade-list", upgrade="h2c, websocket")
answers("upgrade-list-the-other-way", upgrade="websocket, h2c")
answers("connection-missing", connection=None)
answers("connection-close", connection="close")
answers("connection-other-token", connection="keep-alive, Upgrade-Insecure")
answers("connection-list", connection="keep-alive, Upgrade")
answers("connection-two-fields", connection="keep-alive", extra=["Connection: Upgrade"])
answers("case", upgrade="WebSocket", connection="uPGRADE")

# Sec-WebSocket-Accept
answers("accept-missing", accept=None)
answers("accept-empty", accept="")
answers("accept-short", accept="x")
answers("accept-wrong", accept="AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
answers("accept-of-sample-key", accept="s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")


@fault("/handshake/accept-other-case")
def _(c):
    greet(c, accept=c.accept.swapcase())


@fault("/handshake/accept-unpadded")
def _(c):
    greet(c, accept=c.accept.rstrip("="))


@fault("/handshake/accept-twice")
def _(c):
    greet(c, extra=["Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="])


@fault("/handshake/accept-twice-equal")
def _(c):
    greet(c, extra=[f"Sec-WebSocket-Accept: {c.accept}"])


@fault("/handshake/accept-white-space")
def _(c):
    greet(c, accept=f" \t{c.accept} \t ")


# Status line
answers("http-0.9", status="HTTP/0.9 101 Switching Protocols")
answers("http-1.0", status="HTTP/1.0 101 Switching Protocols")
answers("http-2", status="HTTP/2 101")
answers("http-2.0", status="HTTP/2.0 101 Switching Protocols")
answers("http-lower-case", status="http/1.1 101 Switching Protocols")
answers("icy", status="ICY 101 Switching Protocols")
answers("status-10", status="HTTP/1.1 10 Switching Protocols")
answers("status-1010", status="HTTP/1.1 1010 Switching Protocols")
answers("status-negative", status="HTTP/1.1 -101 Switching Protocols")
answers("status-word", status="HTTP/1.1 OK Switching Protocols")
answers("status-100-and-frames", status="HTTP/1.1 100 Continue")
answers("status-102-and-frames", status="HTTP/1.1 102 Processing")
answers("reason-empty", status="HTTP/1.1 101 ")
answers("reason-missing", status="HTTP/1.1 101")
answers("reason-8-bit", status="HTTP/1.1 101 Prot\xf3colos")


@fault("/handshake/status-100-only")
def _(c):
    c.send(c.head(status="HTTP/1.1 100 Continue"))


@fault("/handshake/status-102-only")
def _(c):
    c.send(c.head(status="HTTP/1.1 102 Processing"))


# Interim answers


@fault("/handshake/interim-100")
def _(c):
    c.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    greet(c)


@fault("/handshake/interim-103")
def _(c):
    c.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
    greet(c)


@fault("/handshake/interim-three")
def _(c):
    for status in ("100 Continue", "102 Processing", "103 Early Hints"):
        c.send(f"HTTP/1.1 {status}\r\n\r\n".encode())
    greet(c)


@fault("/handshake/interim-103-and-101-together")
def _(c):
    c.close_sent = True
    c.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n" + c.head() + text(b"hello") + BYE)


@fault("/handshake/interim-endless")
def _(c):
    c.pour(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" * 16, 64 * KIB * KIB)


# Subprotocols and extensions; see negotiation_faults.py for permessage-deflate
answers("subprotocol-unoffered", extra=["Sec-WebSocket-Protocol: soap"])
answers("subprotocol-empty", extra=["Sec-WebSocket-Protocol: "])
answers("subprotocol-two", extra=["Sec-WebSocket-Protocol: chat, superchat"])
answers("subprotocol-two-fields", extra=["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: superchat"])
answers("subprotocol-case", extra=["Sec-WebSocket-Protocol: CHAT"])
answers("subprotocol-last", extra=["Sec-WebSocket-Protocol: superchat"])
answers("subprotocol-none")
answers("extension-unoffered", extra=["Sec-WebSocket-Extensions: permessage-deflate"])
answers("extension-unknown", extra=["Sec-WebSocket-Extensions: x-unheard-of; level=9"])
answers("extension-of-old-draft", extra=["Sec-WebSocket-Extensions: x-webkit-deflate-frame"])
answers("extension-without-name", extra=["Sec-WebSocket-Extensions: ; a=b"])

# Nothing wrong at all


@fault("/handshake/echo")
def _(c):
    c.on_message = lambda opcode, message: c.send(frame(opcode, message))
    c.send(c.head())


answers("hello")
