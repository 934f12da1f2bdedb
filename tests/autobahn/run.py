#!/usr/bin/env python3
"""Runs the echo client through the Autobahn cases.

    run.py CLIENT [--env DIR] [--all]

CLIENT is the built client.c; DIR (default target/test-env) holds the venv with the fuzzing server. The reports go to
DIR/autobahn. Without --all the half of the cases 12 and 13 (permessage-deflate) with the larger messages, which take
some ten minutes, is left out. Prints every case that is not OK and one summary line.
"""

import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
import threading

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AGENT = "ktorws"
# How many cases there are in the groups, in the order in which they run.
GROUPS = {"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1}
DEFLATE_GROUPS = [f"12.{n}" for n in range(1, 6)] + [f"13.{n}" for n in range(1, 8)]
SIZES, SIZES_OF_ALL = 9, 18
# These have the client keep no context. The server runs them only if it was offered.
WITHOUT_CONTEXT = {"13.2", "13.5", "13.6"}
# The suite takes any behaviour here: data after Close, and close codes that nobody has registered.
INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}
LISTENING = "fuzzingserver listening on "


def verdict(result):
    """The worse of how the case and how the close went."""
    order = ["OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED"]
    return max(
        (result["behavior"], result["behaviorClose"]), key=lambda v: order.index(v) if v in order else len(order)
    )


def without_context(sizes):
    """The numbers of the first and last of the cases in WITHOUT_CONTEXT, by their group."""
    number = 1 + sum(GROUPS.values())
    for group in DEFLATE_GROUPS:
        if group in WITHOUT_CONTEXT:
            yield f"{number}-{number + sizes - 1}"
        number += sizes


def summarize(cases, client_status, total):
    """The exit status."""
    counts = collections.Counter()
    informational = set()
    for name, result in sorted(cases.items(), key=lambda item: [int(n) for n in item[0].split(".")]):
        v = verdict(result)
        counts[v] += 1
        if v != "OK":
            print(
                f"{name}: behavior {result['behavior']}, close {result['behaviorClose']}, remote close code {result['remoteCloseCode']}"
            )
        if v == "INFORMATIONAL":
            informational.add(name)
    known = sum(counts[v] for v in ("OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED"))
    failed = len(cases) - known
    if informational != INFORMATIONAL:
        print(f"expected the informational cases {sorted(INFORMATIONAL)}, got {sorted(informational)}")
    if len(cases) != total:
        print(f"expected {total} cases, got {len(cases)}")
    if client_status != 0:
        print(f"the client ended with status {client_status}")
    print(
        f"autobahn: total={len(cases)} ok={counts['OK']} informational={counts['INFORMATIONAL']} non-strict={counts['NON-STRICT']}"
        f" unimplemented={counts['UNIMPLEMENTED']} failed={failed}"
    )
    return int(
        client_status != 0
        or counts["OK"] + counts["INFORMATIONAL"] != total
        or len(cases) != total
        or informational != INFORMATIONAL
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("client")
    parser.add_argument("--env", default=os.path.join(REPOSITORY, "target", "test-env"))
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    sizes = SIZES_OF_ALL if arguments.all else SIZES
    left_out = [f"{group}.{size}" for group in DEFLATE_GROUPS for size in range(sizes + 1, SIZES_OF_ALL + 1)]
    reports = os.path.join(arguments.env, "autobahn")
    # an old report must not stand in for one that was not written
    shutil.rmtree(reports, ignore_errors=True)
    os.makedirs(reports)
    kosoku = os.path.join(arguments.env, "venv", "bin", "kosoku")
    server = subprocess.Popen(
        [kosoku, "-m", "fuzzingserver", *(option for case in left_out for option in ("-x", case)), "-o", reports, "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = []
    try:
        for line in server.stdout:
            output.append(line)
            if line.startswith(LISTENING):
                break
        else:
            print("the fuzzing server did not start:\n" + "".join(output))
            return 1
        drain = threading.Thread(target=output.extend, args=(server.stdout,))
        drain.start()
        url = line.removeprefix(LISTENING).strip()
        client = subprocess.run([arguments.client, url, AGENT, *without_context(sizes)])
        try:
            # it writes the reports and ends when the client has asked for them
            server.wait(30)
        except subprocess.TimeoutExpired:
            print("the fuzzing server was not asked for its reports")
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
    index = os.path.join(reports, "index.json")
    if not os.path.exists(index):
        print("the fuzzing server wrote no report:\n" + "".join(output[-20:]))
        return 1
    with open(index, encoding="utf-8") as file:
        total = sum(GROUPS.values()) + len(DEFLATE_GROUPS) * sizes
        return summarize(json.load(file)[AGENT], client.returncode, total)


if __name__ == "__main__":
    sys.exit(main())
