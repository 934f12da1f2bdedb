"""What a session does through a tunnel. open(path, **settings) opens one to a server of tests/interop."""

import os

from checking import HANG_MS, Background, equal, eventually, true
from ktorws_ctypes import BINARY, CONTINUATION, CONTROL_PONG, PING, SEND_MORE, TEXT, Initiator, Status
from sessions import ends, receives

MIB = 1 << 20
LARGE = 16 * MIB
# ws_frame_type
PONG = 10


def sends(session, *messages):
    for message in messages:
        equal("ws_send", session.send(message), Status.OK)


def closes(session, code=4001, reason="that is all"):
    equal("ws_close", session.close(code, reason), Status.OK)
    expected = dict(local=code, remote=code, reason=reason.encode(), clean=True, initiator=Initiator.LOCAL)
    ends(session, Status.CLOSED, **expected)


def echo(open):
    with open("/") as session:
        for message in ("", "héllo €", b"\0\xff" * 60, "x" * 126, os.urandom(65535), os.urandom(65536), "y" * 200000):
            sends(session, message)
            receives(session, message)
        closes(session)


def closed_by_server(open):
    with open("/close/4001") as session:
        ends(
            session,
            Status.CLOSED,
            local=4001,
            remote=4001,
            reason=b"bye",
            clean=True,
            initiator=Initiator.REMOTE,
        )


def large(open):
    """each message while the one before comes back"""
    # no period that a record or a buffer could have
    block = os.urandom(MIB + 7)
    messages = [(block * 17)[:LARGE], "abcdefghijk" * (LARGE // 11), (block * 17)[7 : LARGE + 7]]
    with open("/") as session:
        receiver = Background(receives, session, *messages)
        sends(session, *messages)
        receiver.result()
        closes(session)


def fragments(open):
    pieces = [os.urandom(size) for size in (0, 1, 125, 126, 16384, 16385, 65535, 65536, MIB)] * 3
    text = "€" * MIB
    with open("/fragments", set_auto_fragment=1000) as session:
        receives(session, "price: € 5", "pong ok")
        for i, piece in enumerate(pieces):
            equal("ws_send", session.send_part(CONTINUATION if i else BINARY, piece, SEND_MORE), Status.OK)
        equal("ws_send", session.send_part(CONTINUATION, b"end"), Status.OK)
        receives(session, b"".join(pieces) + b"end")
        # cut inside a character
        for at in range(0, 3000, 100):
            piece = text.encode()[at : at + 100]
            equal("ws_send", session.send_part(CONTINUATION if at else TEXT, piece, SEND_MORE), Status.OK)
        equal("ws_send", session.send_part(CONTINUATION, b""), Status.OK)
        receives(session, "€" * 1000)
        sends(session, text)
        receives(session, text)
        closes(session)


def deflate(open):
    messages = ["compress me, " * (MIB // 2), os.urandom(MIB), "", "compress me, " * 10]
    with open("/", install_deflate=None) as session:
        equal("extensions", list(session.extensions), ["permessage-deflate"])
        for message in messages:
            sends(session, message)
            receives(session, message)
        stats = session.stats
        true("little was sent", stats.wire_sent < 3 * MIB, stats.wire_sent)
        true("little was received", stats.wire_received < 3 * MIB, stats.wire_received)
        closes(session)


def idle(open):
    """nobody receives: a ping is answered all the same, and what comes is kept"""
    messages = [f"{number} " * 5000 for number in range(100)]
    with open("/ping") as session:
        eventually("the server has its pong", lambda: session.stats.incoming_messages == 1)
        equal("pongs", session.stats.pongs_sent, 1)
        sends(session, *messages)
        eventually("all have come back", lambda: session.stats.incoming_messages == 101)
        receives(session, "pong ok", *messages)
        closes(session)


def thousand(open):
    """one thread sends, another receives"""
    messages = [f"message {number}" for number in range(1000)]
    with open("/") as session:
        receiver = Background(receives, session, *messages)
        receiver.wait_until_it_receives()
        sends(session, *messages)
        receiver.result()
        closes(session)


def ping(open):
    with open("/", set_deliver_control=CONTROL_PONG) as session:
        equal("ws_send, a ping", session.send_control(PING, b"there?"), Status.OK)
        equal("the pong", session.recv_frame(HANG_MS), (Status.OK, (PONG, 0, b"there?", 0)))
        sends(session, "behind the ping")
        receives(session, "behind the ping")
        closes(session)


SHORT = (echo, closed_by_server, idle)
ALL = (*SHORT, large, fragments, deflate, thousand, ping)
