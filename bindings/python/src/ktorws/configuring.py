"""Configurations of the library, made of the options of connect()."""

from __future__ import annotations

import atexit
import math
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from . import _ktorws
from .frames import CONTROL_BITS, EVENT_BITS
from .options import (
    TLS,
    Attempt,
    Authenticate,
    BasicAuth,
    BearerAuth,
    Challenge,
    Deflate,
    DigestAuth,
    Options,
    Path,
    Policy,
    Queue,
    Reconnect,
)

_DEFAULT_TLS = TLS()
_POLICIES: dict[Policy, int] = {"wait": 0, "close": 1, "drop_oldest": 2}
NEVER_MS = 10 * 365 * 24 * 3600 * 1000
UNLIMITED = 2**63 - 1
# Pongs come among the messages; a number of them is no reason to stop reading.
_INCOMING = Queue(bytes=4 << 20)
_SWITCHES = ("auto_pong", "coalescing", "validate_utf8", "allow_unmasked", "masking", "tcp_nodelay")
_STEPS = ("resolve_timeout", "connect_timeout", "proxy_timeout", "tls_timeout", "handshake_timeout")
_CACHED = 16
# Options that may hold secrets and what belongs to the application.
_APPLICATION_S = ("additional_headers", "auth", "cookies", "reconnect", "proxy")

_lock = threading.Lock()
_calls_python = False


def milliseconds(name: str, seconds: float | None, none: int) -> int:
    if seconds is None:
        return none
    if not seconds > 0 or math.isinf(seconds):
        raise ValueError(f"{name}: {seconds!r} is not a number of seconds above 0, or None")
    return min(math.ceil(seconds * 1000), NEVER_MS)


def config_of(uri: str, options: Options) -> _ktorws.Config:
    """The configuration for these options; the same one for the same options, so that TLS can be resumed."""
    unknown = options.keys() - Options.__annotations__.keys()
    if unknown:
        raise TypeError(f"connect() got an unexpected keyword argument {sorted(unknown)[0]!r}")
    tls = options.get("ssl") or _DEFAULT_TLS
    if not isinstance(tls, TLS):
        raise TypeError("ssl: a ktorws.TLS; contexts of the module ssl cannot be used")
    fixed: dict[str, Any] = dict(options)
    for name, many in (
        ("additional_headers", _pairs),
        ("resolve", _pairs),
        ("subprotocols", tuple),
        ("deliver", tuple),
    ):
        if isinstance(fixed.get(name), str | bytes):
            raise TypeError(f"{name}: several in a list or the like, not one {type(fixed[name]).__name__}")
        fixed[name] = many(fixed.get(name) or ())
    if fixed.pop("ssl", None) is not None and _is_plain(uri) and not _is_secure(fixed.get("proxy")):
        raise ValueError("ssl is for wss:// URIs, and for proxies of https://")
    if fixed.get("sock") is not None:
        return _make(fixed, tls)
    key = tuple(sorted(fixed.items(), key=lambda item: item[0]))
    with _lock:
        used = tls._used  # type: ignore[attr-defined]
        config = used.get(key) or _make(fixed, tls)
        used[key] = config
        # Credentials and functions of the application's are let go with their last session.
        has_functions = getattr(fixed.get("compression"), "filter", None) is not None
        if tls is not _DEFAULT_TLS or not (has_functions or any(fixed.get(name) for name in _APPLICATION_S)):
            kept: dict[int, _ktorws.Config] = tls._kept  # type: ignore[attr-defined]
            # what was used last is the last
            kept.pop(id(config), None)
            kept[id(config)] = config
            while len(kept) > _CACHED:
                del kept[next(iter(kept))]
    return config


def _is_plain(uri: str) -> bool:
    return uri.partition(":")[0].lower() in ("ws", "http")


def _is_secure(proxy: object) -> bool:
    return isinstance(proxy, str) and proxy.lower().startswith("https:")


def _pairs(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(headers.items() if isinstance(headers, Mapping) else ((name, value) for name, value in headers))


def _make(options: dict[str, Any], tls: TLS) -> _ktorws.Config:
    config = _ktorws.Config()
    for name, value in options["additional_headers"]:
        config.set("add_header", name, value)
    for name in options["subprotocols"]:
        config.set("add_subprotocol", name)
    for name in ("origin", "local_address"):
        if options.get(name) is not None:
            config.set(name, options[name])
    if "user_agent_header" in options:
        config.set("user_agent", options["user_agent_header"])
    if options.get("proxy", True) is not True:
        config.set("proxy", options["proxy"])
    for host, address in options["resolve"]:
        name, _, port = host.rpartition(":")
        if name and port.isdecimal() and ":" not in name:
            config.set("resolve", name, int(port), address)
        else:
            config.set("resolve", host, 0, address)
    if options.get("unix") is not None:
        config.set("unix_socket", os.fspath(options["unix"]))
    if options.get("sock") is not None:
        sock = options["sock"]
        descriptor = sock if isinstance(sock, int) else sock.fileno()
        if descriptor < 0:
            raise ValueError("sock: the socket is closed")
        config.set("socket_fd", descriptor)
    if options.get("cookies") is not None:
        config.set_cookie_jar(options["cookies"])
    config.set("max_redirects", options.get("max_redirects", 10))
    if options.get("tcp_keepalive") is not None:
        probes = options["tcp_keepalive"]
        config.set("tcp_keepalive", probes.idle, probes.interval, probes.count)
    _set_limits(config, options)
    _set_sending(config, options)
    _set_delivery(config, options)
    _set_compression(config, options.get("compression", "deflate"))
    _set_auth(config, options.get("auth"))
    _set_reconnect(config, options.get("reconnect"))
    _set_tls(config, tls)
    return config


def _set_limits(config: _ktorws.Config, options: dict[str, Any]) -> None:
    size = options.get("max_size", 1 << 20)
    if size is not None and size < 1:
        raise ValueError(f"max_size: {size!r} is not a number of bytes above 0, or None")
    for name in ("max_frame_size", "max_message_size"):
        config.set(name, UNLIMITED if size is None else size)
    _set_queue(config, "incoming_queue", options.get("incoming_queue") or _INCOMING)
    if options.get("outgoing_queue") is not None:
        _set_queue(config, "outgoing_queue", options["outgoing_queue"])
    for step in _STEPS:
        config.set(f"{step}_ms", milliseconds(step, options.get(step), -1))
    for name, default in (
        ("open_timeout", 10),
        ("close_timeout", 10),
        ("idle_timeout", None),
        ("ping_interval", 20),
        ("ping_timeout", 20),
    ):
        config.set(f"{name}_ms", milliseconds(name, options.get(name, default), -1))


def _set_queue(config: _ktorws.Config, name: str, queue: Queue) -> None:
    if queue.policy not in _POLICIES:
        raise ValueError(f"{name}: no such policy as {queue.policy!r}")
    config.set(name, queue.messages or 0, queue.bytes or 0, _POLICIES[queue.policy])


def _set_sending(config: _ktorws.Config, options: dict[str, Any]) -> None:
    for name in _SWITCHES:
        if name in options:
            config.set(name, bool(options[name]))
    if options.get("auto_fragment") is not None:
        config.set("auto_fragment", options["auto_fragment"])
    if "spin" in options:
        config.set("spin_us", round(options["spin"] * 1e6))
    liveness = options.get("ping_liveness", "pong")
    if liveness not in ("pong", "any"):
        raise ValueError(f"ping_liveness: 'pong' or 'any', not {liveness!r}")
    config.set("ping_liveness", int(liveness == "any"))


def _set_delivery(config: _ktorws.Config, options: dict[str, Any]) -> None:
    control = events = 0
    for kind in options["deliver"]:
        control |= CONTROL_BITS.get(kind, 0)
        events |= EVENT_BITS.get(kind, 0)
        if kind not in CONTROL_BITS and kind not in EVENT_BITS:
            raise ValueError(f"deliver: control frames and events, not {kind!r}")
    part_size = options.get("part_size")
    if part_size is not None and part_size < 1024:
        raise ValueError(f"part_size: {part_size!r} is not a number of bytes from 1024, or None")
    reconnects = options.get("reconnect") is not None
    config.set_delivery(bool(options.get("raw")), part_size or 0, control, events, reconnects)


def _set_compression(config: _ktorws.Config, compression: object) -> None:
    if compression is None:
        return
    if compression == "deflate":
        compression = Deflate()
    if not isinstance(compression, Deflate):
        raise ValueError("compression: 'deflate', a ktorws.Deflate, or None")
    config.set_deflate(
        compression.level,
        compression.memory_level,
        compression.client_max_window_bits or 0,
        compression.server_max_window_bits or 0,
        compression.client_no_context_takeover,
        compression.server_no_context_takeover,
        compression.min_size,
        compression.omit_client_max_window_bits + 2 * compression.offer_fallback,
        compression.filter,
    )


def _set_auth(config: _ktorws.Config, auth: object) -> None:
    if isinstance(auth, BasicAuth):
        config.set("basic_auth", auth.user, auth.password)
    elif isinstance(auth, BearerAuth):
        config.set("bearer_token", auth.token)
    elif callable(auth):
        config.set_authenticate(_asking(auth))
        end_calls_at_exit()
    elif auth is not None:
        raise TypeError("auth: BasicAuth, BearerAuth, or a function that answers a Challenge")


def _asking(authenticate: Authenticate) -> Callable[[_ktorws.Challenge], None]:
    def ask(question: _ktorws.Challenge) -> None:
        answer = authenticate(Challenge(question.url, question.challenges, question.attempt))
        if isinstance(answer, BasicAuth):
            question.answer("basic", answer.user, answer.password)
        elif isinstance(answer, DigestAuth):
            question.answer("digest", answer.user, answer.password)
        elif isinstance(answer, BearerAuth):
            question.answer("bearer", answer.token)
        elif answer is not None:
            question.answer("header", answer)

    return ask


def _set_reconnect(config: _ktorws.Config, reconnect: Reconnect | None) -> None:
    if reconnect is None:
        return
    config.set_reconnect(
        milliseconds("first_delay", reconnect.first_delay, 0),
        milliseconds("max_delay", reconnect.max_delay, 0),
        milliseconds("max_outage", reconnect.max_outage, 0),
        reconnect.max_attempts or 0,
        milliseconds("max_retry_after", reconnect.max_retry_after, 0),
        reconnect.keep_unsent,
        reconnect.first,
        reconnect.decide,
        None if reconnect.prepare is None else _preparing(reconnect.prepare),
        reconnect.on_reconnect,
    )
    if reconnect.decide is not None or reconnect.prepare is not None:
        end_calls_at_exit()


def _preparing(prepare: Callable[[Attempt], None]) -> Callable[[_ktorws.Attempt], None]:
    return lambda native: prepare(Attempt(native))


def _pem(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    with open(source, "rb") as file:
        return file.read()


def _set_tls(config: _ktorws.Config, tls: TLS) -> None:
    if tls.ca is not None:
        if not isinstance(tls.ca, bytes) and os.path.isdir(tls.ca):
            config.set("tls_ca_dir", os.fspath(tls.ca))
        else:
            config.set("tls_ca_pem", _pem(tls.ca))
    if tls.system_store is not None:
        config.set("tls_system_store", tls.system_store)
    if tuple(tls.alpn) != ("http/1.1",):
        config.set("tls_alpn", ",".join(tls.alpn) or None)
    if tls.certificate is not None:
        config.set("tls_client_cert_pem", _pem(tls.certificate), None if tls.key is None else _pem(tls.key))
    elif tls.key is not None:
        raise ValueError("a key without its certificate")
    if tls.revoked is not None:
        config.set("tls_crl_file", os.fspath(tls.revoked))
    if tls.server_hostname is not None:
        config.set("tls_server_name", tls.server_hostname)
    config.set("tls_verify", tls.verify, tls.check_hostname)
    config.set("tls_min_version", {"1.2": 771, "1.3": 772}[tls.minimum_version])
    for pin in tls.pins:
        config.set("tls_pin_sha256", pin)
    if tls.key_log is not None:
        config.set("tls_key_log_file", os.fspath(tls.key_log))


def end_calls_at_exit() -> None:
    """A thread that called Python while that is being taken down would crash it."""
    global _calls_python
    if not _calls_python:
        _calls_python = True
        atexit.register(_ktorws.shutdown)
