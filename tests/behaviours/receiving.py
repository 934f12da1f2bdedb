"""Frames that come in: data framing, limits, UTF-8 (RFC 6455 sections 5 and 8)."""

from checking import HANG_MS, Background, equal
from ktorws_ctypes import FLAG_MORE, FLAG_RSV1, Initiator, Status, lib
from peer import BINARY, BYE, CLOSE, PING, PONG, TEXT, close, frame, last, more, text
from sessions import closes, echoes, ends, fails, fails_now, receives
from wire import opened

MIB = 1 << 20
MASK = b"\x01\x02\x03\x04"


def rejects(frames, status=Status.PROTOCOL, code=1002, **settings):
    """a session of its own ends because of these frames"""
    with opened(**settings) as (session, wire):
        fails(session, wire, frames, status, code)


def behaviour_026_text_in_one_frame():
    with opened() as (session, wire):
        wire.send(bytes.fromhex("810548656c6c6f"))
        receives(session, "Hello")
        # once: the next message is another one
        wire.send(text(b"next"))
        receives(session, "next")
        closes(session, wire)


def behaviour_027_empty_messages():
    with opened() as (session, wire):
        wire.send(text(b"") + frame(BINARY, b"") + text(b"", fin=False) + last(b""))
        receives(session, "", b"", "")
        closes(session, wire)


def behaviour_028_lengths_at_the_borders_and_20_mib():
    with opened() as (session, wire):
        for size in (0, 1, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537, 20 * MIB):
            payload = (b"%d " % size + bytes(range(256)) * (size // 256 + 1))[:size]
            sending = Background(wire.send, frame(BINARY, payload))
            receives(session, payload)
            sending.result()
        closes(session, wire)


def behaviour_029_fragmented_text_with_a_ping_in_between():
    with opened() as (session, wire):
        wire.send(text(b"ABC", fin=False) + frame(PING, b"in between") + more(b"12"))
        wire.expect(PONG, b"in between")
        wire.send(last(b"3"))
        receives(session, "ABC123")
        closes(session, wire)


def behaviour_030_character_split_across_fragments():
    with opened() as (session, wire):
        for character in ("é", "€", "😀", "\U0010ffff"):
            encoded = character.encode()
            for cut in range(1, len(encoded)):
                wire.send(text(b"<" + encoded[:cut], fin=False) + more(b"") + last(encoded[cut:] + b">"))
                receives(session, f"<{character}>")
        closes(session, wire)


def behaviour_031_continuation_with_no_start_fails():
    rejects(last(b"x"))
    rejects(more(b"x"))
    with opened() as (session, wire):
        wire.send(text(b"a", fin=False) + last(b"b"))
        receives(session, "ab")
        wire.send(frame(PING, b"in between"))
        wire.expect(PONG, b"in between")
        fails(session, wire, last(b"c"), Status.PROTOCOL, 1002)


def behaviour_032_new_message_inside_an_open_one_fails():
    for opcode in (1, BINARY):
        for fin in (False, True):
            rejects(text(b"open", fin=False) + frame(opcode, b"new", fin=fin))


def behaviour_033_reserved_opcodes_fail():
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        rejects(frame(opcode, b""))
    rejects(text(b"open", fin=False) + frame(3, b"x"))


def behaviour_034_fragmented_control_frames_fail():
    rejects(frame(PING, b"a", fin=False))
    rejects(frame(PONG, b"a", fin=False))
    rejects(frame(CLOSE, b"\x03\xe8", fin=False))


def behaviour_035_control_frames_over_125_bytes_fail():
    rejects(frame(PING, b"x" * 126))
    rejects(frame(PING, b"", length=65536))
    rejects(frame(PONG, b"x" * 126))
    rejects(close(1000, b"x" * 124))
    with opened() as (session, wire):
        wire.send(frame(PING, b"x" * 125))
        wire.expect(PONG, b"x" * 125)
        closes(session, wire)


def behaviour_036_masked_frames_fail():
    rejects(text(b"x", mask=MASK))
    rejects(text(b"", mask=b"\xff" * 4))
    rejects(text(b"x", mask=b"\0" * 4))
    rejects(frame(PING, b"x", mask=MASK))
    rejects(frame(CLOSE, b"\x03\xe8", mask=MASK))


def behaviour_037_reserved_bits_without_an_extension_fail():
    for bits in range(1, 8):
        rejects(text(b"x", rsv=bits))
    rejects(frame(PING, b"x", rsv=4))
    rejects(frame(CLOSE, b"\x03\xe8", rsv=1))
    rejects(text(b"a", fin=False) + last(b"b", rsv=2))


def behaviour_038_length_with_its_top_bit_set_fails():
    for length in (1 << 63, (1 << 63) + 2, (1 << 64) - 1):
        # with no limit in the way
        unlimited = dict(set_max_frame_size=(1 << 63) - 1, set_max_message_size=(1 << 63) - 1)
        rejects(frame(BINARY, b"xx", length=length, form=64), **unlimited)


def behaviour_039_lengths_that_are_not_minimal_fail():
    rejects(frame(BINARY, b"12345", form=16))
    rejects(frame(BINARY, b"x" * 125, form=16))
    rejects(frame(BINARY, b"x" * 125, form=64))
    rejects(frame(BINARY, b"x" * 65535, form=64))
    rejects(frame(PING, b"x", form=16))


def behaviour_040_text_that_is_not_utf8_fails():
    broken = "κόσμε".encode() + b"\xed\xa0\x80edited"
    others = (b"\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xff", b"cut short \xe2\x82", b"\xf8\x88\x80\x80\x80")
    for payload in (broken, *others):
        rejects(text(payload), Status.UTF8, 1007)
        rejects(text(b"ok", fin=False) + last(payload), Status.UTF8, 1007)


def behaviour_041_wrong_byte_fails_before_the_message_ends():
    # Nothing comes behind what is sent here, until the client has failed the connection.
    for part in (
        text(b"ok", fin=False) + more(b"\xff"),
        text(b"ok", fin=False) + more(b" \xed\xa0"),
        text(b"ok \xc0", length=1000),
        text(b"ok", fin=False) + more(b"\xf4\x90", length=1000),
    ):
        with opened() as (session, wire):
            wire.send(text(b"first") + part)
            receives(session, "first")
            fails_now(session, wire, Status.UTF8, 1007)


def behaviour_042_invalid_utf8_in_binary_is_fine():
    payload = bytes(range(256)) + b"\xed\xa0\x80\xff"
    with opened() as (session, wire):
        wire.send(frame(BINARY, payload) + frame(BINARY, b"\xff", fin=False) + last(b"\xfe"))
        receives(session, payload, b"\xff\xfe")
        closes(session, wire)


def behaviour_043_frame_over_the_limit_fails_before_its_body():
    for limit in (1000, 1 << 20):
        with opened(set_max_frame_size=limit) as (session, wire):
            # the header, and nothing of the body
            wire.send(text(b"first") + frame(BINARY, b"", length=limit + 1))
            receives(session, "first")
            fails_now(session, wire, Status.FRAME_TOO_BIG, 1009)


def behaviour_044_frame_of_the_limit_is_taken():
    with opened(set_max_frame_size=1024) as (session, wire):
        wire.send(frame(BINARY, b"x" * 1024))
        receives(session, b"x" * 1024)
        # as each fragment of a message is
        wire.send(frame(BINARY, b"y" * 1024, fin=False) + last(b"z" * 1024))
        receives(session, b"y" * 1024 + b"z" * 1024)
        fails(session, wire, frame(BINARY, b"x" * 1025), Status.FRAME_TOO_BIG, 1009)


def behaviour_045_fragments_over_the_message_limit_fail():
    limits = dict(set_max_frame_size=1024, set_max_message_size=2048)
    with opened(**limits) as (session, wire):
        wire.send(frame(BINARY, b"x" * 1024, fin=False) + last(b"x" * 1024))
        receives(session, b"x" * 2048)
        fails(
            session,
            wire,
            frame(BINARY, b"x" * 1024, fin=False) + more(b"x" * 1024) + more(b"x"),
            Status.MESSAGE_TOO_BIG,
            1009,
        )


def behaviour_046_limit_changes_from_the_next_frame_on():
    with opened(set_max_frame_size=10) as (session, wire):
        equal("ws_get_max_frame_size", lib.ws_get_max_frame_size(session.handle), 10)
        wire.send(text(b"123"))
        receives(session, "123")
        equal("ws_set_max_frame_size", session.call("set_max_frame_size", 1500), Status.OK)
        wire.send(text(b"x" * 1500))
        receives(session, "x" * 1500)
        equal("ws_set_max_message_size", session.call("set_max_message_size", 99), Status.OK)
        wire.send(text(b"x" * 99))
        receives(session, "x" * 99)
        equal("ws_set_max_frame_size", session.call("set_max_frame_size", 20), Status.OK)
        wire.send(text(b"x" * 20))
        receives(session, "x" * 20)
        fails(session, wire, text(b"x" * 21), Status.FRAME_TOO_BIG, 1009)


def behaviour_047_100000_small_frames_in_order():
    count = 100_000
    with opened() as (session, wire):
        sending = Background(wire.send, b"".join(text(b"%d" % i) for i in range(count)))
        for i in range(count):
            if session.recv(HANG_MS) != (Status.OK, str(i)):
                raise AssertionError(f"message {i} is not the next one")
        sending.result()
        closes(session, wire)


def behaviour_048_every_byte_in_a_segment_of_its_own():
    payload = bytes(range(256))
    fragmented = text("é€😀".encode(), fin=False) + frame(PING, b"ping") + last(b"!")
    frames = frame(BINARY, payload) + fragmented + frame(BINARY, b"")
    with opened() as (session, wire):
        # TCP_NODELAY is on
        sending = Background(lambda: [wire.send(bytes([byte])) for byte in frames])
        receives(session, payload, "é€😀!", b"")
        sending.result()
        wire.expect(PONG, b"ping")
        closes(session, wire)


def behaviour_049_unsolicited_pong_is_ignored():
    with opened() as (session, wire):
        wire.send(frame(PONG, b"unasked") + frame(PONG, b""))
        wire.send(text(b"behind", fin=False) + frame(PONG, b"x" * 125) + last(b""))
        receives(session, "behind")
        echoes(session, wire)
        closes(session, wire)


def behaviour_050_what_follows_the_servers_close_is_discarded():
    for behind in (text(b"never"), frame(PING, b"never"), b"\xff" * 64, close(1011, b"another")):
        with opened() as (session, wire):
            wire.send(text(b"first") + BYE + behind)
            receives(session, "first")
            wire.expect_close(1000, b"bye")
            wire.fin()
            ends(
                session, Status.CLOSED, local=1000, remote=1000, reason=b"bye", clean=True, initiator=Initiator.REMOTE
            )
            wire.expect_end()


def behaviour_050_raw_session_gets_nothing_behind_the_close():
    with opened(set_raw=1) as (session, wire):
        wire.send(text(b"fr", fin=False) + frame(PING, b"p") + last(b"ag", rsv=4) + BYE + text(b"never"))
        for expected in (
            (TEXT, FLAG_MORE, b"fr", 0),
            (PING, 0, b"p", 0),
            (TEXT, FLAG_RSV1, b"ag", 0),
            (CLOSE, 0, b"bye", 1000),
        ):
            equal("ws_recv", session.recv_frame(HANG_MS), (Status.OK, expected))
        # the application has to answer, and nothing else does
        equal("ws_recv", session.recv_frame(100), (Status.TIMEOUT, None))
        wire.expect_nothing_yet()
        equal("ws_close", session.close(1000, "bye"), Status.OK)
        wire.expect_close(1000, b"bye")
        wire.fin()
        ends(session, Status.CLOSED, local=1000, remote=1000, reason=b"bye", clean=True, initiator=Initiator.REMOTE)
        wire.expect_end()
