#!/usr/bin/env python3
"""man.py HEADER DIRECTORY: writes the manual pages, made from the header's comments, into man3 and man7 of a directory."""

import os
import re
import shutil
import sys
import time
from pathlib import Path

import header as headers
from header import Code, Header, HeaderError, Item

LINK_LINE = "Link with \\fI\\-lktorws\\fP, or as \\fBpkg\\-config \\-\\-cflags \\-\\-libs ktorws\\fP says."


def escape(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in text)


def line(text: str) -> str:
    """A line of text that is not taken for a request."""
    return "\\&" + text if text.startswith((".", "'")) else text


def prose(text: str, known: Header) -> str:
    """A paragraph: names of the API in bold, what stands in backticks in italics."""
    parts = []
    for piece in re.split(r"(`[^`]+`|\b(?:ws|WS)_\w+(?:\(\))?)", text):
        if piece.startswith("`"):
            parts.append(f"\\fI{escape(piece[1:-1])}\\fP")
        elif re.match(r"(ws|WS)_", piece):
            item = known.items.get(piece.removesuffix("()"))
            section = "(3)" if item and item.kind != "macro" else ""
            parts.append(f"\\fB{escape(piece.removesuffix('()'))}\\fP{section}")
        else:
            parts.append(escape(piece).replace("\\-", "-"))
    return line("".join(parts))


def paragraphs(texts: list[str], known: Header) -> str:
    return ".PP\n".join(code(text) if isinstance(text, Code) else prose(text, known) + "\n" for text in texts)


def code(text: str) -> str:
    return ".in +4n\n.nf\n" + "\n".join(line(escape(row)) for row in text.split("\n")) + "\n.fi\n.in\n"


def entry(term: str, texts: list[str], known: Header) -> str:
    body = "\n.IP\n".join(prose(text, known) for text in texts)
    return f".TP\n.B {escape(term)}\n{body}\n"


class Manual:
    def __init__(self, header: Header, date: str):
        self.header = header
        self.date = date
        self.area_of = {item.name: area for area in header.areas for item in area.items}

    def title(self, name: str, section: int) -> str:
        return f'.TH {name} {section} {self.date} "libktorws {self.header.version}" "libktorws Manual"\n'

    def names(self, item: Item) -> str:
        first, *rest = headers.summary(item.paragraphs).split(" ", 1)
        if len(first) == 1 or not first.isupper():
            first = first[0].lower() + first[1:]
        return f".SH NAME\n{escape(item.name)} \\- {escape(' '.join([first, *rest]))}\n"

    def synopsis(self, item: Item) -> str:
        text = ".SH SYNOPSIS\n.nf\n.B #include <ktorws.h>\n.PP\n"
        text += "\n".join(f"\\fB{line(escape(row))}\\fP" if row else "" for row in self.declaration(item).split("\n"))
        return text + f"\n.fi\n.PP\n{LINK_LINE}\n"

    def declaration(self, item: Item) -> str:
        return re.sub(r"\n? *\*/\n", "\n", re.sub(r"\n *(/\*\*.*?\*/)", "", item.declaration, flags=re.S))

    def see_also(self, item: Item) -> str:
        """Names that the comment and the declaration mention, what mentions a type in its declaration, the rest of its area."""
        mentioned = headers.NAME.findall(item.text + item.declaration)
        if item.kind != "function":
            mentioned += [other.name for other in self.header.items.values() if re.search(rf"\b{item.name}\b", other.declaration)]
        mentioned += [other.name for other in self.area_of[item.name].items]
        found = {target.name for name in mentioned if (target := self.header.find(name)) and target.kind != "macro"}
        pages = [f"\\fB{escape(name)}\\fP(3)" for name in sorted(found - {item.name})] + ["\\fBktorws\\fP(7)"]
        return ".SH SEE ALSO\n" + ",\n".join(pages) + "\n"

    def members(self, item: Item) -> str:
        title = "VALUES" if item.kind == "enum" else "MEMBERS"
        text = f".SH {title}\n"
        for member in item.members:
            number = f" ({member.declaration.split('= ')[1]})" if item.kind == "enum" else ""
            text += entry(member.name + number, member.paragraphs, self.header)
        return text

    def return_value(self, item: Item, returned: list[str]) -> str:
        if item.returns == "void":
            return ".SH RETURN VALUE\nNone.\n"
        if item.returns != "ws_status":
            return ".SH RETURN VALUE\nWhat is described above. It is no status.\n"
        text = ".SH RETURN VALUE\n.B WS_OK\nis 0. "
        if not returned:
            return text + "Other statuses are described in\n.BR ws_status (3).\n"
        text += "Every other status is negative.\n.PP\n" + paragraphs(returned, self.header)
        names = headers.statuses(returned, self.header)
        if not names:
            return text
        meanings = {member.name: member for member in self.header.items["ws_status"].members}
        return text + ".PP\nWhat these mean in general:\n" + "".join(entry(name, meanings[name].paragraphs, self.header) for name in names)

    def page(self, item: Item) -> str:
        description, returned = item.paragraphs, []
        if item.kind == "function":
            description, returned = headers.split_returns(item.paragraphs)
        text = self.title(item.name, 3) + self.names(item) + self.synopsis(item)
        text += ".SH DESCRIPTION\n" + paragraphs(description, self.header)
        if item.members:
            text += self.members(item)
        if item.kind == "function":
            text += self.return_value(item, returned)
        return text + self.see_also(item)

    def index(self) -> str:
        """ktorws(3): everything there is."""
        text = self.title("ktorws", 3) + ".SH NAME\nktorws \\- the functions and types of libktorws\n"
        text += f".SH SYNOPSIS\n.B #include <ktorws.h>\n.PP\n{LINK_LINE}\n"
        text += ".SH DESCRIPTION\n.BR ktorws (7)\nhas the conventions that hold for all of them.\n"
        for area in self.header.areas:
            text += f".SS {escape(area.title)}\n{escape(area.about)}\n"
            for item in area.items:
                if item.kind == "macro":
                    text += f".TP\n.B {escape(item.name)}\n{prose(item.paragraphs[0], self.header)}\n"
                else:
                    text += f".TP\n.BR {escape(item.name)} (3)\n{escape(headers.summary(item.paragraphs))}\n"
        return text + ".SH SEE ALSO\n.BR ktorws (7)\n"

    def overview(self) -> str:
        """ktorws(7): the header's opening comment."""
        first, *blocks = self.header.opening
        summary = first[1][0].removeprefix("libktorws: ").rstrip(".")
        text = self.title("ktorws", 7) + f".SH NAME\nktorws \\- {escape(summary)}\n"
        text += f".SH SYNOPSIS\n.B #include <ktorws.h>\n.PP\n{LINK_LINE}\n.SH DESCRIPTION\n"
        titles = {"Conventions": "CONVENTIONS", "Numbers": "NUMBERS", "The library and its process": "THE LIBRARY AND ITS PROCESS", "Compatibility": "COMPATIBILITY"}
        # A paragraph goes on below what stands before it, but not below a title.
        below = True
        for kind, entries in blocks:
            heading = next((title for start, title in titles.items() if entries[0].startswith(start)), None)
            if kind == "paragraph" and heading:
                text += f".SH {heading}\n"
                below = True
            if kind == "code":
                text += ".PP\n" + code("\n".join(entries))
                below = False
            elif kind == "list":
                text += "".join(f".IP \\(bu 2\n{prose(entry_text, self.header)}\n" for entry_text in entries)
                below = False
            else:
                text += ("" if below else ".PP\n") + prose(entries[0], self.header) + "\n"
                below = False
        return text + ".SH SEE ALSO\n.BR ktorws (3),\n.BR ws_connect (3),\n.BR ws_status (3)\n"

    def write(self, directory: Path) -> int:
        pages = {f"man3/{item.name}.3": self.page(item) for item in self.header.items.values() if item.kind != "macro"}
        pages["man3/ktorws.3"] = self.index()
        pages["man7/ktorws.7"] = self.overview()
        for section in ("man3", "man7"):
            shutil.rmtree(directory / section, ignore_errors=True)
            (directory / section).mkdir(parents=True)
        for path, text in pages.items():
            (directory / path).write_text(text, encoding="ascii")
        return len(pages)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: man.py HEADER DIRECTORY")
    source, directory = Path(sys.argv[1]), Path(sys.argv[2])
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or source.stat().st_mtime)
    try:
        count = Manual(headers.read(source), time.strftime("%Y-%m-%d", time.gmtime(moment))).write(directory)
    except (HeaderError, OSError) as error:
        sys.exit(f"man.py: {error}")
    print(f"{count} manual pages in {directory}")


if __name__ == "__main__":
    main()
