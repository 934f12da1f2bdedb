#!/usr/bin/env bash
# Runs the tests of a build side by side, and prints what failed, ctest's summary, and what this machine left out:
#
#     tests/ctest.sh BUILD_DIR [CTEST_ARGUMENT...]
#
# Most of the tests wait most of the time: there are twice as many at once as processors. JOBS sets another number.
set -euo pipefail
build=$1
shift

output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0
"${CTEST:-ctest}" --test-dir "$build" --output-on-failure --no-label-summary --no-tests=error -j "${JOBS:-$((2 * $(nproc)))}" "$@" 2>&1 |
    tee "$output" |
    sed -E -e '/^ *Start +[0-9]+: /d' -e '/^ *([0-9]+\/[0-9]+ )?Test +#[0-9]+: .*(Passed|\*\*\*Skipped) +[0-9.]+ sec$/d' \
        -e '/^The following tests did not run:$/,/^$/d' -e '/^(Internal ctest changing|Test project|Errors while running) /d' |
    cat -s || status=${PIPESTATUS[0]}

# A line that begins with SKIPPED says that a test, or the named part of it, was left out, and why.
awk '
    NR == FNR {
        if (/\*\*\*Skipped/) {
            sub(/.*Test +#[0-9]+: /, "")
            skipped[$1]
        }
        next
    }
    /^[0-9]+\/[0-9]+ Test: / { test = substr($0, index($0, ": ") + 2) }
    sub(/^SKIPPED[:,]? */, "") {
        left_out[++count] = test " (" $0 ")"
        delete skipped[test]
    }
    END {
        for (test in skipped)
            left_out[++count] = test
        if (count)
            printf "%d %s left out on this machine:\n", count, count == 1 ? "test was" : "tests were"
        for (i = 1; i <= count; i++)
            printf "    %s\n", left_out[i]
    }
' "$output" "$build/Testing/Temporary/LastTest.log"
exit "$status"
