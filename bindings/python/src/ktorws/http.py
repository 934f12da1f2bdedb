"""Answers to the opening handshake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


class Headers(Mapping[str, str]):
    """The headers of an answer, by name, in any case. Of those that come several times the mapping has the first."""

    def __init__(self, items: Iterable[tuple[str, str]]) -> None:
        self._items = tuple(items)
        self._values: dict[str, list[str]] = {}
        for name, value in self._items:
            self._values.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> str:
        values = self._values.get(name.lower())
        if values is None:
            raise KeyError(name)
        return values[0]

    def __iter__(self) -> Iterator[str]:
        """The names, each once, in lower case."""
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get_all(self, name: str) -> list[str]:
        """All values of a header."""
        return list(self._values.get(name.lower(), ()))

    def raw_items(self) -> Iterator[tuple[str, str]]:
        """All headers, as the server sent them."""
        return iter(self._items)


@dataclass(frozen=True)
class Response:
    """An answer; the body of a refusal has at most its first 64 KiB."""

    status_code: int
    headers: Headers
    body: bytes
