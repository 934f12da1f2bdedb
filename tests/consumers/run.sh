#!/usr/bin/env bash
# run.sh CMAKE BUILD_DIR ECHO_SERVER PYTHON: installs into a staging directory and builds and runs programs
# against that the way users do: find_package, pkg-config, ctypes.
set -euo pipefail
cmake=$1 build=$2 echo_server=$3 python=$4
here=$(cd "$(dirname "$0")" && pwd)
examples=$here/../../c_examples

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { printf 'consumers: %s\n' "$*"; }
fail() { printf 'consumers: %s\n' "$*" >&2; exit 1; }
# check WHAT ACTUAL EXPECTED
check() { [ "$2" = "$3" ] || fail "$1 is '$2', expected '$3'"; }

run_example() {
    local expected=$'sent: hello\nreceived: hello\nclosed: 1000 bye (clean)'
    check "output of $1 over ws" "$("$echo_server" -- sh -c '"$1" "$ECHO_WS_URL"' - "$1")" "$expected"
    check "output of $1 over wss" \
        "$("$echo_server" -- sh -c '"$1" "$ECHO_WSS_URL" "$ECHO_CA_FILE"' - "$1")" "$expected"
}

step "install with DESTDIR, as packagers do"
prefix=/opt/ktorws
root=$work/dest$prefix
DESTDIR=$work/dest "$cmake" --install "$build" --prefix $prefix >/dev/null
[ ! -e $prefix ] || fail "$prefix was written to, outside DESTDIR"
libdir=$(dirname "$(find "$root" -name libktorws.so)")
version=$(sed -n 's/^#define WS_VERSION_STRING "\(.*\)"$/\1/p' "$root/include/ktorws.h")
[ -n "$version" ] || fail "no WS_VERSION_STRING in the installed header"

step "files, links and SONAME"
readelf -dW "$libdir/libktorws.so" >"$work/dynamic"
soname=$(sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p' "$work/dynamic")
check SONAME "$soname" libktorws.so.0
[ -f "$libdir/libktorws.so.$version" ] && [ ! -L "$libdir/libktorws.so.$version" ] ||
    fail "libktorws.so.$version is no ordinary file"
check "$soname" "$(readlink "$libdir/$soname")" "libktorws.so.$version"
check libktorws.so "$(readlink "$libdir/libktorws.so")" "$soname"
! grep -E 'RPATH|RUNPATH' "$work/dynamic" || fail "the library carries a search path"
! grep -rqF "$work" "$root/" || fail "an installed file mentions DESTDIR"

step "headers for C++ and files for sanitizers"
for file in include/ktorws.hpp include/ktorws/asio.hpp include/ktorws/detail/asio_operations.hpp share/ktorws/tsan.c \
    share/ktorws/tsan.supp; do
    [ -s "$root/$file" ] || fail "$file is not installed"
done

step "manual pages"
man_dir=$root/share/man
for page in man3/ws_connect.3 man3/ws_status.3 man3/ktorws.3 man7/ktorws.7; do
    [ -s "$man_dir/$page" ] || fail "$page is not installed"
done
if command -v man >/dev/null; then
    [ "$(MANPATH=$man_dir man -w ws_recv)" = "$man_dir/man3/ws_recv.3" ] || fail "man does not find ws_recv"
fi

for language in c cpp; do
    step "find_package: $language"
    build_dir=$work/find_package_$language
    "$cmake" -S "$here/find_package" -B "$build_dir" \
        -DCMAKE_PREFIX_PATH="$root" -DSOURCE="$examples/echo.$language" >/dev/null
    "$cmake" --build "$build_dir" >/dev/null
    run_example "$build_dir/shared"
    if [ -e "$libdir/libktorws.a" ]; then
        run_example "$build_dir/static"
    fi
done
if "$cmake" -S "$here/find_package" -B "$work/other_version" -DSOURCE="$examples/echo.c" \
    -DCMAKE_PREFIX_PATH="$root" -DWANTED=0.99 >/dev/null 2>&1; then
    fail "version $version was taken for 0.99"
fi

if [ -e "$libdir/libktorws.a" ]; then
    for fetched in OFF ON; do
        step "add_subdirectory, FetchContent: $fetched"
        build_dir=$work/parent_$fetched
        "$cmake" -S "$here/add_subdirectory" -B "$build_dir" -DKTORWS="$here/../.." -DFETCHED=$fetched -DKTORWS_STATIC=ON \
            -DKTORWS_PREBUILT="$libdir" -DSOURCE="$examples/echo.c" -DBUILD_TESTING=ON >/dev/null
        "$cmake" --build "$build_dir" >/dev/null
        run_example "$build_dir/shared"
        run_example "$build_dir/static"
        check "its tests" "$(cd "$build_dir" && "$(dirname "$(command -v "$cmake")")/ctest" -N | sed -n 's/^Total Tests: //p')" 1
        "$cmake" --install "$build_dir" --prefix "$build_dir/installed" >/dev/null
        check "what it installs" "$(cd "$build_dir/installed" && find . -type f)" ./bin/static
    done
fi

# with_pkg_config DIRECTORY LANGUAGE: PKG_CONFIG_* come from the caller
with_pkg_config() {
    check "version in ktorws.pc" "$(pkg-config --modversion ktorws)" "$version"
    mkdir "$1"
    make -s -C "$1" -f "$here/pkg_config/Makefile" SOURCE="$examples/echo.$2" shared
    LD_LIBRARY_PATH=$libdir run_example "$1/shared"
    if [ -e "$libdir/libktorws.a" ]; then
        make -s -C "$1" -f "$here/pkg_config/Makefile" SOURCE="$examples/echo.$2" static
        ! readelf -dW "$1/static" | grep -q libktorws || fail "the static program needs libktorws.so"
        run_example "$1/static"
        make -s -C "$1" -f "$here/pkg_config/Makefile" SOURCE="$examples/echo.$2" all_static 2>"$1/warnings" ||
            { cat "$1/warnings" >&2; fail "nothing can be linked with -static"; }
        ! readelf -lW "$1/all_static" | grep -q INTERP || fail "the program that is all static needs a loader"
        run_example "$1/all_static"
    fi
}

step "pkg-config, found in DESTDIR as a sysroot"
(
    export PKG_CONFIG_PATH=$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work/dest
    check "prefix in ktorws.pc" "$(PKG_CONFIG_SYSROOT_DIR= pkg-config --variable=prefix ktorws)" $prefix
    with_pkg_config "$work/pkg_config_sysroot" c
)

step "pkg-config, found in a prefix chosen at installation"
"$cmake" --install "$build" --prefix "$work/chosen" >/dev/null
(
    libdir=$(dirname "$(find "$work/chosen" -name libktorws.so)")
    export PKG_CONFIG_PATH=$libdir/pkgconfig
    with_pkg_config "$work/pkg_config_prefix" cpp
)

step "a prefix that was moved after installation"
mv "$work/chosen" "$work/moved"
(
    libdir=$(dirname "$(find "$work/moved" -name libktorws.so)")
    export PKG_CONFIG_PATH=$libdir/pkgconfig
    check "prefix in ktorws.pc" "$(pkg-config --define-prefix --variable=prefix ktorws)" "$work/moved"
    check "options" "$(pkg-config --define-prefix --cflags --libs ktorws | xargs)" "-I$work/moved/include -L$libdir -lktorws"
    "$cmake" -S "$here/find_package" -B "$work/find_moved" -DCMAKE_PREFIX_PATH="$work/moved" -DSOURCE="$examples/echo.c" >/dev/null
    "$cmake" --build "$work/find_moved" >/dev/null
    run_example "$work/find_moved/shared"
)

step "ctypes"
check "output of consumer.py" "$("$echo_server" -- sh -c '"$@" "$ECHO_WSS_URL" "$ECHO_CA_FILE"' - \
    "$python" "$here/ctypes/consumer.py" "$libdir/$soname")" "received: grüß dich"
