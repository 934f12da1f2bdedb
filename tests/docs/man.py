"""man.py MANDOC MAN_DIR REPOSITORY: the manual pages are clean, there is one for each exported function, with all that belongs
there, and their references lead to pages."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

SECTIONS = ("NAME", "SYNOPSIS", "DESCRIPTION", "RETURN VALUE", "SEE ALSO")
wrong: list[str] = []


def said(*command: str | Path) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False).stdout.strip()


def main() -> None:
    mandoc, directory, repository = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    pages = sorted(directory.glob("man*/*"))
    if complaints := said(mandoc, "-Tlint", "-Wwarning", *pages):
        wrong.append(f"mandoc: {complaints}")
    if shutil.which("groff") and (complaints := said("groff", "-ww", "-man", "-Tascii", "-z", *pages)):
        wrong.append(f"groff: {complaints}")

    # as a person sees them, without overstriking
    texts = {f"{page.stem}({page.suffix[1:]})": re.sub(r".\x08", "", said(mandoc, "-Tascii", page)) for page in pages}
    for name, text in texts.items():
        for reference in re.findall(r"\b(?:ws_\w+|ktorws)\([37]\)", text):
            if reference not in texts:
                wrong.append(f"{name}: there is no {reference}")
        if "#include <ktorws.h>" not in text or "-lktorws" not in text:
            wrong.append(f"{name} does not say how to use it")

    symbols = re.findall(r"^(ws_\w+)", (repository / "abi/symbols.txt").read_text(), re.M)
    for name in symbols:
        text = texts.get(f"{name}(3)", "")
        wrong.extend(f"{name}(3) has no {section}" for section in SECTIONS if f"\n{section}\n" not in text)
        if not re.search(rf"^ +{name} - .", text, re.M):
            wrong.append(f"{name}(3) has no line for whatis")
        if not re.search(rf"^ .*\b{name}\(.", text, re.M):
            wrong.append(f"{name}(3) does not show its declaration")
        if not re.search(rf"^ +{name}\(3\)$", texts["ktorws(3)"], re.M):
            wrong.append(f"ktorws(3) does not list {name}")

    header = (repository / "include/ktorws.h").read_text(encoding="utf-8")
    for name, number in re.findall(r"\b(WS_(?:OK|ERR_\w+)) = (-?\d+)", header):
        if f"{name} ({number})\n" not in texts["ws_status(3)"]:
            wrong.append(f"ws_status(3) does not explain {name}")
    # whose comment has the statuses in a row, and who names them by another function
    for name, status in [("ws_send_text", "WS_ERR_OVERFLOW"), ("ws_connect", "WS_ERR_TLS_CERTIFICATE"), ("ws_recv", "WS_ERR_INTERRUPTED")]:
        if not re.search(rf"^ +{status}\n +\w", texts[f"{name}(3)"], re.M):
            wrong.append(f"{name}(3) does not explain {status}")

    # An example of a comment has its lines. In the pages they stand on lines of their own.
    lines = {line for text in texts.values() for line in re.findall(r"^ +(.+)", text, re.M)}
    for example in re.findall(r"^ \*     +(.+)", header, re.M):
        if example not in lines:
            wrong.append(f"an example lost a line: {example}")

    for line in wrong:
        print(line, file=sys.stderr)
    print(f"man: {len(pages)} pages, {len(symbols)} functions")
    sys.exit(1 if wrong else 0)


main()
