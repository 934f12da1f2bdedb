"""The reference of the site: the items of an area to HTML."""

import html
import re

import header as headers
from guides import Linker, link_names
from header import Area, Code, Header, Item


def prose(text: str, linker: Linker, own: str = "") -> str:
    parts = []
    for piece in re.split(r"(`[^`]+`)", text):
        if piece.startswith("`"):
            parts.append(f"<code>{link_names(piece[1:-1], linker, own)}</code>")
        else:
            parts.append(re.sub(headers.NAME, lambda match: name(match[0], linker, own), html.escape(piece, quote=False)))
    return "".join(parts)


def name(text: str, linker: Linker, own: str) -> str:
    target = linker(text) if text != own else None
    return f'<code><a href="{target}">{text}</a></code>' if target else f"<code>{text}</code>"


def paragraphs(texts: list[str], linker: Linker, own: str = "") -> str:
    return "".join(code(text, linker) if isinstance(text, Code) else f"<p>{prose(text, linker, own)}</p>\n" for text in texts)


def code(text: str, linker: Linker) -> str:
    return f'<pre tabindex="0"><code>{link_names(text, linker)}</code></pre>\n'


def declaration(item: Item, linker: Linker) -> str:
    """As it stands in the header, without comments; an enum's values follow in a table."""
    if item.kind == "enum":
        return f"{item.declaration.splitlines()[-1].replace(item.name, f'<b>{item.name}</b>')}"
    text = re.sub(r"\n *\*/\n", "\n", re.sub(r"\n *(/\*\*.*?\*/)", "", item.declaration, flags=re.S))
    return re.sub(rf"\b{item.name}\b", f"<b>{item.name}</b>", link_names(text, linker, item.name))


def table(rows: list[tuple[str, ...]], titles: tuple[str, ...]) -> str:
    head = "".join(f"<th>{title}</th>" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f'<div class="table" tabindex="0"><table class="stacked"><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>\n'


def members(item: Item, linker: Linker) -> str:
    if not item.members:
        return ""
    rows = []
    for member in item.members:
        anchor = member.name if item.kind == "enum" else f"{item.name}.{member.name}"
        text = "<br>".join(prose(paragraph, linker, member.name) for paragraph in member.paragraphs)
        number = [f"<code>{member.declaration.split('= ')[1]}</code>"] if item.kind == "enum" else []
        rows.append((f'<code id="{anchor}">{member.name}</code>', *number, text))
    return table(rows, ("value", "number", "") if item.kind == "enum" else ("member", ""))


def statuses(item: Item, header: Header, linker: Linker) -> str:
    """What the statuses that a function is said to return mean in general."""
    meanings = {member.name: member.paragraphs for member in header.items["ws_status"].members}
    named = headers.statuses(headers.split_returns(item.paragraphs)[1], header)
    if not named:
        return ""
    rows = [(name(status, linker, ""), "<br>".join(prose(text, linker) for text in meanings[status])) for status in named]
    return "<details><summary>What these statuses mean</summary>\n" + table(rows, ("status", "in general")) + "</details>\n"


def section(item: Item, header: Header, linker: Linker, mentions: list[tuple[str, str]]) -> str:
    described, returned = headers.split_returns(item.paragraphs)
    text = f'<section id="{item.name}">\n<h2><a href="#{item.name}"><code>{item.name}</code></a></h2>\n'
    text += f'<pre tabindex="0"><code>{declaration(item, linker)}</code></pre>\n'
    text += paragraphs(described, linker, item.name) + members(item, linker) + paragraphs(returned, linker, item.name)
    if item.kind == "function":
        text += statuses(item, header, linker)
    if mentions:
        links = ", ".join(f'<a href="{url}">{html.escape(title)}</a>' for title, url in mentions)
        text += f'<p class="mentions">In the guides: {links}</p>\n'
    return text + "</section>\n"


def contents(items: list[Item], linker: Linker) -> str:
    rows = [(name(item.name, linker, ""), prose(headers.summary(item.paragraphs), linker, item.name)) for item in items]
    body = "".join(f"<tr><td>{a}</td><td>{b}</td></tr>\n" for a, b in rows)
    return f'<div class="table" tabindex="0"><table class="stacked"><tbody>{body}</tbody></table></div>\n'


def area_page(area: Area, header: Header, linker: Linker, mentions: dict[str, list[tuple[str, str]]]) -> str:
    text = f"<h1>{area.title}</h1>\n<p>{area.about}</p>\n" + contents(area.items, linker)
    return text + "".join(section(item, header, linker, mentions.get(item.name, [])) for item in area.items)


def index_page(header: Header, linker: Linker) -> str:
    """The header's opening comment, and all there is."""
    text = "<h1>Reference</h1>\n"
    for kind, entries in header.opening:
        if kind == "code":
            text += code(chr(10).join(entries), linker)
        elif kind == "list":
            text += "<ul>\n" + "".join(f"<li>{prose(entry, linker)}</li>\n" for entry in entries) + "</ul>\n"
        else:
            text += paragraphs(entries, linker)
    for area in header.areas:
        text += f'<section><h2 id="{area.slug}"><a href="{area.slug}.html">{area.title}</a></h2>\n<p>{area.about}</p>\n'
        text += contents(area.items, linker) + "</section>\n"
    return text
