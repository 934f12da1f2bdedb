#!/usr/bin/env bash
# Runs a command, and prints what it printed only if it fails: tests/quietly.sh COMMAND...
set -uo pipefail
output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0
"$@" >"$output" 2>&1 || status=$?
[ "$status" = 0 ] || cat "$output" >&2
exit "$status"
