"""Runs the programs of c_examples against servers that they need for themselves.

SCRIPT [--env DIRECTORY] --work DIRECTORY PROGRAM...: PROGRAM is the built example, with anything it is to be run under
before it.
"""

import argparse
import os

from checking import HANG_S
from programs import Environment, Missing, adopt, limit_run, stop_everyone

# What ctest takes for "left out".
LEFT_OUT = 77


def contains(what, text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"{what}: {part!r} is missing in\n{text}")


def main(check):
    """check(environment, program)"""
    parser = argparse.ArgumentParser()
    parser.add_argument("--env", required=True, help="what tests/setup.sh filled")
    parser.add_argument("--work", required=True, help="a directory for logs and files; it is emptied")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    adopt()
    limit_run(3 * HANG_S)
    try:
        check(Environment(os.path.abspath(options.env), os.path.abspath(options.work)), options.program)
    except Missing as why:
        print(f"SKIPPED: {why}")
        return LEFT_OUT
    finally:
        stop_everyone()
    print("passed")
    return 0
