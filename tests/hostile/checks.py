"""Collecting what is not as expected."""

from ktorws_ctypes import Initiator, Phase, State, Status


class Check:
    """Collects what is not as expected."""

    def __init__(self):
        self.complaints = []

    def equal(self, what, got, expected):
        if got != expected:
            self.complaints.append(f"{what}: expected {brief(expected)}, got {brief(got)}")

    def among(self, what, got, expected):
        if got not in expected:
            self.complaints.append(f"{what}: expected {' or '.join(brief(e) for e in expected)}, got {brief(got)}")

    def true(self, what, holds, got=""):
        if not holds:
            self.complaints.append(f"{what}{': ' + brief(got) if got != '' else ''}")


def one_of(expected):
    return expected if isinstance(expected, tuple) else (expected,)


def brief(value):
    if isinstance(value, (list, tuple)):
        shown = ", ".join(map(brief, value[:20]))
        return f"[{shown}]" if len(value) <= 20 else f"[{shown}, ...] ({len(value)} items)"
    if isinstance(value, (Status, Phase, State, Initiator)):
        return value.name
    if isinstance(value, (str, bytes)) and len(value) > 160:
        return f"{value[:120]!r}... ({len(value)} long)"
    return repr(value)
