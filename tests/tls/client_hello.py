"""What a ClientHello says (RFC 8446 section 4.1.2)."""

import struct

SERVER_NAME, ALPN, SESSION_TICKET, PRE_SHARED_KEY, EARLY_DATA, VERSIONS = 0, 16, 35, 41, 42, 43


class ClientHello:
    def __init__(self, raw):
        """raw: the first bytes of the connection; the message must be in one record"""
        if raw[:2] != b"\x16\x03" or raw[5] != 1:
            raise AssertionError(f"the connection does not begin with a ClientHello: {raw[:64]!r}")
        self.rest = raw[9 : 5 + struct.unpack("!H", raw[3:5])[0]]
        self.take(2)
        self.random = self.take(32)
        self.block(1)
        self.block(2)
        self.block(1)
        self.rest, self.extensions = self.block(2), {}
        while self.rest:
            kind = self.number(2)
            self.extensions[kind] = self.block(2)

    def take(self, size):
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def block(self, size):
        """what a length of `size` bytes announces"""
        return self.take(self.number(size))

    @property
    def server_name(self):
        """None if there is no such extension"""
        extension = self.extensions.get(SERVER_NAME)
        return None if extension is None else extension[5:].decode()

    @property
    def alpn(self):
        extension = self.extensions.get(ALPN)
        if extension is None:
            return None
        self.rest, protocols = extension[2:], []
        while self.rest:
            protocols.append(self.block(1).decode())
        return protocols

    @property
    def tickets(self):
        """whatever it offers to take up again, of TLS 1.2 and 1.3"""
        self.rest, found = self.extensions.get(PRE_SHARED_KEY, b"")[2:], []
        if self.rest:
            found.append(self.block(2))
        if ticket := self.extensions.get(SESSION_TICKET):
            found.append(ticket)
        return found

    @property
    def versions(self):
        return {version for (version,) in struct.iter_unpack("!H", self.extensions[VERSIONS][1:])}
