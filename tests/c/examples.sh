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

chat() { "$programs/poll" "$@" <<<"$lines"; }
expect 0 "$lines" chat "$ECHO_WS_URL"
expect 0 "$lines" chat "$ECHO_WSS_URL" "$ECHO_CA_FILE"
expect 0 $'without\na newline' "$programs/poll" "$ECHO_WS_URL" < <(printf 'without\na newline')
expect 0 hello "$programs/poll" "${ECHO_WS_URL}hello" </dev/null
# The server's Close ends it, while the input goes on.
exec 3<> <(:)
expect 0 $'0\n1\n2' "$programs/poll" "${ECHO_WS_URL}burst/3" <&3
expect_error 1 "broke off: ..*" "$programs/poll" "${ECHO_WS_URL}drop" </dev/null
expect_error 2 usage "$programs/poll"

# What several sessions say may come in any order, but each session's in its own.
by_feed() { "$@" | sort -s -t : -k 1,1n; }
said=$'1: 0\n1: 1\n1: 2\n3: 0\n3: 1'
for loop in epoll group; do
    expect 0 "$said" by_feed "$programs/$loop" "$ECHO_CA_FILE" \
        "${ECHO_WS_URL}burst/3" "${ECHO_WSS_URL}close/1000/bye" "${ECHO_WSS_URL}burst/2"
    expect 1 "$said" by_feed "$programs/$loop" "$ECHO_CA_FILE" \
        "${ECHO_WS_URL}burst/3" "${ECHO_WS_URL}drop" "${ECHO_WSS_URL}burst/2"
    expect 1 "$said" by_feed "$programs/$loop" "$ECHO_CA_FILE" \
        "${ECHO_WS_URL}burst/3" ws://127.0.0.1:1/ "${ECHO_WSS_URL}burst/2"
    expect_error 1 "2.*: ..*" "$programs/$loop" "" "${ECHO_WS_URL}burst/3" "${ECHO_WS_URL}drop"
    expect_error 1 "/nonexistent" "$programs/$loop" /nonexistent "$ECHO_WSS_URL"
    expect_error 2 usage "$programs/$loop" ""
done
feeds() { "$programs/group" "" $(yes "${ECHO_WS_URL}burst/20" | head -200) | sort | uniq | wc -l; }
expect 0 4000 feeds

said=$'sent: hello\nreceived: hello\nclosed'
expect 0 "$said" "$programs/glib" "$ECHO_WS_URL"
expect 0 "${said//hello/grüß dich}" "$programs/glib" "$ECHO_WSS_URL" "$ECHO_CA_FILE" "grüß dich"
expect_error 1 "\(sending\|receiving\): ..*" "$programs/glib" "${ECHO_WS_URL}drop"
expect_error 2 usage "$programs/glib"
