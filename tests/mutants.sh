#!/usr/bin/env bash
# Puts faults into the code, one after the other, and looks whether `cargo test` notices: tests/mutants.sh [K/N] [ARGUMENT...]
#
# K/N runs one of N shards, K from 0. ARGUMENTs are for cargo-mutants. Prints what nobody noticed; target/mutants/mutants.out has
# the rest. .cargo/mutants.toml says what is changed, and lists what cannot be noticed, with the reason.
set -euo pipefail
cd "$(dirname "$0")/.."

version=27.1.0
env_dir=$PWD/target/test-env
work=target/mutants

if [ "$("$env_dir/bin/cargo-mutants" mutants --version 2>/dev/null)" != "cargo-mutants $version" ]; then
    echo "mutants: installing cargo-mutants into target/test-env"
    cargo install cargo-mutants --locked --quiet --version "$version" --root "$env_dir"
fi

shard=()
if [ $# -gt 0 ]; then
    shard=(--shard "$1")
    shift
fi
mkdir -p "$work"
# What the crate needs is built once.
export CARGO_TARGET_DIR=$PWD/$work/build
"$env_dir/bin/cargo-mutants" mutants --output "$work" --no-times --colors never "${shard[@]}" "$@"
