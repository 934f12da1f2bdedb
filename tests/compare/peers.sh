#!/usr/bin/env bash
# Builds the programs of the other libraries in target/compare/root, a Debian of its own with their packages, runs the
# tests of docs/compare.md with them, and writes their versions to peers.json. Needs root and mmdebstrap.
#
#     tests/compare/peers.sh ECHO_SERVER LIBRARY [FOLDER...]
#
# ECHO_SERVER is the built example, LIBRARY a libktorws.so, which only the servers of the tests load.
set -euo pipefail
cd "$(dirname "$0")/../.."
echo_server=$1
export KTORWS_LIBRARY=$2
shift 2
[ $# -gt 0 ] || set -- libcurl libwebsockets beast

suite=trixie
output=$PWD/target/compare
root=$output/root
sources=tests/compare

if [ ! -d "$root" ]; then
    mkdir -p "$output"
    rm -rf "$root.new"
    mmdebstrap --quiet --variant=minbase --include=g++,gcc,libc6-dev,libcurl4-openssl-dev,libwebsockets-dev,libboost-dev,libssl-dev \
        "$suite" "$root.new"
    mv "$root.new" "$root"
fi

# compile FOLDER FILE PROGRAM: paths within the root
compile() {
    local warnings="-Wall -Wextra -Wpedantic -Wshadow -Werror"
    # shellcheck disable=SC2086 # a list of options
    case $1 in
    libcurl) chroot "$root" gcc -std=c99 $warnings -Wconversion "$2" -o "$3" -lcurl -lpthread ;;
    libwebsockets) chroot "$root" gcc -std=gnu99 ${warnings/-Wpedantic/} "$2" -o "$3" -lwebsockets -lpthread ;;
    beast) chroot "$root" g++ -std=c++17 -Wall -Wextra -Werror "$2" -o "$3" -lssl -lcrypto -lpthread ;;
    esac
}

libraries=$root/usr/lib/x86_64-linux-gnu
failed=0
for folder in "$@"; do
    mkdir -p "$root/compare/$folder"
    for source in "$sources/$folder"/*.c*; do
        name=$(basename "${source%.*}")
        program=$root/compare/$folder/$name
        if [ ! "$program" -nt "$source" ]; then
            cp "$source" "$root/compare/$folder/"
            compile "$folder" "/compare/$folder/$(basename "$source")" "/compare/$folder/$name"
        fi
        if timeout 120 "$echo_server" -- target/test-env/venv/bin/python -B "$sources/driver.py" "$name" \
            "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$program" >"$output/log" 2>&1; then
            printf '%s/%s: passed\n' "$folder" "$name"
        else
            printf '%s/%s: FAILED\n' "$folder" "$name"
            tail -3 "$output/log"
            failed=1
        fi
    done
done

version() { chroot "$root" dpkg-query -W -f '${Version}' "$1" | sed -E 's/^([0-9]+(\.[0-9]+)+).*/\1/'; }
boost=$(version libboost-dev)
cat >"$sources/peers.json" <<END
{
  "system": "Debian $(cut -d. -f1 "$root/etc/debian_version")",
  "versions": {
    "libcurl": "$(version libcurl4-openssl-dev)",
    "libwebsockets": "$(version libwebsockets-dev)",
    "Boost.Beast": "$(cut -d. -f1-2 <<<"$boost")"
  }
}
END
exit $failed
