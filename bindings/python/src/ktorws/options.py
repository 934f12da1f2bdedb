"""The options of connect()."""

from __future__ import annotations

import atexit
import math
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Protocol, TypeAlias, TypedDict

from . import _ktorws

Path: TypeAlias = str | os.PathLike[str]


@dataclass(frozen=True)
class BasicAuth:
    """User and password, readable to whoever sees an unencrypted connection."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class DigestAuth:
    """User and password that are not sent themselves; only as the answer to a Challenge."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class BearerAuth:
    """A token."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class Challenge:
    """A server's question for credentials: the WWW-Authenticate headers of its answer, and how often it has asked."""

    url: str
    challenges: list[str]
    attempt: int


# Called on a thread of the library; what it returns may be the value of an Authorization header.
Authenticate: TypeAlias = Callable[[Challenge], BasicAuth | DigestAuth | BearerAuth | str | None]


@dataclass(frozen=True)
class Deflate:
    """Options of permessage-deflate (RFC 7692)."""

    level: int = 5
    memory_level: int = 8
    client_max_window_bits: int | None = None
    server_max_window_bits: int | None = None
    client_no_context_takeover: bool = False
    server_no_context_takeover: bool = False
    # Messages with fewer bytes go out as they are.
    min_size: int = 0


class _HasReconnected(Protocol):
    def __call__(self, connection: Any, /) -> None: ...


@dataclass(frozen=True)
class Reconnect:
    """How a session goes on with another connection when its own is lost: times in seconds, None for no limit."""

    first_delay: float = 0.5
    max_delay: float = 30
    max_outage: float | None = None
    max_attempts: int | None = None
    # Messages that the kernel has not taken go to the next connection.
    keep_unsent: bool = False
    # What happened, the number of the attempt to come, and in how many seconds the library would make it, None if it
    # would not; returns the same. Called on a thread of the library.
    decide: Callable[[str, int, float | None], float | None] | None = None
    # Called with the session when it has another connection in place of the lost one: behind the messages of the lost
    # one and before the next message. It is called in the event loop, or by the blocking call that receives.
    on_reconnect: _HasReconnected | None = None


@dataclass(frozen=True, eq=False)
class TLS:
    """Settings of TLS. Files are read when it is used first; sessions with the same object resume TLS sessions of each
    other, and read the trust store once."""

    # A PEM file, a directory of such, or PEM itself, in place of the system's trust store.
    ca: Path | bytes | None = None
    # The certificate to show, with those behind it, and its key, if that is not in the same file.
    certificate: Path | bytes | None = None
    key: Path | bytes | None = None
    # Without, whoever sits between can read and change everything.
    verify: bool = True
    check_hostname: bool = True
    # In place of the URL's host.
    server_hostname: str | None = None
    # SHA-256 of the public keys to accept, in base64.
    pins: Sequence[str] = ()
    # A PEM file of revocation lists.
    revoked: Path | None = None
    minimum_version: Literal["1.2", "1.3"] = "1.2"
    # Where to append secrets for programs like Wireshark.
    key_log: Path | None = None

    def __post_init__(self) -> None:
        if isinstance(self.pins, str):
            raise TypeError("pins: several in a list or the like, not one str")
        # Configurations with these settings: those in use, and those that were used last.
        object.__setattr__(self, "_used", weakref.WeakValueDictionary())
        object.__setattr__(self, "_kept", {})

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, each.name) for each in fields(self))


_DEFAULT_TLS = TLS()


class Options(TypedDict, total=False):
    """What connect() takes besides the URL. Times are in seconds, None is no limit."""

    origin: str | None
    subprotocols: Sequence[str] | None
    additional_headers: Mapping[str, str] | Iterable[tuple[str, str]] | None
    user_agent_header: str | None
    # "deflate", the default, offers it; None does not.
    compression: Literal["deflate"] | Deflate | None
    # True, the default, asks the environment; None is no proxy.
    proxy: str | Literal[True] | None
    ssl: TLS | None
    auth: BasicAuth | BearerAuth | Authenticate | None
    cookies: _ktorws.CookieJar | None
    max_redirects: int
    # The largest message to accept, in bytes; 1 MiB by default.
    max_size: int | None
    ping_interval: float | None
    ping_timeout: float | None
    open_timeout: float | None
    close_timeout: float | None
    # A session on which nothing has come for so long ends.
    idle_timeout: float | None
    reconnect: Reconnect | None
    # Addresses of hosts that are not looked up: {"server.example": "127.0.0.1"}, also with a port.
    resolve: Mapping[str, str] | None
    local_address: str | None
    # A Unix socket in place of the URL's host; with "@" in front an abstract one.
    unix: Path | None
    # A connected stream socket, which stays the caller's to close.
    sock: _HasFileno | int | None


class _HasFileno(Protocol):
    def fileno(self) -> int: ...


_NEVER_MS = 10 * 365 * 24 * 3600 * 1000
_UNLIMITED = 2**63 - 1
_QUEUE_BYTES = 4 << 20
_PONGS = 2
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
    return min(math.ceil(seconds * 1000), _NEVER_MS)


def config_of(uri: str, options: Options) -> _ktorws.Config:
    """The configuration for these options; the same one for the same options, so that TLS can be resumed."""
    unknown = options.keys() - Options.__annotations__.keys()
    if unknown:
        raise TypeError(f"connect() got an unexpected keyword argument {sorted(unknown)[0]!r}")
    tls = options.get("ssl") or _DEFAULT_TLS
    if not isinstance(tls, TLS):
        raise TypeError("ssl: a ktorws.TLS; contexts of the module ssl cannot be used")
    fixed: dict[str, Any] = dict(options)
    for name, many in (("additional_headers", _pairs), ("resolve", _pairs), ("subprotocols", tuple)):
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
        if tls is not _DEFAULT_TLS or not any(fixed.get(name) for name in _APPLICATION_S):
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
    _set_limits(config, options)
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
        config.set(name, _UNLIMITED if size is None else size)
    # Pongs come among the messages; a number of them is no reason to stop reading.
    config.set("incoming_queue", 0, _QUEUE_BYTES)
    config.set("deliver_control", _PONGS)
    for part in ("connect_timeout_ms", "handshake_timeout_ms"):
        config.set(part, -1)
    for name, default in (
        ("open_timeout", 10),
        ("close_timeout", 10),
        ("idle_timeout", None),
        ("ping_interval", 20),
        ("ping_timeout", 20),
    ):
        config.set(f"{name}_ms", milliseconds(name, options.get(name, default), -1))


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
    )


def _set_auth(config: _ktorws.Config, auth: object) -> None:
    if isinstance(auth, BasicAuth):
        config.set("basic_auth", auth.user, auth.password)
    elif isinstance(auth, BearerAuth):
        config.set("bearer_token", auth.token)
    elif callable(auth):
        config.set_authenticate(_asking(auth))
        _end_calls_at_exit()
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
        reconnect.keep_unsent,
        reconnect.decide,
        reconnect.on_reconnect,
    )
    if reconnect.decide is not None:
        _end_calls_at_exit()


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


def _end_calls_at_exit() -> None:
    """A thread that called Python while that is being taken down would crash it."""
    global _calls_python
    if not _calls_python:
        _calls_python = True
        atexit.register(_ktorws.shutdown)
