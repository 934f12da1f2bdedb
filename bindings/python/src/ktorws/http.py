"""Answers to the opening handshake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, overload


class Headers:
    """The headers of an answer, to be looked up by name, in any case. A copy and a pickled one have the common headers
    and those that were looked up before."""

    def __init__(self, lookup: Callable[[str, int], str | None]) -> None:
        self._library = lookup
        self._asked: set[str] = set()

    def _lookup(self, name: str, index: int) -> str | None:
        self._asked.add(name)
        return self._library(name, index)

    def __getitem__(self, name: str) -> str:
        value = self._lookup(name, 0)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: str) -> bool:
        return self._lookup(name, 0) is not None

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of the header."""
        value = self._lookup(name, 0)
        return default if value is None else value

    def get_all(self, name: str) -> list[str]:
        """All its values."""
        values: list[str] = []
        while (value := self._lookup(name, len(values))) is not None:
            values.append(value)
        return values

    def __reduce__(self) -> tuple[Any, ...]:
        known = self._library.values if isinstance(self._library, _Values) else {}
        names = known or {*_COMMON, *self._asked}
        return Headers, (_Values({name.lower(): self.get_all(name) for name in names}),)


class _Values:
    """Headers that do not need the answer that they came in."""

    def __init__(self, values: dict[str, list[str]]) -> None:
        self.values = values

    def __call__(self, name: str, index: int) -> str | None:
        values = self.values.get(name.lower(), [])
        return values[index] if index < len(values) else None


# The library finds headers by name: those that a pickled answer keeps, beside those that were looked up.
_COMMON = (
    "Age",
    "Alt-Svc",
    "Cache-Control",
    "CF-Ray",
    "Connection",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "Date",
    "Expires",
    "Location",
    "Proxy-Authenticate",
    "Proxy-Status",
    "Retry-After",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version",
    "Server",
    "Set-Cookie",
    "Strict-Transport-Security",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "WWW-Authenticate",
    "X-Request-Id",
)


@dataclass(frozen=True)
class Response:
    """An answer; the body of a refusal has at most its first 64 KiB."""

    status_code: int
    headers: Headers
    body: bytes
