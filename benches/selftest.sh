#!/usr/bin/env bash
# Checks that the benchmarks work, with the fewest of runs; what they measure is not looked at.
# Needs target/release/libktorws.so.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1

output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT
called_back=ktorws,ktorws+callback,ktorws+event-fd
many=ktorws,ktorws+group,ktorws+async,ktorws+pings

# says FILE TEXT
says() {
    grep -qF "$2" "$1" && return
    cat "$1" >&2
    exit 1
}

python3 benches/run.py rtt burst callback group-1 group-100 fair-1000 big tls deflate connect idle-1000 \
    --clients "raw,raw+batch,raw-aligned,raw-epoll,$called_back,ktorws+group" --rounds 1 --seconds 0.005 \
    --output "$output" >"$output/printed"

# The page from some of the tables; then without any.
python3 benches/report.py "$output" "$output/docs" 2>"$output/report"
python3 benches/report.py "$output/nothing" "$output/docs-of-nothing" 2>>"$output/report"

# Another build of the library: this one again; one without functions; a file that is none.
beside=(--configs S --rounds 1 --seconds 0.005 --output "$output/other")
python3 benches/run.py rtt-64 burst-64 callback-rtt-64 group-100 \
    --clients "$called_back,ktorws+batch,ktorws+group" "${beside[@]}" --other target/release/libktorws.so >"$output/printed-other"
gcc -shared -Wl,-soname,libktorws.so.0 -o "$output/empty.so" -x c /dev/null
python3 benches/run.py rtt-4k --clients raw,ktorws "${beside[@]}" --other "$output/empty.so" >/dev/null 2>"$output/skipped"
says "$output/skipped" "bench: SKIPPED: ktorws-other, rtt-4k, S: the other build lacks what this work calls: "
says "$output/skipped" "undefined symbol: ws_"
echo "no library" >"$output/text.so"
if python3 benches/run.py rtt-4k --clients ktorws "${beside[@]}" --other "$output/text.so" >/dev/null 2>"$output/refused"; then
    echo "a file that is no library was taken for one" >&2
    exit 1
fi
says "$output/refused" "the clients cannot be loaded with it: "

# Of the peers, those that need no compiling, where tests/setup.sh has been.
scripts=
[ ! -e target/test-env/venv/requirements.txt ] || scripts=$scripts,python-websockets
[ ! -e target/test-env/node/installed.json ] || scripts=$scripts,node-ws
python3 benches/run.py deflate-4k deflate-alone-4k callback-rtt-64 \
    --clients "ktorws$scripts" --configs S --rounds 1 --seconds 0.005 --output "$output" >>"$output/printed"

# Where they are installed.
in_python=
if [ -e target/bench/python/requirements.txt ]; then
    in_python=ktorws+python,ktorws+asyncio,ktorws+uvloop
    python3 benches/run.py python --clients "$in_python,picows" --rounds 1 --seconds 0.005 --output "$output" >>"$output/printed"
fi

# Not less: each of the sessions is pinged once in six times that.
python3 benches/run.py scale-1000 \
    --clients "raw-epoll,$many" --rounds 1 --seconds 0.1 --output "$output" >>"$output/printed"

# More sessions than the open files that it may have.
(
    ulimit -n 5000
    python3 benches/run.py scale-10000 --clients ktorws --output "$output" >/dev/null 2>"$output/skipped"
)
says "$output/skipped" "bench: SKIPPED: ktorws, scale-10000, U: 10200 open files are needed, and the hard limit is 5000"

python3 - "$output" "ktorws$scripts" "$called_back" "$many" "$in_python" <<'CHECK'
import json, math, pathlib, sys

sys.path.insert(0, "benches")
import works

directory = pathlib.Path(sys.argv[1])
own = {name: {"ktorws"} for name in ("rtt", "burst", "big", "tls", "deflate", "connect", "idle-1000")}
own |= {"python": set(sys.argv[5].split(","))} if sys.argv[5] else {}
own |= {"callback": set(sys.argv[3].split(",")), "scale-1000": set(sys.argv[4].split(","))}
own |= {"group-1": {"ktorws", "ktorws+group"}, "group-100": {"ktorws", "ktorws+group"}, "fair-1000": {"ktorws+group"}}
for name, clients in own.items():
    rows = json.loads((directory / f"{name}.json").read_text())
    table = works.find(name)
    for work in table.works:
        for client in clients:
            configs = {row["config"] for row in rows if row["work"] == work.name and row["client"] == client}
            assert configs == set(table.configs), f"{work.name}: {client} was measured in {configs}"
    for row in rows:
        assert math.isfinite(row["median"]) and row["runs"] == 1, row
        assert row["min"] == row["median"] == row["max"], row
        if row["client"] == "raw" and name in ("rtt", "burst"):
            assert row["ratio_to_floor"] == 1.0, row
        if name == "callback" and not row["work"].startswith("tls-"):
            assert row["ratio_to_floor"] > 0 and (row["client"] != "raw-epoll" or row["ratio_to_floor"] == 1.0), row
        if row["metric"] in ("unclean", "descriptors_left"):
            assert row["median"] == 0, row
        if row["client"] == "ktorws" and row["work"] in ("rtt-64", "burst-64", "big-1m", "connect"):
            assert row["ratio_to_floor"] is None or row["ratio_to_floor"] > 0, row
        if row["metric"] == "compressed_to":
            assert 0.15 < row["median"] < 0.5, row
    assert f"{table.works[0].name}: " in (directory / "printed").read_text()

import aims

rows = json.loads((directory / "other/burst-64.json").read_text())
names = ("ktorws", "ktorws+batch")
assert {row["client"] for row in rows} == {*names, *(f"{name}-other" for name in names)}, rows
assert all(("ratio_to_same" in row) == row["client"].endswith("-other") for row in rows), rows
median = {(row["client"], row["metric"]): row["median"] for row in rows}
for row in rows:
    if "ratio_to_same" in row:
        same = median[row["client"].removesuffix("-other"), row["metric"]]
        assert math.isclose(row["ratio_to_same"], row["median"] / same), row
printed = (directory / "printed-other").read_text()
for name in (*names, "ktorws+callback", "ktorws+event-fd", "ktorws+group"):
    assert f"\n{name}-other / {name}: " in printed, printed

# What the page says of an aim, computed from the rows anew.
page = (directory / "docs/benchmarks.md").read_text()
rows = {table: json.loads((directory / f"{table}.json").read_text()) for table in ("rtt", "callback")}
for table, work, client, metric, reference, most in (
    ("rtt", "rtt-64", "ktorws", "p50_us", "raw", 1.05),
    ("callback", "callback-rtt-4k", "ktorws+event-fd", "cpu_us_per_msg", "raw-epoll", 1.2),
    ("callback", "callback-big-1m", "ktorws+event-fd", "p50_ms", "ktorws", 1.1),
):
    of_work = [row for row in rows[table] if (row["work"], row["metric"]) == (work, metric)]
    median = {(row["config"], row["client"]): row["median"] for row in of_work}
    ratios = {config: median[config, client] / median[config, reference] for config in ("S", "X")}
    configs = "S" if table == "rtt" else "SX"
    missed = [config for config in configs if ratios[config] > most]
    measured = ", ".join(f"{config} {ratios[config]:.3f}" for config in configs)
    verdict = f"missed in {', '.join(missed)}" if missed else "met"
    aim = f"≤ {most:.2f} × `{reference}` in {', '.join(configs)}"
    assert f" | {aim} | {measured} | {verdict} |\n" in page, (aim, measured, verdict)
assert "| `idle-10000` | `ktorws` | bytes/session | ≤ 2,600 bytes in U | – | not measured |" in page
assert "### callback-big-1m: " in page and (directory / "docs/benchmarks/callback.svg").exists()
assert not (directory / "docs/benchmarks/scale.svg").exists()
empty = (directory / "docs-of-nothing/benchmarks.md").read_text()
assert f"Of {len(aims.AIMS)} aims: 0 met, 0 missed, {len(aims.AIMS)} not measured." in empty, empty

rows = json.loads((directory / "callback-rtt-64.json").read_text())
assert {row["client"] for row in rows} == set(sys.argv[2].split(",")) - {"python-websockets"}, rows
for name in ("deflate-4k", "deflate-alone-4k"):
    rows = json.loads((directory / f"{name}.json").read_text())
    compressed_to = {row["client"]: row["median"] for row in rows if row["metric"] == "compressed_to"}
    assert set(compressed_to) == set(sys.argv[2].split(",")), f"{name}: measured {compressed_to}"
    assert all(0.15 < ratio < 0.5 for ratio in compressed_to.values()), compressed_to
    for row in rows:
        assert row["client"] != "ktorws" or row.get("ratio_to_ktorws") in (None, 1.0), row
CHECK
echo "benchmarks: all works ran"
