#!/usr/bin/env bash
# tsan.sh CC LIBRARY_DIR WORK: a program that is built with -fsanitize=thread and linked with the library, which is not, gets no
# false report if it has sanitizers/tsan.c in it, and its own races are still found. Runs under the echo server.
set -euo pipefail
cc=$1 library_dir=$2 work=$3
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
mkdir -p "$work"
flags=(-std=c99 -g -O1 -Wall -Wextra -Werror -fsanitize=thread "-I$root/include" "-I$here/../c")

# Runtimes of some compilers cannot be where the kernel places programs at random.
run=(setarch -R)
setarch -R true 2>/dev/null || run=()
echo 'int main(void) { return 0; }' >"$work/nothing.c"
"$cc" "${flags[@]}" "$work/nothing.c" -o "$work/nothing" 2>/dev/null && "${run[@]}" "$work/nothing" 2>/dev/null || {
    echo "SKIPPED: no ThreadSanitizer"
    exit 77
}

# build NAME SOURCE...
build() {
    "$cc" "${flags[@]}" "${@:2}" "$here/tsan.c" -o "$work/$1" "-L$library_dir" -lktorws "-Wl,-rpath,$library_dir" -lpthread -ldl
}
# reports NAME WHAT [OPTIONS]: how many reports there are; the log is in $work/log
reports() {
    local status=0
    TSAN_OPTIONS=${3:-} "${run[@]}" "$work/$1" "$2" >"$work/log" 2>&1 || status=$?
    # that of the sanitizer after a report
    [ $status = 0 ] || [ $status = 66 ] || { cat "$work/log" >&2; echo "$1 $2: status $status" >&2; exit 1; }
    grep -c '^WARNING: ThreadSanitizer' "$work/log" || true
}
fail() { cat "$work/log" >&2; echo "tsan: $*" >&2; exit 1; }

build plain
build told "$root/sanitizers/tsan.c"
[ "$(reports plain no_race)" -gt 0 ] || fail "no false report without tsan.c: it is not needed any more"
[ "$(reports plain no_race "suppressions=$root/sanitizers/tsan.supp")" -gt 0 ] || fail "tsan.supp is enough"
! grep -A1 '^  \(Write\|Read\|Previous\)' "$work/log" | grep '#0 .*libktorws' || fail "the library's memory in spite of tsan.supp"
[ "$(reports told no_race)" = 0 ] || fail "false reports"
[ "$(reports told race)" -gt 0 ] || fail "a race of the program was not reported"
grep -q '#0 increment' "$work/log" || fail "another race was reported"
