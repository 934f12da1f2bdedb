#!/usr/bin/env bash
# Measures the library with ring, the provider of its TLS, beside the library with aws-lc-rs:
#
#     benches/tls_provider.sh [ROUNDS]
#
# Each is a copy of the tree under target/tls-provider, built from nothing. Prints the time of that, the size of the
# stripped library, and the tables tls and connect, in which aws-lc-rs is the other build. Nothing else should run meanwhile.
# CONFIGS=S,X narrows the tables as for `make bench`. Needs the registry, or what it had in cargo's cache.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1

rounds=${1:-3}
configs=${CONFIGS:-S,X}
output=$PWD/target/tls-provider
# As directories.
names=(ring aws-lc-rs)

say() { printf 'tls-provider: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

[[ $rounds =~ ^[1-9][0-9]*$ ]] || die "ROUNDS is a number: $rounds"
# Builds would go elsewhere, or not be what a build makes by itself.
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
    sed -i 's/^ring = .*/aws-lc-rs = "1"/' Cargo.toml
    # The signatures of the two have the same API.
    find src -name '*.rs' -exec sed -i 's/\bring::signature\b/aws_lc_rs::signature/; s/\bcrypto::ring\b/crypto::aws_lc_rs/g' {} +
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

built=
for name in "${names[@]}"; do
    say "building with $name"
    copy_tree "$name"
    (cd "$output/$name" && switch_provider "$name")
    built+=$(build "$name")$'\n'
done

printf '\n%-10s %13s %20s   %s\n' provider "clean build" "stripped library" "what is linked"
printf '%s\n' "$built"

cd "$output/ring"
python3 benches/run.py tls connect --clients ktorws --configs "$configs" --rounds "$rounds" \
    --other "$output/aws-lc-rs/target/release/libktorws.so"
