#!/usr/bin/env bash
# recipes.sh CC HEADER_DIR LIBRARY_DIR: the C in docs/connecting.md compiles, without a warning, and links. A block that
# begins with #include is a program. Of each section, blocks that begin with "static" are functions, and all others are
# parts of one, in which there are config, session and error. Runs under the echo server.
set -euo pipefail
cc=$1 header_dir=$2 library_dir=$3
document=$(dirname "$0")/../../docs/connecting.md

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A program goes to program-N.c, the rest of a section to section-N.c.
awk -v work="$work" '
    function finish() {
        if (!parts && !functions) return
        out = work "/section-" section ".c"
        print "#include <ktorws.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n" functions >out
        print "void recipe(ws_config *config, ws_session *session, ws_error *error);" >out
        print "void recipe(ws_config *config, ws_session *session, ws_error *error)\n{" >out
        print "(void)config;\n(void)session;\n(void)error;\n" parts "}" >out
        close(out)
        parts = functions = ""
    }
    /^## / { finish(); section++ }
    /^```c$/ { inside = 1; block = ""; next }
    /^```$/ && inside {
        inside = 0
        if (block ~ /^#include/) { out = work "/program-" ++programs ".c"; printf "%s", block >out; close(out) }
        else if (block ~ /^static [^;]*\{\n/) functions = functions block "\n"
        else parts = parts "{\n" block "}\n"
        next
    }
    inside { block = block $0 "\n" }
    END { finish() }
' "$document"

strict=(-std=c99 -Wall -Wextra -Wpedantic -Werror "-I$header_dir")
link=("-L$library_dir" -lktorws "-Wl,-rpath,$library_dir")
count=0
for source in "$work"/section-*.c; do
    "$cc" "${strict[@]}" -shared -fPIC -Wl,--no-undefined "$source" -o "${source%.c}.so" "${link[@]}" ||
        { echo "in the section of $document:" >&2; cat "$source" >&2; exit 1; }
    count=$((count + 1))
done
for source in "$work"/program-*.c; do
    "$cc" "${strict[@]}" "$source" -o "${source%.c}" "${link[@]}"
done
sections=$(grep -c '^## ' "$document")
[ "$count" -eq "$sections" ] || { echo "$count of $sections sections have code" >&2; exit 1; }

# The first program says what happened.
expect() {
    local status=0 got
    got=$("$work/program-1" "$1") || status=$?
    [ "$status" = "$2" ] && grep -q -- "$3" <<<"$got" ||
        { printf 'for %s expected status %s and %s, got %s and %s\n' "$1" "$2" "$3" "$status" "$got" >&2; exit 1; }
}
expect "$ECHO_WS_URL" 0 "^open: $ECHO_WS_URL"
expect ws://127.0.0.1:1/ 1 '^WS_ERR_CONNECT while connecting: .*$'
expect "$ECHO_WSS_URL" 1 '^WS_ERR_TLS_CERTIFICATE while TLS: '
expect ftp://127.0.0.1/ 1 '^WS_ERR_URL while '
