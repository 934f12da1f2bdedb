"""Reads include/ktorws.h: what it declares, and what its comments say."""

import re
from dataclasses import dataclass, field
from pathlib import Path

NAME = re.compile(r"\b(?:ws|WS)_[A-Za-z0-9_]+")


class Code(str):
    """Among the paragraphs of a comment: lines of a program, which are indented in the comment."""


@dataclass
class Member:
    """A member of a struct, or a value of an enum."""

    name: str
    declaration: str
    paragraphs: list[str]


@dataclass
class Item:
    kind: str  # "function", "enum", "struct", "opaque", "callback" or "macro"
    name: str
    declaration: str
    paragraphs: list[str]
    members: list[Member] = field(default_factory=list)

    @property
    def text(self) -> str:
        members = [paragraph for member in self.members for paragraph in member.paragraphs]
        return "\n\n".join(self.paragraphs + members)

    @property
    def returns(self) -> str:
        """The type a function returns."""
        return self.declaration[: self.declaration.index(self.name)].strip()


@dataclass
class Area:
    """What stands below a banner of the header: a page of the site. The manual calls its items related."""

    title: str
    about: str
    items: list[Item] = field(default_factory=list)

    @property
    def slug(self) -> str:
        return re.sub(r"\W+", "-", self.title.lower())


@dataclass
class Header:
    version: str
    opening: list[tuple[str, list[str]]]
    areas: list[Area]
    items: dict[str, Item]
    owners: dict[str, str]  # the enum of each of its values

    def find(self, name: str) -> Item | None:
        return self.items.get(self.owners.get(name, name))


class HeaderError(Exception):
    pass


def read(path: Path) -> Header:
    text = path.read_text(encoding="utf-8")
    opening = re.match(r"/\*\n(.*?)\n \*/\n", text, re.S)
    version = re.search(r'^#define WS_VERSION_STRING "(.+)"$', text, re.M)
    if not opening or not version:
        raise HeaderError(f"{path}: no opening comment, or no WS_VERSION_STRING")
    # A banner begins an area. A comment is followed by what it is about: a macro, or a declaration.
    pattern = re.compile(
        r"^/\* -+\n \* ([^\n]+)\n \*\n \* ([^\n]+)\n \* -+\n \*/\n|^/\*\*(.*?)\*/\n(#define [^\n]+|enum \{\n.*?^\};\ntypedef \w+ \w+;|typedef struct \w+ \{\n.*?^\} \w+;|[^;]*;)",
        re.S | re.M,
    )
    areas: list[Area] = []
    for match in pattern.finditer(text):
        if match[1]:
            areas.append(Area(match[1], match[2]))
        else:
            areas[-1].items.append(_item(_paragraphs(match[3]), match[4]))
    items = {item.name: item for area in areas for item in area.items}
    declared = set(re.findall(r"^(?!typedef|#|[ /}]).*?\b(ws_\w+)\(", text, re.M))
    declared |= set(re.findall(r"^(?:\}|typedef (?:struct )?\w+) (\w+);", text, re.M))
    if lost := declared - set(items):
        raise HeaderError(f"{path}: no comment in front of {', '.join(sorted(lost))}")
    owners = {member.name: item.name for item in items.values() if item.kind == "enum" for member in item.members}
    return Header(version[1], _blocks(_without_stars(opening[1])), areas, items, owners)


def _without_stars(comment: str) -> list[str]:
    return [re.sub(r"^\s*\* ?", "", line).rstrip() for line in comment.split("\n")]


def _paragraphs(comment: str) -> list[str]:
    text = "\n".join(_without_stars(comment)).strip("\n")
    return [_paragraph(paragraph) for paragraph in re.split(r"\n\s*\n", text)]


def _paragraph(text: str) -> str:
    lines = text.split("\n")
    if all(line.startswith("    ") for line in lines):
        return Code("\n".join(line[4:] for line in lines))
    return " ".join(text.split())


def _blocks(lines: list[str]) -> list[tuple[str, list[str]]]:
    """Paragraphs, lists and programs of the opening comment, as ("paragraph" | "list" | "code", entries)."""
    blocks: list[tuple[str, list[str]]] = []
    after_gap = True
    for line in lines:
        if not line and blocks and blocks[-1][0] == "code":
            blocks[-1][1].append("")
        elif not line:
            after_gap = True
            continue
        elif line.startswith("    "):
            if not (blocks and blocks[-1][0] == "code"):
                blocks.append(("code", []))
            blocks[-1][1].append(line[4:])
        elif line.startswith("- "):
            if not (blocks and blocks[-1][0] == "list"):
                blocks.append(("list", []))
            blocks[-1][1].append(line[2:])
        elif after_gap or blocks[-1][0] == "code":
            blocks.append(("paragraph", [line]))
        else:
            blocks[-1][1][-1] += " " + line.strip()
        after_gap = False
    for kind, entries in blocks:
        while kind == "code" and not entries[-1]:
            entries.pop()
    return blocks


def _item(paragraphs: list[str], declaration: str) -> Item:
    if declaration.startswith("#define"):
        return Item("macro", declaration.split()[1].split("(")[0], declaration, paragraphs)
    if match := re.fullmatch(r"enum \{\n(.*)\};\ntypedef \w+ (\w+);", declaration, re.S):
        return Item("enum", match[2], declaration, paragraphs, _members(match[1], ","))
    if match := re.fullmatch(r"typedef struct \w+ \{\n(.*)\} (\w+);", declaration, re.S):
        return Item("struct", match[2], declaration, paragraphs, _members(match[1], ";"))
    if match := re.fullmatch(r"typedef struct \w+ (\w+);", declaration):
        return Item("opaque", match[1], declaration, paragraphs)
    if match := re.match(r"typedef [^(]*\(\*(\w+)\)", declaration):
        return Item("callback", match[1], declaration, paragraphs)
    if match := re.match(r"[^(;]*?(\w+)\(", declaration):
        return Item("function", match[1], declaration, paragraphs)
    raise HeaderError(f"cannot tell what this declares: {declaration}")


def _members(body: str, end: str) -> list[Member]:
    members = []
    for match in re.finditer(r"/\*\*(.*?)\*/\n(.*?)" + end + r"\n", body, re.S):
        declaration = re.sub(r"\s+", " ", match[2]).strip()
        patterns = (r".*\(\*(\w+)\)", r"(\w+) =", r".*?(\w+)(?:\[\d+\])?$")  # of a function, of a value, of others
        name = next(filter(None, (re.match(pattern, declaration) for pattern in patterns)), None)
        if not name:
            raise HeaderError(f"cannot tell what this declares: {declaration}")
        members.append(Member(name[1], declaration, _paragraphs(match[1])))
    return members


def summary(paragraphs: list[str]) -> str:
    """The beginning of a comment, as far as it fits behind a name: to its first stop, or the comma before 110 characters."""
    text = re.split(r"(?<!e\.g)[.:;](?:\s|$)| \(|, which | so that ", paragraphs[0])[0]
    while len(text) > 110 and ", " in text:
        text = text.rsplit(", ", 1)[0]
    return text.replace("`", "").strip()


def split_returns(paragraphs: list[str]) -> tuple[list[str], list[str]]:
    """What a comment describes, and what it says is returned."""
    returned = [paragraph for paragraph in paragraphs if re.match(r"Returns\b", paragraph)]
    return [paragraph for paragraph in paragraphs if paragraph not in returned], returned


def statuses(paragraphs: list[str], header: Header) -> list[str]:
    """The statuses that are named, in their order."""
    names = [name for paragraph in paragraphs for name in NAME.findall(paragraph)]
    return [name for name in dict.fromkeys(names) if header.owners.get(name) == "ws_status"]
