#!/usr/bin/env bash
# examples.sh PROGRAM_DIR: the programs of c_examples do what they say. Runs under the echo server.
set -euo pipefail
programs=$1

# expect STATUS OUTPUT COMMAND...: OUTPUT is what the command must print on standard output.
expect() {
    local status=$1 output=$2 got_status=0 got
    shift 2
    got=$("$@" 2>/dev/null) || got_status=$?
    if [ "$got" != "$output" ] || [ "$got_status" != "$status" ]; then
        printf '%s\nexpected status %s and:\n%s\ngot status %s and:\n%s\n' \
            "$*" "$status" "$output" "$got_status" "$got" >&2
        exit 1
    fi
}

# expect_error STATUS PATTERN COMMAND...: PATTERN must be found on standard error.
expect_error() {
    local status=$1 pattern=$2 got_status=0 got
    shift 2
    got=$("$@" 2>&1 >/dev/null) || got_status=$?
    if ! grep -q -- "$pattern" <<<"$got" || [ "$got_status" != "$status" ]; then
        printf '%s\nexpected status %s and an error with: %s\ngot status %s and:\n%s\n' \
            "$*" "$status" "$pattern" "$got_status" "$got" >&2
        exit 1
    fi
}

said=$'sent: hello\nreceived: hello\nclosed: 1000 bye (clean)'
expect 0 "$said" "$programs/echo" "$ECHO_WS_URL"
expect 0 "$said" "$programs/echo" "$ECHO_WSS_URL" "$ECHO_CA_FILE"
expect 0 "${said//hello/grüß dich}" "$programs/echo" "$ECHO_WS_URL" "" "grüß dich"
expect_error 2 usage "$programs/echo"
expect_error 1 "cannot connect to ws://127.0.0.1:1/: ..*" "$programs/echo" ws://127.0.0.1:1/
expect_error 1 "cannot connect to $ECHO_WSS_URL: .*certificate" "$programs/echo" "$ECHO_WSS_URL"
expect_error 1 "/nonexistent" "$programs/echo" "$ECHO_WSS_URL" /nonexistent
expect_error 1 "\(sending\|receiving\): ..*" "$programs/echo" "${ECHO_WS_URL}drop"

said=$'agreed: x-checksum; algorithm=fnv1a\nreceived: hello'
expect 0 "$said" "$programs/checksum" "$ECHO_WS_URL"
expect 0 "${said//hello/}" "$programs/checksum" "$ECHO_WS_URL" ""
expect_error 1 "receiving: an extension failed" "$programs/checksum" "${ECHO_WS_URL}corrupt"
expect_error 2 usage "$programs/checksum"

lines=$(seq 1 2000)
chat() { "$programs/chat" "$@" <<<"$lines"; }
expect 0 "$lines" chat "$ECHO_WS_URL"
expect 0 "$lines" chat "$ECHO_WSS_URL" "$ECHO_CA_FILE"
expect 0 $'hello' "$programs/chat" "${ECHO_WS_URL}hello" </dev/null
expect_error 1 "broke off: ..*" "$programs/chat" "${ECHO_WS_URL}drop" </dev/null
expect_error 2 usage "$programs/chat"

poll() { "$programs/poll" "$@" <<<"$lines"; }
expect 0 "$lines" poll "$ECHO_WS_URL"
expect_error 1 "broke off: ..*" poll "${ECHO_WS_URL}drop"
expect_error 2 usage "$programs/poll"
expect 0 $'hello\nhello\nhello' "$programs/epoll" "$ECHO_WS_URL" "$ECHO_WS_URL" "$ECHO_WS_URL"
expect_error 1 "cannot connect" "$programs/epoll" "$ECHO_WS_URL" ws://127.0.0.1:1/
expect_error 2 usage "$programs/epoll"
pipeline() { "$programs/pipeline" "$@" <<<"$lines"; }
expect 0 "$lines" pipeline "$ECHO_WS_URL"
expect 0 "" "$programs/pipeline" "$ECHO_WS_URL" </dev/null
# more than all queues there and back hold, with empty lines between
large=$(mktemp)
trap 'rm -f "$large"' EXIT
for digit in $(seq 0 19); do head -c 2000000 /dev/zero | tr '\0' "${digit: -1}"; printf '\n\n'; done >"$large"
# shellcheck disable=SC2094 # both only read it
"$programs/pipeline" "$ECHO_WS_URL" <"$large" 2>/dev/null | cmp - "$large"
expect_error 1 "of the next 3 lines, which are not sent, one is not UTF-8" "$programs/pipeline" "$ECHO_WS_URL" <<<$'a\n\377\nb'
expect_error 1 "pipeline: ..*" pipeline "${ECHO_WS_URL}drop"
expect_error 1 "cannot connect to ws://127.0.0.1:1/: ..*" pipeline ws://127.0.0.1:1/
expect_error 2 usage "$programs/pipeline"
sorted_group() { "$programs/group" "$@" | sort -n; }
expect 0 "$(for i in $(seq 0 99); do printf '%s\n%s\n' "$i" "$i"; done)" \
    sorted_group "${ECHO_WS_URL}burst/100" "${ECHO_WS_URL}burst/100"
expect_error 1 "could not connect to the server" "$programs/group" "${ECHO_WS_URL}burst/1" ws://127.0.0.1:1/
expect_error 2 usage "$programs/group"

# Lines come as servers answer. Many at once, among them one that refuses, one that breaks off, and what is no URL.
ask() {
    "$programs/callbacks" "$@" | sed -E 's/, opened in [0-9.]+ ms$//; s/^(down [^ ]+): .+/\1 for a reason/' |
        sort | uniq -c | sed 's/^ *//'
}
urls=()
for _ in $(seq 100); do urls+=("$ECHO_WS_URL"); done
expect 0 "100 up $ECHO_WS_URL" ask "${urls[@]}"
expect 1 "$(printf '1 down %s for a reason\n' ftp://x/ ws://127.0.0.1:1/ "${ECHO_WS_URL}drop")"$'\n'"100 up $ECHO_WS_URL" \
    ask "${ECHO_WS_URL}drop" "${urls[@]}" ftp://x/ ws://127.0.0.1:1/
expect_error 2 usage "$programs/callbacks"
if [ -x "$programs/glib" ]; then
    expect 0 hello "$programs/glib" "$ECHO_WS_URL"
    expect_error 1 "cannot connect" "$programs/glib" ws://127.0.0.1:1/
    expect_error 2 usage "$programs/glib"
fi
