"""Proxies and a server to be reached through them or without, and children that try it."""

import asyncio
import concurrent.futures
import dataclasses
import itertools
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
from urllib.parse import urlsplit

import trustme
from recording_proxy import RecordingProxy
from websockets.asyncio.server import serve

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [TESTS, os.path.join(TESTS, "hostile")]
from checks import Check, one_of

HANG_S = 60
PROXIES = "one two three four five six".split()
REFUSING = {"forbids": "403", "wants-login": "407", "garbles": "garbage", "silent": "silent"}
# Addresses of this machine; the second to be told from the first.
ADDRESSES = ["127.0.0.1", "127.9.1.2", "::1"]
# Where the ports are that a proxy's URL need not name: an address of this process's own, where they are free.
DEFAULTS_HOST = f"127.9.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
# In the certificate; the names of the URLs are many.
SERVER_NAME = "localhost"


@dataclasses.dataclass
class Attempt:
    """A session to be opened: in braces of url and settings the names of the lab's ports."""

    url: str
    # the name of the proxy it goes through, "direct", or None where there is to be no session
    went: str = None
    status: str = "OK"
    settings: list = dataclasses.field(default_factory=list)
    environment: dict = dataclasses.field(default_factory=dict)
    # where the server sends it on to, and the way to there in place of `went`
    redirect: str = None
    went_then: str = None
    # called with the proxy's record, the outcome and a Check
    look: callable = None


class Lab:
    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.ca = os.path.join(self.directory.name, "ca.pem")
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(SERVER_NAME, *ADDRESSES, DEFAULTS_HOST).configure_cert(self.tls)
        self.loop = asyncio.new_event_loop()
        self.numbers = itertools.count()
        # what reaches the server: path: (name of the proxy or "direct", the proxy's record, header)
        self.requests = {}
        self.links = {}
        # path: where it has moved to
        self.moved = {}
        self.proxies = {}
        self.values = {}
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(self.start(), self.loop).result(HANG_S)

    async def start(self):
        ports = {}
        for scheme, context in (("ws", None), ("wss", self.tls)):
            port = 0
            for address in ADDRESSES:
                server = await serve(
                    self.say_hello, address, port, ssl=context, process_request=self.take, compression=None
                )
                port = server.sockets[0].getsockname()[1]
            ports[scheme] = port
        secure = (443, ports["wss"])

        def backend_port_for(target):
            port = int(target.rpartition(":")[2]) if isinstance(target, str) else target[2]
            return ports["wss"] if port in secure else ports["ws"]

        self.values.update(ports)
        for name, refusal in [*((name, None) for name in PROXIES), *REFUSING.items()]:
            proxy = RecordingProxy(name, backend_port_for, self.links, refusal)
            await proxy.listen(["127.0.0.1", "::1"])
            self.add(proxy)
        for name, port, context in (("at-1080", 1080, None), ("at-443", 443, self.tls)):
            proxy = RecordingProxy(name, backend_port_for, self.links)
            try:
                await proxy.listen([DEFAULTS_HOST], port, context)
                self.add(proxy)
            except OSError as error:
                print(f"SKIPPED what needs port {port} of {DEFAULTS_HOST}: {error}")
        tls = RecordingProxy("tls", backend_port_for, self.links)
        await tls.listen(["127.0.0.1", "::1"], 0, self.tls)
        self.add(tls)

    def add(self, proxy):
        self.proxies[proxy.name] = proxy
        self.values[proxy.name] = f"http://127.0.0.1:{proxy.port}"
        self.values[proxy.name + "-port"] = proxy.port

    async def say_hello(self, connection):
        await connection.send("hello")
        await connection.wait_closed()

    def take(self, connection, request):
        way, record = self.links.get(connection.remote_address[:2], ("direct", None))
        self.requests[request.path] = way, record, list(request.headers.raw_items())
        if request.path in self.moved:
            answer = connection.respond(302, "")
            answer.headers["Location"] = self.moved[request.path]
            return answer

    def fill(self, value):
        return value.format_map(self.values) if isinstance(value, str) else value

    def order(self, attempt, path):
        """what a child is told"""
        url = self.fill(attempt.url) + path
        settings = [["add_tls_ca_file", self.ca], ["set_tls_server_name", SERVER_NAME], *attempt.settings]
        urls = [url]
        if attempt.redirect:
            urls.append(self.fill(attempt.redirect) + redirected(path))
            self.moved[path] = urls[1]
            settings.append(["set_max_redirects", 1])
        for host in {urlsplit(url).hostname for url in urls}:
            if host.endswith((".test", ".localhost")) or not host.isascii():
                # no name server knows it
                settings.append(["add_resolve", host, 0, "127.0.0.1"])
        return {
            "url": url,
            "settings": [[self.fill(value) for value in setting] for setting in settings],
            "environment": {name: self.fill(value) for name, value in attempt.environment.items()},
        }

    def run(self, environment, attempts, log=False):
        """the complaints, and what the child has said"""
        check = Check()
        paths = [f"/{next(self.numbers)}" for _ in attempts]
        orders = [self.order(attempt, path) for attempt, path in zip(attempts, paths)]
        child = subprocess.run(
            [sys.executable, "-B", os.path.join(HERE, "child.py")],
            input=json.dumps({"log": log, "attempts": orders}),
            # surrogates stand for bytes that are no UTF-8
            env={**without_proxies(), **{name: self.fill(value) for name, value in environment.items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=HANG_S,
        )
        if child.returncode or child.stderr:
            check.complaints.append(f"the child ended with {child.returncode}: {child.stderr}")
            return check.complaints, None
        said = json.loads(child.stdout)
        for attempt, path, order, outcome in zip(attempts, paths, orders, said["outcomes"]):
            one = Check()
            self.judge(attempt, path, outcome, one)
            check.complaints += [f"{order['url']}: {complaint}" for complaint in one.complaints]
        return check.complaints, said

    def judge(self, attempt, path, outcome, check):
        check.among("status", outcome["status"], attempt.status.split(" or "))
        went, record = self.way_of(path)
        check.among("way", went, one_of(attempt.went))
        if attempt.redirect:
            path = redirected(path)
            went, record = self.way_of(path)
            check.among("way to where it moved", went, one_of(attempt.went_then))
        if outcome["status"] == "OK":
            check.equal("received", outcome["received"], ["OK", "hello"])
            names = [name.lower() for name, _ in self.requests[path][2]]
            check.true("the server got Proxy-Authorization", "proxy-authorization" not in names)
        else:
            check.true("the message is empty", outcome["message"])
        if attempt.look and not check.complaints:
            attempt.look(record, outcome, check)

    def way_of(self, path):
        """what the server was reached through, and the proxy's record; None when it was not reached"""
        return self.requests.get(path, (None, None))[:2]

    def asked(self):
        """how often proxies were asked"""
        return sum(len(proxy.records) for proxy in self.proxies.values())


def redirected(path):
    return path + "/then"


def without_proxies():
    return {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}


def run_all(subjects):
    """subjects make (name, environment, attempts), each for a child, of a Lab; the exit status"""
    lab = Lab()
    environments = [environment for subject in subjects for environment in subject(lab)]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = [(name, pool.submit(lab.run, variables, attempts)) for name, variables, attempts in environments]
        for name, future in running:
            complaints, _said = future.result(HANG_S * 2)
            failed += report(name, complaints)
    through = sum(lab.way_of(path)[0] != "direct" for path in lab.requests)
    # a proxy that is not to be used is not to be asked either
    failed += report(
        "the proxies were asked no more than that",
        []
        if through == lab.asked()
        else [f"{through} sessions went through them, they were asked {lab.asked()} times"],
    )
    lab.directory.cleanup()
    names = [name for name, _, _ in environments]
    failed += report("no two share a name", [name for name in set(names) if names.count(name) > 1])
    print(f"{len(environments) + 2 - failed} passed, {failed} failed")
    return 1 if failed else 0


def report(name, complaints):
    if complaints:
        print(f"FAILED {name}")
        for complaint in complaints:
            print("    " + complaint.replace("\n", "\n    "), flush=True)
    return bool(complaints)
