"""HTTP answers other than 101."""

import gzip

from peer import FAULTS, KIB, fault, text

GZIPPED = gzip.compress(b"maintenance", mtime=0)
LARGE = b"0123456789abcdef" * 64 * 200


def answers(path, status, *lines, body=b"", length=True):
    """length: whether to say how long the body is"""
    lines = [f"HTTP/1.1 {status}", *lines, *([f"Content-Length: {len(body)}"] if length else [])]

    def run(c):
        c.send(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        c.fin()

    FAULTS[path] = run


answers("/status/200", "200 OK", "Content-Type: text/plain", body=b"hello world")
answers("/status/200-with-upgrade", "200 OK", "Upgrade: websocket", "Connection: Upgrade")
answers("/status/204", "204 No Content", length=False)
answers("/status/400", "400 Bad Request", "Sec-WebSocket-Version: 13, 8, 7", body=b"bad request")
answers("/status/401-basic", "401 Unauthorized", 'WWW-Authenticate: Basic realm="chat", charset="UTF-8"', body=b"login")
answers("/status/401-digest", "401 Unauthorized", 'WWW-Authenticate: Digest realm="chat", nonce="abc", qop="auth"')
answers("/status/401-without-challenge", "401 Unauthorized")
answers("/status/403", "403 Forbidden", "Content-Type: text/plain", body=b"forbidden")
answers("/status/404", "404 Not Found")
answers("/status/407", "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="p"')
answers("/status/410", "410 Gone")
answers("/status/421", "421 Misdirected Request")
answers("/status/426", "426 Upgrade Required", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
answers("/status/426-old-versions", "426 Upgrade Required", "Sec-WebSocket-Version: 8", "Sec-WebSocket-Version: 7")
answers("/status/429", "429 Too Many Requests", "Retry-After: 7")
answers("/status/500", "500 Internal Server Error", body=b"oops")
answers("/status/502", "502 Bad Gateway", body=b"gateway")
answers("/status/503", "503 Service Unavailable", "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT", body=b"maintenance")
answers("/status/503-gzip", "503 Service Unavailable", "Content-Encoding: gzip", body=GZIPPED)
answers("/status/503-large", "503 Service Unavailable", body=LARGE)
answers("/status/503-until-close", "503 Service Unavailable", "Connection: close", body=b"until the end", length=False)
answers("/status/503-cut-short", "503 Service Unavailable", "Content-Length: 1000", body=b"short", length=False)
answers("/status/503-two-lengths", "503 Service Unavailable", "Content-Length: 5", body=b"hello!")
answers("/status/999", "999 Strange")


def answers_chunked(path, chunks):
    answers(path, "503 Service Unavailable", "Transfer-Encoding: chunked", body=chunks, length=False)


answers_chunked("/status/503-chunked", b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: 1\r\n\r\n")
answers_chunked("/status/503-broken-chunk", b"ZZ\r\nhello\r\n")


@fault("/status/200-with-accept")
def _(c):
    """everything but the status is as it should be; without a length the rest is a body"""
    c.send(c.head(status="HTTP/1.1 200 OK") + text(b"hello"))
    c.fin()


@fault("/status/503-stalled")
def _(c):
    c.send(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000\r\n\r\nhalf")


@fault("/status/503-body-missing")
def _(c):
    c.send(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 10\r\n\r\n")


@fault("/status/503-endless")
def _(c):
    c.send(b"HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n")
    c.pour(b"1000\r\n" + b"x" * 4096 + b"\r\n", 64 * KIB * KIB)


# Redirects. What stands in braces is the server's port.

REDIRECTS = {
    "301": ("301 Moved Permanently", "/handshake/echo"),
    "302": ("302 Found", "ws://127.0.0.1:{port}/handshake/echo"),
    "302-to-http": ("302 Found", "http://127.0.0.1:{port}/handshake/echo"),
    "302-to-plain": ("302 Found", "ws://127.0.0.1:{port}/handshake/hello"),
    "302-to-wss": ("302 Found", "wss://127.0.0.1:{port}/handshake/echo"),
    "302-to-file": ("302 Found", "file:///etc/hostname"),
    "302-to-other-host": ("302 Found", "ws://localhost:{port}/handshake/echo"),
    "302-to-nowhere": ("302 Found", None),
    "302-with-injection": ("302 Found", "/handshake/echo\tX-Header:%0d%0ayes"),
    "302-to-itself": ("302 Found", "/redirect/302-to-itself"),
    "303": ("303 See Other", "/handshake/echo"),
    "307": ("307 Temporary Redirect", "/handshake/echo"),
    "308": ("308 Permanent Redirect", "/handshake/echo"),
}
for name, (status, location) in REDIRECTS.items():

    @fault("/redirect/" + name)
    def _(c, status=status, location=location):
        lines = [f"HTTP/1.1 {status}", "Content-Length: 0"]
        if location is not None:
            lines.append("Location: " + location.format(port=c.sock.getsockname()[1]))
        c.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        c.fin()
