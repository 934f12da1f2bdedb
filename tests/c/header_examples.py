"""header_examples.py CC HEADER: the examples in the comments of ktorws.h compile, without a warning."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

# What an example uses and does not declare.
BEFORE = """#define _POSIX_C_SOURCE 200809L
#include <ktorws.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

extern const char *url, *pin;
extern ws_session *session;
extern ws_config *config;
extern ws_group *group;
extern ws_frame *frame;
extern const ws_message *items;
extern size_t count, capacity, size;
extern void *buffer;
"""


def main() -> None:
    compiler, header = sys.argv[1], Path(sys.argv[2])
    comments = re.findall(r"^/\*\*\n(.*?)^ \*/", header.read_text(encoding="utf-8"), re.S | re.M)
    blocks = [block for comment in comments for block in re.findall(r"(?:^ \*     .*\n(?: \*\n(?= \*     ))?)+", comment, re.M)]
    examples = [re.sub(r"^ \*( {5})?", "", block, flags=re.M) for block in blocks]
    program = BEFORE + "".join(f"\nvoid example_{n}(void);\nvoid example_{n}(void) {{\n{text}}}\n" for n, text in enumerate(examples))
    with tempfile.NamedTemporaryFile("w", suffix=".c", encoding="utf-8") as source:
        source.write(program)
        source.flush()
        warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
        subprocess.run([compiler, "-std=c99", *warnings, f"-I{header.parent}", "-fsyntax-only", source.name], check=True)
    if len(examples) < 9:
        sys.exit(f"found {len(examples)} examples only")
    print(f"header_examples: {len(examples)} examples")


main()
