"""HTTP answers other than 101."""

from peer import FAULTS, KIB, fault


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
