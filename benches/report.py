#!/usr/bin/env python3
"""report.py [RESULTS [DOCS]]: makes benchmarks.md, from benches/page.md, and its plots from the results of one run."""

import json
import sys
from pathlib import Path
from string import Template

import aims
import build
import plot
import tables
import works
from clients import OTHER

PAGE = build.ROOT / "benches/page.md"

NOTHING = "Not measured yet."


def load(name, directory):
    rows = directory / f"{name}.json"
    about = directory / f"{name}.about.json"
    if not rows.exists() or not about.exists():
        return None
    # Figures of another build of the library are for those who made it.
    rows = [row for row in json.loads(rows.read_text()) if not row["client"].endswith(OTHER)]
    about = json.loads(about.read_text())
    about["settings"] = {name: text for name, text in about["settings"].items() if not name.endswith(OTHER)}
    return rows, about


def markdown_table(header, lines):
    table = ["| " + " | ".join(header) + " |", "|---|" + "--:|" * (len(header) - 1)]
    for line in lines:
        name = f"**{line[0]}**" if line[0].startswith("ktorws") else line[0]
        table.append("| " + " | ".join([name, *line[1:]]) + " |")
    return "\n".join(table)


def aims_section(rows):
    lines = ["| work | client | figure | aim | measured | |", "|---|---|---|---|---|---|"]
    by_name = {work.name: work for table in works.TABLES.values() for work in table.works}
    verdicts = []
    for aim, values, verdict in aims.evaluate(rows):
        work = by_name[aim.work]
        label = next(metric.label for metric in work.metrics if metric.name == aim.metric)
        bound = aim.bound.replace("the floor", f"`{work.floor}`")
        measured = ", ".join(f"{config} {aim.shown(value)}" for config, value in values.items()) or "–"
        lines.append(f"| `{aim.work}` | `{aim.client}` | {label} | {bound} | {measured} | {verdict} |")
        verdicts.append(verdict)
    missed = sum(verdict.startswith("missed") for verdict in verdicts)
    counts = f"{verdicts.count('met')} met, {missed} missed, {verdicts.count('not measured')} not measured"
    return "\n".join([*lines, "", f"Of {len(verdicts)} aims: {counts}."])


def machine_section(abouts):
    if not abouts:
        return NOTHING
    latest = max(abouts, key=lambda about: about["date"])
    facts = latest["machine"]
    lines = [
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB; Linux {facts['kernel']}, "
        f"TCP congestion control {facts['congestion_control']}; {facts['rustc']}; {facts['gcc']}.",
    ]
    commits = sorted({about["machine"]["commit"] for about in abouts})
    if len(commits) > 1:
        print(f"report: WARNING: results of several commits: {', '.join(commits)}", file=sys.stderr)
    dates = sorted({about["date"] for about in abouts})
    period = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    lines.append(f"Measured {period} at commit {', '.join(filter(None, commits)) or 'unknown'}.")
    return "\n".join(lines)


def settings_section(abouts):
    settings = {}
    for about in abouts:
        settings |= about["settings"]
    names = {}
    for name, text in sorted(settings.items()):
        names.setdefault(text, []).append(name)
    if not names:
        return NOTHING
    lines = ["| client | settings |", "|---|---|"]
    lines += [f"| {', '.join(group)} | {text.replace('|', '/')} |" for text, group in names.items()]
    return "\n".join(lines)


def table_section(table, rows, about):
    lines = [f"## {table.title}", "", f"![{table.title}](benchmarks/{table.name}.svg)", ""]
    lines += [f"{about['rounds']} rounds."]
    if about["failures"]:
        failed = sorted({f"{failure['client']} ({failure['work']})" for failure in about["failures"]})
        lines += ["", f"Failed: {', '.join(failed)}."]
    reasons = {}
    for skipped in about["skipped"]:
        reasons.setdefault((skipped["work"], skipped["reason"]), set()).add(skipped["client"])
    for (work, reason), clients in reasons.items():
        lines += ["", f"Skipped: {work} by {', '.join(sorted(clients))}: {reason}."]
    measured = {row["work"] for row in rows}
    for work in table.works:
        if work.name not in measured:
            continue
        lines += ["", f"### {work.name}: {work.title}"]
        for config in works.CONFIGS:
            header, cells = tables.of_work(work, config, rows)
            if cells:
                lines += ["", tables.caption(work, config, rows), "", markdown_table(header, cells)]
    return "\n".join(lines)


def main():
    arguments = [Path(argument) for argument in sys.argv[1:]]
    results, docs, *_ = arguments + [build.OUTPUT, build.ROOT / "docs"][len(arguments) :]
    loaded = {name: load(name, results) for name in works.TABLES}
    missing = [name for name, found in loaded.items() if found is None]
    if missing:
        print(f"report: no results of {', '.join(missing)}: make bench WORK=...", file=sys.stderr)
    loaded = {name: found for name, found in loaded.items() if found is not None}
    rows = [row for rows, _ in loaded.values() for row in rows]
    abouts = [about for _, about in loaded.values()]

    plots = docs / "benchmarks"
    plots.mkdir(parents=True, exist_ok=True)
    for old in plots.glob("*.svg"):
        old.unlink()
    for name, (rows_of_table, _) in loaded.items():
        if rows_of_table:
            (plots / f"{name}.svg").write_text(plot.of_table(works.TABLES[name], rows_of_table))
    page = Template(PAGE.read_text()).substitute(
        names=", ".join(works.TABLES),
        aims=aims_section(rows),
        machine=machine_section(abouts),
        tables="\n\n".join(table_section(works.TABLES[name], *found) for name, found in loaded.items()),
        settings=settings_section(abouts),
    )
    # Without tables their place is empty.
    (docs / "benchmarks.md").write_text(page.replace("\n\n\n", "\n"))


if __name__ == "__main__":
    main()
