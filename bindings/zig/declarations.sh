#!/usr/bin/env bash
# declarations.sh ZIG...: writes src/c.zig anew, which is what Zig makes of ktorws.h without what it makes of other headers. It
# is kept: programs need no header then, and are built sooner.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
{
    printf '//! ktorws.h, as declarations.sh translates it.\n\n'
    # Declarations of several lines end with "};".
    "$@" translate-c -lc "$here/../../include/ktorws.h" |
        awk '/^pub (const|extern fn) (struct_)?(ws|WS)_[A-Za-z0-9_]+[:( ]/ { ours = 1 }
             ours && !/__root\.|WS_VERSION_|WS_NUL_TERMINATED/ { print }
             /;$/ && !/^    / { ours = 0 }'
} >"$here/src/c.zig.new"
mv "$here/src/c.zig.new" "$here/src/c.zig"
"$@" fmt "$here/src/c.zig" >/dev/null
