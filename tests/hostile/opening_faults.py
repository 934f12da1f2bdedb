"""Faults of the opening handshake, other HTTP answers, and of TCP before and in them."""

import functools

from peer import BYE, FAULTS, KIB, fault, text

# Opening handshake. A text follows each refused head in the same segment: it must not be delivered.


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


# Other answers


def answers(path, head, body=b""):
    def run(c):
        c.send(head.encode() + b"\r\n\r\n" + body)
        c.fin()

    FAULTS["/status/" + path] = run


answers("200", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11", b"hello world")
answers("200-with-upgrade", "HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0")
answers("204", "HTTP/1.1 204 No Content")
answers("302", "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 5", b"moved")
answers("400", "HTTP/1.1 400 Bad Request\r\nContent-Length: 11", b"bad request")
answers("401", 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="chat"\r\nContent-Length: 5', b"login")
answers("404", "HTTP/1.1 404 Not Found\r\nContent-Length: 0")
answers("500", "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4", b"oops")
answers(
    "503-chunked",
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nTransfer-Encoding: chunked",
    b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n",
)
answers("503-until-close", "HTTP/1.1 503 Service Unavailable\r\nConnection: close", b"until the end")
answers("503-cut-short", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000", b"short")
answers("503-large", f"HTTP/1.1 503 Service Unavailable\r\nContent-Length: {200 * KIB}", b"0123456789abcdef" * 64 * 200)


@fault("/status/503-stalled")
def _(c):
    c.send(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000\r\n\r\nhalf")


@fault("/status/503-endless")
def _(c):
    c.send(b"HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n")
    c.pour(b"1000\r\n" + b"x" * 4096 + b"\r\n", 64 * KIB * KIB)


# TCP before and in the answer


@fault("/tcp/silent")
def _(c):
    pass


@fault("/tcp/silent-after-half-the-head")
def _(c):
    c.send(c.head()[:60])


@fault("/tcp/one-header-after-another")
def _(c):
    c.send(c.head(end="\r\n"))
    while not c.ended:
        c.send(b"X-Field: value\r\n")
        with c.changed:
            c.changed.wait_for(lambda: c.ended, 0.05)


@fault("/tcp/fin")
def _(c):
    c.fin()


@fault("/tcp/rst")
def _(c):
    c.rst()


@fault("/tcp/fin-after-half-the-head")
def _(c):
    c.send(c.head()[:60])
    c.fin()


@fault("/tcp/rst-after-half-the-head")
def _(c):
    c.send(c.head()[:60])
    c.rst()


NOT_HTTP = {
    "garbage": bytes(range(128, 256)) * 2,
    "ssh": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "tls-alert": bytes.fromhex("15030300020228"),
    "h2-settings": bytes.fromhex("000000040000000000"),
    "html": b"<html><body>Please log in</body></html>\r\n\r\n",
}
for name, data in NOT_HTTP.items():

    @fault("/tcp/" + name)
    def _(c, data=data):
        c.send(data)
        c.fin()
