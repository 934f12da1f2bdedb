#!/usr/bin/env bash
# header_compiles.sh LIBRARY_DIR: the header stands alone, in every C and C++ and under strict warnings, and
# every function, constant and macro it declares can be used.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
include=$root/include
symbols=$root/abi/symbols.txt
library_dir=$1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strict="-I$include -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
strict_c="$strict -Wstrict-prototypes -Wmissing-prototypes -Wc++-compat"

printf '#include <ktorws.h>\n' >"$work/alone.c"
printf '#include <ktorws.h>\n#include <ktorws.h>\n' >"$work/twice.c"

# What a program can name: functions from the ABI list, constants from the header's enumerations, macros
# from the preprocessor. Markers for declarations (function-like, or nothing but attributes) are no values.
functions=$(grep -oE '^ws_[a-z0-9_]+' "$symbols")
constants=$(grep -oE '^ *WS_[A-Z0-9_]+ *=' "$include/ktorws.h" | grep -oE 'WS_[A-Z0-9_]+' || true)
macros=$(gcc -dM -E -x c -std=c99 -I"$include" "$work/alone.c" |
    sed -nE '/__attribute__|extern/d; s/^#define (WS_[A-Z0-9_]+) .+$/\1/p')
declared=$(grep -oE '\bws_[a-z0-9_]+\(' "$include/ktorws.h" | tr -d '(' | sort -u)
for name in $functions; do
    grep -qx "$name" <<<"$declared" || { echo "the header does not declare $name of $symbols" >&2; exit 1; }
done
for list in functions constants macros; do
    [ -n "${!list}" ] || { echo "found no $list" >&2; exit 1; }
done
{
    printf '#include <ktorws.h>\n#include <stdio.h>\n'
    printf 'typedef void (*any_function)(void);\n'
    # A table, as the compiler drops a comparison it can answer itself together with the reference.
    printf 'static any_function functions[] = {\n'
    for name in $functions; do printf '    (any_function)%s,\n' "$name"; done
    printf '};\nint main(void)\n{\n    unsigned used = 0;\n'
    printf '    for (unsigned i = 0; i < sizeof functions / sizeof functions[0]; i++)\n'
    printf '        used += functions[i] != (any_function)0;\n'
    for name in $constants; do printf '    { int value = %s; used += value != -1; }\n' "$name"; done
    for name in $macros; do printf '    used += (%s) != 0;\n' "$name"; done
    printf '    return printf("%%u names used\\n", used) < 0;\n}\n'
} >"$work/every_symbol.c"

for std in c99 c11 c17 c2x; do
    for source in alone twice every_symbol; do
        gcc -std=$std $strict_c -Wno-address -c "$work/$source.c" -o "$work/$source.o"
    done
done
for std in c++11 c++17 c++20; do
    for source in alone twice every_symbol; do
        g++ -x c++ -std=$std $strict -Wno-address -c "$work/$source.c" -o "$work/$source.o"
    done
done
gcc -std=c11 $strict_c -c "$here/layout.c" -o "$work/layout.o"

gcc -std=c99 $strict_c -Wno-address "$work/every_symbol.c" -o "$work/every_symbol" \
    -L"$library_dir" -lktorws -Wl,-rpath,"$library_dir"
"$work/every_symbol"
