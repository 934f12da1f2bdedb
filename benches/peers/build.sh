#!/usr/bin/env bash
# Builds the peers of the benchmarks into target/bench/peers, and installs the Debian packages that they need.
# A peer that cannot be built here is left out, and said to be. Quick when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/../.."

output=$PWD/target/bench/peers
objects=$output/c
sources=benches/peers

say() { printf 'peers: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# install_packages PACKAGE...: fails when this user or machine cannot install any.
apt_updated=
install_packages() {
    have apt-get || return 1
    local run=()
    if [ "$(id -u)" != 0 ]; then
        have sudo && sudo -n true 2>/dev/null || return 1
        run=(sudo -n)
    fi
    say "installing $*"
    if [ -z "$apt_updated" ]; then
        "${run[@]}" apt-get update -qq || return 1
        apt_updated=yes
    fi
    DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes "${run[@]}" apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# has_header LANGUAGE HEADER: the compiler finds it.
has_header() {
    printf '#include <%s>\n' "$2" | gcc -x "$1" -fsyntax-only - 2>/dev/null
}

# need LANGUAGE HEADER PACKAGE: the header, from that package if need be.
need() {
    has_header "$1" "$2" && return
    install_packages "$3" && has_header "$1" "$2"
}

leave_out() {
    say "LEFT OUT: $1 ($2)"
    rm -f "$output/$3"
}

# is_newer PROGRAM SOURCE...: nothing to be done.
is_newer() {
    local program=$1
    shift
    [ -x "$program" ] || return 1
    local source
    for source in "$@"; do
        [ "$program" -nt "$source" ] || return 1
    done
}

# What all clients in C and C++ are linked with.
common="bench many process texts works"
# shellcheck disable=SC2086 # a list of names
shared="benches/c/bench.h $(printf 'benches/c/%s.c ' $common) $sources/build.sh"

compile_shared() {
    local name
    for name in $common; do
        gcc -std=c11 -D_GNU_SOURCE -O2 -c "benches/c/$name.c" -o "$objects/$name.o"
    done
}

build_lws() {
    # shellcheck disable=SC2086 # a list of files
    is_newer "$output/lws" "$sources/lws.c" $shared && return
    compile_shared
    gcc -std=c11 -D_GNU_SOURCE -O3 -Wall -Wextra "$sources/lws.c" "$objects"/*.o -o "$output/lws" \
        -pthread -lwebsockets -luv -lssl -lcrypto
}

build_beast() {
    # shellcheck disable=SC2086 # a list of files
    is_newer "$output/beast" "$sources/beast.cpp" $shared && return
    say "compiling Boost.Beast, which takes half a minute"
    compile_shared
    g++ -std=c++17 -O3 -Wall -Wextra "$sources/beast.cpp" "$objects"/*.o -o "$output/beast" -pthread -lssl -lcrypto
}

# curl-sys knows less of Linux than libcurl's own configure, which would find these; without poll, libcurl uses select.
curl_flags="-DHAVE_POLL -DHAVE_EVENTFD -DHAVE_SYS_EVENTFD_H -DHAVE_SSL_CTX_SET_DEFAULT_READ_BUFFER_LEN"

# build_rust CARGO_ARGUMENT...
build_rust() {
    CFLAGS="${CFLAGS:-} $curl_flags" CARGO_TARGET_DIR=$output/cargo \
        cargo build --quiet --release --locked --manifest-path "$sources/Cargo.toml" "$@"
    ln -f "$output/cargo/release/rust_peers" "$output/rust_peers"
}

mkdir -p "$objects"
openssl=no
if need c openssl/ssl.h libssl-dev && { have pkg-config || install_packages pkg-config; }; then
    openssl=yes
fi

[ -x "$output/rust_peers" ] || say "compiling the Rust peers, which takes some minutes"
if [ $openssl = yes ]; then
    build_rust
else
    say "LEFT OUT: libcurl (no libssl-dev or no pkg-config)"
    build_rust --no-default-features
fi

if [ $openssl = yes ] && need c libwebsockets.h libwebsockets-dev && need c uv.h libuv1-dev; then
    build_lws
else
    leave_out libwebsockets "no libwebsockets-dev, no libuv1-dev or no libssl-dev" lws
fi

if ! have g++ && ! install_packages g++; then
    leave_out Boost.Beast "no g++" beast
elif [ $openssl = yes ] && need c++ boost/beast/version.hpp libboost-dev; then
    build_beast
else
    leave_out Boost.Beast "no libboost-dev or no libssl-dev" beast
fi
