"""Files that the caller names and that are no files: pipes, sockets, devices, directories. They are refused, without waiting for
them and without taking all memory."""

import contextlib
import os
import socket
import tempfile
from ctypes import c_char_p, c_void_p

from certificates import AUTHORITY
from checking import equal, true
from http_api import fails
from ktorws_ctypes import Failure, Session, Status, lib
from web import Server

MOST = 64 << 20
DIRECTORY = tempfile.TemporaryDirectory()
CA = os.path.join(DIRECTORY.name, "ca.pem")
AUTHORITY.cert_pem.write_to_path(CA)


@contextlib.contextmanager
def odd_files():
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listener:
        pipe, sock = os.path.join(directory, "pipe"), os.path.join(directory, "socket")
        os.mkfifo(pipe)
        listener.bind(sock)
        link = os.path.join(directory, "link")
        os.symlink(pipe, link)
        yield [pipe, link, sock, directory, "/dev/zero", "/dev/tty", "/nonexistent/file"]


def settings(path):
    name = path.encode()
    good = CA.encode()
    yield "add_tls_ca_file", (name,)
    yield "add_tls_crl_file", (name,)
    yield "set_tls_client_cert_file", (name, None)
    yield "set_tls_client_cert_file", (good, name)




def call(name, *arguments):
    config = lib.ws_config_new()
    try:
        function = getattr(lib, "ws_config_" + name)
        function.argtypes = [c_void_p] + [c_char_p] * len(arguments)
        return Status(function(config, *arguments))
    finally:
        lib.ws_config_free(config)


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def test_what_is_read():
    with odd_files() as paths:
        before = resident()
        for path in paths:
            for name, arguments in settings(path):
                equal(f"ws_config_{name} of {path}", call(name, *arguments), Status.INVALID_ARGUMENT)
        true("memory", resident() - before < MOST, resident() - before)


def test_a_file_without_end():
    """is not read whole"""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "large.pem")
        with open(path, "wb") as file:
            file.truncate(1 << 40)
        for name, arguments in settings(path):
            equal(f"ws_config_{name}", call(name, *arguments), Status.INVALID_ARGUMENT)
        # in a directory it is passed over, as pipes are
        os.mkfifo(os.path.join(directory, "pipe"))
        equal("ws_config_add_tls_ca_dir", call("add_tls_ca_dir", directory.encode()), Status.INVALID_ARGUMENT)
        AUTHORITY.cert_pem.write_to_path(os.path.join(directory, "ca.pem"))
        equal("ws_config_add_tls_ca_dir", call("add_tls_ca_dir", directory.encode()), Status.OK)


def test_what_is_written_to():
    with odd_files() as paths:
        for path in paths[:-3]:
            got = call("set_tls_key_log_file", path.encode())
            equal(f"ws_config_set_tls_key_log_file of {path}", got, Status.INVALID_ARGUMENT)
            # also with somebody at its other end
            if os.path.basename(path) == "pipe":
                reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                got = call("set_tls_key_log_file", path.encode())
                os.close(reader)
                equal("with a reader", got, Status.INVALID_ARGUMENT)
        equal("nowhere", call("set_tls_key_log_file", paths[-1].encode()), Status.INVALID_ARGUMENT)
        equal("/dev/null", call("set_tls_key_log_file", b"/dev/null"), Status.OK)


def test_the_store_that_the_environment_names():
    os.environ.pop("SSL_CERT_DIR", None)
    with odd_files() as paths, Server() as server:
        for path in paths[:-2]:
            os.environ["SSL_CERT_FILE"] = path
            try:
                with Session(f"wss://localhost:{server.port}/"):
                    raise AssertionError("there is a session")
            except Failure as failure:
                equal(f"status with {path}: {failure}", failure.status, Status.TLS)
                true("why", "regular file" in failure.message, failure.message)
            finally:
                del os.environ["SSL_CERT_FILE"]


def test_unix_sockets_that_are_none():
    with odd_files() as paths:
        for path in paths:
            if os.path.basename(path) != "socket":
                lib.ws_config_set_unix_socket.argtypes = [c_void_p, c_char_p]
                fails("ws://localhost/", Status.CONNECT, set_unix_socket=path.encode())
