"""Digest credentials from an auth callback: every answer is computed again as RFC 7616 has it."""

from checking import equal, true
from digest_answer import check, parameters, rfc_examples_hold
from http_api import Asked, fails, refused
from ktorws_ctypes import Failure, Session, Status
from web import Server, answers, opens, redirects, works

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
REALM = "http-auth@example.org"


def challenge(algorithm=None, qop='"auth"', nonce=NONCE, realm=REALM, **more):
    parts = [f'realm="{realm}"', f'nonce="{nonce}"']
    parts += [f"qop={qop}"] if qop else []
    parts += [f"algorithm={algorithm}"] if algorithm else []
    parts += [f"{name}={value}" for name, value in more.items()]
    return "Digest " + ", ".join(parts)


def demands(*challenges):
    return answers(401, *(f"WWW-Authenticate: {text}" for text in challenges), body=b"no", ends=True)


def answered(*challenges, target="/dir/index.html", user="Mufasa", password="Circle of Life", **expected):
    """A server with these challenges is answered with Digest. Returns the parameters of the credentials."""
    asked = Asked(lambda auth: equal("ws_auth_digest", auth.answer("digest", user, password), Status.OK))
    with Server([demands(*challenges), opens()]) as server:
        try:
            with Session(server.url(target), **asked.setting) as session:
                works(session)
        except Failure as failure:
            raise AssertionError(f"{challenges}: {failure} {asked.trouble}") from None
        asked.check(1)
        first, second = server.requests
        equal("credentials before they are asked for", first.value("Authorization"), None)
        return check(second.value("Authorization"), target, user, password, **expected)


def test_the_examples_of_the_rfc():
    rfc_examples_hold()
    for algorithm in ("MD5", "SHA-256"):
        answered(
            challenge(algorithm, opaque=f'"{OPAQUE}"'),
            **dict(realm=REALM, nonce=NONCE, opaque=OPAQUE, algorithm=algorithm, qop="auth", userhash=None),
        )


def test_md5_is_meant_where_no_algorithm_is_named():
    got = answered(challenge(), qop="auth", opaque=None)
    true("algorithm", got.get("algorithm") in (None, "MD5"), got)


def test_folded_challenges():
    """blanks stand for the line ends (RFC 9112 section 5.2); cameras and routers fold theirs"""
    folded = challenge("MD5", opaque=f'"{OPAQUE}"').replace(", ", ",\r\n ")
    expected = dict(realm=REALM, nonce=NONCE, opaque=OPAQUE, algorithm="MD5", qop="auth")
    answered(folded, **expected)
    answered(folded.replace("\r\n ", "\n\t"), **expected)
    answered("\r\n " + folded, **expected)
    answered('Basic realm="x",\r\n\t' + folded, **expected)


def test_no_qop():
    """as RFC 2069 had it: neither nc nor cnonce go out"""
    answered(challenge("MD5", qop=None), qop=None)
    answered(challenge(qop=None), qop=None)


def may_be_answered(fields):
    """a client may do without this, but not answer it wrongly"""
    statuses = []
    asked = Asked(lambda auth: statuses.append(auth.answer("digest", "Mufasa", "Circle of Life")))
    with Server([demands(fields), answers(403)]) as server:
        fails(server.url("/a"), Status.HANDSHAKE_STATUS, **asked.setting)
        asked.check(1)
        if statuses == [Status.OK]:
            return check(server.requests[1].value("Authorization"), "/a", "Mufasa", "Circle of Life")
        equal("ws_auth_digest", statuses, [Status.STATE])
        equal("requests", len(server.requests), 1)
        return None


def test_session_algorithms():
    may_be_answered(challenge("MD5-sess"))
    may_be_answered(challenge("SHA-256-sess"))


def test_sha_512_256():
    may_be_answered(challenge("SHA-512-256"))


def test_auth_int_alone():
    may_be_answered(challenge("MD5", qop='"auth-int"'))
    may_be_answered(challenge("SHA-256", qop='"auth-int"'))


def test_the_algorithm_is_named_as_the_server_does():
    """also without qop, where it would be taken for MD5"""
    got = may_be_answered(challenge("SHA-256", qop=None))
    true("algorithm", got is None or got.get("algorithm") == "SHA-256", got)


def test_spellings_of_a_challenge():
    """as RFC 9110 section 11.3 allows them"""
    wrong = []
    for text in (
        'dIGEST REALM="r", NONCE="n", QOP="auth", ALGORITHM=SHA-256, STALE=FALSE',
        'Digest realm="r", nonce="n", qop="auth", algorithm="SHA-256"',
        'Digest realm="r", nonce="n", qop="auth", algorithm=sha-256',
        'Digest realm="r", nonce="n", qop=auth, algorithm=SHA-256',
        'Digest realm="r",, nonce="n" ,qop="auth", , algorithm=SHA-256',
        'Digest realm = "r", nonce= "n", qop ="auth", algorithm=SHA-256',
        'Digest   realm="r", nonce="n", qop="auth", algorithm=SHA-256',
        ', Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256',
        'Digest algorithm=SHA-256,qop="auth",nonce="n",realm="r",unknown=1,domain="/ /b"',
    ):
        try:
            got = answered(text, qop="auth", realm="r", nonce="n")
            equal("algorithm", got["algorithm"].upper(), "SHA-256")
        except AssertionError as error:
            wrong.append(f"{text}: {error}")
    true("not understood:\n" + "\n".join(wrong), not wrong)


def test_qop_is_auth_where_there_is_a_choice():
    for qop in ('"auth, auth-int"', '"auth-int, auth"', '"auth-int,auth"', '"auth,other"'):
        answered(challenge("MD5", qop=qop), qop="auth")


def test_the_target_is_the_request_target():
    for target in ("/", "/?a=1", "/a%20b/c?x=1&y=%22%2C", "/ch%C3%A4t", "/a,b=c;d?e=f"):
        answered(challenge("SHA-256"), target=target)


def test_quoted_strings():
    """quotes and backslashes are escaped in what is quoted, and are not in what is hashed"""
    answered(challenge("MD5"), user='us"er\\', password='"pass"\\word')
    answered('Digest realm="a \\"quoted\\" realm, with \\\\", nonce="a\\"b", qop="auth"')
    answered(challenge(realm=""), realm="")


def test_utf8():
    answered(challenge("SHA-256", charset="UTF-8"), user="Jäsøn Doe", password="Secret, or not? – ☃")


def test_a_hashed_user_name():
    """userhash=true: the name may go out hashed (RFC 7616 section 3.4.4), and is then said to be"""
    answered(challenge("SHA-256", userhash="true", charset="UTF-8"), user="Jäsøn Doe", password="Secret, or not?")


def test_nonces_of_the_client_differ():
    got = [answered(challenge("MD5"))["cnonce"] for _ in range(8)]
    equal("different cnonces", len(set(got)), 8)


def test_of_several_challenges_the_first_that_is_known():
    """a server has those first that it likes best (RFC 7616 section 3.7)"""
    md5, sha = challenge("MD5", nonce="m"), challenge("SHA-256", nonce="s")
    unknown = challenge("SHA-999", nonce="u")
    basic = 'Basic realm="simple, they say"'
    for fields, expected in (
        ([sha, md5], "s"),
        ([md5, sha], "m"),
        ([basic, md5, sha], "m"),
        ([f"{basic}, {sha}, {md5}"], "s"),
        ([f"{md5}, {sha}, {basic}"], "m"),
        ([f"Negotiate, NTLM, {sha}, {basic}"], "s"),
        (["Negotiate", "NTLM", sha], "s"),
        (['Bearer scope="a,b"', f'Bearer scope="c", {sha}'], "s"),
        ([unknown, sha], "s"),
        ([f"{unknown}, {sha}"], "s"),
        ([unknown, basic, md5], "m"),
    ):
        got = answered(*fields)
        equal(f"nonce chosen from {fields}", got["nonce"], expected)


def test_behind_a_challenge_that_is_a_token68():
    """RFC 9110 section 11.2"""
    for before in ("Negotiate YWJjZA==", "NTLM TlRMTVNTUAACAAAA"):
        equal("nonce", answered(f"{before}, {challenge('MD5', nonce='m')}")["nonce"], "m")


def test_a_stale_nonce():
    """the same credentials are tried with the new nonce"""
    asked = Asked(lambda auth: auth.answer("digest", "Mufasa", "Circle of Life"))
    script = [
        demands(challenge("SHA-256", nonce="old")),
        demands(challenge("SHA-256", nonce="new", stale="true")),
        opens(),
    ]
    with Server(script) as server:
        with Session(server.url("/a"), **asked.setting) as session:
            works(session)
        true("calls", 1 <= len(asked.calls) <= 2, asked.calls)
        _, second, third = server.requests
        before = check(second.value("Authorization"), "/a", "Mufasa", "Circle of Life", nonce="old")
        after = check(third.value("Authorization"), "/a", "Mufasa", "Circle of Life", nonce="new")
        true("the cnonce is used again", before["cnonce"] != after["cnonce"])


def test_a_nonce_that_is_always_stale_comes_to_an_end():
    asked = Asked(lambda auth: auth.answer("digest", "Mufasa", "Circle of Life"))
    with Server(lambda request: demands(challenge("MD5", nonce=f"n{request.connection}", stale="true"))) as server:
        refused(server.url(), 401, **asked.setting)
        true("requests", len(server.requests) <= 9, len(server.requests))


def test_behind_a_redirect():
    """the answer covers the target: it is none for another one"""
    asked = Asked(lambda auth: auth.answer("digest", "Mufasa", "Circle of Life"))

    def script(request):
        header = request.value("Authorization")
        if header is None:
            return demands(challenge("SHA-256", nonce=f"n{len(server.requests)}"))
        check(header, request.target, "Mufasa", "Circle of Life")
        return redirects("/b") if request.target == "/a" else opens()

    with Server(script) as server:
        with Session(server.url("/a"), set_max_redirects=1, **asked.setting) as session:
            works(session)
        nonces = [parameters(r.value("Authorization"))["nonce"] for r in server.requests if r.value("Authorization")]
        equal("different nonces, or counts of their use", len(set(nonces)), len(nonces))


def test_challenges_that_cannot_be_answered():
    """ws_auth_digest says so, and the 401 stands"""
    for fields in (
        [],
        ["Digest"],
        ['Basic realm="x"'],
        ['Bearer realm="digest", nonce="n"'],
        [challenge("SHA-999")],
        ['Digest realm="without a nonce", qop="auth"'],
        ['Digest realm="no end, nonce="n'],
        ['Digest nonce="n\x01", realm="r"'],
        ["Digest " + "a=b," * 5000],
    ):
        got = []
        asked = Asked(lambda auth: got.append(auth.answer("digest", "user", "pass")))
        with Server([demands(*fields)]) as server:
            failure = fails(server.url(), Status.HANDSHAKE_STATUS, Status.HANDSHAKE_INVALID, **asked.setting)
            if failure.status == Status.HANDSHAKE_STATUS:
                asked.check(1)
                equal(f"ws_auth_digest for {fields}", got, [Status.STATE])
            server.only()


def test_a_hostile_challenge_injects_nothing():
    """what the server chooses comes back in a header: it must stay inside its quotes"""
    for nonce in ('a\\", uri=\\"/other', "a\\\\", "\xe4\xf6", "a\tb", "n" * 20000):
        asked = Asked(lambda auth: auth.answer("digest", "user", "pass"))
        with Server([demands(f'Digest realm="r", nonce="{nonce}", qop="auth"'), opens()]) as server:
            try:
                with Session(server.url("/a"), **asked.setting) as session:
                    works(session)
                got = parameters(server.requests[1].value("Authorization"))
                equal("uri", got["uri"], "/a")
                equal("names", len(server.requests[1].headers), len(server.requests[0].headers) + 1)
            except Exception as failure:
                if getattr(failure, "status", None) not in (Status.HANDSHAKE_STATUS, Status.HANDSHAKE_INVALID):
                    raise
                server.only()
