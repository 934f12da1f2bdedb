#!/usr/bin/env bash
# Runs the tests of a build side by side, and prints what failed, ctest's summary, and what this machine left out:
#
#     tests/ctest.sh BUILD_DIR [CTEST_ARGUMENT...]
#
# Most of the tests wait most of the time: there are twice as many at once as processors. JOBS sets another number.
set -euo pipefail
build=$1
shift

status=0
"${CTEST:-ctest}" --test-dir "$build" --output-on-failure --no-label-summary --no-tests=error -j "${JOBS:-$((2 * $(nproc)))}" "$@" |
    sed -E '/^ *Start +[0-9]+: /d; /^ *([0-9]+\/[0-9]+ )?Test +#[0-9]+: .* Passed +[0-9.]+ sec$/d; /^(Internal ctest changing|Test project) /d' |
    cat -s || status=${PIPESTATUS[0]}

# A line that begins with SKIPPED says that a test, or the named part of it, was left out, and why. A test that says no
# more than that it was skipped counts as well.
awk '
    /^[0-9]+\/[0-9]+ Test: / { test = substr($0, index($0, ": ") + 2); reasons = 0 }
    sub(/^SKIPPED:? */, "") { left_out[++count] = test " (" $0 ")"; reasons++ }
    /^Test Skipped\.$/ && !reasons { left_out[++count] = test }
    END {
        if (count)
            printf "%d %s left out on this machine:\n", count, count == 1 ? "test was" : "tests were"
        for (i = 1; i <= count; i++)
            printf "    %s\n", left_out[i]
    }
' "$build/Testing/Temporary/LastTest.log"
exit "$status"
