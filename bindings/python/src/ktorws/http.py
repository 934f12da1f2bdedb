"""Answers to the opening handshake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import overload


class Headers:
    """The headers of an answer, to be looked up by name, in any case."""

    def __init__(self, lookup: Callable[[str, int], str | None]) -> None:
        self._lookup = lookup

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


@dataclass(frozen=True)
class Response:
    """An answer; the body of a refusal has at most its first 64 KiB."""

    status_code: int
    headers: Headers
    body: bytes
