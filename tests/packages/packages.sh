#!/usr/bin/env bash
# packages.sh LIBRARY_DIR ECHO_SERVER ROOT WORK: makes the Debian packages of the library in LIBRARY_DIR, as `make deb` does but
# for building it, has lintian look at them, installs them into a copy of ROOT, a small Debian, has programs built there talk to
# the echo server, and removes the packages. Without ROOT, or without the right to change into it, they are unpacked only.
set -euo pipefail
library_dir=$1 echo_server=$2 clean_root=$3 work=$4
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin

step() { printf 'packages: %s\n' "$*"; }
fail() { printf 'packages: %s\n' "$*" >&2; exit 1; }
# same WHAT GOT EXPECTED
same() { [ "$2" = "$3" ] || fail "$1: expected
$3
got
$2"; }
field() { dpkg-deb --field "$1" "$2"; }
# files DEB: all but documentation
files() { dpkg-deb --contents "$1" | awk '$1 !~ /^d/ { print $6 }' | sed 's/^\.//' | grep -v /usr/share | LC_ALL=C sort; }

rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work/root" "$work/deb/source"' EXIT

step build
KTORWS_PREBUILT=$library_dir "$source_dir/packaging/deb.sh" "$work/deb" >"$work/build.log" 2>&1 ||
    { cat "$work/build.log" >&2; fail "not built"; }
cd "$work/deb"

step "names and versions"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$source_dir/Cargo.toml" | head -n 1)
expected="libktorws-dev libktorws0 libktorws0-dbgsym"
[ ! -e "$source_dir/tool/CMakeLists.txt" ] || expected="ktorws ktorws-dbgsym $expected"
same packages "$(for deb in *.deb; do field "$deb" Package; done | LC_ALL=C sort | tr '\n' ' ')" "$expected "
for deb in *.deb; do
    same "version of $deb" "$(field "$deb" Version | sed 's/-[^-]*$//')" "$version"
done

step "what is in them"
runtime=$(echo libktorws0_*.deb) dev=$(echo libktorws-dev_*.deb) symbols=$(echo libktorws0-dbgsym_*.deb)
lib=/usr/lib/x86_64-linux-gnu
same "$runtime" "$(files "$runtime")" "$lib/libktorws.so.0
$lib/libktorws.so.$version"
headers=$(cd "$source_dir" && find include -name '*.h' -o -name '*.hpp' | sed 's|^|/usr/|' | LC_ALL=C sort)
same "$dev" "$(files "$dev")" "$headers
$lib/cmake/ktorws/ktorwsConfig.cmake
$lib/cmake/ktorws/ktorwsConfigVersion.cmake
$lib/libktorws.a
$lib/libktorws.so
$lib/pkgconfig/ktorws.pc"
for deb in "$runtime" "$dev"; do
    same "Multi-Arch of $deb" "$(field "$deb" Multi-Arch)" same
done
[[ $(field "$runtime" Depends) =~ 'libc6 (>= '.*libgcc-s1 ]] || fail "$runtime depends on $(field "$runtime" Depends)"
same "dependency of $dev" "$(field "$dev" Depends)" "libktorws0 (= $(field "$runtime" Version))"
mkdir "$work/control" "$work/files"
dpkg-deb --control "$runtime" "$work/control"
dpkg-deb --extract "$runtime" "$work/files"
same "symbols and the versions they need" "$(sed -n 's/^ \(.*\)@Base \(.*\)$/\1 \2/p' "$work/control/symbols" | LC_ALL=C sort)" \
    "$(grep -v '^#' "$source_dir/abi/symbols.txt" | LC_ALL=C sort)"
same shlibs "$(cat "$work/control/shlibs")" "libktorws 0 libktorws0 (>= $version)"
zgrep -q '^rustls ' "$work/files/usr/share/doc/libktorws0/THIRD-PARTY.txt.gz" || fail "the licences of crates are missing"
readelf -SW "$work/files$lib/libktorws.so.0" >"$work/sections"
! grep -q '\.debug_info' "$work/sections" || fail "the library is not stripped"
build_id=$(readelf -nW "$work/files$lib/libktorws.so.0" | sed -n 's/.*Build ID: \(..\)\(.*\)/\1\/\2/p')
files "$symbols" | grep -qxF "/usr/lib/debug/.build-id/$build_id.debug" || fail "no debug information for build $build_id"

# beside the rest
allow_root=
[ "$(id -u)" != 0 ] || allow_root=--allow-root
lintian $allow_root --fail-on error,warning ./*.changes >"$work/lintian.log" 2>&1 &
lintian=$!
wait_for_lintian() {
    step lintian
    wait "$lintian" || { cat "$work/lintian.log" >&2; fail "lintian is not content"; }
}

# What debian/tests needs, where the packages are used.
users_source() {
    mkdir -p "$1/tests" "$1/debian"
    cp -r "$source_dir/c_examples" "$1/"
    cp -r "$source_dir/tests/consumers" "$1/tests/"
    cp -r "$source_dir/debian/tests" "$1/debian/"
}

if [ "$(id -u)" != 0 ] || [ ! -d "$clean_root" ]; then
    step "without a root to install into: unpacked only"
    for deb in *.deb; do dpkg-deb --extract "$deb" "$work/root"; done
    users_source "$work/root/source"
    unset PKG_CONFIG_PATH
    PKG_CONFIG_LIBDIR=$work/root$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work/root \
        PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 CMAKE_PREFIX_PATH=$work/root/usr \
        LD_LIBRARY_PATH=$work/root$lib PATH=$work/root/usr/bin:$PATH \
        "$echo_server" -- "$work/root/source/debian/tests/programs"
    wait_for_lintian
    exit
fi

step "install"
cp -a "$clean_root" "$work/root"
mkdir "$work/root/packages"
cp -- *.deb "$work/root/packages/"
users_source "$work/root/source"
inside() { chroot "$work/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
# what dpkg and ldconfig keep for themselves
list_files() { (cd "$work/root" && find . -path ./var/log -prune -o -path ./var/cache -prune -o -print) |
    grep -vE '^\./(var/lib/dpkg/(status|diversions|statoverride|available)(-old)?|var/lib/dpkg/triggers/(File|Unincorp|Lock))$' |
    LC_ALL=C sort; }
list_files >"$work/before"
inside sh -c 'dpkg --install /packages/*.deb' >"$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log" >&2; fail "not installed"; }
loader_knows() { inside ldconfig -p >"$work/loader" && grep -q /libktorws.so.0 "$work/loader"; }
loader_knows || fail "the loader does not know libktorws.so.0"

step "programs"
# the function, for the echo server to run
export -f inside
work=$work "$echo_server" -- bash -c 'inside ECHO_WS_URL="$ECHO_WS_URL" /source/debian/tests/programs'

step "remove"
# shellcheck disable=SC2046 # names
inside dpkg --purge $(for deb in *.deb; do field "$deb" Package; done) >"$work/dpkg.log" 2>&1 ||
    { cat "$work/dpkg.log" >&2; fail "not removed"; }
list_files >"$work/after"
diff "$work/before" "$work/after" || fail "removing the packages left what is shown above, or took it away"
! loader_knows || fail "the loader still knows libktorws"
wait_for_lintian
