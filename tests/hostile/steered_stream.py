"""A connected byte stream, plain or TLS, that never waits, and that gives TCP as few bytes at a time as it is told."""

import socket
import ssl
import struct

PIECE = 1 << 16
# Of struct tcp_info in linux/tcp.h.
TCP_INFO_SIZE, NOTSENT_BYTES, BYTES_SENT = 232, 144, 200


class Plain:
    def __init__(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        self.sock = sock
        # at most so many bytes in one segment; None for no limit
        self.segment = None

    def receive(self):
        """bytes, b"" at the end, None while there is nothing"""
        try:
            return self.sock.recv(PIECE)
        except BlockingIOError:
            return None

    def send(self, data):
        """how many bytes were taken, in one system call"""
        try:
            return self.sock.send(memoryview(data)[: self.segment])
        except BlockingIOError:
            return 0

    def send_urgent(self, data):
        """the last byte is urgent data, which the receiver's stream does not have"""
        if self.sock.send(data, socket.MSG_OOB) != len(data):
            raise AssertionError("the kernel took a part only")

    def flush(self):
        """whether TCP has all that was taken"""
        return True

    def sent(self):
        """how many bytes TCP has sent, retransmissions apart, and whether those are all that it has"""
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
        (unsent,) = struct.unpack_from("I", info, NOTSENT_BYTES)
        sent, again = struct.unpack_from("QQ", info, BYTES_SENT)
        return sent - again, unsent == 0

    def finish(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Tls(Plain):
    def __init__(self, sock, context):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.records = b""
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(self.outgoing.read())
                if records := sock.recv(PIECE):
                    self.incoming.write(records)
                else:
                    self.incoming.write_eof()
        sock.sendall(self.outgoing.read())
        super().__init__(sock)

    def receive(self):
        while True:
            try:
                return self.tls.read(PIECE)
            except ssl.SSLWantReadError:
                records = super().receive()
                if records is None:
                    return None
                if records:
                    self.incoming.write(records)
                else:
                    self.incoming.write_eof()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def send(self, data):
        if not self.flush():
            return 0
        self.tls.write(data)
        self.flush()
        return len(data)

    def flush(self):
        self.records += self.outgoing.read()
        self.records = self.records[super().send(self.records) :] if self.records else b""
        return not self.records

    def finish(self):
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass  # close_notify is written; the client's comes later
        self.flush()
        super().finish()
