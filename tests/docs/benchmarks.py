"""benchmarks.py DOCS: benchmarks.md, which `make bench-docs` writes, says what benchmarks-notes.md says."""

import pathlib
import sys

docs = pathlib.Path(sys.argv[1])
if (docs / "benchmarks-notes.md").read_text(encoding="utf-8").strip() not in (docs / "benchmarks.md").read_text(encoding="utf-8"):
    sys.exit("benchmarks.md does not have the text of benchmarks-notes.md: make bench-docs, or copy it")
