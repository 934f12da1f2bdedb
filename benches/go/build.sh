#!/usr/bin/env bash
# Builds the clients in Go into target/bench/go, with the peers that Debian has; gws is not one of them.
# What cannot be had is left out, and said to be.
set -euo pipefail
cd "$(dirname "$0")/../.."

root=$PWD
output=$root/target/bench/go
debian=/usr/share/gocode

say() { printf 'peers: %s\n' "$*" >&2; }

if ! command -v go >/dev/null; then
    say "LEFT OUT: the clients in Go (no go: apt-get install golang-go)"
    exit 1
fi

tags=
# peer TAG DIRECTORY PACKAGE
peer() {
    [ -d "$debian/src/$2" ] || apt-get install -qq -y --no-install-recommends "$3" >/dev/null 2>&1 || true
    if [ -d "$debian/src/$2" ]; then
        tags=$tags,$1
    else
        say "LEFT OUT: $2 (no $3)"
    fi
}
peer gorilla github.com/gorilla/websocket golang-github-gorilla-websocket-dev
peer nhooyr nhooyr.io/websocket golang-nhooyr-websocket-dev

# Debian's packages of Go are for GOPATH: there they find what they need of each other.
mkdir -p "$output/path/src/ktorws.dev/go"
ln -sfn "$root/bindings/go" "$output/path/src/ktorws.dev/go/ktorws"
cat >"$output/ktorws.pc" <<PC
Name: ktorws
Description: the library that is measured
Version: 0
Libs: -L$root/target/bench -lktorws -Wl,-rpath,$root/target/bench
Cflags: -I$root/include
PC
cd benches/go
PKG_CONFIG_PATH=$output GOCACHE=$output/cache GOTOOLCHAIN=local GO111MODULE=off GOFLAGS='' GOPATH=$output/path:$debian \
    go build -tags "${tags#,}" -o "$output/clients" .
