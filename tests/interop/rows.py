"""The rows of docs/interop.md: servers, how they are started, and what else is seen of them."""

import importlib.metadata
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.request

from checking import HANG_MS, equal, true
from chromium import start_chromium
from fronts import haproxy, nginx
from ktorws_ctypes import BINARY, CONTROL_PONG, PING, Failure, Status
from programs import Program, echo_server, free_ports
from row_checks import PONG, ended, letters, told
from spoken import DevTools, Echo, Mqtt, Nats


class Peer:
    """A server that runs."""

    speaks = Echo
    # what it takes, where it does not take what is asked for
    subprotocol = None
    # a path where it closes with 4001 "bye", one where it sends fragments, one where it pings
    close_path = "/close/4001"
    fragments_path = ping_path = None
    # after a ping it says that it has the pong; else it goes on pinging
    tells_of_pongs = False
    quirks = ()

    def run(self, check):
        return check(self)

    def __init__(self, version, base, **settings):
        self.version, self.base, self.settings = version, base, settings

    def open(self, path="/", offer=None, greeted=True, **settings):
        if offer is None:
            offer = [self.subprotocol] if self.subprotocol else []
        subprotocols = [name.encode() for name in offer]
        speaker = self.speaks(self.base + path, add_subprotocol=subprotocols, **{**self.settings, **settings})
        try:
            if greeted:
                speaker.greet()
        except BaseException:
            speaker.session.__exit__()
            raise
        return speaker


def version_of(environment, name, option):
    """as the program tells it"""
    path, variables = environment.find(name)
    told = subprocess.run([path, option], capture_output=True, text=True, env={**os.environ, **variables})
    return re.search(r"\d+\.\d+[\w.+~-]*", told.stdout + told.stderr)[0]


def package(name):
    """the version of one of Python's"""
    return importlib.metadata.version(name)


def node_version(environment):
    with open(os.path.join(environment.node_modules, "ws", "package.json"), encoding="utf-8") as file:
        return json.load(file)["version"]


def python_server(environment, file, *arguments):
    """the port of a server that tells it"""
    return echo_server(environment, "python", *arguments, script=file)[1]


class Fragmenting(Peer):
    fragments_path, ping_path, tells_of_pongs = "/fragments", "/ping", True


class NodeWs(Fragmenting):
    name = "ws (Node)"

    @classmethod
    def start(cls, environment, _):
        return cls(node_version(environment), f"ws://127.0.0.1:{echo_server(environment, 'node')[1]}")


class Websockets(Fragmenting):
    name = "websockets (Python)"

    @classmethod
    def start(cls, environment, _):
        return cls(package("websockets"), f"ws://127.0.0.1:{echo_server(environment, 'python')[1]}")


class Aiohttp(Peer):
    name = "aiohttp"
    ping_path = "/ping"

    @classmethod
    def start(cls, environment, _):
        return cls(package("aiohttp"), f"ws://127.0.0.1:{python_server(environment, 'aiohttp_echo.py')}")


class Uvicorn(Peer):
    ping_path = "/"

    @classmethod
    def start(cls, environment, _):
        version = f"{package('uvicorn')}, {cls.backed_by} {package(cls.backed_by)}"
        return cls(version, f"ws://127.0.0.1:{python_server(environment, 'uvicorn_echo.py', cls.back_end)}")


class UvicornWebsockets(Uvicorn):
    name, back_end, backed_by = "uvicorn, websockets", "websockets", "websockets"


class UvicornSansIo(Uvicorn):
    name, back_end, backed_by = "uvicorn, websockets-sansio", "websockets-sansio", "websockets"


class UvicornWsproto(Uvicorn):
    name, back_end, backed_by = "uvicorn, wsproto", "wsproto", "wsproto"


class Front(Fragmenting):
    """before ws (Node), with TLS"""

    @classmethod
    def start(cls, environment, certificates):
        certificate, key, both = certificates.issue(cls.program, "localhost")
        port = echo_server(environment, "node")[1]
        (nobody,) = free_ports(1)
        if cls.program == "nginx":
            front = nginx(environment, certificate, key, port, nobody)
        else:
            front = haproxy(environment, both, port, nobody)
        front.program.wait_until_it_listens()
        version = f"{version_of(environment, cls.program, '-v')}, ws {node_version(environment)}"
        return cls(version, front.base, add_tls_ca_file=certificates.ca.encode())

    def cuts(self):
        with self.open("/idle/") as speaker:
            remote, _, _ = ended(speaker.session)
        return f"cuts a tunnel that was idle for too long: {told(remote)}"

    quirks = (cuts,)


class Nginx(Front):
    name, program = "nginx before ws", "nginx"

    def connection(self):
        with self.open() as speaker:
            equal("Connection", speaker.session.response_values("Connection"), ["upgrade"])
        return "answers `Connection: upgrade`, in lower case"

    quirks = (connection, Front.cuts)


class HaProxy(Front):
    name, program = "HAProxy before ws", "haproxy"


class Neighbour:
    """
    Keeps mosquitto awake, with pings over TCP: it turns to its WebSockets whenever its main loop wakes up, for a few KiB,
    and without anybody else it sleeps for 100 ms in between.
    """

    def __init__(self, port):
        self.stopped = threading.Event()
        self.tcp = socket.create_connection(("127.0.0.1", port))
        self.tcp.sendall(b"\x10\x0d\0\4MQTT\4\2\0\0\0\1n")
        equal("CONNACK", self.tcp.recv(4), b"\x20\2\0\0")
        self.thread = threading.Thread(target=self.ping)
        self.thread.start()

    def ping(self):
        while not self.stopped.is_set():
            self.tcp.sendall(b"\xc0\0")
            equal("PINGRESP", self.tcp.recv(2), b"\xd0\0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        self.tcp.close()


class Mosquitto(Peer):
    name = "mosquitto (MQTT)"
    speaks, subprotocol, close_path = Mqtt, "mqtt", None

    @classmethod
    def start(cls, environment, _):
        path, variables = environment.find("mosquitto")
        plain, port = free_ports(2)
        # It wants a listener without WebSocket. Its WebSocket listens everywhere unless given an interface.
        configuration = environment.file(
            "mosquitto.conf",
            f"""
listener {plain} 127.0.0.1
listener {port} lo
protocol websockets
allow_anonymous true
persistence false
{"user root" if os.geteuid() == 0 else ""}
""",
        )
        log = environment.file("mosquitto.log", "")
        Program("mosquitto", [path, "-c", configuration], log, [port], variables).wait_until_it_listens()
        peer = cls(version_of(environment, "mosquitto", "-h"), f"ws://127.0.0.1:{port}")
        peer.plain = plain
        return peer

    def run(self, check):
        if check is Mosquitto.alone:
            return check(self)
        with Neighbour(self.plain):
            return check(self)

    def alone(self):
        """what is taken in one turn is less than a quarter of this, so that it has to sleep four times"""
        began = time.monotonic()
        with self.open() as speaker:
            speaker.echoes(letters(20000))
        true("it sleeps", time.monotonic() - began > 0.4)
        return "while nobody uses its TCP listener it turns to WebSockets only every 100 ms"

    def without_subprotocol(self):
        with self.open(offer=[], set_deliver_control=CONTROL_PONG, greeted=False) as speaker:
            equal("ws_subprotocol", speaker.session.subprotocol, "")
            speaker.tell(Mqtt.hello())
            for number in (b"1", b"2", b"3"):
                equal("ws_send, a ping", speaker.session.send_control(PING, number), Status.OK)
                equal("the pong", speaker.session.recv_frame(HANG_MS), (Status.OK, (PONG, 0, number, 0)))
        return "without a subprotocol it opens, but does not answer MQTT"

    def other_subprotocol(self):
        try:
            with self.open(offer=["other"], greeted=False):
                raise AssertionError("another subprotocol is accepted")
        except Failure as failure:
            equal("status", failure.status, Status.HANDSHAKE_INVALID)
        return "to an offer of others it ends the connection without an answer"

    quirks = (without_subprotocol, other_subprotocol, alone)


class NatsServer(Peer):
    name = "nats-server"
    speaks, close_path = Nats, None

    @classmethod
    def start(cls, environment, _):
        path, variables = environment.find("nats-server")
        plain, port = free_ports(2)
        configuration = environment.file(
            "nats.conf",
            f"""
listen: 127.0.0.1:{plain}
max_payload: 32MB
websocket {{ listen: "127.0.0.1:{port}", no_tls: true, compression: true }}
""",
        )
        log = environment.file("nats.log", "")
        Program("nats-server", [path, "-c", configuration], log, [port], variables).wait_until_it_listens()
        return cls(version_of(environment, "nats-server", "-v"), f"ws://127.0.0.1:{port}")

    def speaks_first(self):
        with Nats(self.base + "/") as speaker:
            true("INFO", speaker.line().startswith(b"INFO {"))
        return "sends INFO before it is asked anything"

    quirks = (speaks_first,)


class Chromium(Peer):
    name = "Chromium (DevTools)"
    speaks, close_path = DevTools, None

    @classmethod
    def start(cls, environment, _):
        with open(start_chromium(environment), encoding="ascii") as file:
            cls.port = int(file.readline())
        return cls(cls.ask("version")["Browser"].split("/")[1], f"ws://127.0.0.1:{cls.port}")

    @classmethod
    def ask(cls, what):
        request = urllib.request.Request(f"http://127.0.0.1:{cls.port}/json/{what}", method="PUT")
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def open(self, path="/", offer=None, **settings):
        """on a page of its own"""
        page = self.ask("new?about:blank")["id"]
        return super().open(f"/devtools/page/{page}", offer, **settings)

    def origin(self):
        try:
            with self.open(add_header=(b"Origin", b"http://localhost")):
                raise AssertionError("an Origin is accepted")
        except Failure as failure:
            equal("status", failure.status, Status.HANDSHAKE_STATUS)
            return f"answers {failure.http_status} to an Origin that it was not told of"

    def binary(self):
        with self.open() as speaker:
            equal("ws_send", speaker.session.send_part(BINARY, b"{}"), Status.OK)
            remote, reason, _ = ended(speaker.session)
        return f"ends after a binary message: {told(remote, reason)}"

    quirks = (origin, binary)


ROWS = (
    Nginx,
    HaProxy,
    NodeWs,
    Websockets,
    Aiohttp,
    UvicornWebsockets,
    UvicornSansIo,
    UvicornWsproto,
    Mosquitto,
    NatsServer,
    Chromium,
)
