#!/usr/bin/env bash
# Puts faults into the code that needs no I/O, one after the other, and looks whether `cargo test` notices:
#
#     tests/mutants.sh [K/N] [ARGUMENT...]
#
# K/N runs one of N shards, K from 0. ARGUMENTs are for cargo-mutants. Prints what no test noticed; target/mutants/mutants.out has
# the rest. .cargo/mutants.toml lists what no test can notice, with the reason.
#
# Each fault is a build. So that it takes seconds, the code is copied into a crate that has nothing else, with those of the
# tests of `cargo test` that are for it: target/mutants/crate.
set -euo pipefail
cd "$(dirname "$0")/.."

version=27.1.0
env_dir=$PWD/target/test-env
work=$PWD/target/mutants
crate=$work/crate
# the parts of the session that are rules only
rules=(background/backoff send/coalescing deadline)
dependencies=(base64 httparse httpdate rand_chacha sha1 simdutf8 zlib-rs)

if [ "$("$env_dir/bin/cargo-mutants" mutants --version 2>/dev/null)" != "cargo-mutants $version" ]; then
    echo "mutants: installing cargo-mutants into target/test-env"
    cargo install cargo-mutants --locked --quiet --version "$version" --root "$env_dir"
fi

rm -rf "$crate"
mkdir -p "$crate/src/session/background" "$crate/src/session/send" "$crate/tests" "$crate/fuzz"
cp -r src/error.rs src/frame src/http src/protocol "$crate/src"
for rule in "${rules[@]}"; do cp "src/session/$rule.rs" "$crate/src/session/$rule.rs"; done
cp -r tests/protocol tests/fuzz_cases.rs "$crate/tests"
cp -r fuzz/src fuzz/seeds "$crate/fuzz"
cp -r Cargo.lock .cargo "$crate"
{
    echo "#![allow(dead_code, missing_docs)]"
    printf 'pub mod %s;\n' error frame http protocol
    echo "mod session;"
} >"$crate/src/lib.rs"
for rule in "${rules[@]}"; do
    case $rule in
    */*) echo "mod ${rule%/*} { mod ${rule#*/}; }" ;;
    *) echo "mod $rule;" ;;
    esac
done >"$crate/src/session/mod.rs"
{
    sed -n '/^\[package\]/,/^edition/p' Cargo.toml
    printf '[lib]\ndoctest = false\n[dependencies]\n'
    for name in "${dependencies[@]}"; do grep "^$name = " Cargo.toml; done
    printf '[dev-dependencies]\n'
    grep "^proptest = " Cargo.toml
    printf '[profile.dev]\ndebug = false\n[profile.dev.package]\nproptest.opt-level = 2\nzlib-rs.opt-level = 2\n[workspace]\n'
} >"$crate/Cargo.toml"

shard=()
if [ $# -gt 0 ]; then
    shard=(--shard "$1" --sharding round-robin)
    shift
fi
# What the crate needs is built once.
export CARGO_TARGET_DIR=$work/build
"$env_dir/bin/cargo-mutants" mutants --dir "$crate" --output "$work" --no-times --colors never "${shard[@]}" "$@"
