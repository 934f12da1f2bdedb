#!/usr/bin/env python3
"""Writes docs/compare.md: page.py ROOT [--check]. With --check it only says whether the page is what it would write."""

import json
import pathlib
import re
import string
import sys

# Each task, what it is, and, of libraries that cannot do it, why.
TASKS = {
    "echo": ("connect and echo", "Connects, sends a text, prints the answer.", {}),
    "timeout": (
        "receive with a timeout",
        "Receives with a time limit. When it expires, the same session sends and receives.",
        {},
    ),
    "chat": ("chat on two threads", "One thread sends lines, another prints what arrives.", {}),
    "poll": ("poll loop with stdin", "One loop waits for standard input and for messages.", {}),
    "file": ("file in fragments", "Sends a file as one message in fragments of 64 KiB, prints the answer.", {}),
    "keepalive": ("keepalive", "Pings a silent server every second, and ends if it does not answer.", {}),
    "deflate": (
        "permessage-deflate",
        "The same as the first, compressed (RFC 7692).",
        {"libcurl": "no extensions"},
    ),
    "ca": ("own CA", "The same over TLS, with the authorities of a file and no others.", {}),
    "proxy": ("proxy", "The same through an HTTP proxy with a password.", {}),
    "refused": (
        "refused handshake",
        "Prints the status, a header field and the body of an answer that refuses the handshake.",
        {"libcurl": "no body", "libwebsockets": "no body"},
    ),
    "reconnect": (
        "reconnect",
        "Connects again after a loss and after failed attempts, with growing random delays, and subscribes again.",
        {},
    ),
    "end": (
        "clean end",
        "Sends a Close, receives what still arrives, prints the code and the reason of the server's Close.",
        {"libwebsockets": "drops messages", "Boost.Beast": "drops messages"},
    ),
}
OURS = "libktorws"
# Each library, and its folder; None if it was not measured.
LIBRARIES = {
    OURS: "ktorws",
    "libcurl": "libcurl",
    "libwebsockets": "libwebsockets",
    "Boost.Beast": "beast",
    "IXWebSocket": None,
}

# A text may contain what looks like a comment.
COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def lines_of(source):
    """the number of lines with code"""
    code = COMMENT_OR_TEXT.sub(lambda match: '""' if match[0][0] == '"' else "", source)
    return sum(bool(line.strip()) for line in code.splitlines())


def cell(folder, library, task, excuses):
    sources = list((folder / (LIBRARIES[library] or "none")).glob(f"{task}.*"))
    if library in excuses:
        if sources:
            sys.exit(f"page.py: {sources[0]} is said to be not possible")
        return f"not possible: {excuses[library]}"
    if not sources:
        if library == OURS:
            sys.exit(f"page.py: there is no {task}")
        return "not measured"
    name = f"{LIBRARIES[library]}/{sources[0].name}"
    return f"[{lines_of(sources[0].read_text())}](../tests/compare/{name})"


def page(root):
    folder = root / "tests/compare"
    rows = ["| task | " + " | ".join(LIBRARIES) + " |", "|---|" + "--:|" * len(LIBRARIES)]
    for task, (title, _, excuses) in TASKS.items():
        rows.append("| " + " | ".join([title, *(cell(folder, library, task, excuses) for library in LIBRARIES)]) + " |")
    peers = json.loads((folder / "peers.json").read_text())
    versions = ", ".join(f"{name} {version}" for name, version in peers["versions"].items())
    return string.Template((folder / "page.md").read_text(encoding="utf-8")).substitute(
        table="\n".join(rows),
        versions=f"The others are of {peers['system']}: {versions}. IXWebSocket is not in it.",
        tasks="\n".join(f"- {title}: {text}" for title, text, _ in TASKS.values()),
    )


def main():
    root = pathlib.Path(sys.argv[1])
    path, text = root / "docs/compare.md", page(root)
    if sys.argv[2:] != ["--check"]:
        path.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text:
        sys.exit("docs/compare.md is not what tests/compare/page.py writes: make compare-docs")


if __name__ == "__main__":
    main()
