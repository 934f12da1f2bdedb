"""What is expected of a fault: what the caller must see, and what must go over the wire."""

import dataclasses

from ktorws_ctypes import Initiator, Phase, Status

KIB = 1024
SETTINGS = dict(connect_timeout_ms=5000, handshake_timeout_ms=5000, close_timeout_ms=5000)
IMPATIENT = dict(handshake_timeout_ms=400)
IMPATIENT_CLOSING = dict(close_timeout_ms=400)
# Where the server has to say something before the time is over.
HARDLY_PATIENT = dict(handshake_timeout_ms=2000, close_timeout_ms=2000)


def settings(**changes):
    """as Session takes them; set_ goes without saying"""
    return {
        name if name.startswith(("add_", "install_", "allow_")) else "set_" + name: value
        for name, value in {**SETTINGS, **changes}.items()
    }


@dataclasses.dataclass
class Case:
    path: str
    config: dict = dataclasses.field(default_factory=dict)
    url: str = "ws://127.0.0.1:{port}{path}?case={name}"
    port: str = ""
    # what ws_connect returns
    connect: tuple = (Status.OK,)
    phase: tuple = (Phase.HANDSHAKE,)
    errno: int = 0
    # the status of the HTTP answer and its body; None for any body
    http: tuple = None
    # fields of the answer's header, each with all its values
    fields: dict = dataclasses.field(default_factory=dict)
    # what ws_recv delivers, and how it ends; of a tuple any will do, as for what follows
    messages: list = None
    end: tuple = (Status.CLOSED,)
    local_code: int = None
    remote_code: int = None
    reason: bytes = None
    clean: bool = False
    initiator: Initiator = None
    subprotocol: str = ""
    # patterns that the error's message must match
    says: tuple = ()
    # the client's close frames as the server saw them, and its pongs
    closes: list = dataclasses.field(default_factory=list)
    pongs: list = dataclasses.field(default_factory=list)
    # how the server saw TCP end: a reset says that the client left something unread
    ended: tuple = ("fin",)
    # what the client does: see acts.py; and what it sends, where it echoes
    act: str = "receive"
    sent: list = dataclasses.field(default_factory=list)
    # at most so many bytes may have been taken of an endless stream
    poured: int = None
    # the values of Sec-WebSocket-Extensions in the request
    offer: tuple = ()
    # whether permessage-deflate is agreed on
    extension: bool = False
    # what else to look at in the server's record: called with it and a Check
    wire: callable = None
    # the case runs by itself, and memory may grow by so many KiB meanwhile
    alone: int = None
    # tells cases apart that share path and act
    variant: str = ""

    @property
    def name(self):
        act = "" if self.act == "receive" else self.act
        return "~".join(part for part in (self.path, act, self.variant) if part)

    def location(self, ports):
        return self.url.format(port=ports[self.port], path=self.path, name=self.name)

    def configuration(self, _ports):
        """as Session takes it"""
        return settings(**self.config)


def refused(path, *says, **more):
    """no session"""
    more = {"connect": (Status.HANDSHAKE_INVALID,), "ended": ("fin", "rst", "server rst"), **more}
    return Case("/handshake/" + path if path[0] != "/" else path, says=says, **more)


def accepted(path, **more):
    """an orderly session"""
    return Case(
        path,
        **{
            "messages": ["hello"],
            "closes": [1000],
            "clean": True,
            "initiator": Initiator.REMOTE,
            "local_code": 1000,
            "remote_code": 1000,
            "reason": b"bye",
            **more,
        },
    )


def answered(path, http_status, body, *says, **more):
    """an HTTP answer other than 101"""
    return Case(
        "/status/" + path if path[0] != "/" else path,
        **{
            "connect": (Status.HANDSHAKE_STATUS,),
            "http": (http_status, body),
            "ended": ("fin", "rst"),
            "says": (str(http_status), *says),
            **more,
        },
    )


def failed(path, status, code, *says, **more):
    """the library fails an open connection"""
    return Case(
        path,
        **{
            "messages": ["first"],
            "end": (status,),
            "closes": [code],
            "initiator": Initiator.PROTOCOL,
            "local_code": code,
            "remote_code": 1006,
            "reason": b"",
            "says": says,
            **more,
        },
    )


def wrong_frame(name, *says, **more):
    return failed("/frame/" + name, Status.PROTOCOL, 1002, *says, **more)


def not_utf8(name, **more):
    return failed("/utf8/" + name, Status.UTF8, 1007, "UTF-8", **more)


def cut(path, status=Status.CLOSED_ABNORMALLY, **more):
    """the connection ends without a Close"""
    return Case(
        path,
        **{
            "messages": ["first"],
            "end": (status,),
            "ended": ("server rst" if status == Status.IO else "fin",),
            "initiator": Initiator.TRANSPORT,
            "local_code": 0,
            "remote_code": 1006,
            "reason": b"",
            **more,
        },
    )
