"""For each fault of server.py: what the caller must see, and what must go over the wire."""

import dataclasses
import errno

import closing_faults
import frame_faults
import opening_faults
from ktorws_ctypes import Initiator, Phase, Status

KIB = 1024
SETTINGS = dict(connect_timeout_ms=5000, handshake_timeout_ms=5000, close_timeout_ms=5000)
IMPATIENT = dict(handshake_timeout_ms=400, close_timeout_ms=400)


def settings(**changes):
    return {
        "set_" + name if name != "add_subprotocol" else name: value for name, value in {**SETTINGS, **changes}.items()
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
    http: tuple = None
    # what ws_recv delivers, and how it ends
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
    # what the client does: see run_open
    act: str = "receive"
    # at most so many bytes may have been taken of an endless stream
    poured: int = None

    @property
    def name(self):
        return self.path + ("" if self.act == "receive" else "~" + self.act)


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
        "/status/" + path,
        connect=(Status.HANDSHAKE_STATUS,),
        http=(http_status, more.pop("location", None), body),
        ended=("fin", "rst"),
        says=(str(http_status), *says),
        **more,
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


OFFER = dict(add_subprotocol=b"chat")
LIMITS = dict(max_frame_size=frame_faults.LIMIT, max_message_size=frame_faults.LIMIT)
UNLIMITED = dict(max_frame_size=(1 << 63) - 1, max_message_size=(1 << 63) - 1)
# a label is at most 63 bytes long, so no name server needs to be asked
UNRESOLVABLE = 64 * "a" + ".invalid"

CASES = [
    # 101 with something missing or wrong
    refused("upgrade-missing", "Upgrade"),
    refused("upgrade-wrong", "Upgrade", "h2c"),
    refused("upgrade-empty", "Upgrade"),
    refused("connection-missing", "Connection"),
    refused("connection-close", "Connection", "close"),
    refused("connection-other-token", "Connection"),
    refused("accept-missing", "Sec-WebSocket-Accept"),
    refused("accept-empty", "Sec-WebSocket-Accept"),
    refused("accept-wrong", "Sec-WebSocket-Accept"),
    refused("accept-other-case", "Sec-WebSocket-Accept"),
    refused("accept-twice", "Sec-WebSocket-Accept"),
    refused("accept-twice-equal", "Sec-WebSocket-Accept"),
    refused("http-1.0"),
    refused("http-2"),
    refused("http-2.0"),
    refused("http-lower-case"),
    refused("status-1010"),
    refused("status-word"),
    refused("no-colon"),
    refused("space-before-colon"),
    refused("nul"),
    refused("bare-cr"),
    refused("subprotocol-unoffered", "soap"),
    refused("subprotocol-two", "chat, superchat", config=OFFER),
    refused("subprotocol-two-fields", config=OFFER),
    refused("subprotocol-case", "CHAT", config=OFFER),
    refused("extension-unoffered", "permessage-deflate"),
    refused("extension-unknown", "x-unheard-of"),
    refused("head-70k-one-field", "65536"),
    refused("head-70k-many-fields", "65536"),
    refused("head-endless", "65536", poured=16 * KIB * KIB),
    refused("line-endless", poured=16 * KIB * KIB),
    refused("interim-endless", poured=16 * KIB * KIB),
    # unusual and right
    accepted("/handshake/connection-list"),
    accepted("/handshake/connection-two-fields"),
    accepted("/handshake/case"),
    accepted("/handshake/white-space"),
    accepted("/handshake/lower-case-names"),
    accepted("/handshake/reason-empty"),
    accepted("/handshake/reason-missing"),
    accepted("/handshake/head-60k-one-field"),
    accepted("/handshake/head-60k-many-fields"),
    accepted("/handshake/interim-100"),
    accepted("/handshake/interim-103-and-101-together"),
    accepted("/handshake/byte-by-byte"),
    accepted("/handshake/frame-split-behind-head"),
    accepted("/handshake/subprotocol-none", config=OFFER),
    accepted("/handshake/subprotocol-chosen", config=dict(add_subprotocol=b"superchat"), subprotocol="superchat"),
    # other answers
    answered("200", 200, b"hello world"),
    answered("200-with-upgrade", 200, b""),
    answered("204", 204, b""),
    answered("302", 302, b"moved", location="/elsewhere"),
    answered("400", 400, b"bad request"),
    answered("401", 401, b"login"),
    answered("404", 404, b""),
    answered("500", 500, b"oops"),
    answered("503-chunked", 503, b"hello world"),
    answered("503-until-close", 503, b"until the end"),
    answered("503-cut-short", 503, b"short"),
    answered("503-large", 503, b"0123456789abcdef" * 4 * KIB),
    answered("503-stalled", 503, b"half", config=IMPATIENT),
    answered("503-endless", 503, b"x" * 64 * KIB, poured=16 * KIB * KIB),
    # the server goes, or never comes
    refused("/tcp/silent", "400", connect=(Status.TIMEOUT,), config=IMPATIENT),
    refused("/tcp/silent-after-half-the-head", "400", connect=(Status.TIMEOUT,), config=IMPATIENT),
    refused("/tcp/one-header-after-another", "400", connect=(Status.TIMEOUT,), config=IMPATIENT),
    refused("/tcp/fin", r"\b0 bytes"),
    refused("/tcp/fin-after-half-the-head", r"\b60 bytes"),
    refused("/tcp/rst", connect=(Status.IO,), errno=errno.ECONNRESET),
    refused("/tcp/rst-after-half-the-head", connect=(Status.IO,), errno=errno.ECONNRESET),
    *(refused("/tcp/" + name) for name in opening_faults.NOT_HTTP),
    refused("/at-accept/fin", port="at-accept/fin", connect=(Status.HANDSHAKE_INVALID, Status.IO)),
    refused(
        "/at-accept/rst",
        port="at-accept/rst",
        connect=(Status.IO, Status.CONNECT),
        phase=(Phase.CONNECT, Phase.HANDSHAKE),
    ),
    refused("/at-accept/ssh", port="at-accept/ssh"),
    refused("/at-accept/silent", port="at-accept/silent", connect=(Status.TIMEOUT,), config=IMPATIENT),
    refused(
        "/at-accept/silent-tls",
        port="at-accept/silent",
        url="wss://127.0.0.1:{port}/",
        connect=(Status.TIMEOUT,),
        phase=(Phase.TLS,),
        config=IMPATIENT,
    ),
    refused(
        "/at-accept/ssh-tls",
        port="at-accept/ssh",
        url="wss://127.0.0.1:{port}/",
        connect=(Status.TLS,),
        phase=(Phase.TLS,),
    ),
    refused("/no-server/tls-to-plain", url="wss://127.0.0.1:{port}/", connect=(Status.TLS,), phase=(Phase.TLS,)),
    refused(
        "/no-server/unresolvable",
        UNRESOLVABLE,
        url=f"ws://{UNRESOLVABLE}/",
        connect=(Status.RESOLVE,),
        phase=(Phase.RESOLVE,),
    ),
    refused(
        "/no-server/refused",
        "{port}",
        port="refused",
        connect=(Status.CONNECT,),
        phase=(Phase.CONNECT,),
        errno=errno.ECONNREFUSED,
    ),
    refused(
        "/no-server/full",
        "300",
        port="full",
        connect=(Status.TIMEOUT,),
        phase=(Phase.CONNECT,),
        config=dict(connect_timeout_ms=300),
    ),
    # frames
    *(wrong_frame("rsv" + name) for name in ("1", "2", "3", "1-ping", "1-close", "2-continuation")),
    *(wrong_frame(f"opcode-{n}", rf"(?i)\b(0x0?{n:x}|{n})\b") for n in frame_faults.RESERVED_OPCODES),
    *(wrong_frame("masked-" + name, "mask") for name in ("text", "ping", "close")),
    *(wrong_frame(name + "-fragmented") for name in ("ping", "pong", "close")),
    wrong_frame("ping-126", "125"),
    wrong_frame("pong-65536", "125"),
    wrong_frame("close-126", "125"),
    wrong_frame("continuation-without-start"),
    wrong_frame("continuation-after-the-last", messages=["first", "ab"]),
    wrong_frame("text-inside-message"),
    wrong_frame("binary-inside-message"),
    wrong_frame("length-16-not-minimal", "125"),
    wrong_frame("length-64-not-minimal", "65535"),
    wrong_frame("length-64-of-0"),
    wrong_frame("length-top-bit"),
    wrong_frame("length-all-ones"),
    wrong_frame("rsv1-and-pours-on", ended=("fin", "rst"), config=IMPATIENT),
    failed("/frame/length-2-to-62", Status.FRAME_TOO_BIG, 1009, str(1 << 62), str(64 * KIB * KIB)),
    cut("/frame/length-2-to-62-and-fin", config=UNLIMITED),
    accepted("/frame/empty", messages=["", b""]),
    accepted("/frame/borders", messages=[b"x" * n for n in (125, 126, 127, 65535, 65536)]),
    accepted("/frame/fragments-with-ping", messages=["ABC123"], pongs=["p"]),
    accepted("/frame/unasked-pong", messages=["x"]),
    # limits
    accepted("/limit/frame-exact", messages=[b"x" * frame_faults.LIMIT], config=LIMITS),
    accepted("/limit/fragments-exact", messages=[b"x" * frame_faults.LIMIT], config=LIMITS),
    failed("/limit/frame-over", Status.FRAME_TOO_BIG, 1009, "65537", "65536", config=LIMITS),
    failed("/limit/frame-over-announced", Status.FRAME_TOO_BIG, 1009, "65537", "65536", config=LIMITS),
    failed("/limit/fragments-over", Status.MESSAGE_TOO_BIG, 1009, "80000", "65536", config=LIMITS),
    failed("/limit/fragments-over-announced", Status.MESSAGE_TOO_BIG, 1009, "80000", "65536", config=LIMITS),
    failed(
        "/limit/fragments-endless",
        Status.MESSAGE_TOO_BIG,
        1009,
        str(KIB * KIB),
        messages=[],
        config=dict(max_message_size=KIB * KIB),
        poured=32 * KIB * KIB,
    ),
    accepted("/limit/empty-fragments", messages=["at last"]),
    Case("/limit/empty-fragments-endless", act="give-up", ended=("fin", "rst"), messages=[], end=(Status.TIMEOUT,)),
    accepted("/limit/pings", messages=[str(i) for i in range(0, 1000, 10)], pongs=[str(i) for i in range(1000)]),
    # a send may be what meets the reset, and then the stream just ends for the reader
    cut("/limit/pings-read-slowly", Status.IO, messages=[], end=(Status.IO, Status.CLOSED_ABNORMALLY)),
    Case(
        "/limit/pings-unread",
        act="flood",
        ended=None,
        messages=[],
        end=(Status.TIMEOUT, Status.CLOSED),
        closes=None,
        pongs=None,
    ),
    Case("/limit/messages-unread", act="neglect", ended=("fin", "rst"), messages=[], end=(Status.TIMEOUT,)),
    # text
    *(not_utf8(name) for name in frame_faults.INVALID_UTF8),
    *(not_utf8("fragments/" + name) for name in frame_faults.INVALID_UTF8),
    *(not_utf8(name) for name in ("early-in-frame", "early-surrogate", "early-in-fragment")),
    accepted("/utf8/borders", messages=[c.decode() for c in frame_faults.VALID_UTF8]),
    accepted(
        "/utf8/split-characters", messages=[c.decode() for c in frame_faults.VALID_UTF8 for _ in range(1, len(c))]
    ),
    accepted("/utf8/binary", messages=[b"\xff\xfe\x80"]),
    # a sender waits for room that the answer to a ping makes
    Case(
        "/limit/pings-to-a-sender",
        act="push",
        port="small-window",
        messages=[],
        end=(Status.CLOSED_ABNORMALLY,),
        closes=None,
        pongs=None,
        config=dict(outgoing_queue=(0, 65536, 0), send_timeout_ms=5000, **IMPATIENT),
    ),
    # closing
    *(
        accepted(f"/close/{code}", messages=["first"], local_code=code, remote_code=code, reason=b"why", closes=[code])
        for code in closing_faults.VALID_CODES
    ),
    *(failed(f"/close/{code}", Status.PROTOCOL, 1002, rf"\b{code}\b") for code in closing_faults.INVALID_CODES),
    accepted("/close/empty", messages=["first"], local_code=1005, remote_code=1005, reason=b"", closes=[None]),
    failed("/close/one-byte", Status.PROTOCOL, 1002),
    accepted("/close/reason-123", messages=["first"], reason=b"r" * 123),
    failed("/close/reason-not-utf8", Status.UTF8, 1007),
    accepted("/close/data-after", messages=["first"]),
    accepted("/close/inside-message", messages=["first"]),
    accepted("/close/answers", messages=["first"], act="close", initiator=Initiator.LOCAL),
    accepted(
        "/close/answers-otherwise",
        messages=["first"],
        act="close",
        initiator=Initiator.LOCAL,
        remote_code=4000,
        reason=b"other",
    ),
    accepted(
        "/close/answers-late",
        messages=["first", *(f"late {i}" for i in range(10))],
        act="close",
        initiator=Initiator.LOCAL,
    ),
    accepted("/close/no-fin", messages=["first"], act="close", initiator=Initiator.LOCAL, config=IMPATIENT),
    cut("/close/no-answer", act="close", local_code=1000, closes=[1000], config=IMPATIENT, initiator=Initiator.LOCAL),
    cut(
        "/close/no-answer-but-data",
        act="close",
        ended=("fin", "rst"),
        local_code=1000,
        closes=[1000],
        config=IMPATIENT,
        initiator=Initiator.LOCAL,
        messages=None,
    ),
    cut("/end/fin-instead-of-answer", act="close", local_code=1000, closes=[1000], initiator=Initiator.LOCAL),
    # an abort drops what is left of the connection: with no close timeout nothing else would
    accepted(
        "/close/no-fin",
        messages=["first"],
        act="close-abort",
        initiator=Initiator.LOCAL,
        config=dict(close_timeout_ms=-1),
    ),
    # ends without a Close
    cut("/end/fin"),
    cut("/end/fin-inside-header"),
    cut("/end/fin-inside-frame"),
    cut("/end/fin-inside-message"),
    cut("/end/rst", Status.IO, pongs=["sync"]),
    cut("/end/rst-inside-message", Status.IO, pongs=["sync"]),
    # the same when nobody receives until it is over
    failed("/frame/rsv1", Status.PROTOCOL, 1002, act="wait", config=IMPATIENT),
    failed("/limit/frame-over", Status.FRAME_TOO_BIG, 1009, act="wait", config=dict(**LIMITS, **IMPATIENT)),
    accepted("/close/1000", messages=["first"], reason=b"why", act="wait"),
    cut("/end/fin", act="wait"),
    cut("/end/rst", Status.IO, pongs=["sync"], act="wait"),
]
