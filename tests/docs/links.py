"""links.py SITE SYMBOLS: every link of the site leads to something, nothing is fetched from elsewhere, and every function is
there and linked wherever it is mentioned."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

VOID = {"meta", "wbr", "link", "img", "br", "input", "hr"}
NAME = re.compile(r"\bws_[a-z0-9_]+\b")
ENVIRONMENT = {"ws_proxy"}  # looks like one, but is a variable


class Page(HTMLParser):
    def __init__(self, path: Path):
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []  # to follow
        self.parts: list[str] = []  # loaded with the page
        self.unlinked: list[tuple[str, list[str]]] = []  # names outside of links, and the anchors around them
        self.names: set[str] = set()
        self.stack: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        if self.stack:
            self.wrong.append(f"{self.stack[-1][0]} is not closed")

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "a" and any(outer == "a" for outer, _ in self.stack):
            self.wrong.append(f"a link to {attributes['href']} is inside of another one")
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "a":
            self.links.append(attributes["href"])
        elif "href" in attributes or "src" in attributes:
            self.parts.append(attributes.get("href") or attributes["src"])
        if tag not in VOID:
            self.stack.append((tag, attributes.get("id", "")))

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop()[0] != tag:
            self.wrong.append(f"{tag} is closed where it is not open")

    def handle_data(self, data):
        tags = [tag for tag, _ in self.stack]
        for name in NAME.findall(data):
            self.names.add(name)
            if not {"a", "title", "h1", "h2", "h3", "h4"} & set(tags):
                self.unlinked.append((name, [anchor for _, anchor in self.stack]))


def main() -> None:
    site = Path(sys.argv[1]).resolve()
    symbols = re.findall(r"^(ws_\w+)", Path(sys.argv[2]).read_text(), re.M)
    pages = {path: Page(path) for path in sorted(site.rglob("*.html")) if "files" not in path.relative_to(site).parts}
    wrong = []

    def check(page: Path, link: str) -> None:
        split = urlsplit(link)
        target = (page.parent / unquote(split.path)).resolve() if split.path else page
        where = f"{page.relative_to(site)}: {link}"
        if not target.is_relative_to(site) or not target.is_file():
            wrong.append(f"{where}: there is no such file")
        elif split.fragment and unquote(split.fragment) not in (pages[target].ids if target in pages else ()):
            wrong.append(f"{where}: there is no such anchor")

    for path, page in pages.items():
        where = path.relative_to(site)
        wrong += [f"{where}: {what}" for what in page.wrong]
        wrong += [f"{where}: the id {name} is there twice" for name in set(page.ids) if page.ids.count(name) > 1]
        for link in page.links:
            if not urlsplit(link).scheme:
                check(path, link)
        for part in page.parts:
            if urlsplit(part).scheme and part != "data:,":
                wrong.append(f"{where}: {part} comes from elsewhere")
            elif part != "data:,":
                check(path, part)

    known = {name for page in pages.values() for name in page.ids}
    for name in symbols:
        if not any(name in page.ids for page in pages.values()):
            wrong.append(f"{name} has no place in the reference")
    for path, page in pages.items():
        for name, around in page.unlinked:
            if name in symbols and name not in around:
                wrong.append(f"{path.relative_to(site)}: {name} is mentioned without a link")
        if path.relative_to(site).parts[0] != "changelog.html":
            wrong += [f"{path.relative_to(site)}: there is no {name}"
                      for name in page.names if not name.endswith("_") and name not in known | ENVIRONMENT]

    index = json.loads(re.fullmatch(r"showIndex\((.*)\);\n", (site / "search-index.js").read_text(encoding="utf-8"), re.S)[1])
    for entry in index:
        check(site / "index.html", entry[2])
    titles = {entry[0] for entry in index}
    wrong += [f"{name} cannot be found by the search" for name in symbols if name not in titles]

    for line in dict.fromkeys(wrong):
        print(line, file=sys.stderr)
    links = sum(len(page.links) for page in pages.values())
    print(f"links: {len(pages)} pages, {links} links, {len(index)} entries of the search")
    sys.exit(1 if wrong else 0)


main()
