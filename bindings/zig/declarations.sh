#!/usr/bin/env bash
# declarations.sh ZIG...: writes src/c.zig anew, which is what Zig makes of ktorws.h without what it makes of other headers. It
# is kept: programs need no header then, and are built sooner.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
{
    printf '//! ktorws.h, as declarations.sh translates it.\n\n'
    "$@" translate-c -lc "$here/../../include/ktorws.h" |
        sed -n '/^pub const WS_OK:/,/^pub extern fn ws_session_id(/{/__root\.\|^const enum_unnamed_/!p}'
} >"$here/src/c.zig.new"
mv "$here/src/c.zig.new" "$here/src/c.zig"
"$@" fmt "$here/src/c.zig" >/dev/null
