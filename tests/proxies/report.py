"""Runs checks one after the other and says what came of them."""

import argparse
import ctypes
import os
import sys
import traceback

import trustme
from checking import HANG_MS
from ktorws_ctypes import REPOSITORY, Status, lib, shutdown
from programs import Environment, adopt, limit_run, stop_everyone

# What ctest takes for "left out".
LEFT_OUT = 77
# For all of them; they take a fifth of that.
PATIENCE_S = 600

for _name, _type in {
    "set_proxy_from_env": ctypes.c_int32,
    "set_tls_alpn": ctypes.c_char_p,
    "add_tls_pin_sha256": ctypes.c_char_p,
}.items():
    getattr(lib, "ws_config_" + _name).argtypes = (ctypes.c_void_p, _type)


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def run(self, name, check, *arguments):
        try:
            check(*arguments)
        except AssertionError as error:
            at = traceback.extract_tb(error.__traceback__)[1:]
            where = " > ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in at)
            self.fail(name, f"{error}\n(at {where})")
        except Exception:
            self.fail(name, traceback.format_exc())
        else:
            self.passed += 1
            print(f"ok     {name}", flush=True)

    def fail(self, name, complaint):
        self.failed += 1
        print(f"FAILED {name}\n    " + complaint.strip().replace("\n", "\n    "), flush=True)

    def skip(self, name, why):
        self.skipped += 1
        print(f"SKIPPED {name}: {why}", flush=True)


class Certificates:
    """Paths of an authority's certificate, and of what it issued: for the server, and for whoever stands before it."""

    def __init__(self, environment):
        self.authority = trustme.CA()
        self.environment = environment
        self.ca = environment.file("ca.pem", self.authority.cert_pem.bytes())

    def issue(self, file, *names):
        """(certificate, key, both in one)"""
        issued = self.authority.issue_cert(*names)
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        key = issued.private_key_pem.bytes()
        parts = {".pem": chain, ".key": key, ".both.pem": chain + key}
        return [self.environment.file(file + suffix, content) for suffix, content in parts.items()]


def main(check_all):
    """check_all(report, environment)"""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--env", default=os.path.join(REPOSITORY, "target", "test-env"), help="what tests/setup.sh filled"
    )
    parser.add_argument("--work", required=True, help="a directory for logs and configurations; it is emptied")
    options = parser.parse_args()
    report = Report()
    adopt()
    limit_run(PATIENCE_S)
    try:
        check_all(report, Environment(os.path.abspath(options.env), os.path.abspath(options.work)))
        status = shutdown(HANG_MS)
        if status != Status.OK:
            report.fail("ws_shutdown", status.name)
    finally:
        stop_everyone()
    print(f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped", flush=True)
    # a check that hung may have left a thread inside the library
    sys.stdout.flush()
    os._exit(1 if report.failed else LEFT_OUT if report.skipped else 0)
