"""The columns of docs/interop.md: each is a check of a server, and what it returns stands in the table."""

import ctypes

from checking import HANG_MS, among, equal, eventually, true
from ktorws_ctypes import CONTINUATION, CONTROL_PONG, PING, SEND_MORE, TEXT, DeflateOptions, Failure, Initiator, Status
from spoken import Echo

MIB = 1 << 20
# ws_frame_type
PONG = 10


def letters(size):
    """without a period that a buffer could have"""
    return (b"abcdefghijklmnopqrstuvw" * (size // 23 + 1))[:size]


def echo(peer):
    with peer.open() as speaker:
        for size in (0, 1, 125, 126, 65535, 65536, 200000):
            speaker.echoes(letters(size))
        if isinstance(speaker, Echo):
            speaker.type = TEXT
            for size in (0, 125, 126, 65536):
                speaker.echoes(letters(size))
    return "passed"


def large(peer):
    with peer.open() as speaker:
        speaker.echoes(letters(16 * MIB))
    return "passed"


def fragments(peer):
    """in pieces of all sizes that a header can tell, also empty ones"""
    payload = letters(300000)
    with peer.open() as speaker:
        data, sent = speaker.encoded(payload), 0
        for i, size in enumerate((0, 1, 125, 126, 65535, 65536, 0)):
            frame_type = CONTINUATION if i else speaker.type
            status = speaker.session.send_part(frame_type, data[sent : sent + size], SEND_MORE)
            equal("ws_send", status, Status.OK)
            sent += size
        equal("ws_send", speaker.session.send_part(CONTINUATION, data[sent:]), Status.OK)
        true("the letters come back", speaker.read() == payload)
    if not peer.fragments_path:
        return "ours"
    with peer.open(peer.fragments_path) as speaker:
        equal("a text in three fragments", speaker.message(), "price: € 5")
        equal("the server has the pongs", speaker.message(), "pong ok")
    return "both ways"


def agreed(speaker):
    """what the server answered to the offer of permessage-deflate, checked by use; None if nothing"""
    extensions = speaker.session.extensions
    if not extensions:
        speaker.echoes(letters(MIB))
        return None
    equal("extensions", list(extensions), ["permessage-deflate"])
    for size in (10, MIB, 0, 10):
        speaker.echoes(letters(size))
    stats = speaker.session.stats
    true("little was sent", stats.wire_sent < MIB // 10, stats.wire_sent)
    parameters = extensions["permessage-deflate"]
    return f"`{parameters}`" if parameters else "agreed"


def deflate(peer):
    with peer.open(install_deflate=None) as speaker:
        return agreed(speaker) or "declined"


ALL_FOUR = {
    "client_max_window_bits=10",
    "server_max_window_bits=10",
    "client_no_context_takeover",
    "server_no_context_takeover",
}


def small_deflate(peer):
    """asked for small windows and no context takeover, both ways"""
    options = DeflateOptions(struct_size=ctypes.sizeof(DeflateOptions))
    for parameter in ALL_FOUR:
        name, _, bits = parameter.partition("=")
        setattr(options, name, int(bits or 1))
    try:
        with peer.open(install_deflate=ctypes.byref(options)) as speaker:
            answer = agreed(speaker) or "declined"
    except Failure as failure:
        # what a server does not agree to it may not be used without
        equal("status", failure.status, Status.HANDSHAKE_INVALID)
        return f"opening fails: {failure.message}"
    return "all four agreed" if set(answer.strip("`").split("; ")) == ALL_FOUR else answer


def subprotocol(peer):
    offered = peer.subprotocol or "chat.v2"
    with peer.open(offer=["other", offered]) as speaker:
        chosen = speaker.session.subprotocol
        if not chosen:
            return "none chosen"
        equal("ws_subprotocol", chosen, offered)
    if not peer.subprotocol:
        with peer.open() as speaker:
            equal("ws_subprotocol", speaker.session.subprotocol, "")
    return f"`{chosen}`"


def ping_pong(peer):
    with peer.open(set_deliver_control=CONTROL_PONG) as speaker:
        equal("ws_send, a ping", speaker.session.send_control(PING, b"there?"), Status.OK)
        equal("the pong", speaker.session.recv_frame(HANG_MS), (Status.OK, (PONG, 0, b"there?", 0)))
    if not peer.ping_path:
        return "ours"
    with peer.open(peer.ping_path) as speaker:
        session = speaker.session
        eventually("the server has pinged", lambda: session.stats.pings_received > 0)
        eventually("it has the pong", lambda: session.stats.pongs_sent == session.stats.pings_received)
        if peer.tells_of_pongs:
            equal("the server", speaker.message(), "pong ok")
        else:
            eventually("the server goes on", lambda: session.stats.pings_received > 3)
        speaker.echoes(b"still there")
    return "both ways"


def ended(session):
    """(remote code, reason) after the end, however it came"""
    status, message = session.recv(HANG_MS)
    while status == Status.OK:
        status, message = session.recv(HANG_MS)
    among("the end", status, (Status.CLOSED, Status.CLOSED_ABNORMALLY, Status.IO))
    equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)
    local, remote, reason, clean, initiator = session.close_info
    equal("clean", clean, remote != 1006)
    return remote, reason.decode(), initiator


def told(code, reason=""):
    return "no Close" if code == 1006 else f"{code} {reason}".strip()


def our_close(peer):
    with peer.open() as speaker:
        speaker.echoes(b"before")
        equal("ws_close", speaker.session.close(4001, "that is all"), Status.OK)
        remote, reason, initiator = ended(speaker.session)
        among("initiator", initiator, (Initiator.LOCAL, Initiator.TRANSPORT))
    return told(remote)


def their_close(peer):
    if peer.close_path:
        speaker = peer.open(peer.close_path)
    else:
        speaker = peer.open()
        speaker.break_rules()
    with speaker:
        remote, reason, initiator = ended(speaker.session)
        among("initiator", initiator, (Initiator.REMOTE, Initiator.TRANSPORT))
    if peer.close_path:
        equal("code and reason", (remote, reason), (4001, "bye"))
    return told(remote, reason)


COLUMNS = {
    "echo": echo,
    "16 MiB": large,
    "fragments": fragments,
    "permessage-deflate": deflate,
    "the same, small": small_deflate,
    "subprotocol": subprotocol,
    "ping, pong": ping_pong,
    "our Close 4001": our_close,
    "the server's Close": their_close,
}
