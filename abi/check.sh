#!/usr/bin/env bash
# check.sh LIBRARY HEADER [RELEASE]: fails if LIBRARY, with HEADER, cannot take the place of RELEASE, a dump of abi/dump.sh and
# by default that of the last release. docs/abi.md says what may change.
set -euo pipefail
library=$1 header=$2
here=$(cd "$(dirname "$0")" && pwd)
release=${3-$(printf '%s\n' "$here"/libktorws-*.abi | sort -V | tail -n 1)}
[ -f "$release" ] || { echo "abi: no dump of a release at $release" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/dump.sh" "$library" "$header" >"$work/whole.abi"
awk -f "$here/structs.awk" "$release" >"$work/released"
awk -f "$here/structs.awk" "$work/whole.abi" >"$work/present"
# as far as structs went then
comparable=$work/whole.abi
if ! cmp -s "$work/released" "$work/present"; then
    comparable=$work/comparable.abi
    "$here/dump.sh" "$library" "$header" "$release" >"$comparable"
fi

status=0
abidiff --no-added-syms "$release" "$comparable" >"$work/report" || status=$?
# What abidiff does not mind: other names of members, and members that a caller's struct_size cannot tell about.
awk '
    NR == FNR { members[$1] = $2; size[$1] = $3; names[$1] = $4; next }
    !($1 in size) { next }
    index($4, names[$1]) != 1 { print $1 ": members are " $4 " and were " names[$1] }
    $4 ~ /^struct_size,/ && $2 != members[$1] && $3 == size[$1] { print $1 ": a member was added in its padding" }' "$work/released" "$work/present" >"$work/members"
if [ "$status" != 0 ] || [ -s "$work/members" ]; then
    [ "$status" = 0 ] || cat "$work/report" >&2
    cat "$work/members" >&2
    echo "abi: not compatible with $(basename "$release" .abi), see docs/abi.md" >&2
    exit 1
fi
echo "abi: compatible with $(basename "$release" .abi)"
