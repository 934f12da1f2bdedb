#!/usr/bin/env python3
"""third_party.py FILE [MANIFEST]: writes to FILE whose code is linked into libktorws, under which licence, with its text.

Fails, and writes nothing, when a crate has a licence that is not allowed, or none. Asks cargo, with Cargo.lock as it is;
MANIFEST is the Cargo.toml of another package."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

# Licences that ask for no more than that their text comes along.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}
TARGET = "x86_64-unknown-linux-gnu"
TEXTS = re.compile(r"(?:un)?licen[cs]e|copying|copyright|notice", re.IGNORECASE)
ROOT = Path(__file__).resolve().parent.parent


def allowed(expression):
    """Whether an SPDX expression leaves a choice of allowed licences. The '/' of old crates is an OR."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def alternatives():
        result = conjunction()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            result = conjunction() or result
        return result

    def conjunction():
        result = licence()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            result = licence() and result
        return result

    def licence():
        name = tokens.pop(0)
        if name == "(":
            result = alternatives()
            if tokens.pop(0) != ")":
                raise ValueError(expression)
            return result
        if tokens and tokens[0] == "WITH":
            name = " ".join((name, tokens.pop(0), tokens.pop(0)))
        return name in ALLOWED

    try:
        result = alternatives()
    except (IndexError, ValueError):
        return False
    return result and not tokens


def linked_crates(manifest):
    """What is linked in: no build scripts, no procedural macros and nothing for the tests."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET]
    done = subprocess.run([*command, "--manifest-path", str(manifest)], stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit("licenses: cargo metadata failed")
    metadata = json.loads(done.stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    found, ahead = set(), [root]
    while ahead:
        package = ahead.pop()
        if package in found or any("proc-macro" in target["kind"] for target in packages[package]["targets"]):
            continue
        found.add(package)
        for dependency in nodes[package]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                ahead.append(dependency["pkg"])
    found.remove(root)
    return sorted((packages[package] for package in found), key=lambda package: (package["name"], package["version"]))


def texts(package):
    """The files with the crate's licence and its copyright notices."""
    directory = Path(package["manifest_path"]).parent
    names = {path.name for path in directory.iterdir() if path.is_file() and TEXTS.match(path.name)}
    if package["license_file"]:
        names.add(package["license_file"])
    return [(name, (directory / name).read_text(encoding="utf-8", errors="replace").strip()) for name in sorted(names)]


def licence(package):
    return (package["license"] or "").replace("/", " OR ")


def document(packages):
    lines = [
        "What is linked into libktorws besides its own code. The Rust standard library, under MIT OR Apache-2.0, is too.",
        "Where there is a choice of licences libktorws takes any that its own, Apache-2.0, can be combined with.",
        "",
    ]
    numbers = {}
    for package in packages:
        lines.append(f"{package['name']} {package['version']}: {licence(package)}")
        if package["authors"]:
            # without their addresses
            lines.append("    by " + ", ".join(re.sub(r"\s*<.*?>", "", author) for author in package["authors"]))
        if package["repository"]:
            lines.append(f"    {package['repository']}")
        used = [f"{numbers.setdefault(text, len(numbers) + 1)} ({name})" for name, text in texts(package)]
        lines.append("    texts: " + (", ".join(used) if used else "none of its own"))
        lines.append("")
    for text, number in numbers.items():
        lines += ["=" * 78, f"Text {number}", "=" * 78, "", text, ""]
    return "\n".join(lines)


def main(output, manifest=ROOT / "Cargo.toml"):
    packages = linked_crates(manifest)
    wrong = [package for package in packages if not allowed(licence(package))]
    for package in wrong:
        print(f"licenses: {package['name']} {package['version']}: not allowed: {licence(package) or 'no licence'}", file=sys.stderr)
    if wrong:
        sys.exit(1)
    output = Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(output.name + ".new")
    unfinished.write_text(document(packages), encoding="utf-8")
    os.replace(unfinished, output)
    print(f"licenses: {len(packages)} crates, all allowed: {output}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: third_party.py FILE [MANIFEST]")
    main(*sys.argv[1:])
