#!/usr/bin/env bash
# Looks for tests that fail now and then: tests/flaky.sh BUILD_DIR ROUNDS
#
# Runs the quick part of the suite so many times beside two busy loops: the Rust tests, the C tests without valgrind, and
# each program of c_examples, a hundred times at least. Prints what failed and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 rounds=$2
example_runs=$(((100 + rounds - 1) / rounds))

# They also end when this script is killed.
for _ in 1 2; do
    (while kill -0 $$ 2>/dev/null; do for ((i = 0; i < 100000; i++)); do :; done; done) &
    loops+=($!)
done
failures=$(mktemp)
stop() {
    kill "${loops[@]}"
    wait "${loops[@]}" 2>/dev/null || true
    rm -f "$failures"
}
trap stop EXIT

# attempt WHAT COMMAND...
attempt() {
    local what=$1
    shift
    tests/quietly.sh "$@" || echo "$what" >>"$failures"
}

for round in $(seq "$rounds"); do
    attempt "round $round, Rust tests" cargo test --locked --quiet
    attempt "round $round, C tests" tests/ctest.sh "$build" --schedule-random -L '^quick$'
    attempt "round $round, examples" tests/ctest.sh "$build" --schedule-random -L '^example$' --repeat until-fail:"$example_runs"
done

[ ! -s "$failures" ] || {
    echo "flaky: failed in"
    sed 's/^/    /' "$failures"
    exit 1
}
