"""The command under valgrind: no wrong access, nothing lost, on the ways that end well and on those that do not."""

import os

from tool import CLEANLY, EARLY, INPUT, REFUSED, echo_server, echo_url, file_with, run
from web import Server, answers

KINDS = "definite,possible,indirect"
VALGRIND = (
    "valgrind",
    "--quiet",
    "--error-exitcode=99",
    "--leak-check=full",
    f"--show-leak-kinds={KINDS}",
    f"--errors-for-leak-kinds={KINDS}",
    f"--suppressions={os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'c', 'valgrind.supp')}",
)


def check(*arguments, input=b"", status=CLEANLY, options=()):
    run(*arguments, input=input, status=status, under=(*VALGRIND, *options))


def test_messages():
    lines = b"".join(b"%d\n" % number for number in range(500)) + b"\xe2\x82\xac" * 30_000
    check("-v", echo_url(), input=lines)


def test_events():
    check("--json", "-b1", "--block", "1000", "-n", "3", "-w", "600", echo_url("burst/2"), status=EARLY)


def test_input_that_is_not_utf8():
    check("-0", echo_url(), input=b"a\0b\xff", status=INPUT)


def test_options():
    with file_with("machine 127.0.0.1 login me password pw") as netrc:
        with Server(lambda request: answers(403, "X-Cache: 1", body=b"go away\n")) as server:
            check("-v", "--deflate=level=1", "-H", "X: y", "-p", "a,b", "--cookie", "c=d", "-L", "--netrc-file", netrc,
                  "-m", "x", "--reconnect", server.url(), status=REFUSED)  # fmt: skip


def test_tls():
    # what ring computes in assembler valgrind takes for uninitialised
    url, authority = echo_server()["ECHO_WSS_URL"], echo_server()["ECHO_CA_FILE"]
    check("--cacert", authority, "-m", "x", "-n", "1", "-u", "a:b", url, options=["--undef-value-errors=no"])


def test_measuring():
    check("--latency=3", "--interval", "0.001", echo_url())
