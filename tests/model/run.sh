#!/bin/sh
# Runs the model checks: tests/model/run.sh [TEST...]
set -eu

cd "$(dirname "$0")/../.."
exec cargo test --release --locked --manifest-path tests/model/Cargo.toml --target-dir target/model -- \
    --nocapture --test-threads=2 "$@"
