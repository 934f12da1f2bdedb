#!/usr/bin/env python3
"""website.py REPOSITORY DIRECTORY: writes the site: README.md, the guides in docs/, and the reference of ktorws.h.

It needs markdown-it-py. The site needs no server: it is a directory of files, and nothing in it comes from elsewhere.
"""

import html
import json
import os
import shutil
import sys
from pathlib import Path
from string import Template

import guides
import header as headers
import pages

HERE = Path(__file__).parent
HEADER = "include/ktorws.h"
# The order in which they are read; what else is in docs/ follows.
READING = ["README.md"] + [f"docs/{name}.md" for name in (
    "getting-started", "waiting", "connecting", "tls", "errors", "threads-and-fork",
    "compare", "from-libcurl", "from-libwebsockets", "from-ktor")]
# What the reference links to, where it mentions a name.
EXPLAINING = [path for path in READING if not path.startswith(("docs/from-", "docs/compare"))]
PROJECT = ["docs/ktor-parity.md", "docs/benchmarks.md", "ARCHITECTURE.md", "CHANGELOG.md"]


def page_of(path: str) -> str:
    """Where the page of a Markdown file is in the site."""
    path = path.removeprefix("docs/").removesuffix(".md").removesuffix("/README").lower()
    return "index.html" if path == "readme" else path.replace("/", "-") + ".html"


class Website:
    def __init__(self, root: Path, directory: Path):
        self.root = root
        self.directory = directory
        self.header = headers.read(root / HEADER)
        self.places = {item.name: f"reference/{area.slug}.html" for area in self.header.areas for item in area.items}
        self.guides = self.read_guides()
        self.template = Template((HERE / "page.html").read_text(encoding="utf-8"))
        self.search: list[list[str]] = []

    def read_guides(self) -> dict[str, guides.Guide]:
        """README.md and docs/*.md, and the Markdown files of the repository that these link to."""
        found: dict[str, guides.Guide] = {}
        others = sorted(f"docs/{path.name}" for path in (self.root / "docs").glob("*.md"))
        waiting = READING + [path for path in others if path not in READING + PROJECT] + PROJECT
        while waiting:
            path = waiting.pop(0)
            if path in found:
                continue
            found[path] = guides.Guide(self.root, path)
            targets = [found[path].resolve(str(token.attrs.get("href", "")))[0] for token in found[path].links()]
            waiting += [target for target in targets if target.endswith(".md") and (self.root / target).is_file()]
        return found

    def linker(self, page: str) -> guides.Linker:
        """Links from a page of the site to a name of the API."""
        def link(name: str) -> str | None:
            item = self.header.find(name)
            if not item:
                return None
            place = self.places[item.name]
            return f"#{name}" if place == page else f"{os.path.relpath(place, os.path.dirname(page) or '.')}#{name}"
        return link

    def rewriter(self, guide: guides.Guide):
        """Where the links of a Markdown file lead in the site. What is not a page is copied along."""
        def rewrite(link: str) -> str:
            if "://" in link or link.startswith("mailto:"):
                return link
            path, anchor = guide.resolve(link)
            if path in self.guides:
                target = "" if path == guide.path else page_of(path)
            elif path == HEADER:
                target = "reference/index.html"
            elif (self.root / path).is_file():
                target = f"files/{path}"
                (self.directory / target).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.root / path, self.directory / target)
            else:
                raise headers.HeaderError(f"{guide.path}: there is no file at {link}")
            return target + (f"#{anchor}" if anchor else "")
        return rewrite

    def navigation(self, page: str) -> str:
        up = "../" if "/" in page else ""

        def entry(target: str, title: str, sections: str = "") -> str:
            current = ' aria-current="page"' if target == page else ""
            return f'<li><a href="{up}{target}"{current}>{html.escape(title)}</a>{sections}</li>\n'

        def sections(guide: guides.Guide) -> str:
            inner = [(anchor, title) for level, anchor, title in guide.sections if level == 2]
            if page_of(guide.path) != page or not inner:
                return ""
            return "<ul>" + "".join(f'<li><a href="#{a}">{html.escape(t)}</a></li>\n' for a, t in inner) + "</ul>"

        parts = {"Guides": "", "Project": ""}
        for path, guide in self.guides.items():
            last = path in PROJECT or not path.startswith("docs/") and path != "README.md"
            parts["Project" if last else "Guides"] += entry(page_of(path), guide.title, sections(guide))
        reference = entry("reference/index.html", "All of it")
        reference += "".join(entry(f"reference/{area.slug}.html", area.title) for area in self.header.areas)
        listed = [("Guides", parts["Guides"]), ("Reference", reference), ("Project", parts["Project"])]
        return "".join(f"<h2>{title}</h2>\n<ul>\n{entries}</ul>\n" for title, entries in listed)

    def write_page(self, page: str, title: str, body: str) -> None:
        text = self.template.substitute(
            title=html.escape(title if title == "libktorws" else f"{title} – libktorws"), root="../" if "/" in page else "",
            navigation=self.navigation(page), body=body, version=self.header.version)
        (self.directory / page).write_text(text, encoding="utf-8")

    def write(self) -> int:
        shutil.rmtree(self.directory, ignore_errors=True)
        (self.directory / "reference").mkdir(parents=True)
        mentions: dict[str, list[tuple[str, str]]] = {}
        for path, guide in self.guides.items():
            page = page_of(path)
            texts = guide.texts()
            for anchor, title, text in texts:
                self.search.append([title, guide.title, f"{page}#{anchor}", text])
                for name in dict.fromkeys(headers.NAME.findall(text)) if path in EXPLAINING else ():
                    links = mentions.setdefault(name, [])
                    if guide.title not in (known for known, _ in links):
                        links.append((guide.title, f"../{page}#{anchor}"))
            self.write_page(page, guide.title, guide.html(self.linker(page), self.rewriter(guide)))
        self.write_reference(mentions)
        index = json.dumps(self.search, ensure_ascii=False, separators=(",", ":"))
        (self.directory / "search-index.js").write_text(f"showIndex({index});\n", encoding="utf-8")
        for name in ("site.css", "search.js"):
            shutil.copyfile(HERE / name, self.directory / name)
        return len(list(self.directory.rglob("*.html")))

    def write_reference(self, mentions: dict[str, list[tuple[str, str]]]) -> None:
        page = "reference/index.html"
        self.write_page(page, "Reference", pages.index_page(self.header, self.linker(page)))
        for area in self.header.areas:
            page = f"reference/{area.slug}.html"
            self.search.append([area.title, "Reference", page, area.about])
            for item in area.items:
                self.search.append([item.name, area.title, f"{page}#{item.name}", item.text.replace("`", "")])
                if item.kind == "enum":
                    self.search += [[member.name, item.name, f"{page}#{member.name}", " ".join(member.paragraphs).replace("`", "")]
                                    for member in item.members]
            self.write_page(page, area.title, pages.area_page(area, self.header, self.linker(page), mentions))


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: website.py REPOSITORY DIRECTORY")
    try:
        count = Website(Path(sys.argv[1]), Path(sys.argv[2])).write()
    except (headers.HeaderError, OSError) as error:
        sys.exit(f"website.py: {error}")
    print(f"{count} pages in {sys.argv[2]}")


if __name__ == "__main__":
    main()
