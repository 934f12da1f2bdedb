"""A SOCKS5 proxy's side of a connection (RFC 1928, 1929)."""

import socket
import struct

from peer import Gone
from proxy_peer import ProxyConnection, case_of

NO_AUTH, LOGIN, NONE_ACCEPTABLE = 0, 2, 0xFF
IPV4, DOMAIN, IPV6 = 1, 3, 4


def reply(code=0, kind=IPV4, address=None, version=5):
    """of the kinds' own form, unless an address is given"""
    own = {IPV4: bytes(4), IPV6: bytes(16), DOMAIN: b"\x05bound"}
    return bytes([version, code, 0, kind]) + (own[kind] if address is None else address) + bytes(2)


class SocksConnection(ProxyConnection):
    """A fault is one of the greeting, with a port of its own, or of the reply, which the host asked for names."""

    no_request = "no request to the SOCKS proxy"

    def __init__(self, sock, fault=None):
        super().__init__(sock)
        if fault:
            self.path, self.case = "/socks/" + fault, "proxy /socks/" + fault
        self.methods = self.login = self.target = None

    def read_request(self):
        self.case = self.case or self.no_request
        self.read_greeting()
        if self.path is None:
            self.accept_greeting()
            self.read_target()
        return True

    def take(self, size):
        """exactly so many bytes of the client"""
        while len(self.surplus) < size:
            chunk = self.sock.recv(4096)
            if not chunk:
                raise Gone
            self.surplus += chunk
        taken, self.surplus = self.surplus[:size], self.surplus[size:]
        return taken

    def read_greeting(self):
        version, count = self.take(2)
        self.methods = [version, *self.take(count)]

    def accept_greeting(self, login_answer=b"\x01\x00"):
        """with user and password where the client has some"""
        if LOGIN not in self.methods[1:]:
            return self.send(bytes([5, NO_AUTH]))
        self.send(bytes([5, LOGIN]))
        self.read_login()
        self.send(login_answer)

    def read_login(self):
        version, size = self.take(2)
        user = self.take(size)
        self.login = [version, user.decode("latin-1"), self.take(self.take(1)[0]).decode("latin-1")]

    def read_target(self):
        version, command, reserved, kind = self.take(4)
        if kind == DOMAIN:
            host = self.take(self.take(1)[0]).decode("latin-1")
            if host.endswith(".proxy.test") and self.path is None:
                self.path, self.case = "/socks/" + host.split(".")[0], case_of("socks", host)
        else:
            family, size = (socket.AF_INET, 4) if kind == IPV4 else (socket.AF_INET6, 16)
            host = socket.inet_ntop(family, self.take(size))
        self.target = [version, command, reserved, kind, host, *struct.unpack("!H", self.take(2))]

    def record(self):
        return {**super().record(), "methods": self.methods, "login": self.login, "target": self.target}
