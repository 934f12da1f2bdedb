"""What options make of the opening handshake, as a server sees it."""

import base64
import hashlib
import re
import time

from checking import equal, true
from tool import CLEANLY, HANDSHAKE, REFUSED, USAGE, Running, directory, file_with, has, has_not, run
from web import Server, answers, opens, redirects

HELLO = ("-m", "hello")


def asked(*arguments, path="/", user=None, script=None, status=CLEANLY, **how):
    """the only request that is made"""
    with Server(script or (lambda request: opens())) as server:
        run(*HELLO, *arguments, server.url(path, user=user), status=status, **how)
        return server.only()


def test_headers():
    request = asked("-H", "X-One: a: b", "--header", "X-One:c", "-H", "X-Empty:", "-H", "Host: other")
    equal("X-One", request.values("X-One"), ["a: b", "c"])
    equal("X-Empty", request.value("X-Empty"), "")
    equal("Host", request.value("Host"), "other")


def test_headers_of_a_file():
    with file_with("X-One: a\r\n\nX-Two: b") as name:
        request = asked("-H", f"@{name}")
    equal("headers", (request.value("X-One"), request.value("X-Two")), ("a", "b"))


def test_subprotocols():
    def script(request):
        equal("offered", request.value("Sec-WebSocket-Protocol"), "one, two, three")
        return opens("Sec-WebSocket-Protocol: two")

    with Server(script) as server:
        ended = run(*HELLO, "-v", "--json", "-p", "one, two", "--subprotocol", "three", server.url())
    equal("subprotocol", ended.event("opened")["subprotocol"], "two")
    has("what -v shows", ended.err, "* subprotocol two")


def test_user_agent():
    true("default", re.fullmatch(r"ktorws/[\d.]+", asked().value("User-Agent")))
    equal("another", asked("-A", "me 1").value("User-Agent"), "me 1")
    equal("none", asked("--user-agent", "").value("User-Agent"), None)


def test_origin():
    equal("default", asked().value("Origin"), None)
    equal("set", asked("--origin", "https://here").value("Origin"), "https://here")


def basic(pair):
    return "Basic " + base64.b64encode(pair.encode()).decode()


def test_user_and_password():
    equal("option", asked("-u", "me:p:w").value("Authorization"), basic("me:p:w"))
    equal("URL", asked(user="me:pw").value("Authorization"), basic("me:pw"))
    with file_with("me:pö\nmore\n") as name:
        equal("file", asked("--user-file", name).value("Authorization"), basic("me:pö"))


def test_a_file_without_a_password():
    with file_with("me\n") as name:
        run("--user-file", name, "ws://a/", status=USAGE)
    with file_with("\nme:pw") as name:
        run("--user-file", name, "ws://a/", status=USAGE)


NETRC = """
machine other.example login other password secret
machine 127.0.0.1
  login me
  account x
  password pw
macdef init
  machine 127.0.0.1 login never

default login anyone password guess
"""


def test_netrc():
    with file_with(NETRC) as name:
        equal("entry", asked("--netrc-file", name).value("Authorization"), basic("me:pw"))
    with file_with(NETRC.replace("127.0.0.1", "third.example")) as name:
        equal("default", asked("--netrc-file", name).value("Authorization"), basic("anyone:guess"))
    with file_with("machine other.example login a password b") as name:
        equal("none", asked("--netrc-file", name).value("Authorization"), None)
    for wrong in ("machine 127.0.0.1 login me", "machine", "nonsense"):
        with file_with(wrong) as name:
            run("--netrc-file", name, "ws://127.0.0.1/", status=USAGE)


def digest_of(password, header, target):
    parts = dict(re.findall(r'(\w+)="?([^",]+)', header))
    part = lambda *words: hashlib.md5(":".join(words).encode()).hexdigest()
    inner = part("GET", target)
    return part(
        part(parts["username"], "place", password), parts["nonce"], parts["nc"], parts["cnonce"], "auth", inner
    ), parts["response"]


def test_digest():
    def script(request):
        header = request.value("Authorization")
        if header is None:
            return answers(401, 'WWW-Authenticate: Digest realm="place", nonce="n1", qop="auth"')
        expected, got = digest_of("pw", header, "/private")
        return opens() if expected == got else answers(401, 'WWW-Authenticate: Digest realm="place", nonce="n2", qop="auth"')

    with Server(script) as server:
        run(*HELLO, "--digest", "-u", "me:pw", server.url("/private"))
        run(*HELLO, "--digest", "-u", "me:wrong", server.url("/private"), status=REFUSED)
        # the second time the nonce could have been too old, the third time it is the password
        equal("requests", len(server.requests), 2 + 3)
        has_not("requests", str([request.headers for request in server.requests]), "Basic")


def test_bearer():
    with file_with("abc.def\n") as name:
        equal("token", asked("--bearer", name).value("Authorization"), "Bearer abc.def")
    with file_with("not a token\n") as name:
        run("--bearer", name, "ws://a/", status=USAGE)


def test_cookies():
    equal("cookies", asked("--cookie", "a=1", "--cookie", "b=2; c=3").value("Cookie"), "a=1; b=2; c=3")
    run("--cookie", "a", "ws://a/", status=USAGE)


def test_a_file_of_cookies():
    later = int(time.time()) + 1000
    lines = [
        "# Netscape HTTP Cookie File",
        f"127.0.0.1\tFALSE\t/\tFALSE\t{later}\tfresh\t1",
        "#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\t2",
        "127.0.0.1\tFALSE\t/\tFALSE\t1000\texpired\t3",
        f"127.0.0.1\tFALSE\t/\tTRUE\t{later}\tsecure\t4",
        f"127.0.0.1\tFALSE\t/elsewhere\tFALSE\t{later}\tpath\t5",
        f"other.example\tTRUE\t/\tFALSE\t{later}\thost\t6",
        "",
    ]
    with file_with("\r\n".join(lines)) as name:
        equal("cookies", asked("--cookie-file", name).value("Cookie"), "fresh=1; session=2")
        equal("with others", asked("--cookie-file", name, "--cookie", "a=0").value("Cookie"), "a=0; fresh=1; session=2")
    with file_with("127.0.0.1\tFALSE\t/\n") as name:
        has("the error", run("--cookie-file", name, "ws://a/", status=USAGE).err, "line 1")


def test_redirects():
    script = {"/": redirects("/b", "Set-Cookie: seen=1"), "/b": redirects("/c"), "/c": opens()}
    for options in (["-L"], ["--location"], ["--max-redirects", "2"]):
        with Server(script) as server:
            ended = run(*HELLO, *options, "--json", server.url())
            equal("targets", server.targets, ["/", "/b", "/c"])
            equal("cookie", server.requests[2].value("Cookie"), "seen=1")
            equal("URL", ended.event("opened")["url"], server.url("/c"))
    with Server(script) as server:
        run(*HELLO, "--max-redirects", "1", server.url(), status=REFUSED)


def test_deflate():
    offer = "Sec-WebSocket-Extensions"
    equal("off", asked().value(offer), None)
    equal("on", asked("--deflate").value(offer), "permessage-deflate; client_max_window_bits")
    options = "client_max_window_bits=10,server_max_window_bits=9,client_no_context_takeover,server_no_context_takeover"
    got = asked(f"--deflate=level=9,memory_level=1,min_size=100,{options}").value(offer)
    equal("parameters", sorted(got.split("; ")), sorted(["permessage-deflate", *options.split(",")]))


def test_secrets_are_not_in_the_process_list():
    with Server() as server, directory() as path:
        url = server.url("/", user="secretuser:secretword")
        with Running("-H", "X-Key: secret", "--cookie", "a=secret", "-u", "me:secret", url, cwd=path) as tool:
            tool.write("x\n")
            equal("the answer", tool.line(), "x")
            with open(f"/proc/{tool.process.pid}/cmdline", encoding="ascii") as f:
                line = f.read()
            has("the process list", line, f"127.0.0.1:{server.port}")
            has_not("the process list", line, "secret")
            tool.end()
        equal("headers", [server.only().value(name) for name in ("X-Key", "Cookie")], ["secret", "a=secret"])


def test_secrets_are_not_shown():
    with Server(lambda request: opens("X-Powered-By: test")) as server:
        ended = run("-vv", *HELLO, "-u", "me:secret", "--cookie", "a=secret", "-H", "X-Mine: y", server.url("/p"))
    has("what -v shows", ended.err, "> Authorization: (not shown)", "> Cookie: (not shown)", "> X-Mine: y", "/p", "< 101")
    has("what -v shows", ended.err, "< X-Powered-By: test", "< Sec-WebSocket-Accept: ", "open after ", "sent 1 messages, 5 bytes")
    has_not("what -v shows", ended.err, "secret", basic("me:secret").split()[1])


def test_an_answer_that_was_not_offered():
    asked(script=lambda request: opens("Sec-WebSocket-Protocol: x"), status=HANDSHAKE)
