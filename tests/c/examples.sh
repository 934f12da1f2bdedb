#!/usr/bin/env bash
# examples.sh PROGRAM_DIR EXAMPLE [WRAPPER...]: a program of c_examples does what it says. WRAPPER is what it is run
# under, such as valgrind. Runs under the echo server.
set -euo pipefail
programs=$1 example=$2
shift 2
wrapper=("$@")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() { "${wrapper[@]}" "$programs/$example" "$@"; }

fail() {
    local kind=$1
    shift
    printf '%s\nexpected status %s and %s:\n%s\ngot status %s and:\n' "$example $*" "$status" "$kind" "$wanted" "$got_status" >&2
    cat "$work/output" "$work/errors" >&2
    exit 1
}

# expect STATUS OUTPUT ARGUMENT...: OUTPUT is what the program must print on standard output.
expect() { expect_of run "$@"; }

# expect_of FUNCTION STATUS OUTPUT ARGUMENT...: the same of a function that runs the program.
expect_of() {
    local function=$1 status=$2 wanted=$3 got_status=0
    shift 3
    "$function" "$@" >"$work/output" 2>"$work/errors" || got_status=$?
    [ "$(cat "$work/output")" = "$wanted" ] && [ "$got_status" = "$status" ] || fail "this output" "$@"
}

# expect_error STATUS PATTERN ARGUMENT...: PATTERN must be found on standard error.
expect_error() {
    local status=$1 wanted=$2 got_status=0
    shift 2
    run "$@" >"$work/output" 2>"$work/errors" || got_status=$?
    grep -q -- "$wanted" "$work/errors" && [ "$got_status" = "$status" ] || fail "an error with" "$@"
}

seq 1 2000 >"$work/lines"
lines=$(cat "$work/lines")
with_lines() { run "$@" <"$work/lines"; }

check_echo() {
    local said=$'sent: hello\nreceived: hello\nclosed: 1000 bye (clean)'
    expect 0 "$said" "$ECHO_WS_URL"
    expect 0 "$said" "$ECHO_WSS_URL" "$ECHO_CA_FILE"
    expect 0 "${said//hello/grüß dich}" "$ECHO_WS_URL" "" "grüß dich"
    expect_error 2 usage
    expect_error 1 "cannot connect to ws://127.0.0.1:1/: ..*" ws://127.0.0.1:1/
    expect_error 1 "cannot connect to $ECHO_WSS_URL: .*certificate" "$ECHO_WSS_URL"
    expect_error 1 "/nonexistent" "$ECHO_WSS_URL" /nonexistent
    expect_error 1 "\(sending\|receiving\): ..*" "${ECHO_WS_URL}drop"
}

check_echo_cpp() {
    local said=$'sent: hello\nreceived: hello\nclosed: 1000 bye (clean)'
    expect 0 "$said" "$ECHO_WS_URL"
    expect 0 "${said//hello/grüß dich}" "$ECHO_WSS_URL" "$ECHO_CA_FILE" "grüß dich"
    expect_error 2 usage
    expect_error 1 "WS_ERR_CONNECT: ..*" ws://127.0.0.1:1/
    expect_error 1 "WS_ERR_TLS_CERTIFICATE: .*certificate" "$ECHO_WSS_URL"
    expect_error 1 "add_tls_ca_file" "$ECHO_WSS_URL" /nonexistent
}

check_checksum() {
    local said=$'agreed: x-checksum; algorithm=fnv1a\nreceived: hello'
    expect 0 "$said" "$ECHO_WS_URL"
    expect 0 "${said//hello/}" "$ECHO_WS_URL" ""
    expect_error 1 "receiving: an extension failed" "${ECHO_WS_URL}corrupt"
    expect_error 2 usage
}

check_chat() {
    expect_of with_lines 0 "$lines" "$ECHO_WS_URL"
    expect_of with_lines 0 "$lines" "$ECHO_WSS_URL" "$ECHO_CA_FILE"
    expect 0 hello "${ECHO_WS_URL}hello" </dev/null
    expect_error 1 "broke off: ..*" "${ECHO_WS_URL}drop" </dev/null
    expect_error 2 usage
}

check_poll() {
    expect_of with_lines 0 "$lines" "$ECHO_WS_URL"
    expect_error 1 "broke off: ..*" "${ECHO_WS_URL}drop" <"$work/lines"
    expect_error 2 usage
}

check_epoll() {
    expect 0 $'hello\nhello\nhello' "$ECHO_WS_URL" "$ECHO_WS_URL" "$ECHO_WS_URL"
    expect_error 1 "cannot connect" "$ECHO_WS_URL" ws://127.0.0.1:1/
    expect_error 2 usage
}

check_pipeline() {
    expect_of with_lines 0 "$lines" "$ECHO_WS_URL"
    expect 0 "" "$ECHO_WS_URL" </dev/null
    # More than all queues on the way there and back hold, with empty lines between.
    local large=$work/large
    for digit in $(seq 0 19); do head -c 2000000 /dev/zero | tr '\0' "${digit: -1}"; printf '\n\n'; done >"$large"
    # shellcheck disable=SC2094 # both only read it
    run "$ECHO_WS_URL" <"$large" 2>/dev/null | cmp - "$large"
    expect_error 1 "of the next 3 lines, which are not sent, one is not UTF-8" "$ECHO_WS_URL" <<<$'a\n\377\nb'
    expect_error 1 "pipeline: ..*" "${ECHO_WS_URL}drop" <"$work/lines"
    expect_error 1 "cannot connect to ws://127.0.0.1:1/: ..*" ws://127.0.0.1:1/ <"$work/lines"
    expect_error 2 usage
}

check_group() {
    sorted() { run "$@" | sort -n; }
    expect_of sorted 0 "$(for i in $(seq 0 99); do printf '%s\n%s\n' "$i" "$i"; done)" \
        "${ECHO_WS_URL}burst/100" "${ECHO_WS_URL}burst/100"
    expect_error 1 "could not connect to the server" "${ECHO_WS_URL}burst/1" ws://127.0.0.1:1/
    expect_error 2 usage
}

# Lines come as servers answer. Many at once, among them one that refuses, one that breaks off, and what is no URL.
check_callbacks() {
    ask() {
        run "$@" | sed -E 's/, opened in [0-9.]+ ms$//; s/^(down [^ ]+): .+/\1 for a reason/' |
            sort | uniq -c | sed 's/^ *//'
    }
    local urls=()
    for _ in $(seq 100); do urls+=("$ECHO_WS_URL"); done
    expect_of ask 0 "100 up $ECHO_WS_URL" "${urls[@]}"
    expect_of ask 1 "$(printf '1 down %s for a reason\n' ftp://x/ ws://127.0.0.1:1/ "${ECHO_WS_URL}drop")"$'\n'"100 up $ECHO_WS_URL" \
        "${ECHO_WS_URL}drop" "${urls[@]}" ftp://x/ ws://127.0.0.1:1/
    expect_error 2 usage
}

check_glib() {
    expect 0 hello "$ECHO_WS_URL"
    expect_error 1 "cannot connect" ws://127.0.0.1:1/
    expect_error 2 usage
}

check_asio() {
    local url=$ECHO_WS_URL
    expect 0 "$(printf '%s: hello\n' "$url" "$url" "$url")" 60000 "$url" "$url" "$url"
    expect 1 "$url: hello" 60000 "${url}drop" "$url"
    expect_error 1 "^ws://127.0.0.1:1/: could not connect" 60000 ws://127.0.0.1:1/
    expect_error 1 "silent: no answer in time" 100 "${url}silent"
    expect_error 2 usage
}

"check_$example"
