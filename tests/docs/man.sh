#!/usr/bin/env bash
# man.sh MANDOC MAN_DIR SYMBOLS: the manual pages are clean, there is one for each exported function, and their references
# lead to pages.
set -euo pipefail
mandoc=$1 man_dir=$2 symbols=$3
fail() { printf 'man: %s\n' "$*" >&2; exit 1; }

pages=("$man_dir"/man*/*)
"$mandoc" -Tlint -Wwarning "${pages[@]}" || fail "mandoc has warnings"
if command -v groff >/dev/null; then
    warnings=$(for page in "${pages[@]}"; do groff -ww -man -Tascii -z "$page"; done 2>&1)
    [ -z "$warnings" ] || fail "groff has warnings: $warnings"
fi

index=$("$mandoc" -Tascii "$man_dir/man3/ktorws.3" | col -b)
for name in $(grep -oE '^ws_[a-z0-9_]+' "$symbols"); do
    page=$man_dir/man3/$name.3
    [ -f "$page" ] || fail "no page for $name"
    # as a person sees it
    text=$("$mandoc" -Tascii "$page" | col -b)
    grep -qE "^ +$name - ." <<<"$text" || fail "$name.3 has no line for whatis"
    grep -qE "^ .*\b$name\(" <<<"$text" || fail "$name.3 does not show $name"
    grep -q "#include <ktorws.h>" <<<"$text" && grep -q -- "-lktorws" <<<"$text" || fail "$name.3 does not say how to link"
    for section in SYNOPSIS DESCRIPTION 'RETURN VALUE' 'SEE ALSO'; do
        grep -qx "$section" <<<"$text" || fail "$name.3 has no $section"
    done
    grep -qE "^ +$name\(3\)" <<<"$index" || fail "ktorws.3 does not list $name"
done

# "name(3)" in any page
for reference in $(cat "${pages[@]}" | sed 's/\\f[BIPR]//g; s/^\.BR \([a-z0-9_]*\) (\([37]\)).*/\1(\2)/' |
    grep -oE '\b(ws_[a-z0-9_]+|ktorws)\([37]\)' | sort -u); do
    name=${reference%(*} section=${reference: -2:1}
    [ -f "$man_dir/man$section/$name.$section" ] || fail "no page for $reference"
done

status=$("$mandoc" -Tascii "$man_dir/man3/ws_status.3" | col -b)
for name in $(grep -oE '\bWS_ERR_[A-Z0-9_]+ = -[0-9]+' "$(dirname "$0")/../../include/ktorws.h" | tr -d ' '); do
    grep -qF "${name%=*} (${name#*=})" <<<"$status" || fail "ws_status.3 does not explain $name"
done
printf 'man: %s pages\n' "${#pages[@]}"
