"""What a SOCKS5 proxy answers."""

from connect_faults import EARLY, EARLY_HINTS
from peer import FAULTS, KIB, fault
from socks_peer import DOMAIN, IPV6, LOGIN, NO_AUTH, reply
from tcp_faults import NOT_HTTP

# Faults of the greeting and of the login. The client has sent its greeting when they run.
PORTS = []


def greeting(name, reads=True):
    PORTS.append(name)
    return fault("/socks/" + name, reads=reads)


def greets(name, answer, end="fin"):
    def run(c):
        c.send(answer)
        if end:
            getattr(c, end)()

    greeting("greeting-" + name)(run)


greets("version-4", b"\x04\x00")
greets("version-0", b"\x00\x00")
greets("socks4-reply", b"\x00\x5a" + bytes(6))
greets("refused", b"\x05\xff")
greets("refused-kept", b"\x05\xff", end=None)
greets("refused-login", b"\x05\xff")
greets("wants-login", bytes([5, LOGIN]), end=None)
greets("wants-gssapi", b"\x05\x01", end=None)
greets("wants-unknown", b"\x05\x80", end=None)
greets("cut-0", b"")
greets("cut-1", b"\x05")
greets("rst", b"", end="rst")
greets("silent", b"", end=None)
greets("silent-proxy-timeout", b"", end=None)
greets("half", b"\x05", end=None)
greets("http", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
for name, data in NOT_HTTP.items():
    greets(name, data)


@greeting("greeting-endless")
def _(c):
    c.pour(b"\xff" * 4096, 64 * KIB * KIB)


def logs_in(name, answer, end="fin"):
    @greeting("login-" + name, reads=False)
    def _(c):
        c.send(bytes([5, LOGIN]))
        c.read_login()
        c.send(answer)
        if end:
            getattr(c, end)()


logs_in("refused", b"\x01\x01")
logs_in("refused-255", b"\x01\xff")
logs_in("refused-kept", b"\x01\x01", end=None)
logs_in("version-0", b"\x00\x00")
logs_in("cut-0", b"")
logs_in("cut-1", b"\x01")
logs_in("silent", b"", end=None)
logs_in("half", b"\x01", end=None)


@greeting("login-unneeded", reads=False)
def _(c):
    """the client has a password, and it is not asked for it"""
    c.send(bytes([5, NO_AUTH]))
    c.read_target()
    c.send(reply())
    c.tunnel()


@greeting("by-address", reads=False)
def _(c):
    c.accept_greeting()
    c.read_target()
    c.send(reply())
    c.tunnel()


@greeting("all-byte-by-byte", reads=False)
def _(c):
    def send(data):
        for byte in data:
            c.send(bytes([byte]))
            c.pause(0.002)

    send(bytes([5, LOGIN]))
    c.read_login()
    send(b"\x01\x00")
    c.read_target()
    send(reply(kind=DOMAIN))
    c.tunnel()


# Replies that open the tunnel


def opens(name, data, early=b""):
    def run(c):
        c.send(data + early)
        c.tunnel()

    run.reads = False
    FAULTS["/socks/" + name] = run


LONGEST = b"\xff" + b"b" * 255
REPLIES = {
    "ipv4": reply(),
    "ipv6": reply(kind=IPV6),
    "domain": reply(kind=DOMAIN),
    "domain-empty": reply(kind=DOMAIN, address=b"\0"),
    "domain-longest": reply(kind=DOMAIN, address=LONGEST),
}
for name, data in REPLIES.items():
    opens(name, data)
    # a reply that is taken as too short or too long spoils what comes behind it
    opens("early-" + name, data, EARLY)
opens("early-interim", reply(), EARLY_HINTS + EARLY)
opens("early-garbage", reply(), b"EARLY")
opens("early-zero", reply(kind=IPV6), b"\0")
opens("replied-twice", reply(), reply())


@fault("/socks/byte-by-byte", reads=False)
def _(c):
    for byte in REPLIES["domain-longest"]:
        c.send(bytes([byte]))
    c.send(EARLY)
    c.tunnel()


# Replies that do not

CODES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 90, 255)
UNKNOWN_KINDS = (0, 2, 5, 255)


def answers(name, data, end="fin"):
    @fault("/socks/" + name)
    def _(c):
        c.send(data)
        if end:
            getattr(c, end)()


for code in CODES:
    answers(f"code-{code}", reply(code))
answers("code-5-kept", reply(5), end=None)
answers("code-5-domain", reply(5, kind=DOMAIN))
answers("code-5-unknown-kind", reply(5, kind=0, address=b""))
# some say no more than this
answers("code-5-alone", b"\x05\x05")
for kind in UNKNOWN_KINDS:
    opens(f"kind-{kind}", reply(kind=kind, address=bytes(4)))
opens("version-4", reply(version=4))
opens("version-0", reply(version=0))
opens("version-1", reply(version=1))

CUT = {"ipv4": REPLIES["ipv4"], "ipv6": REPLIES["ipv6"], "domain": REPLIES["domain"]}
for name, data in CUT.items():
    for size in range(len(data)):
        answers(f"cut-{name}-{size}", data[:size])
        answers(f"half-{name}-{size}", data[:size], end=None)
answers("rst", b"", end="rst")
answers("rst-in-the-reply", reply()[:7], end="rst")
answers("silent", b"", end=None)
answers("http", b"HTTP/1.1 200 OK\r\n\r\n")

# The tunnel opens, but there is no server in it
answers("tunnel-fin", reply())
answers("tunnel-silent", reply(), end=None)
answers("tunnel-answers-404", reply() + b"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nserver")
answers("tunnel-tls-alert", reply() + bytes.fromhex("15030300020228"))


@fault("/socks/tunnel-endless")
def _(c):
    c.send(reply())
    c.pour(b"\0" * 4096, 64 * KIB * KIB)
