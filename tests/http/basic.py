"""Basic and Bearer credentials, and which of several goes out."""

import base64
from ctypes import byref, c_void_p

from checking import equal
from http_api import fails, refused
from ktorws_ctypes import Session, Status, lib
from web import Server, answers, works

REFUSAL = answers(401, 'WWW-Authenticate: Basic realm="test"', body=b"who are you?")


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def sent(url_user=None, **settings):
    """the Authorization header of a session's request, None if there is none"""
    with Server() as server:
        with Session(server.url("/chat", user=url_user), **settings) as session:
            works(session)
            equal("ws_request_url", lib.ws_request_url(session.handle).decode(), server.url("/chat"))
        return server.only().value("Authorization")


def test_basic_from_the_configuration():
    equal("Authorization", sent(set_basic_auth=(b"Aladdin", b"open sesame")), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")


def test_basic_in_utf8():
    # the example of RFC 7617 section 2.1
    equal("Authorization", sent(set_basic_auth=(b"test", "123£".encode())), "Basic dGVzdDoxMjPCow==")


def test_basic_with_nothing_in_it():
    equal("empty", sent(set_basic_auth=(b"", b"")), basic("", ""))
    equal("no password", sent(set_basic_auth=(b"user", b"")), basic("user", ""))
    equal("a password with colons", sent(set_basic_auth=(b"user", b"a:b:c")), basic("user", "a:b:c"))


def test_basic_from_the_url():
    equal("Authorization", sent("user:pass"), basic("user", "pass"))
    equal("percent-encoded", sent("us%40er:p%3Aa%2Fss%C3%BC%25"), basic("us@er", "p:a/ssü%"))
    equal("without a password", sent("user"), basic("user", ""))


def test_bearer():
    equal("Authorization", sent(set_bearer_token=b"mF_9.B5f-4.1JqM=="), "Bearer mF_9.B5f-4.1JqM==")


def test_credentials_are_taken_back():
    equal("basic", sent(set_basic_auth=[(b"user", b"pass"), (None, None)]), None)
    equal("bearer", sent(set_bearer_token=[b"token", None]), None)
    equal("header", sent(set_header=[(b"Authorization", b"Custom"), (b"Authorization", None)]), None)
    equal("the URL's are still there", sent("a:b", set_basic_auth=[(b"user", b"pass"), (None, None)]), basic("a", "b"))


def test_the_last_setting_counts():
    equal("basic twice", sent(set_basic_auth=[(b"a", b"b"), (b"c", b"d")]), basic("c", "d"))
    equal("bearer twice", sent(set_bearer_token=[b"first", b"second"]), "Bearer second")


def test_one_header_goes_out_whatever_is_set():
    """the last that was set, and any of them before the URL's"""
    header = dict(add_header=(b"Authorization", b"Custom x"))
    one, other = dict(set_basic_auth=(b"c", b"d")), dict(set_bearer_token=b"token")
    equal("header and URL", sent("a:b", **header), "Custom x")
    equal("basic and URL", sent("a:b", **one), basic("c", "d"))
    equal("bearer and URL", sent("a:b", **other), "Bearer token")
    equal("header, basic", sent(**header, **one), basic("c", "d"))
    equal("basic, header", sent(**one, **header), "Custom x")
    equal("basic, bearer", sent(**one, **other), "Bearer token")
    equal("bearer, basic", sent(**other, **one), basic("c", "d"))


def test_long_credentials_are_sent_whole():
    password = "p" * 20000
    equal("basic", sent(set_basic_auth=(b"user", password.encode())), basic("user", password))
    equal("bearer", sent(set_bearer_token=b"t" * 20000), "Bearer " + "t" * 20000)


def test_wrong_credentials_are_not_tried_again():
    for settings in (dict(set_basic_auth=(b"user", b"wrong")), dict(set_bearer_token=b"wrong"), {}):
        with Server([REFUSAL]) as server:
            failure = refused(server.url(), 401, **settings)
            equal("challenge", failure.http_fields["WWW-Authenticate"], ['Basic realm="test"'])
            equal("body", failure.http_body, b"who are you?")
            server.only()
    with Server([REFUSAL]) as server:
        refused(server.url(user="user:wrong"), 401)
        server.only()


def test_several_sessions_of_a_configuration_and_of_its_copy():
    config = lib.ws_config_new()
    lib.ws_config_set_basic_auth(config, b"user", b"pass")
    copy = lib.ws_config_clone(config)
    lib.ws_config_set_basic_auth(config, b"other", b"pass")
    with Server(lambda request: answers(403)) as server:
        for one in (config, config, copy):
            status = lib.ws_connect(server.url().encode(), one, byref(c_void_p()), None)
            equal("ws_connect", status, Status.HANDSHAKE_STATUS)
        got = [request.value("Authorization") for request in server.requests]
        equal("Authorization", got, [basic("other", "pass")] * 2 + [basic("user", "pass")])
    lib.ws_config_free(config)
    lib.ws_config_free(copy)


def test_a_user_with_a_colon_is_refused():
    """RFC 7617 section 2: the server would take what is behind it for the password"""
    config = lib.ws_config_new()
    equal("basic", lib.ws_config_set_basic_auth(config, b"us:er", b"pass"), Status.INVALID_ARGUMENT)
    lib.ws_config_free(config)
    with Server() as server:
        fails(server.url(user="us%3Aer:pass"), Status.URL)
        server.unseen()


def test_arguments():
    config = lib.ws_config_new()
    equal("basic without a configuration", lib.ws_config_set_basic_auth(None, b"a", b"b"), Status.INVALID_ARGUMENT)
    equal("bearer without a configuration", lib.ws_config_set_bearer_token(None, b"a"), Status.INVALID_ARGUMENT)
    equal("bearer, empty", lib.ws_config_set_bearer_token(config, b""), Status.INVALID_ARGUMENT)
    equal("bearer with a space", lib.ws_config_set_bearer_token(config, b"a b"), Status.INVALID_ARGUMENT)
    equal("basic, not UTF-8", lib.ws_config_set_basic_auth(config, b"\xff", b""), Status.INVALID_ARGUMENT)
    lib.ws_config_free(config)
