"""What a proxy answers to CONNECT."""

import base64

from peer import BYE, FAULTS, KIB, Gone, fault, text
from proxy_peer import OPENED
from tcp_faults import NOT_HTTP

# What the credentials of the cases look like.
USER, PASSWORD = "u", "s3cret"
AUTHORIZED = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
# A server's answer begins before it was asked for; /tunnel/rest says the rest of it.
EARLY = b"HTTP/1.1 101 Swit"
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\n"
LARGE = b"0123456789abcdef" * 64 * 200


def opens(name, head=OPENED, early=b"", paced=None):
    """answers head, then is the server; paced sends byte after byte"""

    def run(c):
        if paced is None:
            c.send(head + early)
        else:
            for byte in head:
                c.send(bytes([byte]))
                c.pause(paced)
        c.tunnel()

    run.reads = False
    FAULTS["/connect/" + name] = run


def status(line, *fields):
    return ("\r\n".join([line, *fields]) + "\r\n\r\n").encode("latin-1")


opens("ok")
opens("http-10", status("HTTP/1.0 200 OK"))
opens("content-length", status("HTTP/1.1 200 OK", "Content-Length: 5"))
opens("content-length-twice", status("HTTP/1.1 200 OK", "Content-Length: 5", "Content-Length: 6"))
opens("transfer-encoding", status("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
opens("connection-close", status("HTTP/1.1 200 OK", "Connection: close", "Proxy-Connection: close"))
opens("challenge", status("HTTP/1.1 200 OK", 'Proxy-Authenticate: Basic realm="next time"'))
opens("status-201", status("HTTP/1.1 201 Created"))
opens("status-204", status("HTTP/1.1 204 No Content"))
opens("status-299", status("HTTP/1.1 299 Strange"))
opens("reason-missing", status("HTTP/1.1 200"))
opens("reason-empty", status("HTTP/1.1 200 "))
opens("reason-8-bit", status("HTTP/1.1 200 \xc9tabli"))
opens("field-8-bit", status("HTTP/1.1 200 OK", "Via: \xff\xfe"))
opens("head-60k", status("HTTP/1.1 200 OK", "X-Long: " + "v" * 60 * KIB))
opens("slow", paced=0.005)
opens("byte-by-byte", paced=0)

# Interim answers
opens("interim-100", status("HTTP/1.1 100 Continue") + OPENED)
opens("interim-103", status("HTTP/1.1 103 Early Hints", "Link: </style.css>; rel=preload") + OPENED)
opens("interim-three", b"".join(status(f"HTTP/1.1 {code} Wait") for code in (100, 102, 199)) + OPENED)

# Early bytes: the tunnel begins right behind the head
opens("early-answer", early=EARLY)
opens("early-interim", early=EARLY_HINTS + EARLY)
opens("early-behind-interim", status("HTTP/1.1 100 Continue") + OPENED, early=EARLY)
opens("early-garbage", early=b"EARLY")
opens("body", status("HTTP/1.1 200 OK", "Content-Length: 5"), early=b"hello")
opens("chunked-body", status("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), early=b"5\r\nhello\r\n0\r\n\r\n")
opens("opened-twice", early=OPENED)
opens("early-zero", early=b"\0")


@fault("/connect/split-in-its-end", reads=False)
def _(c):
    """the head's last byte comes with the first of what is behind it"""
    c.send(OPENED[:-1])
    c.taken()
    c.send(OPENED[-1:] + EARLY)
    c.tunnel()


@fault("/tunnel/rest")
def _(c):
    head = c.head()
    assert head.startswith(EARLY)
    c.close_sent = True
    c.send(head[len(EARLY) :] + text(b"hello") + BYE)


# The tunnel opens, but there is no server in it


def tunnel_of(name, early=b"", end=None):
    def run(c):
        c.send(OPENED + early)
        if end:
            getattr(c, end)()

    FAULTS["/connect/tunnel-" + name] = run


tunnel_of("silent")
tunnel_of("fin", end="fin")
tunnel_of("answers-404", b"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nserver")
tunnel_of("answers-407", b'HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic realm="s"\r\nContent-Length: 0\r\n\r\n')
tunnel_of("answers-101", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
tunnel_of("tls-alert", bytes.fromhex("15030300020228"))
tunnel_of("garbage", bytes(range(128, 256)) * 2)


@fault("/connect/tunnel-rst")
def _(c):
    c.send(OPENED)
    # a reset takes what is still under way with it
    c.wait(lambda: b"\r\n\r\n" in c.rest)
    c.rst()


@fault("/connect/tunnel-endless")
def _(c):
    c.send(OPENED)
    c.pour(b"x" * 4096, 64 * KIB * KIB)


# Refusals


def answers(name, *lines, body=b"", length=True, end="fin"):
    lines = [*lines, *([f"Content-Length: {len(body)}"] if length else [])]

    def run(c):
        c.send(status(*lines) + body)
        if end:
            getattr(c, end)()

    FAULTS["/connect/" + name] = run


answers("status-300", "HTTP/1.1 300 Multiple Choices")
answers("status-301", "HTTP/1.1 301 Moved", "Location: http://127.0.0.1:1/")
answers("status-302", "HTTP/1.1 302 Found", "Location: ws://elsewhere.proxy.test/handshake/hello")
answers("status-305", "HTTP/1.1 305 Use Proxy", "Location: http://127.0.0.1:1/")
answers("status-307", "HTTP/1.1 307 Temporary Redirect", "Location: /")
answers("status-400", "HTTP/1.1 400 Bad Request", body=b"bad request")
answers("status-401", "HTTP/1.1 401 Unauthorized", 'WWW-Authenticate: Basic realm="p"', body=b"who?")
answers("status-403", "HTTP/1.1 403 Forbidden", body=b"forbidden by the proxy")
answers("status-404", "HTTP/1.0 404 Not Found", length=False)
answers("status-405", "HTTP/1.1 405 Method Not Allowed", "Allow: GET")
answers("status-426", "HTTP/1.1 426 Upgrade Required", "Upgrade: websocket", "Sec-WebSocket-Version: 8")
answers("status-429", "HTTP/1.1 429 Too Many Requests", "Retry-After: 7")
answers("status-500", "HTTP/1.0 500 Unable to connect", body=b"<html>500</html>", length=False)
answers("status-502", "HTTP/1.1 502 Bad Gateway", body=b"gateway")
answers("status-503", "HTTP/1.1 503 Service Unavailable", "Retry-After: 7", body=b"later")
answers("status-503-kept", "HTTP/1.1 503 Service Unavailable", body=b"kept open", end=None)
answers("status-503-large", "HTTP/1.1 503 Service Unavailable", body=LARGE)
answers("status-504", "HTTP/1.1 504 Gateway Timeout")
answers("status-999", "HTTP/1.1 999 Strange")
answers("status-101", "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", length=False)
answers("status-101-bare", "HTTP/1.1 101 Switching Protocols", length=False)


answers("407-folded", "HTTP/1.1 407 Auth", 'Proxy-Authenticate: Digest realm="p",\r\n nonce="n"')


@fault("/connect/status-101-accepted")
def _(c):
    """all that the answer of a WebSocket has"""
    c.send(c.head() + text(b"hello"))


# 407, with each kind of challenge
REFUSED = "HTTP/1.1 407 Proxy Authentication Required"
BASIC = 'Basic realm="proxy"'
CHALLENGES = {
    "basic": [BASIC],
    "digest": ['Digest realm="proxy", nonce="abc", qop="auth", algorithm=SHA-256'],
    "negotiate": ["Negotiate"],
    "ntlm": ["NTLM TlRMTVNTUAACAAAA"],
    "bearer": ['Bearer realm="proxy", error="invalid_token"'],
    "unknown": ["X-Unheard-Of"],
    "several": ["Negotiate", "NTLM", BASIC],
    "list": ['Negotiate, Basic realm="a, b", Digest realm="c", nonce="d"'],
    "empty": [""],
    "malformed": ['Basic realm="unterminated', "=,=;\x7f"],
    "none": [],
}
for name, challenges in CHALLENGES.items():
    answers("407-" + name, REFUSED, *(f"Proxy-Authenticate: {challenge}" for challenge in challenges))

CHALLENGE = "Proxy-Authenticate: " + BASIC
answers("407-body", REFUSED, CHALLENGE, body=b"no access", end=None)
answers("407-body-large", REFUSED, CHALLENGE, body=LARGE, end=None)
answers("407-body-until-close", REFUSED, CHALLENGE, body=b"until the end", length=False)
CHUNKED = "Transfer-Encoding: chunked"
answers("407-body-chunked", REFUSED, CHALLENGE, CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n", length=False, end=None)
answers("407-body-cut-short", REFUSED, CHALLENGE, "Content-Length: 1000", body=b"short", length=False)
answers("407-body-stalled", REFUSED, CHALLENGE, "Content-Length: 1000", body=b"half", length=False, end=None)
answers("407-http-10", REFUSED.replace("1.1", "1.0"), CHALLENGE, length=False)


@fault("/connect/407-body-endless")
def _(c):
    c.send(status(REFUSED, CHALLENGE, CHUNKED))
    c.pour(b"1000\r\n" + b"x" * 4096 + b"\r\n", 64 * KIB * KIB)


def until_authorized(name, *fields, body=b"", closes=False, ever=True):
    """407 until the right credentials come, on the same connection unless it closes; or for ever"""
    refusal = status(REFUSED, CHALLENGE, f"Content-Length: {len(body)}", *fields) + body

    def run(c):
        while not ever or c.header("Proxy-Authorization") != AUTHORIZED:
            c.send(refusal)
            if closes:
                c.fin()
            if closes or not c.read_connect():
                raise Gone
        c.send(OPENED)
        c.tunnel()

    run.reads = False
    FAULTS["/connect/" + name] = run


until_authorized("auth")
until_authorized("auth-body", body=b"who are you?")
until_authorized("auth-close", "Connection: close", closes=True)
until_authorized("407-again", ever=False)
until_authorized("407-again-stale", 'Proxy-Authenticate: Digest realm="p", nonce="n", stale=true', ever=False)
until_authorized("407-again-close", "Connection: close", closes=True, ever=False)

# No HTTP, or HTTP that is wrong
for name, data in NOT_HTTP.items():

    @fault("/connect/" + name)
    def _(c, data=data):
        c.send(data)
        c.fin()


def says(name, head):
    """the head is wrong, and the server of the tunnel would be there"""
    opens(name, head)


says("http-09", status("HTTP/0.9 200 OK"))
says("http-2", status("HTTP/2 200"))
says("http-lower-case", status("http/1.1 200 OK"))
says("icy", status("ICY 200 OK"))
says("no-status-line", b"\r\n")
says("empty-lines", b"\r\n\r\n\r\n\r\n")
says("status-20", status("HTTP/1.1 20 OK"))
says("status-2000", status("HTTP/1.1 2000 OK"))
says("status-plus", status("HTTP/1.1 +200 OK"))
says("status-word", status("HTTP/1.1 OK"))
says("status-000", status("HTTP/1.1 000 OK"))
says("nul-in-status", status("HTTP/1.1 200 O\0K"))
says("nul-in-field", status("HTTP/1.1 200 OK", "Via: a\0b"))
says("cr-in-status", status("HTTP/1.1 200 O\rK"))
says("cr-in-field", status("HTTP/1.1 200 OK", "Via: a\rb"))
says("no-colon", status("HTTP/1.1 200 OK", "Via"))
says("name-empty", status("HTTP/1.1 200 OK", ": a"))
says("space-before-colon", status("HTTP/1.1 200 OK", "Via : a"))
says("folded", status("HTTP/1.1 200 OK", "Via: a", " b"))
says("head-64k", status("HTTP/1.1 200 OK", "X-Long: " + "v" * 64 * KIB))
says("head-1m", status("HTTP/1.1 200 OK", *(f"X-{i:04}: {'v' * 1000}" for i in range(1024))))


@fault("/connect/endless-head")
def _(c):
    c.send(b"HTTP/1.1 200 OK\r\n")
    c.pour(b"X-Field: value\r\n" * 256, 64 * KIB * KIB)


@fault("/connect/endless-line")
def _(c):
    c.send(b"HTTP/1.1 200 ")
    c.pour(b"x" * 4096, 64 * KIB * KIB)


@fault("/connect/interim-endless")
def _(c):
    c.pour(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" * 16, 64 * KIB * KIB)


# It goes, or says nothing


@fault("/connect/silent")
def _(c):
    pass


@fault("/connect/silent-in-the-head")
def _(c):
    c.send(OPENED[:-2])


@fault("/connect/silent-after-interim")
def _(c):
    c.send(status("HTTP/1.1 100 Continue"))


@fault("/connect/one-header-after-another")
def _(c):
    c.send(OPENED[:-2])
    while not c.ended:
        c.send(b"X-Field: value\r\n")
        c.pause(0.05)


@fault("/connect/one-interim-after-another")
def _(c):
    while not c.ended:
        c.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        c.pause(0.05)


@fault("/connect/fin")
def _(c):
    c.fin()


@fault("/connect/rst")
def _(c):
    c.rst()


@fault("/connect/fin-in-the-head")
def _(c):
    c.send(OPENED[:-1])
    c.fin()


@fault("/connect/rst-in-the-head")
def _(c):
    c.send(OPENED[:-1])
    c.rst()
