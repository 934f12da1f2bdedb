"""The public names of the bindings, as their sources declare them."""

import ast
import pathlib
import re


def python_names(directory):
    """Names of the package; "Connection.x" if both kinds of connections have it, else with the module in front."""
    classes, names = {}, set()
    for path in [*directory.glob("*.py"), *directory.glob("*.pyi")]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
                classes[path.stem, node.name] = (bases, members_of(node))
            elif isinstance(node, ast.FunctionDef):
                names |= {node.name, f"{path.stem}.{node.name}"}
            elif isinstance(node, ast.AnnAssign):
                names.add(node.target.id)

    def with_bases(key):
        bases, members = classes[key]
        for base in bases:
            for other in classes:
                if other[1] == base and other != key:
                    members = members | with_bases(other)
        return members

    for module, name in classes:
        members = with_bases((module, name))
        if name != "Connection":
            names |= {name, f"{module}.{name}"} | {f"{name}.{member}" for member in members}
        else:
            names |= {f"{module}.Connection.{member}" for member in members}
    both = with_bases(("sync", "Connection")) & with_bases(("asyncio", "Connection"))
    names |= {f"Connection.{member}" for member in both}
    return names | {f"{option}=" for option in classes["options", "Options"][1]}


def members_of(node):
    members = set()
    for part in node.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            members.add(part.name)
            if part.name == "__init__":
                # what it sets
                members |= {
                    each.attr
                    for each in ast.walk(part)
                    if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)
                }
        elif isinstance(part, ast.AnnAssign):
            members.add(part.target.id)
        elif isinstance(part, ast.Assign):
            members |= {target.id for target in part.targets}
    return {member for member in members if not member.startswith("_")}


def go_names(directory):
    names = set()
    for path in directory.glob("*.go"):
        if path.name.endswith("_test.go"):
            continue
        source = path.read_text(encoding="utf-8")
        names |= set(re.findall(r"^func ([A-Z]\w*)\(", source, re.MULTILINE))
        for receiver, name in re.findall(r"^func \(\w+ \*?(\w+)\) ([A-Z]\w*)\(", source, re.MULTILINE):
            names.add(f"{receiver}.{name}")
        for name, body in re.findall(r"^type (\w+) struct \{\n(.*?)^\}", source, re.MULTILINE | re.DOTALL):
            for fields in re.findall(r"^\t([A-Z]\w*(?:, \w+)*) ", body, re.MULTILINE):
                names |= {f"{name}.{field}" for field in fields.split(", ")}
        for block in re.findall(r"^const \(\n(.*?)^\)", source, re.MULTILINE | re.DOTALL):
            names |= set(re.findall(r"^\t([A-Z]\w*)", block, re.MULTILINE))
    return names


def zig_names(directory):
    names = set()
    for path in directory.glob("*.zig"):
        if path.name.startswith("tests"):
            continue
        within = []
        for line in path.read_text(encoding="utf-8").splitlines():
            depth = (len(line) - len(line.lstrip(" "))) // 4
            if path.name == "c.zig":
                names |= {f"c.{name}" for name in re.findall(r"^pub extern fn (\w+)\(", line)}
                continue
            if not line:
                continue
            within = within[:depth]
            if opened := re.match(r" *pub const (\w+) = (?:struct|enum\(\w+\)|union\(enum\)|\w+ struct) ?\{", line):
                within.append(opened[1])
            declared = re.match(r" *pub (?:fn|const) (\w+)", line) or re.match(r" +(\w+): [^=]*(?:=.*)?,$", line)
            if declared and len(within) >= depth:
                names.add(".".join([*within[:depth], declared[1]]))
    return (
        names
        | {name.removeprefix("Options") for name in names if name.startswith("Options.")}
        | {name.replace("Options.Settings", ".settings") for name in names if name.startswith("Options.Settings.")}
    )


def names_of_bindings(root):
    bindings = pathlib.Path(root) / "bindings"
    return {
        "Python": python_names(bindings / "python/src/ktorws"),
        "Go": go_names(bindings / "go"),
        "Zig": zig_names(bindings / "zig/src"),
    }
