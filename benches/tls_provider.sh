#!/usr/bin/env bash
# Measures the library with ring, the provider of its TLS, beside the library with aws-lc-rs:
#
#     benches/tls_provider.sh [ROUNDS]
#
# Each is a copy of the tree under target/tls-provider, built from nothing. Prints the time of that, the size of the
# stripped library, and the tables tls and connect, in which the two take turns. Nothing else should run meanwhile.
# CONFIGS=S,X narrows the tables as for `make bench`. Needs the registry, or what it had in cargo's cache.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1

rounds=${1:-3}
configs=${CONFIGS:-S,X}
output=$PWD/target/tls-provider
results=$output/results
# As directories; the figures of the second are given as ratios to the first's.
names=(ring aws-lc-rs)

say() { printf 'tls-provider: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

[[ $rounds =~ ^[1-9][0-9]*$ ]] || die "ROUNDS is a number: $rounds"
# Results would go elsewhere, or not be what a build makes by itself.
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET CARGO_BUILD_TARGET_DIR RUSTFLAGS

copy_tree() {
    rm -rf "${output:?}/$1"
    mkdir -p "$output/$1"
    tar -c --anchored --exclude=./build --no-anchored --exclude=target --exclude=.git . | tar -x -C "$output/$1"
}

# switch_provider NAME: in the current directory.
switch_provider() {
    [ "$1" = ring ] && return
    sed -i '/^rustls = /s/"ring"/"aws_lc_rs"/' Cargo.toml
    find src -name '*.rs' -exec sed -i 's/\bcrypto::ring\b/crypto::aws_lc_rs/g' {} +
    grep -q '^rustls = .*"aws_lc_rs"' Cargo.toml || die "Cargo.toml does not have rustls with ring in one line"
    grep -rq 'crypto::aws_lc_rs' src/transport || die "src/transport does not name crypto::ring"
    ! grep -rnE '\bring::' src >&2 || die "this still uses ring"
}

# build NAME: says how long it took, how large the library is, and what is in it.
build() (
    cd "$output/$1"
    # What is missing in the lock file is added; all else stays as it is.
    cargo fetch --offline --quiet 2>/dev/null || cargo fetch --quiet
    started=$(date +%s%N)
    cargo build --release --locked --offline --quiet
    took_ms=$((($(date +%s%N) - started) / 1000000))
    strip -o target/stripped.so target/release/libktorws.so
    providers=$(cargo tree --locked --offline -e normal --prefix none --format '{p}' |
        grep -E '^(ring|aws-lc-rs|aws-lc-sys) ' | cut -d ' ' -f 1,2 | sort -u | paste -sd ',')
    printf '%-10s %9d.%d s %14d bytes   %s\n' "$1" $((took_ms / 1000)) $((took_ms % 1000 / 100)) \
        "$(stat -c %s target/stripped.so)" "$providers"
)

# measure NAME ROUND: one run of each work.
measure() (
    cd "$output/$1"
    directory=$results/$1/$2
    mkdir -p "$directory"
    if ! python3 benches/run.py tls connect --clients ktorws --configs "$configs" --rounds 1 \
        --output "$directory" >"$directory/printed" 2>&1; then
        cat "$directory/printed" >&2
        die "the benchmark failed with $1"
    fi
)

report() {
    python3 - "$results" "$rounds" "${names[@]}" <<'REPORT'
import json
import pathlib
import sys
from statistics import median

results, rounds, names = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]


def figures(name, number):
    rows = []
    for table in ("tls", "connect"):
        rows += json.loads((results / name / str(number) / f"{table}.json").read_text())
    return {(row["work"], row["config"], row["metric"]): row["median"] for row in rows}


runs = {name: [figures(name, number) for number in range(rounds)] for name in names}
first, second = names
line = "{:<22} {:<3} {:<20} {:>14} {:>14} {:>12}   {}"
print(line.format("work", "", "metric", first, second, f"{second}/", "of each round"))
for key in runs[first][0]:
    values = {name: [run[key] for run in runs[name]] for name in names}
    ratios = [other / own for own, other in zip(values[first], values[second]) if own]
    if not ratios:
        continue
    shown = [f"{median(values[name]):.3f}" for name in names]
    print(line.format(*key, *shown, f"{median(ratios):.3f}", f"{min(ratios):.3f} to {max(ratios):.3f}"))
REPORT
}

rm -rf "${results:?}"
built=
for name in "${names[@]}"; do
    say "building with $name"
    copy_tree "$name"
    (cd "$output/$name" && switch_provider "$name")
    built+=$(build "$name")$'\n'
done

for ((round = 0; round < rounds; round++)); do
    say "round $((round + 1)) of $rounds"
    order=("${names[@]}")
    # Neither is always the first.
    ((round % 2 == 0)) || order=("${names[1]}" "${names[0]}")
    for name in "${order[@]}"; do
        measure "$name" "$round"
    done
done

printf '\n%-10s %13s %20s   %s\n' provider "clean build" "stripped library" "what is linked"
printf '%s\n' "$built"
report
