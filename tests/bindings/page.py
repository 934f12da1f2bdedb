#!/usr/bin/env python3
"""Writes docs/bindings.md: page.py ROOT [--check].

It checks coverage.txt against the header and the bindings. With --check it does not write: it says whether the page is what
it would write."""

import pathlib
import re
import sys

from names import names_of_bindings

LANGUAGES = ("Python", "Go", "Zig")
FLAGS = (
    "ws_control_frames",
    "ws_event_frames",
    "ws_frame_flags",
    "ws_send_flags",
    "ws_reconnect_flags",
    "ws_deflate_flags",
)
OPTIONS = ("ws_reconnect_options", "ws_deflate_options")
# What belongs to other members.
PARTS = {"struct_size", "flags", "user_data", "filter_user_data"}

BEGIN = """# The bindings

The counterpart of each function of [include/ktorws.h](../include/ktorws.h) in [Python](../bindings/python/README.md),
[Go](../bindings/go/README.md) and [Zig](../bindings/zig/README.md). Where there is none, "–" precedes the reason.

In Python `Connection` is the class of `ktorws.sync` and of `ktorws.asyncio`, and `name=` is an option of `connect()`. In Zig
`.name` is a member of `Options`, and `c` is the header itself.

`tests/bindings/page.py` makes this page of `tests/bindings/coverage.txt`, and checks that every name exists.
"""


class Row:
    def __init__(self, line):
        self.name, *self.cells = (part.strip() for part in line.split("|"))
        if len(self.cells) != len(LANGUAGES):
            raise SystemExit(f"coverage.txt: {line}")

    def names(self, language):
        cell = self.cells[LANGUAGES.index(language)]
        return [] if cell.startswith("-") else cell.split(", ")

    def markdown(self):
        cells = []
        for cell in self.cells:
            if cell.startswith("- "):
                cells.append("– " + re.sub(r"\bws_\w+\b|\b\w*\(\)|b\"\"\.join\(\)", r"`\g<0>`", cell[2:]))
            else:
                cells.append(", ".join(f"`{name}`" for name in cell.split(", ")))
        return f"| `{self.name}` | {' | '.join(cells)} |"


def read(path):
    """(heading, rows) of each section"""
    sections = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            sections.append((line, []))
        elif line and not line.startswith("#"):
            sections[-1][1].append(Row(line))
    return sections


def names_of_header(header):
    """Functions, flags, and members of options."""
    code = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    names = set(re.findall(r"^[a-z][\w ]*?[ *](ws_\w+)\(", code, re.MULTILINE))
    for body, kind in re.findall(r"^enum \{(.*?)\};\ntypedef \w+ (\w+);", code, re.MULTILINE | re.DOTALL):
        if kind in FLAGS:
            names |= set(re.findall(r"\bWS_\w+", body))
    for name in OPTIONS:
        body = re.search(rf"struct {name} \{{(.*?)^\}}", code, re.MULTILINE | re.DOTALL)[1]
        members = set(re.findall(r"(\w+);", body)) | set(re.findall(r"\(\*(\w+)\)", body))
        names |= {f"{name}.{member}" for member in members - PARTS}
    return names


def faults_of(sections, header, bindings):
    rows = [row for _, section in sections for row in section]
    listed = [row.name for row in rows]
    wanted = names_of_header(header)
    faults = [f"{name} is not in coverage.txt" for name in sorted(wanted - set(listed))]
    faults += [f"{name} is not in ktorws.h" for name in sorted(set(listed) - wanted)]
    faults += [f"{name} is twice in coverage.txt" for name in sorted(set(listed)) if listed.count(name) > 1]
    for row in rows:
        for language in LANGUAGES:
            for name in row.names(language):
                if name not in bindings[language]:
                    faults.append(f"{row.name}: {language} has no {name}")
    return faults


def page_of(sections):
    parts = [BEGIN]
    for heading, rows in sections:
        first = "Flag or member" if "Flags" in heading else "Function"
        lines = [heading, "", f"| {first} | {' | '.join(LANGUAGES)} |", "|---" * (1 + len(LANGUAGES)) + "|"]
        parts.append("\n".join([*lines, *(row.markdown() for row in rows)]) + "\n")
    return "\n".join(parts)


def main(root, *options):
    root = pathlib.Path(root)
    sections = read(pathlib.Path(__file__).parent / "coverage.txt")
    header = (root / "include/ktorws.h").read_text(encoding="utf-8")
    faults = faults_of(sections, header, names_of_bindings(root))
    page, path = page_of(sections), root / "docs/bindings.md"
    if "--check" not in options:
        path.write_text(page, encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != page:
        faults.append("docs/bindings.md is not what coverage.txt says: run tests/bindings/page.py ROOT")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
