#!/bin/sh
# Runs C tests against a library that AddressSanitizer instruments:
#
#     tests/stress/sanitized.sh library               builds the library
#     tests/stress/sanitized.sh SOURCE [ARGUMENT...]  builds the program tests/SOURCE, such as c/closing.c, and runs it
#
# Exits with 77 where the compilers cannot do that.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/target/sanitized
libraries=$build/x86_64-unknown-linux-gnu/debug

skip() {
    echo "SKIPPED: no test under AddressSanitizer: $1"
    exit 77
}

if [ "$1" = library ]; then
    cd "$root"
    mkdir -p "$build/c"
    echo 'int main(void) { return 0; }' >"$build/c/probe.c"
    # rustc instruments, and gcc brings the runtime: one of them is enough, and the C code is checked as well.
    gcc -fsanitize=address "$build/c/probe.c" -o "$build/c/probe" 2>/dev/null || skip "gcc has no libasan"
    [ "$(uname -m)" = x86_64 ] || skip "the script knows x86_64 only"
    tests/stress/instrument.sh address "$build"
    ln -sf libktorws.so "$libraries/libktorws.so.0"
    exit 0
fi

source=$root/tests/$1
program=$build/c/$(basename "$1" .c)
shift
[ -e "$libraries/libktorws.so.0" ] || skip "there is no such library"
gcc -std=c99 -g -O1 -fsanitize=address "-I$root/include" "-I$root/tests/c" "$source" -o "$program" \
    "-L$libraries" -lktorws "-Wl,-rpath,$libraries" -lpthread
options=detect_stack_use_after_return=1
# A child has copies of what only the parent's threads know of.
case $program in */fork*) options=$options:detect_leaks=0 ;; esac
ASAN_OPTIONS=$options exec "$program" "$@"
