"""Strings of the caller with control characters, or otherwise out of shape: each is refused by the function it is given
to, and nothing of it reaches a server."""

import ctypes
import os
import re
from ctypes import byref, c_char_p, c_int32, c_size_t, c_uint32, c_void_p

from checking import equal, true
from http_api import fails
from ktorws_ctypes import REPOSITORY, Failure, Session, Status, lib
from web import Server, works

HEADER = os.path.join(REPOSITORY, "include", "ktorws.h")
CONTROL = [chr(c) for c in (*range(1, 32), 127)]
INJECTED = "\r\nX-Injected: 1"
LONG = 100_000

# The strings of each function that sets something, as they would be right, and numbers between them.
SETTERS = {
    "ws_config_add_header": ("X-Name", "value"),
    "ws_config_set_header": ("X-Name", "value"),
    "ws_config_add_subprotocol": ("chat",),
    "ws_config_set_origin": ("https://example.com",),
    "ws_config_set_user_agent": ("agent/1.0",),
    "ws_config_set_basic_auth": ("user", "password"),
    "ws_config_set_bearer_token": ("token",),
    "ws_config_add_resolve": ("example.com", 0, "127.0.0.1"),
    "ws_config_set_local_address": ("127.0.0.1",),
    "ws_config_set_unix_socket": ("/nonexistent/socket",),
    "ws_config_set_proxy": ("http://user:password@127.0.0.1:1",),
    "ws_config_set_tls_server_name": ("localhost",),
    "ws_config_set_tls_alpn": ("http/1.1",),
    "ws_config_add_tls_pin_sha256": ("sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",),
    "ws_config_add_tls_ca_file": ("/nonexistent/ca.pem",),
    "ws_config_add_tls_ca_dir": ("/nonexistent",),
    "ws_config_set_tls_client_cert_file": ("/nonexistent/client.pem", "/nonexistent/client.key"),
    "ws_config_add_tls_crl_file": ("/nonexistent/crl.pem",),
    "ws_config_set_tls_key_log_file": ("/nonexistent/keys.log",),
}
# HTTP allows a tab inside these values.
TAKES_TABS = {
    "ws_config_add_header": 1,
    "ws_config_set_header": 1,
    "ws_config_set_origin": 0,
    "ws_config_set_user_agent": 0,
}
# What is sent as it is, however long.
TAKES_LONG = {*TAKES_TABS, "ws_config_add_subprotocol", "ws_config_set_basic_auth", "ws_config_set_bearer_token"}
# Tested below, or with what they belong to; and what only looks something up, or goes out as the payload of a frame.
ELSEWHERE = """ws_connect ws_connect_async ws_config_add_tls_ca_pem ws_config_set_tls_client_cert_pem ws_auth_basic
    ws_attempt_set_header ws_attempt_set_url ws_auth_digest ws_auth_bearer ws_auth_header ws_cookie_jar_add ws_cookie_jar_header ws_close ws_group_close
    ws_send_text""".split()
LOOKS_UP = "ws_has_feature ws_error_http_header ws_request_header ws_response_header ws_extension_find".split()


def test_every_function_that_takes_a_string_is_here():
    with open(HEADER, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
    declared = re.findall(r"\b(ws_\w+)\(([^()]*)\);", text)
    takes = {name for name, parameters in declared if re.search(r"const char \*\w", parameters)}
    equal("functions", sorted(takes), sorted([*SETTERS, *ELSEWHERE, *LOOKS_UP]))


def call(config, name, arguments):
    encoded = [part if isinstance(part, (int, bytes, type(None))) else part.encode() for part in arguments]
    function = getattr(lib, name)
    function.argtypes = [c_void_p] + [ctypes.c_uint16 if isinstance(part, int) else c_char_p for part in encoded]
    return Status(function(config, *encoded))


def each_bad(good):
    """a good string with something bad at every place that matters"""
    middle = len(good) // 2
    for bad in (*CONTROL, INJECTED):
        yield good[:middle] + bad + good[middle:]
    for bad in ("\r", "\n", "\x01", INJECTED):
        yield bad + good
        yield good + bad
    yield good.encode() + b"\xff"
    yield b"\xc3" + good.encode()


def all_refused(calls):
    """each (function, arguments) is refused, and a configuration with it does not connect"""
    wrong = []
    for name, arguments in calls:
        config, handle = lib.ws_config_new(), c_void_p()
        shown = f"{name} {[str(part)[:60] for part in arguments]}"
        status = call(config, name, arguments)
        if status != Status.INVALID_ARGUMENT:
            wrong.append(f"{shown}: {status.name}")
        status = Status(lib.ws_connect(b"ws://127.0.0.1:1/", config, byref(handle), None))
        if status != Status.INVALID_ARGUMENT:
            wrong.append(f"{shown}, ws_connect: {status.name}")
        lib.ws_config_free(config)
    if wrong:
        raise AssertionError(f"{len(wrong)} calls are not refused, like these:\n" + "\n".join(wrong[:9]))


def with_one_changed(change):
    """the calls of all setters with one string changed to what change(function, place, string) gives"""
    for name, arguments in SETTERS.items():
        for place, good in enumerate(arguments):
            for bad in change(name, place, good) if isinstance(good, str) else ():
                yield name, [*arguments[:place], bad, *arguments[place + 1 :]]


def test_control_characters_in_what_is_set():
    def change(name, place, good):
        takes_tabs = TAKES_TABS.get(name) == place
        return [bad for bad in each_bad(good) if not (takes_tabs and isinstance(bad, str) and "\t" in bad)]

    all_refused(with_one_changed(change))


def test_long_strings_that_are_set():
    all_refused(with_one_changed(lambda name, place, good: [] if name in TAKES_LONG else [good + "a" * LONG]))


def test_long_strings_go_out_whole():
    long = "a" * LONG
    for name, arguments, expected in (
        ("add_header", (b"X-Name", long.encode()), ("X-Name", long)),
        ("add_header", (b"X-" + long.encode(), b"value"), ("X-" + long, "value")),
        ("set_origin", (long.encode(),), ("Origin", long)),
        ("set_user_agent", (long.encode(),), ("User-Agent", long)),
        ("set_bearer_token", (long.encode(),), ("Authorization", "Bearer " + long)),
    ):
        with Server() as server, Session(server.url(), **{name: arguments}) as session:
            works(session)
            true(f"{name} is not sent as it was given", expected in server.only().headers)


def test_what_looks_like_a_control_character_when_it_is_cut():
    """whoever makes one byte of each of these characters gets CR and LF"""
    tricky = "a\u010d\u010aX-Injected:\u01201"
    with Server() as server, Session(server.url("/" + tricky), add_header=(b"X-Name", tricky.encode())) as session:
        works(session)
        request = server.only()
        equal("X-Injected", request.values("X-Injected"), [])
        equal("target", request.target, "/a%C4%8D%C4%8AX-Injected:%C4%A01")
        equal("X-Name", request.value("X-Name").encode("latin-1").decode(), tricky)


def test_what_is_not_a_name_or_an_address():
    calls = (
        ("ws_config_add_header", "", "value"),
        ("ws_config_add_header", "X:Y", "value"),
        ("ws_config_add_header", "X Y", "value"),
        ("ws_config_add_header", "Ä", "value"),
        ("ws_config_add_subprotocol", "a,b"),
        ("ws_config_add_resolve", "", 0, "127.0.0.1"),
        ("ws_config_add_resolve", "a b", 0, "127.0.0.1"),
        ("ws_config_add_resolve", "example.com", 0, "localhost"),
        ("ws_config_add_resolve", "example.com", 0, "127.0.0.1:80"),
        ("ws_config_set_local_address", "localhost"),
        ("ws_config_set_proxy", "ftp://127.0.0.1"),
        ("ws_config_set_proxy", "http://"),
        ("ws_config_set_proxy", "http://a b/"),
        ("ws_config_set_proxy", "http://127.0.0.1:99999"),
        ("ws_config_add_tls_pin_sha256", "sha256//short="),
    )
    all_refused((name, arguments) for name, *arguments in calls)


def test_urls():
    with Server() as server:
        rest = f"127.0.0.1:{server.port}"
        forms = ["{}ws://" + rest, "w{}s://" + rest, "ws://{}" + rest, f"ws://127.0.0.{{}}1:{server.port}/"]
        forms += ["ws://" + rest + "{}/", "ws://" + rest + "/a{}b", "ws://" + rest + "/?a{}b", "ws://" + rest + "/{}"]
        forms += ["ws://us{}er:password@" + rest + "/", "ws://user:pass{}word@" + rest + "/"]
        for form in forms:
            for bad in (*CONTROL, INJECTED, " HTTP/1.1\r\nX-Injected: 1\r\n\r\n"):
                fails(form.format(bad), Status.URL, Status.INVALID_ARGUMENT)
        for form in (
            "ws://us{}er:password@" + rest + "/",
            "ws://user:pass{}@" + rest + "/",
            f"ws://127.0.0.1{{}}:{server.port}/",
        ):
            for bad in ("%0d%0aX-Injected:%201", "%00", "%0a", "%7f"):
                fails(form.format(bad), Status.URL, Status.INVALID_ARGUMENT)
        for bad in (b"\xff", b"\xc3"):
            status = lib.ws_connect(b"ws://" + rest.encode() + b"/" + bad, None, byref(c_void_p()), None)
            equal("not UTF-8", status, Status.INVALID_ARGUMENT)
        status = lib.ws_connect_async(b"ws://" + rest.encode() + b"/\r\n", None, byref(c_void_p()))
        true("ws_connect_async", status in (Status.URL, Status.INVALID_ARGUMENT), status)
        server.unseen()


def test_encoded_characters_stay_encoded():
    target = "/%0d%0aX-Injected:%201/%00?a=%0D%0A%20HTTP/1.1"
    with Server() as server, Session(server.url(target)) as session:
        works(session)
        equal("target", server.only().target, target)


def test_a_long_url():
    target = "/" + "a" * LONG + "?" + "b" * LONG
    with Server() as server, Session(server.url(target)) as session:
        works(session)
        true("target", server.only().target == target)
    fails("ws://" + "a" * LONG + "/", Status.URL, Status.RESOLVE)
    fails("ws://" + "a." * LONG + "/", Status.URL, Status.RESOLVE)


def test_what_goes_to_a_proxy():
    with Server() as proxy:
        for url in ("ws://a\r\nb/", "ws://a%0d%0ab/", "ws://a\x01/", "ws://us%0aer@example.com/"):
            fails(url, Status.URL, Status.INVALID_ARGUMENT, set_proxy=f"http://127.0.0.1:{proxy.port}".encode())
        config = lib.ws_config_new()
        for bad in ("%0d%0a", "%00", "%7f"):
            for form in (
                "http://us{}er:p@127.0.0.1",
                "http://u:p{}@127.0.0.1",
                "socks5h://u{}:p@127.0.0.1",
                "http://127.0.0.1{}",
            ):
                url = form.format(bad)
                equal(f"ws_config_set_proxy {url}", call(config, "ws_config_set_proxy", [url]), Status.INVALID_ARGUMENT)
        lib.ws_config_free(config)
        try:
            for value in (f"http://127.0.0.1:{proxy.port}\r\n/", f"http://us\x01er@127.0.0.1:{proxy.port}"):
                os.environ["ws_proxy"] = value
                fails("ws://example.invalid/", Status.PROXY)
        finally:
            os.environ.pop("ws_proxy", None)
        proxy.unseen()


class Vtable(ctypes.Structure):
    OFFER = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p)
    NEGOTIATE = ctypes.CFUNCTYPE(c_int32, c_void_p, c_char_p, c_void_p)
    ENCODE = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p, c_void_p, c_void_p)
    DECODE = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p, c_void_p)
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("rsv", c_uint32),
        ("offer", OFFER),
        ("negotiate", NEGOTIATE),
        ("encode", ENCODE),
        ("decode", DECODE),
        ("drop", c_void_p),
        ("release", c_void_p),
    ]


def vtable(name, offered=b""):
    lib.ws_sink_write.argtypes = [c_void_p, c_char_p, c_size_t]
    return Vtable(
        struct_size=ctypes.sizeof(Vtable),
        name=name,
        offer=Vtable.OFFER(lambda data, sink: lib.ws_sink_write(sink, offered, len(offered))),
        encode=Vtable.ENCODE(lambda *_: 0),
        decode=Vtable.DECODE(lambda *_: 0),
    )


def test_names_and_offers_of_extensions():
    lib.ws_config_install_extension.argtypes = [c_void_p, ctypes.POINTER(Vtable), c_void_p]
    config = lib.ws_config_new()
    for bad in (*each_bad("x-name"), "", "a b", "a;b", "a,b", "x" + INJECTED):
        name = bad if isinstance(bad, bytes) else bad.encode()
        status = lib.ws_config_install_extension(config, byref(vtable(name)), None)
        equal(f"ws_config_install_extension {bad!r}", status, Status.INVALID_ARGUMENT)
    lib.ws_config_free(config)
    with Server() as server:
        for offered in (
            b"a=1\r\nX-Injected: 1",
            b"a\x00b",
            b"a\n",
            b"\r",
            b"a=\x01",
            b"a, other",
            b"a=\xff",
            b'a="b',
            b"a b",
        ):
            table = vtable(b"x-name", offered)
            try:
                with Session(server.url(), install_extension=(byref(table), None)):
                    raise AssertionError(f"ws_connect with the offer {offered} succeeds")
            except Failure as failure:
                true("status", failure.status in (Status.EXTENSION, Status.INVALID_ARGUMENT), failure)
        server.unseen()


def test_pem_with_anything_in_it():
    config = lib.ws_config_new()
    lib.ws_config_set_tls_client_cert_pem.argtypes = [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t]
    for bad in (b"", b"\x00", b"\x00" * LONG, b"\xff\xfe", INJECTED.encode(), b"-----BEGIN CERTIFICATE-----\n" * 10000):
        status = lib.ws_config_add_tls_ca_pem(config, bad, len(bad))
        equal(f"ws_config_add_tls_ca_pem {bad[:40]}", status, Status.INVALID_ARGUMENT)
        status = lib.ws_config_set_tls_client_cert_pem(config, bad, len(bad), bad, len(bad))
        equal(f"ws_config_set_tls_client_cert_pem {bad[:40]}", status, Status.INVALID_ARGUMENT)
    lib.ws_config_free(config)


def test_what_is_looked_up():
    with Server() as server, Session(server.url()) as session:
        for name in (b"", b"Upgrade\r\n", b"Upgrade:", b"\xff", b"\x01", b"a" * LONG):
            equal("ws_response_header", lib.ws_response_header(session.handle, name, 0), None)
            equal("ws_request_header", lib.ws_request_header(session.handle, name, 0), None)
            true("ws_extension_find", not lib.ws_extension_find(session.handle, name))
            equal("ws_has_feature", lib.ws_has_feature(name), 0)
