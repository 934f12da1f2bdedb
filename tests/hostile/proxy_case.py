"""What is expected of a fault of a proxy: what the caller must see, and what the proxy may be told."""

import base64
import dataclasses

from case import Case, settings
from ktorws_ctypes import Phase, Status

PASSWORD = "s3cret"
LOGIN = "u:" + PASSWORD
# For the server's eyes only.
FOR_THE_SERVER = {
    "Authorization": "Bearer f0r-the-server",
    "Cookie": "id=f0r-the-server",
    "X-Own": "f0r-the-server",
}
SUBPROTOCOL = "f0r-the-server"
IMPATIENT = dict(handshake_timeout_ms=400)
IMPATIENT_WITH_PROXY = dict(proxy_timeout_ms=300, handshake_timeout_ms=5000)
SLOW_CERTAINLY = dict(handshake_timeout_ms=1000)


@dataclasses.dataclass
class Proxied(Case):
    """The host that is asked for is named after the case, and leads to the decoy wherever somebody resolves it."""

    url: str = "{scheme}://{host}:{decoy}{inner}?case={name}"
    scheme: str = "ws"
    # what is asked of the server in the tunnel
    inner: str = "/handshake/hello"
    proxy: str = "http://127.0.0.1:{connect}"
    # a user and a password that the URL of the proxy has
    login: str = ""
    # whether the certificate of {connect-tls} is trusted
    trusting: bool = False
    # whether the proxy gets a request at all, and how many at most
    asked: bool = True
    most_asked: int = 1
    # what of SOCKS the proxy must have seen: whether the login, and the request; see socks_cases.py
    logged_in: bool = False
    target: bool = True
    # a pattern for what is sent to the proxy outside of a tunnel
    rest: str = ""
    # how the proxy saw TCP end
    proxy_ended: tuple = ("fin", "rst", "server rst")
    # whether the server in the tunnel must have seen a request
    tunnel: bool = False

    @property
    def host(self):
        return ".".join(self.name.split("/")[-1].split("~")) + ".proxy.test"

    def location(self, ports):
        values = {**ports, "scheme": self.scheme, "host": self.host, "inner": self.inner, "name": self.name}
        return self.url.format_map(values)

    def configuration(self, ports):
        scheme, separator, place = self.proxy.format_map(ports).rpartition("://")
        proxy = scheme + separator + (self.login + "@" if self.login else "") + place
        config = settings(**self.config, proxy=proxy.encode(), add_resolve=(self.host.encode(), 0, b"127.0.0.1"))
        config["add_header"] = [(name.encode(), value.encode()) for name, value in FOR_THE_SERVER.items()]
        config["add_subprotocol"] = SUBPROTOCOL.encode()
        if self.trusting:
            config["add_tls_ca_file"] = ports["ca"].encode()
        return config

    @property
    def authorization(self):
        return "Basic " + base64.b64encode(self.login.encode()).decode()


def tunnelled(path, **more):
    """the session opens, and is the server's"""
    return Proxied(
        path,
        **{
            "messages": ["hello"],
            "closes": [1000],
            "clean": True,
            "local_code": 1000,
            "remote_code": 1000,
            "reason": b"bye",
            "proxy_ended": ("tunnel",),
            "tunnel": True,
            **more,
        },
    )


def failed(path, *says, **more):
    """no tunnel"""
    return Proxied(path, **{"connect": (Status.PROXY,), "phase": (Phase.PROXY,), "says": says, **more})


def refused(path, http_status, body, *says, **more):
    """no tunnel, as the proxy says in HTTP"""
    more = {"http": (http_status, body), **more}
    return failed(path, str(http_status), *says, **more)


def spoilt(path, *says, **more):
    """the tunnel is open, and what comes out of it is not from a server"""
    return Proxied(
        path,
        **{
            "connect": (Status.HANDSHAKE_INVALID,),
            "phase": (Phase.HANDSHAKE,),
            "says": says,
            # the client may see it before it has sent anything
            "rest": "(GET .*)?",
            "proxy_ended": ("fin", "rst", "server rst", "tunnel"),
            **more,
        },
    )


def held_up(path, *says, phase=Phase.PROXY, **more):
    """nothing comes for too long"""
    more = {"connect": (Status.TIMEOUT,), "phase": (phase,), "config": IMPATIENT, **more}
    config = more["config"]
    limit = config.get("proxy_timeout_ms" if phase == Phase.PROXY else "") or config["handshake_timeout_ms"]
    return Proxied(path, says=(rf"\b{limit}\b", *says), **more)
