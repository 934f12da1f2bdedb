#!/usr/bin/env bash
# test.sh LIBRARY_DIR WORK_DIR PYTHON: the module, its tests and the example, without build.zig, whose own compilation takes minutes
# where nothing is cached. Runs under the echo server; caches go to WORK_DIR.
set -euo pipefail
library_dir=$1 work=$2 python=$3
here=$(cd "$(dirname "$0")" && pwd)
zig() { "$python" -m ziglang "$@"; }
mkdir -p "$work"
export ZIG_GLOBAL_CACHE_DIR=$work/cache ZIG_LOCAL_CACHE_DIR=$work/cache
cd "$here"

for source in build.zig src/*.zig examples/*.zig; do zig ast-check "$source"; done

# Constants, members of structs and functions as in the header.
header=../../include/ktorws.h
names() { grep -oE "$1" "$2" | sed -E 's/: c_int//; s/ += +/ = /; s/,$//; s/^pub (const|extern fn) //; s/\($//' | sort -u; }
functions() { sed -nE '/^typedef/d; s/^[a-z][a-z0-9_ *]*[ *](ws_[a-z0-9_]+)\(.*/\1/p' "$header" | sort -u; }
members_in_c() { sed -nE '/^typedef struct ws_[a-z_]+ \{/,/^\}/{s/^typedef struct (ws_[a-z_]+) \{/\1/p; s/^    [a-z].*\(\*([a-z_]+)\)\(.*/\1/p; s/^    [a-z][a-z0-9_ *]*[ *]([a-z0-9_]+)(\[[0-9]+\])?;/\1/p}' "$header"; }
members_in_zig() { sed -nE 's/^pub const struct_(ws_[a-z_]+) = extern struct \{/\1/p; s/^    ([a-z0-9_]+): .*/\1/p' src/c.zig; }
diff <(names '\bWS_[A-Z0-9_]+ = -?[0-9]+,' "$header") <(names 'pub const WS_[A-Z0-9_]+: c_int = -?[0-9]+' src/c.zig) &&
    diff <(functions) <(names 'pub extern fn ws_[a-z0-9_]+' src/c.zig) && diff <(members_in_c) <(members_in_zig) ||
    { echo "src/c.zig is not what ktorws.h is: run declarations.sh" >&2; exit 1; }

# build COMMAND SOURCE PROGRAM OPTIONS...
build() {
    zig "$1" --dep ktorws "-Mroot=$2" "-Mktorws=$here/src/ktorws.zig" -lc -lktorws "-L$library_dir" \
        -rpath "$library_dir" "-femit-bin=$work/$3" "${@:4}"
}
build test src/tests.zig tests --test-no-exec
"$work/tests"
build build-exe examples/echo.zig echo
said=$'sent: hello\nreceived: hello\nclosed: 1000 bye (clean)'
[ "$("$work/echo" "$ECHO_WS_URL")" = "$said" ]
[ "$("$work/echo" "$ECHO_WSS_URL" "$ECHO_CA_FILE")" = "$said" ]
! "$work/echo" "$ECHO_WSS_URL" 2>"$work/error"
grep -q 'TlsCertificateInvalid: .*certificate' "$work/error"
# The program in README.md.
sed -n '/^```zig$/,/^```$/{//d;p}' README.md | sed "s|ws://127.0.0.1:9000/|$ECHO_WS_URL|" >"$work/readme.zig"
build build-exe "$work/readme.zig" readme
[ "$("$work/readme" 2>&1)" = "hello" ]
