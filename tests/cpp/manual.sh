#!/usr/bin/env bash
# manual.sh CXX HEADER_DIR LIBRARY_DIR BOOST_DIR: the programs at the top of ktorws.hpp and ktorws/asio.hpp print the echo, and so
# do those in docs/cpp.md. What else is C++ there compiles without a warning. Runs under the echo server. BOOST_DIR is empty
# where there is no Boost.
set -euo pipefail
cxx=$1 header_dir=$2 library_dir=$3 boost_dir=$4
document=$(dirname "$0")/../../docs/cpp.md

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strict=(-std=c++17 -Wall -Wextra -Wpedantic -Wshadow -Werror "-I$header_dir")

# check NAME OPTION...: the program on standard input
check() {
    sed "s|ws://127.0.0.1:9000/|$ECHO_WS_URL|" >"$work/$1.cpp"
    "$cxx" "${strict[@]}" "${@:2}" "$work/$1.cpp" -o "$work/$1" -L"$library_dir" -lktorws -Wl,-rpath,"$library_dir"
    local got
    got=$("$work/$1")
    [ "$got" = hello ] || { echo "the program in $1 printed '$got', expected 'hello'" >&2; exit 1; }
}

# From its #include to the line that closes main.
sed -n '/^ \*     #include <ktorws.hpp>/,/^ \*     }$/s/^ \* \{0,5\}//p' "$header_dir/ktorws.hpp" | check header
# The first block of C++.
awk '/^```cpp$/ { inside = 1; next } /^```$/ && inside { exit } inside' "$document" | check cpp
if [ -n "$boost_dir" ] && echo '#include <coroutine>' | "$cxx" -std=c++20 -fsyntax-only -x c++ - 2>/dev/null; then
    sed -n '/^#include <boost\/asio.hpp>/,/^```$/p' "$document" | grep -v '^```' | tee "$work/asio_document" |
        check asio -std=c++20 -pthread -isystem "$boost_dir"
    # The header has the same one.
    sed -n '/^ \*     #include <boost\/asio.hpp>/,/^ \* [A-Z]/p' "$header_dir/ktorws/asio.hpp" |
        sed '$d; s/^ \* \{0,5\}//' | diff -B - "$work/asio_document"
fi

# std::expected needs a newer standard than the rest.
standard=c++23
has_expected=$'#include <version>\n#ifndef __cpp_lib_expected\n#error\n#endif'
"$cxx" -std=$standard -fsyntax-only -x c++ - <<<"$has_expected" 2>/dev/null || standard=c++17

# The others are bodies of functions, in which there are a session, a config and an ec.
awk -v standard=$standard '
    BEGIN {
        print "#include <ktorws.hpp>\n#include <iostream>\n#include <unordered_map>\n#include <vector>\nusing namespace std::chrono_literals;"
    }
    /^```cpp$/ { inside = ++count; block = ""; next }
    /^```$/ && inside {
        arguments = "([[maybe_unused]] ktorws::session &session, [[maybe_unused]] ktorws::config &config, [[maybe_unused]] std::error_code &ec)"
        if (inside > 1 && block !~ /asio/ && (standard == "c++23" || block !~ /as_expected/))
            print "void f" inside arguments ";\nvoid f" inside arguments "\n{\n" block "}"
        inside = 0
        next
    }
    inside > 1 { block = block $0 "\n" }
' "$document" >"$work/blocks.cpp"
"$cxx" "${strict[@]}" -std=$standard -fsyntax-only "$work/blocks.cpp" || { cat "$work/blocks.cpp" >&2; exit 1; }
blocks=$(grep -c '^void f.*);$' "$work/blocks.cpp")
[ "$blocks" -ge 8 ] || { echo "found only $blocks blocks in $document" >&2; exit 1; }
