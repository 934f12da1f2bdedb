"""The guides of the site: Markdown of the repository to HTML, with every name of the API linked to the reference."""

import html
import os
import re
from pathlib import Path
from typing import Callable

from markdown_it import MarkdownIt
from markdown_it.token import Token

import header as headers

# What a name of the API is linked to from a page, or None: given the name.
Linker = Callable[[str], str | None]


def link_names(text: str, linker: Linker, own: str = "") -> str:
    """Text to HTML, with links at names of the API. The name `own` is not linked to itself."""
    parts, end = [], 0
    for match in headers.NAME.finditer(text):
        target = linker(match[0]) if match[0] != own else None
        parts.append(html.escape(text[end : match.start()]))
        parts.append(f'<a href="{target}">{match[0]}</a>' if target else match[0])
        end = match.end()
    return "".join(parts) + html.escape(text[end:])


def slug(text: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


class Guide:
    """A Markdown file, at its path in the repository."""

    def __init__(self, root: Path, path: str):
        self.path = path
        self.markdown = MarkdownIt("commonmark").enable("table")
        self.tokens = self.markdown.parse((root / path).read_text(encoding="utf-8"))
        self.sections: list[tuple[int, str, str]] = []  # level, anchor, title
        for index, token in enumerate(self.tokens):
            if token.type == "heading_open":
                title = plain(self.tokens[index + 1])
                anchor = slug(title)
                taken = {other for _, other, _ in self.sections}
                anchor = next(a for a in [anchor, *(f"{anchor}-{n}" for n in range(1, 99))] if a not in taken)
                token.attrs["id"] = anchor
                self.sections.append((int(token.tag[1]), anchor, title))
        self.title = self.sections[0][2]

    def links(self) -> list[Token]:
        """Links and images."""
        inside = [child for token in self.tokens for child in token.children or []]
        return [token for token in inside if token.type in ("link_open", "image")]

    def resolve(self, link: str) -> tuple[str, str]:
        """The path in the repository that a link leads to, and its anchor."""
        path, _, anchor = link.partition("#")
        return (os.path.normpath(os.path.join(os.path.dirname(self.path), path)) if path else self.path), anchor

    def texts(self) -> list[tuple[str, str, str]]:
        """Each section's anchor, title and text, for the search."""
        found: list[tuple[str, str, str]] = []
        for token in self.tokens:
            if token.type == "heading_open":
                anchor = str(token.attrs["id"])
                found.append((anchor, next(title for _, a, title in self.sections if a == anchor), ""))
            elif found and token.type in ("inline", "fence"):
                found[-1] = (*found[-1][:2], found[-1][2] + " " + plain(token))
        return found

    def html(self, linker: Linker, rewrite: Callable[[str], str]) -> str:
        for token in self.links():
            key = "src" if token.type == "image" else "href"
            token.attrs[key] = rewrite(str(token.attrs[key]))
        render = self.markdown.renderer.render
        rules = self.markdown.renderer.rules

        def inline(tokens: list[Token], index: int, *_: object) -> str:
            before = [token.type for token in tokens[:index]]
            inside_link = before.count("link_open") > before.count("link_close")
            text = html.escape(tokens[index].content) if inside_link else link_names(tokens[index].content, linker)
            return f"<code>{breakable(text)}</code>" if tokens[index].type == "code_inline" else text

        rules["code_inline"] = rules["text"] = inline
        rules["fence"] = lambda tokens, i, *_: (
            f'<pre tabindex="0"><code>{link_names(tokens[i].content, linker)}</code></pre>\n'
        )

        def table(tokens: list[Token], index: int, *_: object) -> str:
            # The cells stand one above the other on a phone.
            style = ' class="stacked"' if columns(tokens, index) < 4 else ""
            return f'<div class="table" tabindex="0"><table{style}>\n'

        rules["table_open"] = table
        rules["table_close"] = lambda *_: "</table></div>\n"
        return without_empty_head(render(self.tokens, self.markdown.options, {}))


def columns(tokens: list[Token], table: int) -> int:
    """Of the table that a token opens."""
    end = next(i for i in range(table, len(tokens)) if tokens[i].type == "tr_close")
    return sum(token.type == "th_open" for token in tokens[table:end])


def breakable(text: str) -> str:
    """Lets long names in HTML break behind an underscore."""
    return re.sub(r"<[^>]*>|_", lambda found: "_<wbr>" if found[0] == "_" else found[0], text)


def plain(token: Token) -> str:
    if token.children is None:
        return token.content
    return "".join(" " if child.type == "softbreak" else child.content for child in token.children)


def without_empty_head(text: str) -> str:
    """Tables whose columns have no titles need no row for them."""
    return re.sub(r"<thead>\s*<tr>\s*(?:<th[^>]*></th>\s*)+</tr>\s*</thead>\s*", "", text)
