#!/usr/bin/env bash
# changes.sh CC SOURCE_DIR: abi/check.sh lets pass what docs/abi.md allows and says what is wrong with the rest. Each case is a
# change of ktorws.h, with a library that exports what the changed header declares.
set -euo pipefail
export CC=$1
source_dir=$2
header=$source_dir/include/ktorws.h

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# library HEADER FILE [SONAME]
library() {
    awk -f "$source_dir/abi/interface.awk" "$1" >"$work/library.c"
    "$CC" -std=c99 -fPIC -shared -Wl,-soname,"${3-libktorws.so.0}" "$work/library.c" -o "$2"
}

library "$header" "$work/base.so"
"$source_dir/abi/dump.sh" "$work/base.so" "$header" >"$work/base.abi"

count=0
# check EXPECTED NAME LIBRARY HEADER [RELEASE]: EXPECTED is "passes" or a pattern that must be found in what is said
check() {
    local status=0 said
    said=$("$source_dir/abi/check.sh" "$3" "$4" "${5-$work/base.abi}" 2>&1) || status=$?
    if [ "$1" = passes ]; then
        [ "$status" = 0 ] || { printf '%s: expected to pass, got %s and:\n%s\n' "$2" "$status" "$said" >&2; exit 1; }
    else
        [ "$status" != 0 ] && grep -q -- "$1" <<<"$said" ||
            { printf '%s: expected an error with: %s\ngot status %s and:\n%s\n' "$2" "$1" "$status" "$said" >&2; exit 1; }
    fi
    count=$((count + 1))
}

# changed EXPECTED NAME SED_SCRIPT
changed() {
    sed -E "$3" "$header" >"$work/changed.h"
    ! cmp -s "$header" "$work/changed.h" || { echo "$2: nothing was changed" >&2; exit 1; }
    library "$work/changed.h" "$work/changed.so"
    check "$1" "$2" "$work/changed.so" "$work/changed.h"
}

check passes "no change" "$work/base.so" "$header"

changed passes "a function added" 's/^ws_status ws_shutdown/void ws_new(void);\n&/'
changed passes "an enum value added" 's/^    WS_ERR_URL = -201,/    WS_ERR_NEW = -299,\n&/'
changed passes "a type added" 's/^typedef struct ws_auth ws_auth;/typedef struct ws_new {\n    int member;\n} ws_new;\n&/'
changed passes "a member added at the end of a caller's struct" 's/^} ws_close_info;/    uint64_t added;\n&/'
changed passes "a member added at the end of a lent struct" 's/^} ws_frame;/    uint64_t added;\n&/'
changed passes "a comment changed" "s/^ \* The step in which a session failed/ * Where a session failed/"

changed "ws_shutdown" "a function removed" '/^ws_status ws_shutdown/d'
changed "int64_t.*int32_t" "a parameter changed" 's/^ws_status ws_shutdown\(int64_t/ws_status ws_shutdown(int32_t/'
changed "ws_interrupt" "a parameter added" 's/^ws_status ws_interrupt\(ws_session \*session/&, int more/'
changed "WS_ERR_URL.*-201.*-299" "an enum value changed" 's/WS_ERR_URL = -201/WS_ERR_URL = -299/'
changed "WS_CLOSE_NORMAL" "a value changed of an enum that no function names" 's/^    WS_CLOSE_NORMAL = 1000/    WS_CLOSE_NORMAL = 1001/'
changed "WS_ERR_URL" "an enum value removed" '/^    WS_ERR_URL = -201/d'
changed "local_code" "a member changed" 's/^    uint32_t local_code;/    int32_t local_code;/'
changed "remote_code.*offset" "a member inserted" 's/^    uint32_t local_code;/&\n    uint64_t inserted;/'
changed "reason_size" "a member removed" '/^    size_t reason_size;/d'
changed "code_sent,.* were .*local_code," "a member renamed" 's/^    uint32_t local_code;/    uint32_t code_sent;/'
changed "local_code" "a member changed, and another added at the end" \
    's/^    uint32_t local_code;/    int32_t local_code;/; s/^} ws_close_info;/    uint64_t added;\n&/'
changed "added" "a member added to what is handed over in arrays" 's/^} ws_message;/    uint64_t added;\n&/'
changed "ws_stats" "a type removed" 's/^typedef struct ws_stats \{/typedef struct ws_numbers {/; s/^} ws_stats;/} ws_numbers;/; s/ws_stats \*/ws_numbers */'

library "$header" "$work/soname.so" libktorws.so.1
check "SONAME changed" "another SONAME" "$work/soname.so" "$header"

sed '/^ws_status ws_shutdown/d' "$header" >"$work/less.h"
check "^+ws_shutdown" "a function exported that the header lacks" "$work/base.so" "$work/less.h"
library "$work/less.h" "$work/less.so"
check "^-ws_shutdown" "a function declared that the library lacks" "$work/less.so" "$header"

# 4 bytes behind its last member, which another version filled
sed '/^    uint32_t initiator;/d' "$header" >"$work/padded.h"
"$source_dir/abi/dump.sh" "$work/base.so" "$work/padded.h" >"$work/padded.abi"
check "ws_close_info: .*padding" "a member added where struct_size does not tell" "$work/base.so" "$header" "$work/padded.abi"

echo "abi: $count cases"
