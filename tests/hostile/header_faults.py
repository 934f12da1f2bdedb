"""Header fields of the 101 that are malformed, odd, or a great many."""

import functools

from opening_faults import greet
from peer import BYE, FAULTS, KIB, fault, text


def has(path, *lines):
    """a right head with these lines in it, a text and a Close"""
    FAULTS["/header/" + path] = functools.partial(greet, extra=lines)


# Malformed
has("no-colon", "X-Header without colon")
has("space-before-colon", "X-Header : value")
has("name-empty", ": value")
has("name-with-control-character", "X\x01Header: value")
has("nul", "X-Header: a\0b")
has("bare-cr", "X-Header: a\rX-Other: b")
has("folded", "X-Header: one\r\n two")


@fault("/header/folded-all")
def _(c):
    greet(c, upgrade="\r\n websocket\r\n ", connection="keep-alive,\r\n\tUpgrade", accept=f"\r\n\t \r\n {c.accept}")


@fault("/header/folded-status")
def _(c):
    """white space behind the status line folds nothing"""
    c.close_sent = True
    c.send(c.head().replace(b"\r\n", b"\r\n ", 1) + text(b"hello") + BYE)


@fault("/header/folded-accept")
def _(c):
    greet(c, accept=None, extra=[f"X-Header: a\r\n Sec-WebSocket-Accept: {c.accept}"])


# Odd
has("8-bit", "X-Header: \xff\xfe")
has("content-length-0", "Content-Length: 0")
has("content-length-5", "Content-Length: 5")
has("transfer-encoding", "Transfer-Encoding: chunked")
has("cookies", "Set-Cookie: a=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT", "Set-Cookie: b=2")


@fault("/header/white-space")
def _(c):
    greet(c, upgrade="  websocket\t", connection="\tkeep-alive ,\t Upgrade ", accept=f" \t{c.accept} ")


@fault("/header/lower-case-names")
def _(c):
    names, _, _ = c.head().partition(b"\r\n\r\n")
    status, *lines = names.decode().split("\r\n")
    lines = [name.lower() + ":" + value for name, value in (line.split(": ", 1) for line in lines)]
    c.close_sent = True
    c.send("\r\n".join([status, *lines, "", ""]).encode() + text(b"hello") + BYE)


@fault("/header/lf-only")
def _(c):
    c.close_sent = True
    c.send(c.head(extra=["X-Header: a"]).replace(b"\r\n", b"\n") + text(b"hello") + BYE)


# A great many
has("8k", "X-Long: " + "v" * 8 * KIB)
has("60k", "X-Long: " + "v" * 60 * KIB)
has("64k", "X-Long: " + "v" * 64 * KIB)
has("1m", "X-Long: " + "v" * KIB * KIB)
has("100-fields", *(f"X-{i:02}: " + "v" * 16 for i in range(100)))
has("960-fields-of-60k", *(f"X-{i:04}: " + "v" * 52 for i in range(960)))
has("1200-fields-of-70k", *(f"X-{i:04}: " + "v" * 52 for i in range(1200)))
has("1030-fields", *["a:"] * 1030)
has("15000-fields", *["a:"] * 15000)
has("10000-fields", *(f"X-{i:04}: " + "v" * 16 for i in range(10000)))


@fault("/header/refusal-15000-fields")
def _(c):
    greet(c, status="HTTP/1.1 403 Forbidden", extra=["a:"] * 15000)


@fault("/header/endless")
def _(c):
    c.send(c.head(end="\r\n"))
    c.pour(b"X-Field: value\r\n" * 256, 64 * KIB * KIB)


@fault("/header/endless-line")
def _(c):
    c.send(b"HTTP/1.1 101 ")
    c.pour(b"A" * 4096, 64 * KIB * KIB)
