"""Networks of a test's own: the process moves into a network namespace, and has a link to another one for the peers.

    this side (`ws0`)                           the peers' (`ws1`)
    10.9.0.100, .101, fd09::100, fe80::100 ---- 10.9.0.1 to .20, fd09::1 to ::20, fe80::1

Both end with the process. Files of /etc can be replaced for it too.
"""

import contextlib
import ctypes
import os
import queue
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

from checking import HANG_S
from harness import skip

INSIDE = "KTORWS_TEST_NAMESPACE"
# those of its own for this process: user, when it is not root's, network, mounts
WAYS = (["unshare", "--net", "--mount"], ["unshare", "--user", "--map-root-user", "--net", "--mount"])
CLONE_NEWNET = 0x40000000
MOST = 20
libc = ctypes.CDLL(None, use_errno=True)


def enter():
    """Starts the program again with namespaces of its own, or skips it where the machine has none."""
    if INSIDE in os.environ:
        return
    for tool, package in ("unshare", "util-linux"), ("ip", "iproute2"), ("nft", "nftables"):
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            skip(f"there is no {tool} (package {package})")
    # what the tests will need
    probe = """ip link add ws0 type veth peer name ws1 && ip addr add fd09::1/64 dev ws0 &&
        nft add table inet test && mount --bind /etc/hosts /etc/hosts"""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    told = ""
    for way in WAYS:
        found = subprocess.run([*way, "sh", "-c", probe], capture_output=True, text=True)
        if found.returncode == 0:
            os.environ[INSIDE] = "1"
            os.execvp(way[0], [*way, sys.executable, "-B", *sys.argv])
        told = found.stderr.strip() or told
    skip(f"no network namespaces, or not all of what is needed in them: {told}")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def ip(command):
    run("ip", *command.split())


def filter_packets(*rules):
    """replaces what is done with packets that come to this side"""
    body = "\n".join(["type filter hook input priority 0;", *rules])
    run("nft", "-f", "-", input=f"flush ruleset\ntable inet test {{\nchain input {{\n{body}\n}}\n}}\n")


def replace_file(path, text):
    """for this process and those it starts"""
    with tempfile.NamedTemporaryFile("w", prefix="ktorws-") as file:
        file.write(text)
        file.flush()
        os.chmod(file.name, 0o644)
        run("mount", "--bind", file.name, os.path.realpath(path))
        # the mount keeps the file


class Peers:
    """The other namespace: what is called with `run` runs there."""

    def __init__(self):
        self.work = queue.Queue()
        self.done = queue.Queue()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        self.run(lambda: None)

    def serve(self):
        if libc.unshare(CLONE_NEWNET):
            self.done.put((None, OSError(ctypes.get_errno(), "unshare")))
            return
        while True:
            function = self.work.get()
            try:
                self.done.put((function(), None))
            except BaseException as error:
                self.done.put((None, error))

    def run(self, function):
        self.work.put(function)
        result, error = self.done.get(timeout=HANG_S)
        if error:
            raise error
        return result

    def ip(self, command):
        self.run(lambda: ip(command))

    def listen(self, family=socket.AF_INET6, port=0):
        """a listening socket at all addresses there, those of IPv4 too"""
        address = "::" if family == socket.AF_INET6 else "0.0.0.0"
        both = family == socket.AF_INET6
        return self.run(lambda: socket.create_server((address, port), family=family, backlog=64, dualstack_ipv6=both))

    def filter(self, *rules):
        self.run(lambda: filter_packets(*rules))

    def drop(self, *addresses):
        """the addresses are black holes"""
        rules = (f"{'ip6' if ':' in address else 'ip'} daddr {address} tcp dport 1-65535 drop" for address in addresses)
        self.filter(*rules)


def v4(number):
    return f"10.9.0.{number}"


def v6(number):
    return f"fd09::{number}"


def wait_at_most_a_second():
    """TCP for an answer, so that what is lost again and again takes no minutes; kernels before 6.15 cannot"""
    with contextlib.suppress(OSError), open("/proc/sys/net/ipv4/tcp_rto_max_ms", "w", encoding="ascii") as f:
        f.write("1000")


def make():
    """the link; returns the peers' side"""
    peers = Peers()
    wait_at_most_a_second()
    peers.run(wait_at_most_a_second)
    ip("link set lo up")
    peers.ip("link set lo up")
    ip(f"link add ws0 type veth peer name ws1 netns {peers.thread.native_id}")
    # no waiting for duplicates of an address, and none but these
    ip("link set ws0 addrgenmode none")
    peers.ip("link set ws1 addrgenmode none")
    ip("link set ws0 up")
    peers.ip("link set ws1 up")
    for number in (100, 101):
        ip(f"addr add {v4(number)}/24 dev ws0")
        ip(f"addr add {v6(number)}/64 dev ws0 nodad")
    ip("addr add fe80::100/64 dev ws0 nodad")
    for number in range(1, MOST + 1):
        peers.ip(f"addr add {v4(number)}/24 dev ws1")
        peers.ip(f"addr add {v6(number)}/64 dev ws1 nodad")
    peers.ip("addr add fe80::1/64 dev ws1 nodad")
    peers.filter()
    return peers


class Attempts:
    """The connections that were tried, as the peers' side of the link sees them come, also those that are dropped."""

    # not in the socket module
    SO_TIMESTAMPNS = 35
    ETH_P_ALL = 3

    def __init__(self, peers):
        self.seen = []
        self.socket = peers.run(self.open)

    def open(self):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(self.ETH_P_ALL))
        sock.setsockopt(socket.SOL_SOCKET, self.SO_TIMESTAMPNS, 1)
        sock.bind(("ws1", self.ETH_P_ALL))
        sock.setblocking(False)
        return sock

    def read(self):
        """what has come until now"""
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, notes, _, address = self.socket.recvmsg(256, 64)
                if address[2] != socket.PACKET_OUTGOING:
                    self.note(packet, notes)

    def note(self, packet, notes):
        version = packet[0] >> 4
        protocol, destination, tcp = (
            (packet[9], packet[16:20], packet[(packet[0] & 15) * 4 :])
            if version == 4
            else (packet[6], packet[24:40], packet[40:])
        )
        # SYN without ACK
        if protocol != socket.IPPROTO_TCP or tcp[13] & 0x12 != 0x02:
            return
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        seconds, nanoseconds = struct.unpack("qq", notes[0][2])
        source_port = int.from_bytes(tcp[:2], "big")
        self.seen.append((socket.inet_ntop(family, destination), source_port, seconds + nanoseconds / 1e9))

    def first_tries(self):
        """(address, when) of each connection, without those that TCP tried again"""
        self.read()
        tries = {}
        for address, source_port, when in self.seen:
            tries.setdefault((address, source_port), (address, when))
        return list(tries.values())

    def addresses(self):
        return [address for address, _ in self.first_tries()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
