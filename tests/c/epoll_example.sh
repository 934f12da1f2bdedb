#!/usr/bin/env bash
# epoll_example.sh PROGRAM RUNS: c_examples/epoll.c, many times over: no event of a freed session reaches the loop.
set -euo pipefail

for _ in $(seq "$2"); do
    got=$("$1" "$ECHO_WS_URL" "$ECHO_WS_URL" "$ECHO_WS_URL" 2>&1) || got="$got (status $?)"
    [ "$got" = $'hello\nhello\nhello' ] || { printf 'got:\n%s\n' "$got" >&2; exit 1; }
done
