#!/usr/bin/env bash
# recipes.sh CC CMAKE BUILD_DIR PYTHON: the examples in README.md and docs/*.md are true. Runs under the echo server.
#
# What a fenced block is says the line that opens it:
#
#   c            with #include in it a program: it compiles without a warning, and run with the URL of the echo server it
#                ends with 0. Else a fragment: a section's fragments compile and link as functions, where they begin with
#                "static", and as parts of a function in which there are config, session and error.
#   c NAME.c     a program that is kept for "sh run"; it is not run by itself
#   c no-run     a program that is only compiled
#   c other      of another library: left alone
#   output       what the program or script before it has printed
#   sh           a script whose syntax is checked
#   sh run       a script that is run, beside the files that were kept, with the library installed in $HOME/.local
#   cmake NAME   a file that is kept; other blocks of cmake are lines of one, and are left alone
#   python       a program whose syntax is checked; with run: it is run
#   kotlin, cpp, go, zig, text    left alone
#
# In all of them ws://127.0.0.1:9000/ and wss://127.0.0.1:9443/ are the echo server, and ca.pem is its authority's certificate.
set -euo pipefail
cc=$1 cmake=$2 build=$3 python=$4
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { printf 'recipes: %s\n' "$*" >&2; exit 1; }

export HOME=$work/home
"$cmake" --install "$build" --prefix "$HOME/.local" >/dev/null
library_dir=$(dirname "$(find "$HOME/.local" -name libktorws.so)")
export PKG_CONFIG_PATH=$library_dir/pkgconfig LD_LIBRARY_PATH=$library_dir CC=$cc PATH=${cmake%/*}:$PATH
strict=(-std=c99 -Wall -Wextra -Wpedantic -Werror "-I$HOME/.local/include")
link=("-L$library_dir" -lktorws)

# Blocks become files, in the order of the document: NUMBER-SECTION.LANGUAGE, and beside it what the opening line says of it.
split_document() {
    awk -v work="$2" '
        /^## / && !inside { section++ }
        /^```/ && !inside {
            inside = 1
            language = substr($1, 4)
            name = sprintf("%s/%03d-%02d.%s", work, ++number, section, language == "" ? "text" : language)
            print $2 >(name ".info")
            close(name ".info")
            printf "" >name
            next
        }
        /^```$/ { inside = 0; close(name); next }
        inside { print >name }
    ' "$1"
}

here() {
    sed -i "s|ws://127.0.0.1:9000/|$ECHO_WS_URL|g; s|wss://127.0.0.1:9443/|$ECHO_WSS_URL|g" "$1"
}

# With the output of the program or script before in $directory/printed.
compare_output() {
    [ -e "$directory/printed" ] || fail "$where: output of nothing"
    diff -u --label "$where says" --label "it printed" "$1" "$directory/printed" >&2 || exit 1
    rm "$directory/printed"
}

run() { # WHAT COMMAND...
    local what=$1 status=0
    shift
    (cd "$directory" && exec timeout 60 "$@") >"$directory/printed" 2>"$work/errors" || status=$?
    [ "$status" = 0 ] || fail "$what ended with $status: $(cat "$work/errors")"
}

program() { # FILE INFO
    local name=${1%.c}
    here "$1"
    "$cc" "${strict[@]}" "$1" -o "$name" "${link[@]}" -pthread || fail "$where does not compile"
    case $2 in
    *.c) cp "$1" "$directory/$2" ;;
    no-run) ;;
    '') run "$where" "$name" "$ECHO_WS_URL" ;;
    *) fail "$where: what is 'c $2'?" ;;
    esac
}

fragment() { # FILE SECTION
    if head -1 "$1" | grep -q '^static ' && head -5 "$1" | grep -q '{$'; then
        cat "$1" >>"$blocks/functions-$2"
    else
        { echo '{'; cat "$1"; echo '}'; } >>"$blocks/parts-$2"
    fi
}

fragments_of_section() { # SECTION
    local source=$blocks/section-$1.c
    {
        printf '#include <ktorws.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n'
        cat "$blocks/functions-$1" 2>/dev/null || true
        printf 'int recipe(ws_config *config, ws_session *session, ws_error *error);\n'
        printf 'int recipe(ws_config *config, ws_session *session, ws_error *error)\n{\n'
        printf '(void)config;\n(void)session;\n(void)error;\n'
        cat "$blocks/parts-$1" 2>/dev/null || true
        printf 'return 0;\n}\n'
    } >"$source"
    "$cc" "${strict[@]}" -shared -fPIC -Wl,--no-undefined "$source" -o "${source%.c}.so" "${link[@]}" ||
        { cat "$source" >&2; fail "the fragments in section $1 of $document do not compile"; }
}

count=0
check_document() {
    document=$1
    blocks=$work/documents/$(basename "$1" .md)
    directory=$blocks/files
    mkdir -p "$directory"
    cp "$ECHO_CA_FILE" "$directory/ca.pem"
    split_document "$1" "$blocks"
    local sections='' block base info number section
    for block in "$blocks"/[0-9]*-*.*; do
        [[ $block != *.info && -e $block ]] || continue
        base=$(basename "$block")
        number=${base%%-*} section=${base#*-}
        section=${section%%.*}
        info=$(cat "$block.info")
        where="$document, block $((10#$number))"
        count=$((count + 1))
        case ${base##*.} in
        c)
            if [ "$info" = other ]; then :
            elif grep -q '^#include <ktorws.h>' "$block"; then program "$block" "$info"
            elif [ -n "$info" ]; then fail "$where: a fragment that is 'c $info'"
            else
                fragment "$block" "$section"
                [[ $sections == *" $section"* ]] || sections+=" $section"
            fi
            ;;
        output) compare_output "$block" ;;
        sh)
            sh -n "$block" || fail "$where is no script"
            here "$block"
            [ "$info" != run ] || run "$where" sh -eu "$block"
            ;;
        cmake) [ -z "$info" ] || cp "$block" "$directory/$info" ;;
        python)
            here "$block"
            "$python" -c 'import sys; compile(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1], "exec")' "$block" || fail "$where"
            [ "$info" != run ] || run "$where" "$python" -B "$block"
            ;;
        kotlin | cpp | go | zig | text) ;;
        *) fail "$where: what is '${base##*.}'?" ;;
        esac
    done
    for section in $sections; do
        fragments_of_section "$section"
    done
}

for markdown in README.md docs/*.md; do
    check_document "$markdown"
done
printf 'recipes: %s blocks\n' "$count"

# The first program of docs/connecting.md says what happened.
expect() {
    local status=0 got
    got=$("$work"/documents/connecting/001-01 "$1") || status=$?
    [ "$status" = "$2" ] && grep -q -- "$3" <<<"$got" ||
        fail "$(printf 'for %s expected status %s and %s, got %s and %s' "$1" "$2" "$3" "$status" "$got")"
}
expect "$ECHO_WS_URL" 0 "^open: $ECHO_WS_URL"
expect ws://127.0.0.1:1/ 1 '^WS_ERR_CONNECT while connecting: .*$'
expect "$ECHO_WSS_URL" 1 '^WS_ERR_TLS_CERTIFICATE while TLS: '
expect ftp://127.0.0.1/ 1 '^WS_ERR_URL while '
