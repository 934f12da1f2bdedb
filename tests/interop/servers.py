#!/usr/bin/env python3
"""The library against the servers that people run: servers.py [--env DIRECTORY] --work DIRECTORY [--quick] [--write]

Every row of docs/interop.md with every column. What a check finds has to be what stands there for the same version of the
server; --write writes it there instead. --quick leaves out what takes its time. A server that is not there is left out.
"""

import argparse
import os
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "behaviours"), os.path.join(TESTS, "proxies")]
from checking import HANG_MS, equal
from ktorws_ctypes import REPOSITORY, Status, lib, shutdown
from programs import Environment, Missing, adopt, limit_run, stop_everyone
from report import LEFT_OUT, Certificates
from row_checks import COLUMNS, large
from rows import ROWS, Chromium

DOCUMENT = os.path.join(REPOSITORY, "docs", "interop.md")
# For all of them; they take a fifth of that.
PATIENCE_S = 110

HEAD = """# Servers

This page lists how libktorws {version} works with other servers. `make interop` runs the checks and writes this page. `make test` runs some
of them, and compares the results with this page.

"""

TAIL = """
- **echo**: messages of 0 to 200,000 bytes come back, text and binary if the protocol has both. **16 MiB**: a message of this size comes
  back. Servers without an echo return messages in their own protocol, for example as a publication or as the value of an expression.
- **fragments**: the server receives messages in fragments, also with empty ones. *both ways*: the library also receives fragments of the
  server, with pings in between.
- **permessage-deflate**: the server's answer to `ws_config_install_deflate(config, NULL)`; the check compares sizes on the wire. *agreed*:
  without parameters. **the same, small**: the library asks for windows of 10 bits and no context takeover in both directions.
- **subprotocol**: the server's choice from an offer of two.
- **ping, pong**: the server answers a ping. *both ways*: the server also sends pings, and accepts the pongs.
- **our Close 4001**: the code of the server's answer. **the server's Close**: its code and reason, if it can be told to close with 4001
  "bye"; otherwise the Close after a violation of its protocol, or after its page is closed.
- **seen besides**: other observations. Each is checked too.
"""


def find(peer, check):
    """what stands in the table and None, or None and what is wrong"""
    try:
        return peer.run(check), None
    except AssertionError as error:
        return None, str(error)
    except Exception:
        return None, traceback.format_exc()


class Table:
    FIRST, LAST = ("server", "version"), "seen besides"
    HEADINGS = (*FIRST, *COLUMNS, LAST)

    def __init__(self):
        # a row's name: {heading: cell}
        self.rows = {}

    def read(self):
        with open(DOCUMENT, encoding="utf-8") as file:
            for line in file:
                cells = line.strip().strip("|").split(" | ")
                if len(cells) == len(self.HEADINGS):
                    row = dict(zip(self.HEADINGS, (cell.strip() for cell in cells), strict=True))
                    self.rows[row["server"]] = row

    def write(self, missing):
        lines = [self.HEADINGS, ["---"] * len(self.HEADINGS), *(row.values() for row in self.rows.values())]
        with open(DOCUMENT, "w", encoding="utf-8") as file:
            file.write(HEAD.format(version=lib.ws_version_string().decode()))
            file.writelines(f"| {' | '.join(line)} |\n" for line in lines)
            if missing:
                left_out = "; ".join(f"{name} ({why})" for name, why in missing.items())
                file.write(f"\nLeft out, for they were not there: {left_out}.\n")
            file.write(TAIL)


class Run:
    def __init__(self, options):
        self.options = options
        self.passed = self.failed = 0
        self.missing = {}
        self.table, self.documented = Table(), Table()
        if not options.write:
            self.documented.read()

    def fail(self, what, complaint):
        self.failed += 1
        print(f"FAILED {what}\n    " + complaint.strip().replace("\n", "\n    "), flush=True)

    def compare(self, row, heading, found):
        """with what is documented for this version"""
        documented = self.documented.rows.get(row["server"])
        if documented is None:
            raise AssertionError("docs/interop.md has no such row: make interop writes it")
        if documented["version"] == row["version"]:
            equal("docs/interop.md", found, documented[heading])

    def cell(self, peer, row, heading, *checks):
        """found by the checks, one after the other"""
        found = []
        for check in checks:
            result, complaint = find(peer, check)
            if complaint is not None:
                self.fail(f"{row['server']}: {heading}", complaint)
                return
            found.append(result)
        row[heading] = "; ".join(found)
        try:
            if not self.options.write:
                self.compare(row, heading, row[heading])
        except AssertionError as error:
            self.fail(f"{row['server']}: {heading}", str(error))
            return
        self.passed += 1
        print(f"ok     {row['server']} {row['version']}: {heading}: {row[heading]}", flush=True)

    def row(self, kind, environment, certificates):
        try:
            peer = kind.start(environment, certificates)
        except Missing as why:
            self.missing[kind.name] = str(why)
            print(f"SKIPPED {kind.name}: {why}", flush=True)
            return
        row = self.table.rows[kind.name] = {"server": kind.name, "version": peer.version}
        for heading, check in COLUMNS.items():
            if not (self.options.quick and check is large):
                self.cell(peer, row, heading, check)
        self.cell(peer, row, Table.LAST, *kind.quirks)
        stop_everyone()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--env", default=os.path.join(REPOSITORY, "target", "test-env"), help="what tests/setup.sh filled"
    )
    parser.add_argument("--work", required=True, help="a directory for logs and configurations; it is emptied")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    run = Run(options)
    adopt()
    limit_run(PATIENCE_S)
    try:
        environment = Environment(os.path.abspath(options.env), os.path.abspath(options.work))
        certificates = Certificates(environment)
        for kind in ROWS:
            if not (options.quick and kind is Chromium):
                run.row(kind, environment, certificates)
        status = shutdown(HANG_MS)
        if status != Status.OK:
            run.fail("ws_shutdown", status.name)
    finally:
        stop_everyone()
    if options.write and not run.failed:
        run.table.write(run.missing)
        print(f"written: {os.path.relpath(DOCUMENT)}")
    print(f"{run.passed} passed, {run.failed} failed, {len(run.missing)} skipped", flush=True)
    # a check that hung may have left a thread inside the library
    sys.stdout.flush()
    os._exit(1 if run.failed else LEFT_OUT if run.missing and not options.write else 0)


if __name__ == "__main__":
    main()
