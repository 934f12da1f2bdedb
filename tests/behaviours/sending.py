"""Frames that go out: masking, lengths, fragments, order, the outgoing queue (RFC 6455 sections 5.1 to 5.4)."""

import ctypes
import random

from checking import HANG_MS, Background, equal, true
from ktorws_ctypes import CONTINUATION, QUEUE_WAIT, SEND_CORK, SEND_MORE, Message, Status, lib
from peer import BINARY, CLOSE, PING, PONG, TEXT, close
from sessions import closes, echoes, ends
from wire import Listener, opened

KIB = 1024
# What the outgoing queue of a held-back session may take.
BOUND = 256 * KIB
HELD = dict(set_outgoing_queue=(0, BOUND, QUEUE_WAIT), set_coalescing=0)


# More than the kernel ever buffers of a connection.
KERNEL = 32 * KIB * KIB


def numbered(number, size):
    content = b"%d " % number
    return content + bytes([number % 256]) * (size - len(content))


def fill(session, piece, count=0, timeout_ms=100):
    """sends messages of that size, numbered on from `count`, until there is no room for one in that time; returns how
    many there are now"""
    while True:
        status = session.send_part(BINARY, numbered(count, piece), timeout_ms=timeout_ms)
        if status != Status.OK:
            equal("ws_send with no room", status, Status.TIMEOUT)
            return count
        count += 1
        true("bytes that are taken from a sender whose server does not read", count * piece < KERNEL, count * piece)


def behaviour_051_frames_are_masked_with_fresh_keys():
    keys = set()
    with opened() as (session, wire):
        for i in range(500):
            equal("ws_send_text", session.send(f"{i}"), Status.OK)
            keys.add(wire.expect(TEXT, b"%d" % i).key)
        wire.send(b"\x89\x00")
        keys.add(wire.expect(PONG).key)
        equal("ws_close", session.close(1000), Status.OK)
        keys.add(wire.expect_close(1000).key)
        # two equal keys of 502 are chance, once in 34,000 runs
        true("different masking keys", len(keys) >= 501, len(keys))
        true("every byte of a key varies", all(len({key[i] for key in keys}) > 100 for i in range(4)))


def behaviour_051_unmasked_only_where_it_is_allowed():
    config = lib.ws_config_new()
    equal("ws_config_set_masking(0)", lib.ws_config_set_masking(config, 0), Status.STATE)
    equal("ws_config_set_allow_unmasked", lib.ws_config_set_allow_unmasked(config, 1), Status.OK)
    equal("ws_config_set_masking(0) then", lib.ws_config_set_masking(config, 0), Status.OK)
    lib.ws_config_free(config)
    with opened() as (session, wire):
        equal("ws_set_masking(0)", session.call("set_masking", 0), Status.STATE)
        equal("ws_get_masking", lib.ws_get_masking(session.handle), 1)
        echoes(session, wire)
    with opened(set_allow_unmasked=1) as (session, wire):
        echoes(session, wire)
        for on in (0, 1, 0):
            equal("ws_set_masking", session.call("set_masking", on), Status.OK)
            equal("ws_get_masking", lib.ws_get_masking(session.handle), on)
            wire.is_masked = bool(on)
            echoes(session, wire, "x" * 300)
        closes(session, wire)
    with Listener() as listener, listener.open(set_allow_unmasked=1, set_masking=0) as (session, wire):
        wire.is_masked = False
        echoes(session, wire)
        wire.send(b"\x89\x01p")
        wire.expect(PONG, b"p")


def behaviour_052_lengths_are_minimal():
    # Wire.next compares the form of every length with the shortest
    with opened() as (session, wire):
        for size in (0, 1, 124, 125, 126, 127, 65534, 65535, 65536, 65537):
            payload = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
            sending = Background(session.send, payload)
            sent = wire.expect(BINARY, payload)
            equal("ws_send_binary", sending.result(), Status.OK)
            equal(f"bits of the length {size}", sent.form, 7 if size < 126 else 16 if size < 65536 else 64)
        closes(session, wire)


def behaviour_053_text_that_is_not_utf8_is_not_sent():
    with opened() as (session, wire):
        for payload in (b"\xff", b"ok \xed\xa0\x80", b"\xc0\xaf", b"cut \xe2\x82", b"\xf4\x90\x80\x80"):
            status = Status(lib.ws_send_text(session.handle, payload, len(payload)))
            equal(f"ws_send_text {payload}", status, Status.UTF8)
            equal("ws_send", session.send_part(TEXT, payload), Status.UTF8)
        # nor in parts: a character may be cut, and has to be completed
        equal("ws_send of half a character", session.send_part(TEXT, b"\xe2\x82", SEND_MORE), Status.OK)
        wire.expect(TEXT, b"\xe2\x82", fin=False)
        for part, flags in ((b"x", SEND_MORE), (b"", 0), (b"\xac\xff", 0)):
            equal(f"ws_send of {part} behind it", session.send_part(CONTINUATION, part, flags), Status.UTF8)
        equal("ws_send of the other half", session.send_part(CONTINUATION, b"\xac"), Status.OK)
        wire.expect(0, b"\xac")
        batch = (Message * 2)(Message(b"fine", 4, TEXT, 0), Message(b"\xff", 1, TEXT, 0))
        accepted = ctypes.c_size_t(99)
        status = session.call("send_batch", batch, 2, ctypes.byref(accepted), -1)
        equal("ws_send_batch", (status, accepted.value), (Status.UTF8, 0))
        echoes(session, wire)
        closes(session, wire)


def behaviour_054_fragments_have_the_opcodes_of_a_message():
    with opened() as (session, wire):
        for opcode, parts in (
            (TEXT, (b"Hel", b"", b"lo")),
            (BINARY, (b"\xff" * 200, b"\xfe" * 70000, b"")),
            # cut inside a code point
            (TEXT, (b"\xe2", b"\x82", b"\xac")),
            (TEXT, (b"", b"")),
        ):
            for i, part in enumerate(parts):
                is_last = i == len(parts) - 1
                frame_type = CONTINUATION if i else opcode
                sending = Background(session.send_part, frame_type, part, 0 if is_last else SEND_MORE)
                wire.expect(0 if i else opcode, part, fin=is_last)
                equal("ws_send", sending.result(), Status.OK)
        closes(session, wire)


def behaviour_054_nothing_but_control_frames_comes_between_fragments():
    with opened() as (session, wire):
        for flags in (0, SEND_MORE):
            equal("ws_send without a message", session.send_part(CONTINUATION, b"x", flags), Status.STATE)
        equal("ws_send", session.send_part(TEXT, b"open", SEND_MORE), Status.OK)
        wire.expect(TEXT, b"open", fin=False)
        equal("ws_send_text", session.send("another"), Status.STATE)
        equal("ws_send_binary", session.send(b"another"), Status.STATE)
        equal("ws_send of the other type", session.send_part(BINARY, b"x"), Status.STATE)
        equal("ws_send of a first fragment", session.send_part(TEXT, b"x", SEND_MORE), Status.STATE)
        batch = (Message * 1)(Message(b"another", 7, TEXT, 0))
        equal("ws_send_batch", session.call("send_batch", batch, 1, None, -1), Status.STATE)
        wire.send(b"\x89\x01p")
        wire.expect(PONG, b"p")
        equal("ws_send, a ping", session.send_control(PING, b"mine"), Status.OK)
        wire.expect(PING, b"mine")
        equal("ws_send", session.send_part(CONTINUATION, b" and closed"), Status.OK)
        wire.expect(0, b" and closed")
        echoes(session, wire)
        closes(session, wire)


def behaviour_055_long_control_payloads_are_refused():
    with opened() as (session, wire):
        for control in (PING, PONG, CLOSE):
            equal("ws_send of 126 bytes", session.send_control(control, b"x" * 126), Status.INVALID_ARGUMENT)
        equal("ws_close, reason of 124 bytes", session.close(1000, "r" * 124), Status.INVALID_ARGUMENT)
        # 62 characters
        equal("ws_close, reason of 124 bytes", session.close(1000, "é" * 62), Status.INVALID_ARGUMENT)
        for name, opcode in (("ping", PING), ("pong", PONG)):
            equal(f"ws_send, a {name}", session.send_control(opcode, b"\0\xff" + b"x" * 123), Status.OK)
            wire.expect(opcode, b"\0\xff" + b"x" * 123)
            equal(f"ws_send, a {name}", session.call("send", opcode, None, 0, 0, -1), Status.OK)
            wire.expect(opcode, b"")
        closes(session, wire, 1000, "r" * 123)


def behaviour_056_threads_never_mix_their_messages():
    threads, count = 8, 400
    with opened() as (session, wire):

        def send(thread):
            sizes = random.Random(thread)
            for i in range(count):
                status = session.send(f"{thread} {i} " + chr(97 + thread) * sizes.choice((0, 10, 120, 130, 1000, 5000)))
                equal("ws_send_text", status, Status.OK)

        senders = [Background(send, thread) for thread in range(threads)]
        following = [0] * threads
        for _ in range(threads * count):
            sent = wire.next()
            thread, i, rest = sent.payload.decode().split(" ")
            equal("text in one frame", (sent.opcode, sent.fin, sent.rsv), (TEXT, True, 0))
            equal(f"the next message of thread {thread}", int(i), following[int(thread)])
            equal("other letters in the message", set(rest) - {chr(97 + int(thread))}, set())
            following[int(thread)] += 1
        for sender in senders:
            sender.result()
        closes(session, wire)


def behaviour_057_held_back_sender_waits_at_a_bound():
    piece = 60 * KIB
    with opened(window=64 * KIB, set_send_timeout_ms=100, **HELD) as (session, wire):
        count = 0
        for timeout_ms in (0, 100):
            count = fill(session, piece, count, timeout_ms)
            buffered = lib.ws_buffered_amount(session.handle)
            true("bytes in the queue", buffered <= BOUND, buffered)
        # ws_send_binary waits for the send timeout
        while (status := session.send(numbered(count, piece))) == Status.OK:
            count += 1
        equal("ws_send_binary with no room", status, Status.TIMEOUT)
        waiting = Background(session.send_part, BINARY, numbered(count, piece), timeout_ms=-1)
        # what was refused is not there; what was taken is, in order, and then the one that waited
        for i in range(count + 1):
            wire.expect(BINARY, numbered(i, piece))
        equal("ws_send that waited", waiting.result(), Status.OK)
        echoes(session, wire)
        closes(session, wire)


def behaviour_058_flush_waits_for_the_kernel():
    piece = 60 * KIB
    with opened(window=64 * KIB, **HELD) as (session, wire):
        count = fill(session, piece)
        while (status := session.call("flush", 50)) == Status.OK:
            # then the kernel had room for it all
            equal("bytes in the queue after a flush", lib.ws_buffered_amount(session.handle), 0)
            count = fill(session, piece, count)
        equal("ws_flush while the server does not read", status, Status.TIMEOUT)
        flushing = Background(session.call, "flush", -1)
        for i in range(count):
            wire.expect(BINARY, numbered(i, piece))
        equal("ws_flush", flushing.result(), Status.OK)
        equal("bytes in the queue", lib.ws_buffered_amount(session.handle), 0)
        equal("ws_send", session.send_part(TEXT, b"corked", SEND_CORK), Status.OK)
        equal("ws_flush", session.call("flush", HANG_MS), Status.OK)
        equal("bytes in the queue", lib.ws_buffered_amount(session.handle), 0)
        wire.expect(TEXT, b"corked")
        closes(session, wire)


def behaviour_059_sending_after_close_says_closed():
    def send_all(session):
        equal("ws_send_text", session.send("late"), Status.CLOSED)
        equal("ws_send_binary", session.send(b"late"), Status.CLOSED)
        equal("ws_send", session.send_part(TEXT, b"late", SEND_CORK, 0), Status.CLOSED)
        batch = (Message * 1)(Message(b"late", 4, TEXT, 0))
        equal("ws_send_batch", session.call("send_batch", batch, 1, None, -1), Status.CLOSED)
        equal("ws_send, a ping", session.send_control(PING, b"late"), Status.CLOSED)
        equal("ws_send, a pong", session.send_control(PONG, b"late"), Status.CLOSED)

    # our Close
    with opened() as (session, wire):
        equal("ws_close", session.close(1000), Status.OK)
        send_all(session)
        wire.expect_close(1000)
        wire.send(close(1000))
        equal("ws_recv", session.recv(HANG_MS)[0], Status.CLOSED)
        send_all(session)
        wire.fin()
        ends(session, Status.CLOSED, clean=True)
        send_all(session)
        wire.expect_end()
    # the server's
    with opened() as (session, wire):
        wire.send(close(1001))
        equal("ws_recv", session.recv(HANG_MS)[0], Status.CLOSED)
        send_all(session)
        wire.expect_close(1001)
        wire.fin()
        ends(session, Status.CLOSED, clean=True)
        send_all(session)
        wire.expect_end()


def behaviour_060_callers_memory_is_copied_and_left_alone():
    piece = 60 * KIB
    with opened(window=64 * KIB, **HELD) as (session, wire):
        memory = ctypes.create_string_buffer(piece)
        count = 0
        while True:
            content = numbered(count, piece)
            ctypes.memmove(memory, content, piece)
            status = session.call("send", BINARY, memory, piece, 0, 0)
            equal("the caller's memory after ws_send", memory.raw, content)
            if status == Status.TIMEOUT:
                break
            equal("ws_send", status, Status.OK)
            count += 1
        # used for something else, while messages of it are still queued
        ctypes.memset(memory, 0xEE, piece)
        del memory
        for i in range(count):
            wire.expect(BINARY, numbered(i, piece))
        closes(session, wire)
