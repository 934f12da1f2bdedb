#!/usr/bin/env bash
# header_compiles.sh HEADER_DIR WORK_DIR PYTHON: ktorws.hpp stands alone in every C++ from 17 on, with and without exceptions
# and RTTI, under strict warnings, with each compiler that is there, and has every function and number of ktorws.h.
set -euo pipefail
include=$1 work=$2 python=$3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"

strict=("-I$include" -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast -Wnon-virtual-dtor -Werror)

# types.cpp begins with the header, twice.
compile() {
    "$@" "${strict[@]}" -c "$here/types.cpp" -o "$work/out.o"
}

for std in c++17 c++20 c++2b; do
    compile g++ -std=$std -Wsign-conversion -Weffc++ -fsyntax-only
done
compile g++ -std=c++17 -fno-exceptions -fno-rtti -fsyntax-only
g++ -std=c++17 "${strict[@]}" -Weffc++ -fsyntax-only "$here/codes.cpp"
g++ -std=c++2b "${strict[@]}" -Weffc++ -fsyntax-only "$here/expected.cpp"

# Zig has clang inside.
clang=
if command -v clang++ >/dev/null; then
    clang=clang++
elif "$python" -c 'import ziglang' 2>/dev/null; then
    export ZIG_GLOBAL_CACHE_DIR=$work/zig ZIG_LOCAL_CACHE_DIR=$work/zig
    clang="$python -m ziglang c++"
fi
if [ -n "$clang" ]; then
    for std in c++17 c++2b; do
        # shellcheck disable=SC2086 # a command and its arguments
        compile $clang -std=$std
    done
    # shellcheck disable=SC2086
    compile $clang -std=c++20 -fno-exceptions -fno-rtti
else
    echo "no clang: only g++ was tried"
fi

# Extensions are written in C's terms.
functions=$(grep -oE '^[a-z].*[ *]ws_[a-z0-9_]+\(' "$include/ktorws.h" | grep -oE 'ws_[a-z0-9_]+\($' | tr -d '(')
numbers=$(grep -oE '^    WS_[A-Z0-9_]+ = ' "$include/ktorws.h" | grep -oE 'WS_[A-Z0-9_]+' | grep -v '^WS_PIECE_')
[ "$(wc -w <<<"$functions")" -ge 150 ] && [ "$(wc -w <<<"$numbers")" -ge 100 ] || { echo "ktorws.h is not understood" >&2; exit 1; }
unused=$(for name in $functions $numbers; do
    grep -qwF "$name" "$include/ktorws.hpp" || echo "$name"
done)
[ -z "$unused" ] || { printf 'ktorws.hpp does not have:\n%s\n' "$unused" >&2; exit 1; }

# Without exceptions the functions that throw are not there, instead of failing at run time.
printf '#include <ktorws.hpp>\nvoid f(ktorws::session &s);\nvoid f(ktorws::session &s) { s.send_text(""); }\n' >"$work/throws.cpp"
g++ -std=c++17 "-I$include" -fsyntax-only "$work/throws.cpp"
if g++ -std=c++17 "-I$include" -fno-exceptions -fsyntax-only "$work/throws.cpp" 2>/dev/null; then
    echo "send_text without an error_code is there without exceptions" >&2
    exit 1
fi
