#!/bin/sh
# Builds the library with AddressSanitizer, and runs the stress test and the C tests against it:
#
#     tests/stress/run.sh [ROUNDS [SEED]]
#
# Exits with 77 where the compilers cannot do that.
set -eu

cd "$(dirname "$0")/../.."
python=${PYTHON:-target/test-env/venv/bin/python}
build=target/sanitized
library=$build/x86_64-unknown-linux-gnu/debug/libktorws.a
echo_server=target/debug/examples/echo_server

# Not here: programs that measure memory or count allocations, those that load the library themselves or list its
# descriptors, no_threads, which leaves no room for the sanitizer, and those that fork while other threads are busy, for
# the sanitizer's own locks do not survive that.
echo_tests="closing connecting fork invalid_arguments invalid_waiting lifecycle logging opening sending_receiving \
shutting_down signals start_race threads"
steered_tests="batches callbacks callbacks_blocking callbacks_ending callbacks_freeing callbacks_inside event_fd \
event_fd_losses event_fd_queues event_fd_threads extensions flushing fragmenting groups groups_endings groups_event_fd groups_freeing groups_waiting \
interrupting modes queues reconnecting_cycles recv_callback sigpipe timeouts waking"

skip() {
    echo "SKIPPED: no test under AddressSanitizer: $1" >&2
    exit 77
}

mkdir -p $build/c
echo 'int main(void) { return 0; }' >$build/c/probe.c
# rustc instruments, and gcc brings the runtime: one of them is enough, and the C code is checked as well.
gcc -fsanitize=address $build/c/probe.c -o $build/c/probe 2>/dev/null || skip "gcc has no libasan"
[ "$(uname -m)" = x86_64 ] || skip "the script knows x86_64 only"
[ -x "$python" ] || skip "no $python: run tests/setup.sh first"

cargo build --locked --quiet --example echo_server
# Less for the linker to read.
export CARGO_PROFILE_DEV_DEBUG=line-tables-only
RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo rustc --locked --quiet --target x86_64-unknown-linux-gnu \
    --target-dir $build --lib --crate-type staticlib

# Linking takes most of the time: only what has changed.
compile() {
    [ -z "$(find "$1" tests/c/*.h tests/stress/*.h include/ktorws.h $library -newer "$2" 2>&1)" ] && return
    gcc -std=c99 -g -O1 -fsanitize=address -Iinclude -Itests/c "$1" $library -o "$2" \
        -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
}

run() {
    name=$1
    shift
    if ! "$@" >$build/c/"$name".log 2>&1; then
        cat $build/c/"$name".log >&2
        echo "sanitized: $name failed" >&2
        exit 1
    fi
    echo "sanitized: $name passed"
}

options=detect_stack_use_after_return=1
export ASAN_OPTIONS=$options
for name in $echo_tests $steered_tests; do
    compile "tests/c/$name.c" "$build/c/$name"
done
compile tests/stress/stress.c $build/c/stress

run stress $echo_server -- $build/c/stress "${1:-60}" ${2:+"$2"}
for name in $echo_tests; do
    # A child has copies of what only the parent's threads know of.
    case $name in
    fork*) ASAN_OPTIONS=$options:detect_leaks=0 ;;
    *) ASAN_OPTIONS=$options ;;
    esac
    run "$name" $echo_server -- "$build/c/$name"
done
for name in $steered_tests; do
    run "$name" $echo_server -- "$python" -B tests/hostile/steered_server.py -- "$build/c/$name"
done
