"""What each function, and each variable of the environment, says of each kind of file.

A kind that is not in a row cannot be there: PEM text has no kind of file, and a directory is not read as a file.
"""

import ctypes
import os
from collections.abc import Callable
from ctypes import c_char_p, c_int32, c_size_t, c_void_p
from dataclasses import dataclass

from file_kinds import HUGE, Text, contents
from ktorws_declarations import Status, lib

ACCEPTED = object()
IRREGULAR = "it is not a regular file$"


@dataclass(frozen=True)
class Used:
    """The setter takes it, and connecting fails."""

    status: Status
    reason: str


@dataclass
class Row:
    # by kind: the reason of the refusal, a Used or ACCEPTED
    expected: dict
    # of `contents`: what belongs there, and what else PEM can hold
    object: str = "certificate"
    another: str = "key"
    call: Callable | None = None
    good: Callable | None = None
    is_text: bool = False
    is_directory: bool = False
    # looks at what the setter has left
    after: Callable | None = None

    def make(self, kind, files):
        return files.text(kind, self) if self.is_text else files.make(kind, self)


PATHS = {
    "missing": "No such file or directory",
    "no name": "No such file or directory",
    "below a file": "Not a directory",
    "unreadable": "Permission denied",
    "dangling link": "No such file or directory",
    "loop of links": "Too many levels of symbolic links",
    "too long": "File name too long",
    "not UTF-8": "is not UTF-8$",
}
FILES = {
    **PATHS,
    "directory": IRREGULAR,
    "FIFO": IRREGULAR,
    "FIFO with another end": IRREGULAR,
    "device": IRREGULAR,
    "socket": IRREGULAR,
    "huge": "more than 64 MiB$",
    "a byte too large": "more than 64 MiB$",
}
DIRECTORIES = {
    **PATHS,
    "text": "Not a directory",
    "huge": "Not a directory",
    "FIFO": "Not a directory",
    "FIFO with another end": "Not a directory",
    "device": "Not a directory",
    "socket": "Not a directory",
    "directory": "no file in .* holds a certificate",
    "junk in a directory": "no file in .* holds a certificate",
}


def content(none, damaged):
    """what is said of files without the object, and of a broken one"""
    return {
        **dict.fromkeys(("empty", "another object", "DER", "text", "PKCS#12"), none),
        "damaged": damaged,
    }


AUTHORITY = content("there is no certificate in it$", "cannot read CA certificates: ")
REVOKED = content("there is no revocation list in it$", "cannot read revocation lists: ")
CERTIFICATE = content("there is no client certificate in it$", "cannot read the client certificate: ")
KEY = {
    **content("there is no private key in it$", "cannot read the client certificate's key: "),
    "encrypted": "it is encrypted",
    "another key": "cannot use the client certificate",
}


def function(name, *types):
    found = getattr(lib, name)
    found.restype, found.argtypes = c_int32, (c_void_p, *types)
    return found


def of_path(name, expected, **more):
    """a setter that takes one path"""
    setter = function(name, c_char_p)
    what = more.get("object", "certificate")
    more.setdefault("good", lambda files: files.good(what))
    return Row(expected, call=lambda config, path, files: setter(config, path), **more)


def good_text(what):
    text = contents()[what]
    return Text(ctypes.create_string_buffer(text), len(text))


def of_text(expected, call, **more):
    what = more.get("object", "certificate")
    reasons = {**expected, "huge": expected["empty"]}
    return Row(reasons, call=call, good=lambda files: good_text(what), is_text=True, **more)


add_pem = function("ws_config_add_tls_ca_pem", c_void_p, c_size_t)
set_files = function("ws_config_set_tls_client_cert_file", c_char_p, c_char_p)
set_texts = function("ws_config_set_tls_client_cert_pem", c_void_p, c_size_t, c_void_p, c_size_t)


def set_both(config, certificate, key):
    return set_texts(config, certificate.address, certificate.size, key.address, key.size)


def check_key_log(kind, path, files):
    """The content of the file stays. A new file is readable by its owner only."""
    created = {"missing": path, "dangling link": files.path(b"target")}
    if kind in created:
        found = os.stat(created[kind])
        assert (found.st_mode & 0o7777, found.st_size) == (0o600, 0), found
    elif kind == "text":
        with open(path, "rb") as file:
            assert file.read() == contents()["text"]
    elif kind == "huge":
        assert os.stat(path).st_size == HUGE
    elif kind == "not UTF-8":
        assert not os.path.lexists(path)


# Lines are appended to it: it may be there or not, be of any size, and hold anything.
KEY_LOG = {
    **FILES,
    **dict.fromkeys(("missing", "dangling link", "empty", "text", "huge", "a byte too large", "device"), ACCEPTED),
}
# The setter does not look at the file, which may come later. Connecting does.
REFUSED = Used(Status.CONNECT, "Connection refused")
UNIX_RULE = "has 1 to 107 bytes"
UNIX_SOCKET = {
    **{kind: Used(Status.CONNECT, reason) for kind, reason in PATHS.items()},
    **dict.fromkeys(("directory", "FIFO", "FIFO with another end", "device", "socket", "empty", "text", "huge"), REFUSED),
    "no name": UNIX_RULE,
    "too long": UNIX_RULE,
    "not UTF-8": PATHS["not UTF-8"],
}

SETTERS = {
    ("ws_config_add_tls_ca_file", "path"): of_path("ws_config_add_tls_ca_file", {**FILES, **AUTHORITY}),
    ("ws_config_add_tls_ca_dir", "path"): of_path(
        "ws_config_add_tls_ca_dir",
        {**DIRECTORIES, "junk and a certificate": ACCEPTED},
        is_directory=True,
        good=lambda files: files.with_certificate(),
    ),
    ("ws_config_add_tls_crl_file", "path"): of_path(
        "ws_config_add_tls_crl_file", {**FILES, **REVOKED}, object="CRL", another="certificate"
    ),
    ("ws_config_set_tls_client_cert_file", "certificate_path"): Row(
        {**FILES, **CERTIFICATE},
        call=lambda config, path, files: set_files(config, path, files.good("key")),
        good=lambda files: files.good("certificate"),
    ),
    ("ws_config_set_tls_client_cert_file", "key_path"): Row(
        {**FILES, **KEY},
        object="key",
        another="certificate",
        call=lambda config, path, files: set_files(config, files.good("certificate"), path),
        good=lambda files: files.good("key"),
    ),
    ("ws_config_set_tls_key_log_file", "path"): of_path(
        "ws_config_set_tls_key_log_file", KEY_LOG, good=lambda files: files.path(b"keys"), after=check_key_log
    ),
    ("ws_config_set_unix_socket", "path"): of_path(
        "ws_config_set_unix_socket", UNIX_SOCKET, good=lambda files: b"socket"
    ),
    ("ws_config_add_tls_ca_pem", "pem"): of_text(
        AUTHORITY, lambda config, text, files: add_pem(config, text.address, text.size)
    ),
    ("ws_config_set_tls_client_cert_pem", "certificate"): of_text(
        CERTIFICATE, lambda config, text, files: set_both(config, text, good_text("key"))
    ),
    ("ws_config_set_tls_client_cert_pem", "key"): of_text(
        KEY,
        lambda config, text, files: set_both(config, good_text("certificate"), text),
        object="key",
        another="certificate",
    ),
}

# They are bytes, and read when a connection needs them.
NOT_READ = {"not UTF-8": "No such file or directory"}
FOUND = content("there is no certificate in ", "cannot read ")
ENVIRONMENT = {
    "SSL_CERT_FILE": Row({**FILES, **FOUND, **NOT_READ}),
    # Without a name it is as if it were not set.
    "SSL_CERT_DIR": Row(
        {kind: reason for kind, reason in {**DIRECTORIES, **NOT_READ}.items() if kind != "no name"}, is_directory=True
    ),
}
