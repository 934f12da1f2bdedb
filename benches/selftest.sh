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
python3 benches/run.py rtt burst callback group-1 group-100 fair-1000 big tls deflate connect idle-1000 \
    --clients "raw,raw+batch,raw-aligned,raw-epoll,$called_back,ktorws+group" --rounds 1 --seconds 0.005 \
    --output "$output" >"$output/printed"

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
