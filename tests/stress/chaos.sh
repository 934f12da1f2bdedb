#!/bin/sh
# Runs the chaos test against builds of the library, each for a time:
#
#     tests/stress/chaos.sh SECONDS BUILD...
#
# BUILD is address or thread, for the sanitizer of that name, or release, which `make build` has built. SEED in the
# environment repeats the choices of a run. The last line of a build counts what was done.
#
# Both sanitizers run with the runtime that comes with rustc: unlike that of older gccs it bears a fork while other
# threads are busy. gcc instruments the C sources, rustc the library. If rustc does not instrument the standard library of
# Rust, ThreadSanitizer does not see what orders memory in it, and tests/stress/thread_std.c tells it. There are no
# suppressions.
#
# Exits with 77 where the compilers cannot make one of them.
set -eu

cd "$(dirname "$0")/../.."
seconds=$1
shift
host=x86_64-unknown-linux-gnu
sysroot=$(rustc --print sysroot)
output=target/chaos

runtime_of() {
    case $1 in address) short=asan ;; *) short=tsan ;; esac
    ls "$sysroot/lib/rustlib/$host/lib/"librustc*_rt.$short.a 2>/dev/null || true
}

# Why a build cannot be made here; nothing if it can.
missing() {
    [ "$build" = release ] || [ "$(uname -m)" = x86_64 ] || echo "the script knows x86_64 only"
    [ "$build" = release ] || [ -n "$(runtime_of "$build")" ] || echo "rustc has no runtime for it"
}

# Has ThreadSanitizer know what the standard library does where that is not instrumented. Prints what to link with.
explain_std() {
    defines= wraps="-Wl,--wrap=__tsan_atomic64_fetch_sub -Wl,--wrap=epoll_ctl -Wl,--wrap=epoll_wait"
    for pair in MUTEX_LOCK:5mutex5futex.*14lock_contended RWLOCK_READ:6rwlock5futex.*14read_contended \
        RWLOCK_WRITE:6rwlock5futex.*15write_contended CONDVAR_WAIT:7condvar5futex.*4wait \
        CONDVAR_WAIT_TIMEOUT:7condvar5futex.*12wait_timeout ONCE_CALL:4once5futex.*4call; do
        symbol=$(nm "$library" 2>/dev/null | sed -n "s/.* \(_RN[^ ]*3std3sys4sync${pair#*:}\)$/\1/p" | sort -u | head -n 1)
        [ -n "$symbol" ] || continue
        defines="$defines -D${pair%%:*}=\"$symbol\""
        wraps="$wraps -Wl,--wrap=$symbol"
    done
    gcc -std=c99 -g -O1 -c tests/stress/thread_std.c $defines -o "$output/thread/thread_std.o"
    echo "$wraps"
}

run() {
    flags= runtime=
    case $build in
    address | thread)
        directory=target/sanitized
        [ "$build" = address ] || directory=target/sanitized-$build
        tests/stress/instrument.sh "$build" $directory
        library=$directory/$host/debug/libktorws.a
        flags=-fsanitize=$build
        runtime="-Wl,--whole-archive $(runtime_of "$build") -Wl,--no-whole-archive -Wl,--export-dynamic -lstdc++"
        ;;
    release)
        library=target/release/libktorws.a
        ;;
    *)
        echo "chaos: no build is called $build" >&2
        exit 1
        ;;
    esac

    mkdir -p "$output/$build"
    program=$output/$build/chaos
    if [ -n "$(find tests/stress include/ktorws.h tests/c/check.h $library -newer "$program" 2>&1)" ]; then
        for source in tests/stress/chaos/*.c; do
            gcc -std=c99 -g -O1 -fno-omit-frame-pointer $flags -Iinclude -Itests/c -c "$source" \
                -o "$output/$build/$(basename "$source" .c).o"
        done
        [ "$build" != thread ] || runtime="$(explain_std) $runtime"
        gcc "$output/$build"/*.o $library $runtime -o "$program" -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
    fi

    log=$output/$build/log
    if ! target/debug/examples/echo_server -- "$program" --name "$build" --seconds "$seconds" ${SEED:+--seed "$SEED"} \
        >"$log" 2>&1; then
        cat "$log" >&2
        echo "chaos: $build failed; the log is in $log" >&2
        exit 1
    fi
    tail -n 1 "$log"
}

cargo build --locked --quiet --example echo_server
export ASAN_OPTIONS=detect_stack_use_after_return=1:handle_abort=1
export TSAN_OPTIONS=die_after_fork=0:report_thread_leaks=0:second_deadlock_stack=1
skipped=0
for build; do
    reason=$(missing)
    if [ -n "$reason" ]; then
        echo "SKIPPED: no chaos test with the build $build: $reason" >&2
        skipped=77
    else
        run
    fi
done
exit $skipped
