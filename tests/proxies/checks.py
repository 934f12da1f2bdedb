"""What is checked of one tunnel: where a session goes, who it says it is, and what it hears when it is refused."""

import base64
import contextlib
import errno
import hashlib
import json
import os

import exercise
from checking import HANG_MS, Background, equal, eventually, true
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from ktorws_ctypes import Failure, Phase, Session, Status
from proxies import FORBIDDEN, HIDDEN_NAME, NOBODY, UNKNOWN_NAME, USER
from sessions import receives


class Tunnel:
    """Opens sessions to the lab's server through a proxy."""

    def __init__(self, lab, scheme, proxy):
        self.lab, self.scheme, self.proxy = lab, scheme, proxy
        self.port = lab.ports[scheme]
        self.is_squid = proxy.name.startswith("squid")

    def open(self, url=None, host="localhost", port=None, path="/", **settings):
        """url: the proxy's, with the right credentials if it is not given"""
        settings = {"set_proxy": url or self.proxy.right_url, "add_tls_ca_file": self.lab.ca.encode(), **settings}
        return Session(f"{self.scheme}://{host}:{port or self.port}{path}", **settings)

    def __call__(self, path, **settings):
        return self.open(path=path, **settings)


def works(session, through_proxy=True):
    with session:
        exercise.sends(session, "hello")
        receives(session, "hello")
        equal("ws_stats.proxy_us is there", session.stats.proxy_us > 0, through_proxy)
        exercise.closes(session)


def refused(open, status, phase=Phase.PROXY, **expected):
    """the failure; `expected` is of its attributes"""
    try:
        session = open()
    except Failure as failure:
        equal(f"ws_connect ({failure})", failure.status, status)
        equal(f"phase ({failure})", failure.phase, phase)
        equal(str(failure), {name: getattr(failure, name) for name in expected}, expected)
        return failure
    with session:
        raise AssertionError(f"ws_connect: expected {status.name}, it is open")


def server_sees_no_credentials(tunnel):
    with tunnel("/headers") as session:
        status, text = session.recv(HANG_MS)
        equal("ws_recv", status, Status.OK)
        headers = json.loads(text)
        true("no field of the proxy's", not [name for name in headers if name.startswith("proxy-")], headers)
        true("no credentials", "authorization" not in headers, headers)
        exercise.closes(session)


def wrong_credentials(tunnel):
    """another password, another user, and none at all"""
    proxy = tunnel.proxy
    for url in (proxy.url(USER, "not it"), proxy.url("nobody", proxy.password), proxy.url()):
        if proxy.is_socks:
            failure = refused(lambda: tunnel.open(url), Status.PROXY_AUTH, http_status=0)
        elif not tunnel.is_squid and url != proxy.url():
            # tinyproxy answers as if it were the server. Nobody else can have: it means its own credentials.
            failure = refused(lambda: tunnel.open(url), Status.PROXY_AUTH, http_status=401)
            equal("WWW-Authenticate", failure.http_fields["WWW-Authenticate"], ['Basic realm="Tinyproxy"'])
            true("the message has the status", "401" in failure.message, failure.message)
        else:
            failure = refused(lambda: tunnel.open(url), Status.PROXY_AUTH, http_status=407)
            realm = "lab" if tunnel.is_squid else "Tinyproxy"
            equal("Proxy-Authenticate", failure.http_fields["Proxy-Authenticate"], [f'Basic realm="{realm}"'])
            true("the proxy's page", b"</html>" in failure.http_body.lower(), failure.http_body)
        secrets = ("not it", "not%20it", proxy.password, proxy.url("", proxy.password).decode())
        true("no password in it", not any(secret in failure.message for secret in secrets), failure.message)


def needless_credentials(tunnel):
    """a proxy that asks for none does not mind them"""
    works(tunnel.open(tunnel.proxy.url(USER, "whatever")))


def target_refuses(tunnel):
    """nobody listens there"""
    if tunnel.proxy.is_socks:
        failure = refused(lambda: tunnel.open(port=tunnel.lab.closed), Status.PROXY, http_status=0)
        true("the message says why", "refused" in failure.message.lower(), failure.message)
        return
    code, page = (503, b"ERR_CONNECT_FAIL") if tunnel.is_squid else (500, b"Unable to connect")
    failure = refused(lambda: tunnel.open(port=tunnel.lab.closed), Status.PROXY, http_status=code)
    true("the proxy's page", page in failure.http_body, failure.http_body)
    true("the message has the status", str(code) in failure.message, failure.message)


def forbidden(tunnel):
    """by a rule of the proxy's"""
    if tunnel.proxy.is_socks:
        failure = refused(lambda: tunnel.open(host=FORBIDDEN), Status.PROXY, http_status=0)
        true("the message says why", "not allowed" in failure.message.lower(), failure.message)
    else:
        failure = refused(lambda: tunnel.open(host=FORBIDDEN), Status.PROXY, http_status=403)
        true("the proxy's page", b"ERR_ACCESS_DENIED" in failure.http_body, failure.http_body)


def who_resolves(tunnel):
    """with socks5 the proxy is told an address, with all others the name"""
    names = ["127.0.0.1", "localhost"]
    if tunnel.proxy.scheme != "socks5":
        names.reverse()
    program = tunnel.proxy.program
    before = len(program.said())
    works(tunnel.open())
    eventually(f"the proxy was told {names[0]}", lambda: f"{names[0]}:{tunnel.port}" in program.said()[before:])
    true(f"and not {names[1]}", f"{names[1]}:{tunnel.port}" not in program.said()[before:], program.said()[before:])


def own_addresses(tunnel):
    """those of ws_config_add_resolve are for this side, and for a proxy that is told an address"""
    if tunnel.proxy.scheme == "socks5":
        works(tunnel.open(host=HIDDEN_NAME, add_resolve=(HIDDEN_NAME.encode(), tunnel.port, b"127.0.0.1")))
        refused(lambda: tunnel.open(add_resolve=(b"localhost", tunnel.port, NOBODY.encode())), Status.PROXY)
    else:
        works(tunnel.open(add_resolve=(b"localhost", tunnel.port, NOBODY.encode())))


def ipv6_target(tunnel):
    works(tunnel.open(host="[::1]", port=tunnel.lab.port_of_ipv6))


def hidden_name(tunnel):
    """of a server that only the proxy finds; its certificate has that name"""
    works(tunnel.open(host=HIDDEN_NAME))


def unknown_name(tunnel):
    failure = refused(lambda: tunnel.open(host=UNKNOWN_NAME), Status.PROXY, http_status=500)
    true("the proxy's page", b"ERR_CANNOT_FORWARD" in failure.http_body, failure.http_body)


def tls_settings_are_for_the_server(tunnel):
    """a name and a key that the proxy's certificate has not"""
    with open(tunnel.lab.server_certificate, "rb") as pem:
        key = x509.load_pem_x509_certificate(pem.read()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(spki).digest())
    works(tunnel.open(set_tls_server_name=HIDDEN_NAME.encode()))
    works(tunnel.open(add_tls_pin_sha256=pin))


def tls_faults_of_the_proxy(tunnel):
    """not of the server, which is the same with and without TLS"""
    proxy = tunnel.proxy
    refused(lambda: tunnel.open(add_tls_ca_file=[]), Status.TLS_CERTIFICATE, http_status=0)
    # the certificate is for the name only
    failure = refused(lambda: tunnel.open(proxy.right_url.replace(b"localhost", b"127.0.0.1")), Status.TLS_CERTIFICATE)
    true("the message names the address", "127.0.0.1" in failure.message, failure.message)
    refused(lambda: tunnel.open(proxy.right_url.replace(b"https:", b"http:")), Status.PROXY)


def many(tunnel):
    """at the same time"""
    sessions = [Background(tunnel, "/") for _ in range(20)]
    for each in [Background(works, session.result()) for session in sessions]:
        each.result()


def no_tls_there(tunnel):
    """TLS to a proxy that has none"""
    refused(lambda: tunnel.open(tunnel.proxy.right_url.replace(b"http:", b"https:")), Status.TLS)


def wrong_kind(tunnel):
    """an URL that takes the proxy for one of another kind"""
    host = tunnel.proxy.url().partition(b"://")[2]
    if tunnel.proxy.is_socks:
        refused(lambda: tunnel.open(b"http://" + host), Status.PROXY, http_status=0)
        refused(lambda: tunnel.open(b"https://" + host), Status.PROXY, http_status=0)
    else:
        # it waits for the rest of what it takes for a request
        failure = refused(lambda: tunnel.open(b"socks5://" + host, set_proxy_timeout_ms=100), Status.TIMEOUT)
        true("the message has the time", "100 ms" in failure.message, failure.message)


def no_scheme(tunnel):
    works(tunnel.open(tunnel.proxy.right_url.removeprefix(b"http://")))


@contextlib.contextmanager
def variables(**values):
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]


def from_environment(tunnel):
    """that a session went through the proxy is seen by the name that only the proxy knows"""
    url = tunnel.proxy.right_url.decode()
    nowhere = f"http://localhost:{tunnel.lab.closed}"
    target = f"{tunnel.scheme}://{HIDDEN_NAME}:{tunnel.port}/"
    local = f"{tunnel.scheme}://localhost:{tunnel.port}/"
    trust = {"add_tls_ca_file": tunnel.lab.ca.encode()}
    for name in (f"{tunnel.scheme}_proxy", "http_proxy" if tunnel.scheme == "ws" else "https_proxy", "ALL_PROXY"):
        with variables(**{name: url}):
            works(Session(target, **trust))
        with variables(**{name: nowhere}):
            refused(lambda: Session(local, **trust), Status.PROXY, Phase.CONNECT)
            works(Session(local, set_proxy_from_env=0, **trust), through_proxy=False)
            works(Session(local, set_proxy=None, **trust), through_proxy=False)
            works(Session(target, set_proxy=url.encode(), **trust))
        with variables(**{name: nowhere, "no_proxy": "example.org, localhost"}):
            works(Session(local, **trust), through_proxy=False)


def is_down(tunnel):
    refused(tunnel.open, Status.PROXY, Phase.CONNECT, os_errno=errno.ECONNREFUSED, http_status=0)
