"""The auth callback: when it is called, what it is told, what its answers do, and what it cannot do. Digest has a
module of its own."""

import base64
import threading
import time
from ctypes import byref, c_void_p

from checking import HANG_MS, equal, true
from http_api import AUTH_CALLBACK, Asked, fails, refused
from ktorws_ctypes import Phase, Session, Status, lib
from web import Server, answers, opens, redirects, works

MOST_ATTEMPTS = 8


def demands(*challenges, **how):
    return answers(401, *(f"WWW-Authenticate: {text}" for text in challenges), **{"body": b"no", **how})


BASIC = demands('Basic realm="simple"')


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def header_after(act, **settings):
    """the Authorization of the request that follows an answer"""
    asked = Asked(act)
    with Server([BASIC, opens()]) as server:
        with Session(server.url(), **asked.setting, **settings) as session:
            works(session)
        asked.check(1)
        equal("requests", len(server.requests), 2)
        return server.requests[1].value("Authorization")


def test_each_kind_of_answer():
    def gives(*answer):
        return header_after(lambda auth: equal("answer", auth.answer(*answer), Status.OK))

    equal("basic", gives("basic", "user", "pass"), basic("user", "pass"))
    equal("basic, empty", gives("basic", "", ""), basic("", ""))
    equal("basic in UTF-8", gives("basic", "ü", "☃"), basic("ü", "☃"))
    equal("bearer", gives("bearer", "abc.def=="), "Bearer abc.def==")
    equal("header", gives("header", 'Custom a="b", c=d'), 'Custom a="b", c=d')


def test_what_it_is_told():
    asked = Asked(lambda auth: None)
    challenges = ['Basic realm="a, b", charset="UTF-8"', 'Digest realm="c", nonce="d", Bearer', "Negotiate"]
    with Server([demands(*challenges)]) as server:
        failure = refused(server.url("/chat?q=1", user="user:secret"), 401, **asked.setting)
        asked.check(1)
        equal("ws_auth_url", asked.calls[0].url, server.url("/chat?q=1"))
        equal("ws_auth_challenge", asked.calls[0].challenges, challenges)
        equal("of the error", failure.http_fields["WWW-Authenticate"], challenges)
        equal("body", failure.http_body, b"no")


def test_it_is_called_for_a_401_only():
    for status in (400, 403, 404, 407, 426, 500, 503):
        asked = Asked(lambda auth: auth.answer("basic", "user", "pass"))
        fields = ['WWW-Authenticate: Basic realm="x"', 'Proxy-Authenticate: Basic realm="x"']
        with Server([answers(status, *fields)]) as server:
            refused(server.url(), status, **asked.setting)
            asked.check(0)
            server.only()
    asked = Asked(lambda auth: None)
    with Server() as server, Session(server.url(), **asked.setting) as session:
        works(session)
        asked.check(0)


def test_no_answer_leaves_the_401():
    asked = Asked(lambda auth: None)
    with Server([BASIC]) as server:
        failure = refused(server.url(), 401, **asked.setting)
        equal("body", failure.http_body, b"no")
        asked.check(1)
        server.only()


def test_a_401_without_a_challenge():
    asked = Asked(lambda auth: auth.answer("bearer", "token"))
    with Server([demands(), opens()]) as server:
        with Session(server.url(), **asked.setting) as session:
            works(session)
        asked.check(1)
        equal("challenges", asked.calls[0].challenges, [])
        equal("Authorization", server.requests[1].value("Authorization"), "Bearer token")


def test_wrong_credentials_are_asked_for_again():
    tries = [("basic", "user", "wrong"), ("bearer", "wrong"), ("basic", "user", "right")]
    asked = Asked(lambda auth: auth.answer(*tries[auth.attempt - 1]))

    def script(request):
        return opens() if request.value("Authorization") == basic("user", "right") else BASIC

    with Server(script) as server:
        with Session(server.url(), **asked.setting) as session:
            works(session)
        asked.check(3)
        got = [request.value("Authorization") for request in server.requests]
        equal("Authorization", got, [None, basic("user", "wrong"), "Bearer wrong", basic("user", "right")])
        keys = {request.value("Sec-WebSocket-Key") for request in server.requests}
        equal("different keys", len(keys), 4)


def test_attempts_come_to_an_end():
    asked = Asked(lambda auth: auth.answer("basic", "user", f"wrong {auth.attempt}"))
    with Server(lambda request: BASIC) as server:
        failure = refused(server.url(), 401, **asked.setting)
        asked.check(MOST_ATTEMPTS)
        equal("body", failure.http_body, b"no")
        got = [request.value("Authorization") for request in server.requests]
        equal("Authorization", got, [None] + [basic("user", f"wrong {i + 1}") for i in range(MOST_ATTEMPTS)])


def test_attempts_count_from_one_in_every_session():
    asked = Asked(lambda auth: auth.answer("basic", "user", "pass"))
    with Server([BASIC, opens(), BASIC, opens()]) as server:
        for _ in range(2):
            with Session(server.url(), **asked.setting) as session:
                works(session)
        third = server.requests[2]
        equal("what was answered before", third.value("Authorization"), None)
    equal("attempts", [auth.attempt for auth in asked.calls], [1, 1])


def test_a_copy_of_the_configuration_asks_as_well():
    asked = Asked(lambda auth: None)
    config = lib.ws_config_new()
    lib.ws_config_set_auth_callback(config, asked.function, None)
    copy = lib.ws_config_clone(config)
    lib.ws_config_free(config)
    with Server([BASIC]) as server:
        status = lib.ws_connect(server.url().encode(), copy, byref(c_void_p()), None)
        equal("ws_connect", status, Status.HANDSHAKE_STATUS)
    lib.ws_config_free(copy)
    asked.check(1)


def test_many_and_strange_challenges():
    many = [f'Basic realm="{i}"' for i in range(1000)]
    for challenges in (many, ['Basic realm="\xe4\xff"', "\xff", "", "Basic", '"', "a" * 50_000]):
        asked = Asked(lambda auth: equal("far behind", lib.ws_auth_challenge(auth.handle, 2**64 - 1), None))
        with Server([demands(*challenges)]) as server:
            refused(server.url(), 401, **asked.setting)
            asked.check(1)
            equal("challenges", len(asked.calls[0].challenges), len(challenges))


def test_it_comes_after_the_credentials_of_the_configuration():
    for url_user, settings, first in (
        ("user:old", {}, basic("user", "old")),
        (None, dict(set_basic_auth=(b"user", b"old")), basic("user", "old")),
        (None, dict(set_bearer_token=b"old"), "Bearer old"),
        (None, dict(add_header=(b"Authorization", b"Custom old")), "Custom old"),
    ):
        asked = Asked(lambda auth: auth.answer("bearer", "new"))
        with Server([BASIC, opens()]) as server:
            with Session(server.url(user=url_user), **asked.setting, **settings) as session:
                works(session)
            asked.check(1)
            got = [request.value("Authorization") for request in server.requests]
            equal("Authorization", got, [first, "Bearer new"])


def test_the_connection_may_be_kept_or_not_and_the_body_be_anything():
    chunked = b"2\r\nno\r\n3\r\n way\r\n0\r\n\r\n"
    for refusal in (
        demands("Basic", ends=False),
        demands("Basic", body=b"", ends=False),
        demands("Basic", body=b"x" * 300_000),
        demands("Basic", body=b"x" * 300_000, ends=False),
        answers(401, "WWW-Authenticate: Basic", "Transfer-Encoding: chunked", body=chunked, length=False),
        answers(401, "WWW-Authenticate: Basic", "Transfer-Encoding: chunked", body=chunked, length=False, ends=False),
        answers(401, "WWW-Authenticate: Basic", body=b"until the end", length=False),
        pours,
    ):
        asked = Asked(lambda auth: auth.answer("basic", "user", "pass"))
        with Server([refusal, opens()]) as server:
            with Session(server.url(), **asked.setting) as session:
                works(session)
            asked.check(1)


def pours(request):
    """a 401 whose body has no end"""
    request.wire.send(b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\n\r\n")
    while True:
        request.wire.send(b"x" * 65536)


def test_invalid_answers():
    """refused with a status, and nothing goes out"""
    wrong = [
        ("basic", "us:er", "pass"),
        ("basic", b"\xff", "pass"),
        ("basic", None, "pass"),
        ("bearer", None),
        ("bearer", ""),
        ("bearer", "a b"),
        ("bearer", b"\xff"),
        ("header", None),
        ("digest", None, "pass"),
        ("digest", b"\xff", "pass"),
    ]
    for bad in ("\r\nX-Injected: 1", "\n", "\r", "\x01", "\x1b", "\x7f"):
        wrong += [
            ("basic", f"a{bad}", "b"),
            ("basic", "a", f"b{bad}"),
            ("bearer", f"a{bad}"),
            ("header", f"Custom a{bad}"),
        ]
        wrong += [("digest", f"a{bad}", "b"), ("digest", "a", f"b{bad}")]

    def act(auth):
        for answer in wrong:
            equal(f"answer {answer}", auth.answer(*answer), Status.INVALID_ARGUMENT)

    with Server([demands('Basic realm="x"', 'Digest realm="x", nonce="n", qop="auth"')]) as server:
        asked = Asked(act)
        refused(server.url(), 401, **asked.setting)
        asked.check(1)
        server.only()


def test_a_wrong_answer_behind_a_right_one():
    """does not take that back"""

    def act(auth):
        equal("right", auth.answer("basic", "user", "pass"), Status.OK)
        equal("wrong", auth.answer("bearer", "to\r\nken"), Status.INVALID_ARGUMENT)

    equal("Authorization", header_after(act), basic("user", "pass"))


def test_the_last_of_several_answers_counts():
    def act(auth):
        for answer in (("basic", "a", "b"), ("header", "Custom"), ("bearer", "last")):
            equal("answer", auth.answer(*answer), Status.OK)

    equal("Authorization", header_after(act), "Bearer last")


def test_arguments():
    equal("ws_auth_basic", lib.ws_auth_basic(None, b"a", b"b"), Status.INVALID_ARGUMENT)
    equal("ws_auth_digest", lib.ws_auth_digest(None, b"a", b"b"), Status.INVALID_ARGUMENT)
    equal("ws_auth_bearer", lib.ws_auth_bearer(None, b"a"), Status.INVALID_ARGUMENT)
    equal("ws_auth_header", lib.ws_auth_header(None, b"a"), Status.INVALID_ARGUMENT)
    equal("ws_auth_url", lib.ws_auth_url(None), b"")
    equal("ws_auth_challenge", lib.ws_auth_challenge(None, 0), None)
    equal("ws_auth_attempt", lib.ws_auth_attempt(None), 0)
    status = lib.ws_config_set_auth_callback(None, AUTH_CALLBACK(lambda auth, data: None), None)
    equal("ws_config_set_auth_callback", status, Status.INVALID_ARGUMENT)


def test_it_can_be_taken_away():
    asked = Asked(lambda auth: auth.answer("basic", "user", "pass"))
    with Server([BASIC]) as server:
        refused(server.url(), 401, set_auth_callback=[(asked.function, None), (AUTH_CALLBACK(), None)])
        asked.check(0)


def test_it_runs_on_the_thread_that_connects():
    threads = []
    asked = Asked(lambda auth: (threads.append(threading.get_ident()), auth.answer("basic", "user", "pass")))
    with Server([BASIC, opens()]) as server, Session(server.url(), **asked.setting) as session:
        works(session)
    equal("threads", threads, [threading.get_ident()])


def test_opening_without_waiting():
    """it is called on a thread of the library, and may block that"""
    threads, go_on = [], threading.Event()
    asked = Asked(lambda auth: (threads.append(threading.get_ident()), go_on.wait(), auth.answer("bearer", "token")))
    with Server([BASIC, opens()]) as server:
        config, handle = lib.ws_config_new(), c_void_p()
        equal("callback", lib.ws_config_set_auth_callback(config, asked.function, None), Status.OK)
        equal("ws_connect_async", lib.ws_connect_async(server.url().encode(), config, byref(handle)), Status.OK)
        lib.ws_config_free(config)
        go_on.set()
        equal("ws_wait_open", lib.ws_wait_open(handle, HANG_MS, None), Status.OK)
        session = Session.__new__(Session)
        session.handle = handle.value
        with session:
            works(session)
        asked.check(1)
        true("thread", threads[0] != threading.get_ident())
        equal("Authorization", server.requests[1].value("Authorization"), "Bearer token")


def test_it_may_use_the_library():
    """as one does who gets a token from another server first"""

    def act(auth):
        with Session(tokens.url("/token")) as session:
            works(session)
        equal("answer", auth.answer("bearer", "token"), Status.OK)

    with Server() as tokens:
        equal("Authorization", header_after(act), "Bearer token")
        tokens.only()


def test_time_in_it_does_not_count_for_the_handshake():
    limit_ms = 2000
    asked = Asked(lambda auth: (time.sleep(1.2 * limit_ms / 1000), auth.answer("bearer", "token")))
    settings = dict(set_handshake_timeout_ms=limit_ms, set_connect_timeout_ms=limit_ms)
    with Server([BASIC, opens()]) as server, Session(server.url(), **asked.setting, **settings) as session:
        works(session)
        asked.check(1)


def test_time_in_it_counts_for_opening():
    """the limit holds once it returns, and the error says what took the time"""
    for answers_it in (lambda auth: auth.answer("bearer", "token"), lambda auth: auth.answer("basic", "a", "b")):
        asked = Asked(lambda auth: (time.sleep(0.3), answers_it(auth)))
        with Server([BASIC, opens()]) as server:
            failure = fails(server.url(), Status.TIMEOUT, set_open_timeout_ms=250, **asked.setting)
            equal("requests", len(server.requests), 1)
            equal("connections", server.connections, 1)
            equal("phase", failure.phase, Phase.HANDSHAKE)
            for part in ("credentials", "250 ms", "the limit for opening"):
                true("the message", part in failure.message, failure.message)


def test_its_refusal_is_told_whenever_it_comes():
    """there is nothing left to be done that could take time"""
    asked = Asked(lambda auth: time.sleep(0.3))
    with Server([BASIC]) as server:
        equal("body", refused(server.url(), 401, set_open_timeout_ms=250, **asked.setting).http_body, b"no")


def test_behind_a_redirect_it_is_told_the_new_url():
    asked = Asked(lambda auth: auth.answer("basic", "user", "pass"))
    with Server({"/inner?a=1": BASIC}) as other:
        with Server([redirects(other.url("/inner?a=1"))]) as server:
            refused(server.url(), 401, set_max_redirects=1, **asked.setting)
            equal("urls", {auth.url for auth in asked.calls}, {other.url("/inner?a=1")})


def test_an_answer_stays_with_its_origin():
    """a redirect behind it takes it along only where scheme, host and port are the same"""
    asked = Asked(lambda auth: auth.answer("basic", "user", "pass"))
    with Server([opens()]) as other, Server([BASIC, redirects("/b"), redirects(other.url("/c"))]) as server:
        with Session(server.url("/a"), set_max_redirects=2, **asked.setting) as session:
            works(session)
        got = [request.value("Authorization") for request in server.requests]
        equal("Authorization", got, [None, basic("user", "pass"), basic("user", "pass")])
        equal("at the other server", other.only().value("Authorization"), None)
