#!/usr/bin/env python3
"""Sessions over Unix sockets: paths, abstract names, and what is none.

Run as `echo_server -- unix_sockets.py [NAME ...]`.
"""

import contextlib
import errno
import json
import os
import socket
import tempfile
from urllib.parse import urlsplit

from harness import for_each, main, refusal, setting_status  # first: it says where the others are
from checking import HANG_MS, Background, equal, true
from certificates import server_context, trusted
from ktorws_ctypes import Phase, Session, Status
from telling_server import telling

PATIENT = dict(set_connect_timeout_ms=HANG_MS, set_handshake_timeout_ms=HANG_MS)
ECHO = os.environ["ECHO_WS_URL"]
# Nobody can listen there: a session has not gone to its URL.
NOWHERE = "ws://host.test:1/"
LONGEST_PATH = 107


@contextlib.contextmanager
def listening(address, context=None):
    """a server at a Unix socket"""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        with telling(listener, ssl=context, unix=True):
            yield


@contextlib.contextmanager
def directory():
    """where it is to be the current one, so that paths are short"""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as path:
        os.chdir(path)
        try:
            yield path
        finally:
            os.chdir(before)


def echoes(session, message="over it"):
    equal("sending", session.send(message), Status.OK)
    equal("ws_recv", session.recv(HANG_MS), (Status.OK, message))


def closes(session):
    equal("ws_close", session.close(1000, "bye"), Status.OK)
    equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
    equal("clean", session.close_info[3], True)


def talks_over(path, url=NOWHERE, **settings):
    with Session(url, set_unix_socket=path, **{**PATIENT, **settings}) as session:
        status, told = session.recv(HANG_MS)
        equal("ws_recv", status, Status.OK)
        equal("Host", json.loads(told)["host"], "host.test:1")
        echoes(session, "x" * 100000)
        closes(session)


def a_unix_socket():
    """by an absolute path, by a relative one, by the longest one, by one beyond ASCII"""
    with directory() as path:
        longest = "n" * (LONGEST_PATH - len(path) - 1)
        for name in ("socket", longest, "gr\u00fc\u00dfe", " with space", "a%20b", "x@y"):
            with listening(name):
                talks_over(name.encode())
                talks_over(os.path.join(path, name).encode())


def an_abstract_unix_socket():
    for name in (f"ktorws-test-{os.getpid()}", f"ktorws-test-{os.getpid()}-".ljust(LONGEST_PATH - 1, "n")):
        with listening("\0" + name):
            talks_over(b"@" + name.encode())
        # a path of that name is something else
        failure = refusal(NOWHERE, set_unix_socket=name.encode())
        equal("status", failure.status, Status.CONNECT)


def a_unix_socket_under_tls():
    """the certificate is for the URL's host"""
    with directory():
        with listening("socket", server_context("host.test")):
            talks_over(b"socket", "wss://host.test:1/", **trusted())
            failure = refusal("wss://other.test:1/", set_unix_socket=b"socket", **trusted())
            equal("status and phase", (failure.status, failure.phase), (Status.TLS_CERTIFICATE, Phase.TLS))


def no_proxy_before_a_unix_socket():
    """whatever the environment says"""
    with directory(), listening("socket"):
        os.environ["ws_proxy"] = "http://127.0.0.1:1"
        try:
            talks_over(b"socket")
        finally:
            del os.environ["ws_proxy"]


def no_unix_socket_after_all():
    config = [b"no-such-socket", None]
    with Session(ECHO, set_unix_socket=config) as session:
        echoes(session)


def not_a_unix_socket():
    """what is there is not one, or nobody listens; the message names it"""
    with directory(), socket.socket(socket.AF_UNIX) as unheard:
        unheard.bind("unheard")
        with open("file", "w", encoding="ascii"):
            pass
        for path, os_errno in (
            (b"missing", errno.ENOENT),
            (b"file", errno.ECONNREFUSED),
            (b"file/below", errno.ENOTDIR),
            (b"unheard", errno.ECONNREFUSED),
            (b"@ktorws-test-missing", errno.ECONNREFUSED),
        ):
            failure = refusal(NOWHERE, set_unix_socket=path)
            equal("status and phase", (failure.status, failure.phase), (Status.CONNECT, Phase.CONNECT))
            equal("errno", failure.os_errno, os_errno)
            true("the message does not name it", path.decode() in failure.message, failure.message)


def a_unix_socket_for_datagrams():
    with directory(), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind("datagrams")
        failure = refusal(NOWHERE, set_unix_socket=b"datagrams")
        equal("status and phase", (failure.status, failure.phase), (Status.CONNECT, Phase.CONNECT))
        equal("errno", failure.os_errno, errno.EPROTOTYPE)


def a_unix_socket_with_a_full_backlog():
    """is waited for, and no longer than the limit"""
    with directory(), socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        listener.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect("socket")
            failure = refusal(NOWHERE, set_unix_socket=b"socket", set_connect_timeout_ms=150)
            equal("status and phase", (failure.status, failure.phase), (Status.TIMEOUT, Phase.CONNECT))
            true("the message does not say 150 ms", "150 ms" in failure.message, failure.message)
            opening = Background(refusal, NOWHERE, set_unix_socket=b"socket", **PATIENT)
            # one place becomes free, and then there is nobody at the other end
            listener.accept()[0].close()
            sock, _ = listener.accept()
            sock.close()
            equal("phase", opening.result().phase, Phase.HANDSHAKE)


def the_later_of_socket_and_path_counts():
    with directory(), listening("socket"):
        talks_over([b"other", b"socket"])
        with (
            socket.create_connection(("127.0.0.1", urlsplit(ECHO).port)) as sock,
            Session(NOWHERE, set_unix_socket=b"no-such-socket", set_socket_fd=sock.fileno()) as session,
        ):
            echoes(session)


def keepalive_where_there_is_no_tcp():
    """means nothing for a Unix socket"""
    with directory(), listening("socket"):
        talks_over(b"socket", set_tcp_keepalive=(7, 3, 5), set_tcp_nodelay=1)


def wrong_unix_sockets():
    def is_refused(path):
        equal("ws_config_set_unix_socket", setting_status("set_unix_socket", path), Status.INVALID_ARGUMENT)

    for_each(
        (b"", b"n" * (LONGEST_PATH + 1), b"@" + b"n" * LONGEST_PATH, b"a\nb", b"a\r", b"a\x7f", b"\xff"), is_refused
    )
    equal("config NULL", setting_status("set_unix_socket", b"path", is_null=True), Status.INVALID_ARGUMENT)


TESTS = (
    a_unix_socket,
    an_abstract_unix_socket,
    a_unix_socket_under_tls,
    no_proxy_before_a_unix_socket,
    no_unix_socket_after_all,
    not_a_unix_socket,
    a_unix_socket_for_datagrams,
    a_unix_socket_with_a_full_backlog,
    the_later_of_socket_and_path_counts,
    keepalive_where_there_is_no_tcp,
    wrong_unix_sockets,
)


def warm_up():
    with Session(ECHO):
        pass


if __name__ == "__main__":
    main(TESTS, warm_up)
