"""Versions of TLS, and the protocol inside it (ALPN)."""

from api import TLS_1_2, TLS_1_3
from checking import equal
from ktorws_ctypes import Status
from lab_client import configured
from settings import invalid, serving, setting, visit


@setting("min-version")
def _(lab):
    with serving(lab) as server, configured(lab) as configuration:
        equal("versions offered", visit(server, configuration).hello.versions, {TLS_1_2, TLS_1_3})
        configuration.change(set_tls_min_version=TLS_1_3)
        equal("versions offered", visit(server, configuration).hello.versions, {TLS_1_3})
        configuration.change(set_tls_min_version=TLS_1_2)
        equal("versions offered", visit(server, configuration).hello.versions, {TLS_1_2, TLS_1_3})


@setting("min-version/values that are none")
def _(lab):
    with serving(lab) as server, configured(lab, set_tls_min_version=TLS_1_3) as configuration:
        for version in (0, -1, 1, 2, 3, 12, 13, 0x0300, 0x0301, 0x0302, 0x0305, 0x10303):
            invalid(configuration, "set_tls_min_version", version)
        equal("versions offered", visit(server, configuration).hello.versions, {TLS_1_3})


@setting("alpn")
def _(lab):
    with serving(lab, alpn=["custom", "http/1.1"]) as server, configured(lab) as configuration:
        for value, offered, agreed in (
            (None, None, ""),
            (b"http/1.1", ["http/1.1"], "http/1.1"),
            (b"http/1.1,custom", ["http/1.1", "custom"], "custom"),
            (b"custom", ["custom"], "custom"),
            (b"other", ["other"], ""),
            (b"x" * 255, ["x" * 255], ""),
        ):
            configuration.change(set_tls_alpn=value)
            record = visit(server, configuration)
            equal("protocols offered", record.hello.alpn, offered)
            equal("protocol agreed on", record.alpn, agreed)


@setting("alpn/values that are none")
def _(lab):
    with serving(lab) as server, configured(lab, set_tls_alpn=b"custom") as configuration:
        for value in (b"h2", b"h3", b"h2,http/1.1", b"http/1.1,h2", b"custom,h3"):
            invalid(configuration, "set_tls_alpn", value, status=Status.UNSUPPORTED)
        for value in (b"", b",", b"http/1.1,", b",http/1.1", b"a,,b", b"x" * 256, b"a\r\nb", b"a\x7fb"):
            invalid(configuration, "set_tls_alpn", value)
        equal("protocols offered", visit(server, configuration).hello.alpn, ["custom"])
