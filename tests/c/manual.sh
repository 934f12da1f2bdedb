#!/usr/bin/env bash
# manual.sh CC HEADER_DIR LIBRARY_DIR: the programs shown in README.md and at the top of ktorws.h compile as they
# stand and print the echo. Runs under the echo server.
set -euo pipefail
cc=$1 header_dir=$2 library_dir=$3
readme=$(dirname "$0")/../../README.md

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check NAME: the program on standard input
check() {
    sed "s|ws://127.0.0.1:9000/|$ECHO_WS_URL|" >"$work/$1.c"
    "$cc" -std=c99 -Wall -Wextra -Wpedantic -Werror -I"$header_dir" "$work/$1.c" -o "$work/$1" \
        -L"$library_dir" -lktorws -Wl,-rpath,"$library_dir"
    local got
    got=$("$work/$1")
    [ "$got" = hello ] || { echo "the program in $1 printed '$got', expected 'hello'" >&2; exit 1; }
}

# The first block of C.
sed -n '/^```c$/,/^```$/{//d;p}' "$readme" | check README
# From its #include to the line that closes main.
sed -n '/^ \*     #include <ktorws.h>/,/^ \*     }$/s/^ \* \{0,5\}//p' "$header_dir/ktorws.h" | check header
