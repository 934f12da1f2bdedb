"""The library's log."""

from __future__ import annotations

import logging

from . import _ktorws
from .configuring import end_calls_at_exit

# By the numbers of the library.
_LEVELS = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)


def set_logger(logger: logging.Logger | None) -> None:
    """Have a logger take the lines of the library's log, up to the level that it has now; None ends it. It is for the
    whole process. Records have the number of their session, `Connection.id`, as `session`; 0 is none. Lines hold no
    credentials, header values, queries of URLs, payloads or close reasons."""
    if logger is None:
        _ktorws.set_log(0, None)
        return
    wanted = logger.getEffectiveLevel()
    level = sum(wanted <= known for known in _LEVELS[1:])

    def write(level: int, session: int, line: str) -> None:
        logger.log(_LEVELS[level], "%s", line, extra={"session": session})

    end_calls_at_exit()
    _ktorws.set_log(level, write)
