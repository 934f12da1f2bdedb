#!/usr/bin/env bash
# deb.sh OUTPUT [BUILDPACKAGE_OPTION...]: builds the Debian packages of this tree into OUTPUT, which it empties, from a copy in
# it: nothing is written to the tree. KTORWS_PREBUILT as debian/rules has it.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v dpkg-buildpackage >/dev/null && command -v dh >/dev/null || {
    echo "deb: dpkg-dev and debhelper are needed: apt-get install build-essential debhelper" >&2
    exit 1
}
[ -z "${KTORWS_PREBUILT-}" ] || KTORWS_PREBUILT=$(realpath "$KTORWS_PREBUILT")
export KTORWS_PREBUILT

output=$(realpath -m "$1")
shift
rm -rf "$output"
mkdir -p "$output/source"
tar -cf - --exclude=./target --exclude=./build --exclude=./.git . | tar -xf - -C "$output/source"
if [ -d target/man ]; then
    mkdir "$output/source/target"
    cp -r target/man "$output/source/target/"
fi
cd "$output/source"
# Rust comes from wherever this machine has it.
dpkg-buildpackage -us -uc -b -Ppkg.libktorws.rust "$@"
