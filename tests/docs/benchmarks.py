"""benchmarks.py ROOT: docs/benchmarks.md, which `make bench-docs` generates, has the text of benches/page.md and all aims."""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root / "benches"))
import aims  # noqa: E402

page = (root / "docs/benchmarks.md").read_text(encoding="utf-8")
at = 0
for text in re.split(r"\$\w+", (root / "benches/page.md").read_text(encoding="utf-8")):
    found = page.find(text.strip(), at)
    if found < 0:
        sys.exit(f"docs/benchmarks.md lacks this text of benches/page.md: make bench-docs\n{text.strip()}")
    at = found + len(text.strip())
listed = page.count("\n| `")
if listed != len(aims.AIMS):
    sys.exit(f"docs/benchmarks.md has {listed} of {len(aims.AIMS)} aims: make bench-docs")
