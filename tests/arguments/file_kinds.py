"""Files of every kind, and what can be in them."""

import ctypes
import datetime
import functools
import mmap
import os
import socket

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

PEM = serialization.Encoding.PEM
LARGEST = 64 << 20
# Beyond 4 GiB: nothing that counts in 32 bits takes it for a small one.
HUGE = 8 << 30


@functools.cache
def contents():
    key, another = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a certificate")])
    now = datetime.datetime.now(datetime.timezone.utc)
    later = now + datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, later)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    revoked = (
        x509.CertificateRevocationListBuilder(name, now, later)
        .add_extension(x509.CRLNumber(1), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )

    def pem_of(key, encryption=serialization.NoEncryption()):
        return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption)

    secret = serialization.BestAvailableEncryption(b"secret")
    return {
        "certificate": certificate.public_bytes(PEM),
        "key": pem_of(key),
        "CRL": revoked.public_bytes(PEM),
        "empty": b"",
        "text": b"This is a text.\n" * 100,
        "DER": certificate.public_bytes(serialization.Encoding.DER),
        "PKCS#12": pkcs12.serialize_key_and_certificates(b"both", key, certificate, None, secret),
        "encrypted": pem_of(key, secret),
        "another key": pem_of(another),
    }


def damaged(pem):
    return pem.replace(b"M", b"!", 1)


class Files:
    """Makes files in a directory of its own, which it removes."""

    def __init__(self, place):
        self.place, self.open = place, []

    def __enter__(self):
        os.mkdir(self.place)
        os.chmod(self.place, 0o755)
        return self

    def __exit__(self, *_):
        for each in self.open:
            os.close(each)
        for parent, directories, files in os.walk(self.place, topdown=False):
            for name in files:
                os.unlink(os.path.join(parent, name))
            for name in directories:
                path = os.path.join(parent, name)
                os.unlink(path) if os.path.islink(path) else os.rmdir(path)
        os.rmdir(self.place)

    def path(self, name):
        return os.path.join(self.place, name)

    def write(self, name, content):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def good(self, what):
        return self.write(b"good " + what.encode(), contents()[what])

    def with_certificate(self):
        """a directory"""
        path = self.path(b"good directory")
        os.makedirs(path, exist_ok=True)
        Files(path).good("certificate")
        return path

    def sparse(self, name, content, size):
        path = self.write(name, content)
        os.truncate(path, size)
        return path

    def directory(self, name):
        path = self.path(name)
        os.mkdir(path)
        return path

    def pipe(self, name, other_end=None):
        path = self.path(name)
        os.mkfifo(path)
        if other_end is not None:
            # both ends: opening one alone would wait
            self.open.append(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        return path

    def socket(self, name):
        # Its address is short only from inside of the directory.
        before = os.getcwd()
        os.chdir(self.place)
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(name)
        os.chdir(before)
        return self.path(name)

    def link(self, name, target):
        os.symlink(target, self.path(name))
        return self.path(name)

    def unreadable(self, row):
        path = self.directory(b"closed") if row.is_directory else self.write(b"closed", contents()[row.object])
        os.chmod(path, 0)
        return path

    def junk(self, name, *more):
        """a directory with everything in it but what `more` adds"""
        path = self.directory(name)
        inside = Files(path)
        for number, kind in enumerate(("empty", "text", "DER", "PKCS#12", "key", "CRL")):
            inside.write(b"%d.pem" % number, contents()[kind])
        inside.sparse(b"huge.pem", contents()["certificate"], HUGE)
        inside.directory(b"directory.pem")
        inside.pipe(b"pipe.pem")
        inside.socket(b"socket.pem")
        inside.link(b"dangling.pem", b"nowhere")
        inside.link(b"loop.pem", b"loop.pem")
        inside.link(b"device.pem", b"/dev/zero")
        for kind in more:
            inside.write(b"more.pem", contents()[kind])
        return path

    def make(self, kind, row):
        """its path"""
        good = contents()[row.object]
        makers = {
            "missing": lambda: self.path(b"missing"),
            "no name": lambda: b"",
            "below a file": lambda: self.write(b"file", good) + b"/below",
            "directory": lambda: self.directory(b"directory"),
            "junk in a directory": lambda: self.junk(b"junk"),
            "junk and a certificate": lambda: self.junk(b"junk", "certificate"),
            "FIFO": lambda: self.pipe(b"pipe"),
            "FIFO with another end": lambda: self.pipe(b"pipe", other_end=True),
            "unreadable": lambda: self.unreadable(row),
            "huge": lambda: self.sparse(b"huge", good, HUGE),
            "a byte too large": lambda: self.sparse(b"large", good, LARGEST + 1),
            "device": lambda: b"/dev/zero",
            "socket": lambda: self.socket(b"socket"),
            "dangling link": lambda: self.link(b"link", b"target"),
            "loop of links": lambda: self.link(b"loop", b"loop"),
            "too long": lambda: self.path(b"n" * 300),
            "not UTF-8": lambda: self.path(b"\xff.pem"),
            "damaged": lambda: self.write(b"damaged", damaged(good)),
            "another object": lambda: self.write(b"another", contents()[row.another]),
        }
        return makers[kind]() if kind in makers else self.write(b"file", contents()[kind])

    def text(self, kind, row):
        """a text instead of a file"""
        if kind == "huge":
            memory = mmap.mmap(-1, LARGEST * 3 // 2, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            return Text((ctypes.c_char * len(memory)).from_buffer(memory), len(memory))
        changed = {"damaged": damaged(contents()[row.object]), "another object": contents()[row.another]}
        content = changed[kind] if kind in changed else contents()[kind]
        return Text(ctypes.create_string_buffer(content), len(content))


class Text:
    """PEM text, which lives as long as this object"""

    def __init__(self, memory, size):
        self.memory, self.size = memory, size

    @property
    def address(self):
        return ctypes.addressof(self.memory)
