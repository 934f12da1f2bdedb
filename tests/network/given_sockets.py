#!/usr/bin/env python3
"""Sessions over sockets that the application has connected, and TCP's keepalive.

Run as `echo_server -- given_sockets.py [NAME ...]`.
"""

import contextlib
import errno
import fcntl
import os
import socket
import tempfile
from urllib.parse import urlsplit

from harness import main, refusal, setting_status  # first: it says where the others are
from checking import HANG_MS, Background, equal, true
from ktorws_ctypes import Configuration, Phase, Session, Status
from peer import CLOSE, TEXT, frame, text
from wire import Wire

PATIENT = dict(set_connect_timeout_ms=HANG_MS, set_handshake_timeout_ms=HANG_MS)
ECHO, TLS_ECHO = os.environ["ECHO_WS_URL"], os.environ["ECHO_WSS_URL"]
CA = dict(add_tls_ca_file=os.environ["ECHO_CA_FILE"].encode())
# Nobody can listen there: a session has not gone to its URL.
NOWHERE = "ws://host.test:1/"


def connected(url=ECHO):
    return socket.create_connection(("127.0.0.1", urlsplit(url).port))


def descriptors():
    """{number: what it is}"""
    found = {}
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[int(fd)] = os.readlink(f"/proc/self/fd/{fd}")
    return found


def echoes(session, message="over it"):
    equal("sending", session.send(message), Status.OK)
    equal("ws_recv", session.recv(HANG_MS), (Status.OK, message))


def closes(session):
    equal("ws_close", session.close(1000, "bye"), Status.OK)
    equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
    equal("clean", session.close_info[3], True)


def a_given_socket():
    """plain and under TLS, blocking and not; afterwards it is the caller's as before"""
    for url, blocking in (ECHO, True), (ECHO, False), (TLS_ECHO, True), (TLS_ECHO, False):
        with connected(url) as sock:
            sock.setblocking(blocking)
            flags = fcntl.fcntl(sock, fcntl.F_GETFL)
            inode = os.fstat(sock.fileno()).st_ino
            # where it leads is not asked
            host = urlsplit(url).hostname
            with Session(f"{urlsplit(url).scheme}://{host}:1/", set_socket_fd=sock.fileno(), **CA) as session:
                echoes(session, "x" * 300000)
                closes(session)
            equal("the caller's descriptor", os.fstat(sock.fileno()).st_ino, inode)
            equal("its flags", fcntl.fcntl(sock, fcntl.F_GETFL), flags)
            # the server has ended the connection; its TLS may have left a last record of the client unread
            sock.settimeout(HANG_MS / 1000)
            with contextlib.suppress(ConnectionResetError):
                equal("what is left to read", sock.recv(1), b"")


class Other(socket.socket):
    """what is set for TCP goes without saying"""

    def setsockopt(self, level, *arguments):
        if level != socket.IPPROTO_TCP:
            super().setsockopt(level, *arguments)


def a_socketpair():
    """the other end is a server that this test plays"""
    own, other = socket.socketpair()
    with Other(fileno=other.detach()) as other:
        opening = Background(Session, NOWHERE, set_socket_fd=own.fileno(), **PATIENT)
        wire = Wire(other)
        true("there is no request", wire.read_request())
        equal("Host", wire.header("Host"), "host.test:1")
        # the caller's is not needed any more
        own.close()
        wire.send(wire.head() + text(b"hello"))
        with opening.result() as session:
            equal("ws_recv", session.recv(HANG_MS), (Status.OK, "hello"))
            equal("sending", session.send("and back"), Status.OK)
            wire.expect(TEXT, b"and back")
            equal("ws_close", session.close(1000, "bye"), Status.OK)
            sent = wire.expect_close(1000, b"bye")
            wire.send(frame(CLOSE, sent.payload))
            wire.fin()
            equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
        wire.expect_end()


def a_socket_that_is_closed_before():
    """it was duplicated when it was given"""
    sock = connected()
    with Configuration() as config:
        equal("setting", config.call("set_socket_fd", sock.fileno()), Status.OK)
        sock.close()
        with Session(NOWHERE, config) as session:
            echoes(session)
            closes(session)


def the_copy_is_not_inherited():
    """it is closed when a process executes another program"""
    with connected() as sock, Configuration() as config:
        before = descriptors()
        equal("setting", config.call("set_socket_fd", sock.fileno()), Status.OK)
        added = {fd for fd, what in descriptors().items() if before.get(fd) != what and what.startswith("socket:")}
        equal("descriptors that were added", len(added), 1)
        for fd in added:
            true("it is not close-on-exec", fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC)


def a_socket_is_used_once():
    with connected() as sock, Configuration() as config:
        equal("setting", config.call("set_socket_fd", sock.fileno()), Status.OK)
        with Session(NOWHERE, config) as session:
            failure = refusal(NOWHERE, config)
            equal("status", failure.status, Status.STATE)
            echoes(session)
            closes(session)
        equal("status", refusal(NOWHERE, config).status, Status.STATE)
        # another one
        with connected() as second:
            equal("setting", config.call("set_socket_fd", second.fileno()), Status.OK)
            with Session(NOWHERE, config) as session:
                echoes(session)
        equal("status", refusal(NOWHERE, config).status, Status.STATE)
        # and none: the URL counts again
        equal("setting", config.call("set_socket_fd", -1), Status.OK)
        with Session(ECHO, config) as session:
            echoes(session)


def a_session_that_fails_has_used_it_too():
    own, other = socket.socketpair()
    with own, Configuration() as config:
        equal("setting", config.call("set_socket_fd", own.fileno()), Status.OK)
        other.close()
        failure = refusal(NOWHERE, config)
        equal("phase", failure.phase, Phase.HANDSHAKE)
        equal("status", refusal(NOWHERE, config).status, Status.STATE)


def sockets_that_are_not_used():
    """their copies go when they are replaced, and with the configuration"""
    before = descriptors()
    with connected() as sock:
        while_it_is_open = len(descriptors())
        with Configuration() as config:
            for _ in range(3):
                equal("setting", config.call("set_socket_fd", sock.fileno()), Status.OK)
                equal("descriptors", len(descriptors()), while_it_is_open + 1)
            equal("setting", config.call("set_socket_fd", -1), Status.OK)
            equal("descriptors", len(descriptors()), while_it_is_open)
            equal("setting", config.call("set_socket_fd", sock.fileno()), Status.OK)
            equal("setting", config.call("set_unix_socket", b"replaces it"), Status.OK)
            equal("descriptors", len(descriptors()), while_it_is_open)
            equal("setting", config.call("set_socket_fd", sock.fileno()), Status.OK)
        equal("descriptors", len(descriptors()), while_it_is_open)
    equal("descriptors", len(descriptors()), len(before))


def no_proxy_before_a_given_socket():
    os.environ["ws_proxy"] = "http://127.0.0.1:1"
    try:
        with connected() as sock, Session(NOWHERE, set_socket_fd=sock.fileno()) as session:
            echoes(session)
    finally:
        del os.environ["ws_proxy"]


def not_connected_stream_sockets():
    """a pipe, a file, a datagram socket, one that is not connected, one that listens"""
    reading, writing = os.pipe()
    own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with (
        open(reading, "rb"),
        open(writing, "wb"),
        tempfile.TemporaryFile() as file,
        own,
        other,
        socket.socket() as unconnected,
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_UNIX) as unconnected_unix,
    ):
        for fd in (reading, file.fileno(), own.fileno()):
            failure = refusal(NOWHERE, set_socket_fd=fd, **PATIENT)
            equal("status and phase", (failure.status, failure.phase), (Status.CONNECT, Phase.CONNECT))
        for sock in (unconnected, listener, unconnected_unix):
            failure = refusal(NOWHERE, set_socket_fd=sock.fileno(), **PATIENT)
            equal("status and phase", (failure.status, failure.phase), (Status.CONNECT, Phase.CONNECT))
            equal("errno", failure.os_errno, errno.ENOTCONN)


def wrong_sockets():
    closed = os.dup(0)
    os.close(closed)
    for fd in (closed, -2, -(2**31), 2**31 - 1):
        equal(f"descriptor {fd}", setting_status("set_socket_fd", fd), Status.INVALID_ARGUMENT)
    equal("config NULL", setting_status("set_socket_fd", 0, is_null=True), Status.INVALID_ARGUMENT)


@contextlib.contextmanager
def own_socket(**settings):
    """the socket of a session, found among the descriptors of the process"""
    before = descriptors()
    with Session(ECHO, **settings) as session:
        added = [fd for fd, what in descriptors().items() if before.get(fd) != what and what.startswith("socket:")]
        found = []
        for fd in added:
            with socket.socket(fileno=os.dup(fd)) as sock:
                with contextlib.suppress(OSError):
                    if sock.getpeername() == ("127.0.0.1", urlsplit(ECHO).port):
                        found.append(sock.dup())
        equal("sockets that lead to the server", len(found), 1)
        with found[0] as sock:
            yield session, sock


def keepalive(sock):
    """(on, idle, interval, count)"""
    options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    is_on = sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    return (is_on, *(sock.getsockopt(socket.IPPROTO_TCP, option) for option in options))


def keepalive_of_tcp():
    with own_socket() as (_, sock):
        usual = keepalive(sock)
        equal("by default", usual[0], 0)
    for idle, interval, count in (7, 3, 5), (1, 1, 1), (32767, 32767, 127):
        with own_socket(set_tcp_keepalive=(idle, interval, count)) as (session, sock):
            equal("keepalive", keepalive(sock), (1, idle, interval, count))
            echoes(session)
    for off in ((0, 0, 0), (0, 9, 9)):
        with own_socket(set_tcp_keepalive=[(7, 3, 5), off]) as (_, sock):
            equal("off again", keepalive(sock), usual)


def keepalive_of_a_given_socket():
    with connected() as sock:
        with Session(NOWHERE, set_socket_fd=sock.fileno(), set_tcp_keepalive=(7, 3, 5)) as session:
            equal("keepalive", keepalive(sock), (1, 7, 3, 5))
            echoes(session)


def wrong_keepalives():
    for values in ((32768, 1, 1), (1, 32768, 1), (1, 1, 128), (1, 0, 1), (1, 1, 0), (2**32 - 1, 2**32 - 1, 2**32 - 1)):
        equal(f"{values}", setting_status("set_tcp_keepalive", *values), Status.INVALID_ARGUMENT)
    equal("config NULL", setting_status("set_tcp_keepalive", 1, 1, 1, is_null=True), Status.INVALID_ARGUMENT)


TESTS = (
    a_given_socket,
    a_socketpair,
    a_socket_that_is_closed_before,
    the_copy_is_not_inherited,
    a_socket_is_used_once,
    a_session_that_fails_has_used_it_too,
    sockets_that_are_not_used,
    no_proxy_before_a_given_socket,
    not_connected_stream_sockets,
    wrong_sockets,
    keepalive_of_tcp,
    keepalive_of_a_given_socket,
    wrong_keepalives,
)


def warm_up():
    for url in (ECHO, TLS_ECHO):
        with Session(url, **CA):
            pass


if __name__ == "__main__":
    main(TESTS, warm_up)
