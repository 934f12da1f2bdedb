#!/usr/bin/env bash
# licenses.sh: packaging/third_party.py lists what is linked in, and takes no licence that is not allowed.
set -euo pipefail
tool=$(cd "$(dirname "$0")/../.." && pwd)/packaging/third_party.py

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { printf 'licenses: %s\n' "$*" >&2; exit 1; }

"$tool" "$work/list"
for crate in rustls ring tokio url; do
    grep -q "^$crate [0-9]" "$work/list" || fail "$crate is missing"
done
# of the tests, and a procedural macro
! grep -qE '^(proptest|tungstenite|serde_derive) ' "$work/list" || fail "the list has crates that are not linked in"
grep -q '^Copyright .*Brian Smith' "$work/list" || fail "the notice of ring is missing"

# A package with three dependencies: LINKED has the licence, BUILD and TESTS another.
package() {
    mkdir -p "$work/$1/src"
    printf '[package]\nname = "%s"\nversion = "1.0.0"\n%s\n' "$1" "$2" >"$work/$1/Cargo.toml"
    : >"$work/$1/src/lib.rs"
}
package tools 'license = "GPL-3.0-only"'
package top 'license = "MIT"
build = false
[workspace]
[dependencies]
linked = { path = "../linked" }
[build-dependencies]
tools = { path = "../tools" }'
cat >"$work/top/Cargo.lock" <<'LOCK'
version = 4

[[package]]
name = "linked"
version = "1.0.0"

[[package]]
name = "tools"
version = "1.0.0"

[[package]]
name = "top"
version = "1.0.0"
dependencies = ["linked", "tools"]
LOCK

# with LICENCE: whether that of a linked crate is allowed
with() {
    package linked "$1"
    rm -f "$work/out"
    "$tool" "$work/out" "$work/top/Cargo.toml" >"$work/said" 2>&1
}
for licence in MIT MIT/Apache-2.0 "GPL-2.0-only OR ISC" "(MIT OR GPL-2.0-only) AND Unicode-3.0" \
    "Apache-2.0 WITH LLVM-exception" "GPL-2.0-only AND MIT OR Zlib"; do
    with "license = \"$licence\"" || fail "'$licence' was refused: $(cat "$work/said")"
    grep -q '^linked 1.0.0: ' "$work/out" || fail "linked is not in the list"
    ! grep -q '^tools ' "$work/out" || fail "a build dependency is in the list"
done
for licence in GPL-3.0-only "MIT AND GPL-2.0-only" "GPL-2.0-only WITH Classpath-exception-2.0" "MIT AND" "(MIT" "MIT ISC" \
    "(GPL-2.0-only OR MIT) AND LGPL-2.1-only"; do
    ! with "license = \"$licence\"" || fail "'$licence' was allowed"
    grep -q "linked 1.0.0: not allowed: ${licence%% *}" "$work/said" || fail "for '$licence' it says: $(cat "$work/said")"
    [ ! -e "$work/out" ] || fail "a list was written in spite of '$licence'"
done
! with 'license-file = "LICENSE"' || fail "no licence was allowed"
grep -q "linked 1.0.0: not allowed: no licence" "$work/said" || fail "without a licence it says: $(cat "$work/said")"
