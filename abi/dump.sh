#!/usr/bin/env bash
# dump.sh LIBRARY HEADER [RELEASE]: prints the ABI of LIBRARY as abidw writes it: what it exports, with the types that HEADER
# gives it. Rust's debug information does not have these, and C is what callers are compiled from. With the dump of a
# RELEASE structs that may grow are shown as far as they went then.
set -euo pipefail
library=$1 header=$2 release=${3-}
here=$(cd "$(dirname "$0")" && pwd)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

soname=$(readelf -dW "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
[ -n "$soname" ] || { echo "abi: $library has no SONAME" >&2; exit 1; }
: >"$work/structs"
[ -z "$release" ] || awk -f "$here/structs.awk" "$release" >"$work/structs"
awk -v release="$work/structs" -f "$here/interface.awk" "$header" >"$work/ktorws.c"
# Some of its types must be known to the compiler, nothing of its code is ever run.
(cd "$work" && ${CC:-cc} -std=c99 -g -O0 -fPIC -shared -Wl,-soname,"$soname" ktorws.c -o interface.so)

functions() { nm -D --defined-only "$1" | awk '$2 ~ /[TWi]/ { print $3 }' | LC_ALL=C sort; }
functions "$library" >"$work/exported"
functions "$work/interface.so" >"$work/declared"
diff -u --label "$header" --label "$library" "$work/declared" "$work/exported" >"$work/differences" || {
    echo "abi: the library does not export just what the header declares:" >&2
    grep '^[-+]' "$work/differences" >&2
    exit 1
}
abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --no-parameter-names --type-id-style hash \
    "$work/interface.so"
