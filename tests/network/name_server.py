"""A DNS server for a few names: some are answered, some late, some never."""

import contextlib
import socket
import threading

A, AAAA = 1, 28
SERVFAIL, NXDOMAIN = 2, 3


class NameServer:
    """`names` is {name: addresses, or an error}; those in `held` are answered when they are released. It remembers what
    it was asked for."""

    def __init__(self, names, held=()):
        self.names, self.held = names, set(held)
        self.asked = []
        self.waiting = []
        self.lock = threading.Lock()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, sender = self.socket.recvfrom(512)
                if not query:
                    return
                name, kind, end = parse(query)
                with self.lock:
                    self.asked.append(name)
                    if name in self.held:
                        self.waiting.append((query, sender))
                        continue
                self.answer(query, sender)

    def answer(self, query, sender):
        name, kind, end = parse(query)
        found = self.names.get(name, NXDOMAIN)
        records = b""
        count = error = 0
        if isinstance(found, int):
            error = found
        else:
            family = {A: socket.AF_INET, AAAA: socket.AF_INET6}.get(kind)
            for address in found:
                if family == (socket.AF_INET6 if ":" in address else socket.AF_INET):
                    data = socket.inet_pton(family, address)
                    # the name as in the question, of the internet, for no time at all
                    records += (
                        b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\x01\0\0\0\0" + len(data).to_bytes(2, "big") + data
                    )
                    count += 1
        head = query[:2] + bytes([0x81, 0x80 | error]) + b"\0\x01" + count.to_bytes(2, "big") + bytes(4)
        self.socket.sendto(head + query[12:end] + records, sender)

    def release(self):
        """answers those that wait, and from now on all"""
        with self.lock:
            self.held.clear()
            waiting, self.waiting = self.waiting, []
        for query, sender in waiting:
            self.answer(query, sender)

    def was_asked_for(self, name):
        with self.lock:
            return name in self.asked

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", 53))
        self.thread.join()
        self.socket.close()


def parse(query):
    """(name, type, end of the question) of a query with one question"""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii"))
        at += 1 + query[at]
    return ".".join(labels).lower(), int.from_bytes(query[at + 1 : at + 3], "big"), at + 5
