#!/usr/bin/env bash
# native_libs.sh CC ARCHIVE LIBS: LIBS, which ktorws.pc and the CMake package have programs link with besides the static library, are
# what rustc names for its own library, and all that the crates need too.
set -euo pipefail
cc=$1 archive=$2 libs=$3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The list of the whole library would take building it again: crates add to that of an empty one only what the linker misses below.
: >"$work/empty.rs"
rustc --crate-type staticlib --print native-static-libs="$work/libs" -o "$work/libempty.a" "$work/empty.rs" 2>"$work/said" ||
    { cat "$work/said" >&2; exit 1; }
# The compiler that links brings the unwinder, which is another one in a static program.
needed=$(sed 's/-lgcc_s //' "$work/libs")
[ "$needed" = "$libs" ] || {
    printf 'CMakeLists.txt has "%s", rustc says "%s"\n' "$libs" "$needed" >&2
    exit 1
}
# shellcheck disable=SC2086 # options
"$cc" -shared -nodefaultlibs -Wl,-z,defs -Wl,--whole-archive "$archive" -Wl,--no-whole-archive $libs -lgcc_s -o "$work/all.so"
