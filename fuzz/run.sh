#!/usr/bin/env bash
# Runs the fuzz targets one after the other, each for so many seconds: fuzz/run.sh SECONDS [TARGET...]
# What they find stays in target/fuzz: each target's corpus, for the next time, and its artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.13.2
env_dir=$PWD/target/test-env
work=target/fuzz
triple=x86_64-unknown-linux-gnu

say() { printf 'fuzz: %s\n' "$*"; }

[ $# -ge 1 ] || { say "usage: fuzz/run.sh SECONDS [TARGET...]" >&2; exit 2; }
seconds=$1
shift
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(ls fuzz/fuzz_targets | sed 's/\.rs$//')

if [ "$("$env_dir/bin/cargo-fuzz" --version 2>/dev/null)" != "cargo-fuzz $version" ]; then
    say "installing cargo-fuzz into target/test-env"
    cargo install cargo-fuzz --locked --quiet --version "$version" --root "$env_dir"
fi

say "building (the first time, this takes about two minutes)"
mkdir -p "$work"
# A sanitizer would need the nightly toolchain.
PATH=$env_dir/bin:$PATH cargo fuzz build --fuzz-dir fuzz --target-dir "$work/build" --sanitizer none 2>"$work/build.log" ||
    { cat "$work/build.log" >&2; exit 1; }

executions=0
crashes=0
for target in "${targets[@]}"; do
    corpus=$work/corpus/$target
    artifacts=$work/artifacts/$target
    log=$work/$target.log
    mkdir -p "$corpus" "$artifacts"
    dictionary=fuzz/dictionaries/$target.dict
    options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=512 -print_final_stats=1 -artifact_prefix="$artifacts/")
    [ ! -f "$dictionary" ] || options+=(-dict="$dictionary")
    status=0
    "$work/build/$triple/release/$target" "${options[@]}" "$corpus" "fuzz/seeds/$target" >"$log" 2>&1 || status=$?
    count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    say "$target: ${count:-0} executions"
    executions=$((executions + ${count:-0}))
    ! grep -aq "libFuzzer: run interrupted" "$log" || { say "interrupted" >&2; exit 1; }
    if [ "$status" != 0 ]; then
        crashes=$((crashes + 1))
        grep -a -m 1 -A 8 "panicked at\|ERROR: libFuzzer" "$log" | cut -c 1-1000 || tail -n 20 "$log"
        sed -n 's/.*Test unit written to /fuzz: the input, a case for fuzz\/seeds: /p' "$log"
    fi
done

say "${#targets[@]} targets, $seconds s each, $executions executions, $crashes crashes"
[ "$crashes" = 0 ]
