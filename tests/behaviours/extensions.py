"""permessage-deflate (RFC 7692): what is offered and taken, compressed messages both ways, broken ones."""

import ctypes
import json
import random
import zlib

from checking import HANG_MS, Background, equal, serial, true
from deflate import ACCEPTED, RSV1, Deflate, Inflate, opened_deflate, options
from ktorws_ctypes import CONTINUATION, SEND_MORE, SEND_NO_COMPRESS, DeflateOptions, Session, Status, lib
from peer import BINARY, CLOSE, PING, PONG, TEXT, frame, last, more, text
from process import Peak
from python_server import python_server
from sessions import closes, echoes, fails, fails_now, receives
from wire import refused, upgrade

MIB = 1 << 20
KIB = 1 << 10
# Compresses well, and reads like what sessions carry.
SAMPLE = json.dumps([{"id": i, "name": f"item {i}", "tags": ["a", "b"], "price": i * 1.25} for i in range(40)])


def offered(wire):
    """the parameters of the only offer, which must be of permessage-deflate"""
    name, *parameters = [part.strip() for part in wire.header("Sec-WebSocket-Extensions").split(";")]
    equal("the offer's name", name, "permessage-deflate")
    equal("parameters that are offered twice", len(parameters), len(set(parameters)))
    return set(parameters)


def invalid(response, offer=None):
    """the server's answer fails the handshake, and no frame follows"""
    answers = [f"Sec-WebSocket-Extensions: {line}" for line in response.split("\n")]
    failure, wire = refused(upgrade(extra=answers), install_deflate=offer)
    equal(f"ws_connect, answered with {response!r}", failure.status, Status.HANDSHAKE_INVALID)
    wire.expect_end("fin", "rst")


def echoes_compressed(session, wire, deflate, inflate):
    equal("ws_send", session.send(SAMPLE), Status.OK)
    sent = wire.next()
    equal("opcode, FIN, RSV", (sent.opcode, sent.fin, sent.rsv), (TEXT, True, RSV1))
    equal("message", inflate(sent.payload), SAMPLE.encode())
    wire.send(text(deflate(SAMPLE.encode()), rsv=RSV1))
    receives(session, SAMPLE)


def behaviour_086_offer_and_a_server_that_declines():
    for offer, parameters in (
        (None, {"client_max_window_bits"}),
        (options(), {"client_max_window_bits"}),
        (options(client_no_context_takeover=1), {"client_max_window_bits", "client_no_context_takeover"}),
        (options(server_no_context_takeover=1), {"client_max_window_bits", "server_no_context_takeover"}),
        (options(server_max_window_bits=10), {"client_max_window_bits", "server_max_window_bits=10"}),
        (options(client_max_window_bits=9), {"client_max_window_bits=9"}),
    ):
        # what was asked for is asked of a server that compresses; one that does not may decline
        with opened_deflate(response=None, offer=offer) as (session, wire):
            equal("offer", offered(wire), parameters)
            equal("extensions", session.extensions, {})
            equal("ws_extension_find", bool(lib.ws_extension_find(session.handle, b"permessage-deflate")), False)
            echoes(session, wire, SAMPLE)
            # then RSV1 means nothing
            fails(session, wire, text(b"x", rsv=RSV1), Status.PROTOCOL, 1002)


def behaviour_087_compressed_messages_both_ways():
    response = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=14"
    with opened_deflate(response) as (session, wire):
        deflate, inflate = Deflate(12), Inflate(14)
        equal("names of the extensions", list(session.extensions), ["permessage-deflate"])
        found = lib.ws_extension_find(session.handle, b"permessage-deflate")
        for parameter in ("server_max_window_bits=12", "client_max_window_bits=14"):
            true(f"{parameter} in the parameters", parameter in found.contents.parameters.decode())
        equal("ws_extension_find of another", bool(lib.ws_extension_find(session.handle, b"x-other")), False)
        sizes = []
        for message in (SAMPLE, SAMPLE.encode(), SAMPLE + "€", bytes(9999)):
            opcode, payload = (TEXT, message.encode()) if isinstance(message, str) else (BINARY, message)
            equal("ws_send", session.send(message), Status.OK)
            sent = wire.next()
            equal("opcode, FIN, RSV", (sent.opcode, sent.fin, sent.rsv), (opcode, True, RSV1))
            equal("message", inflate(sent.payload), payload)
            sizes.append(len(sent.payload))
            wire.send(frame(opcode, deflate(payload), rsv=RSV1))
            receives(session, message)
        true("the second one refers to the first", sizes[1] < sizes[0] / 4, sizes)
        stats = session.stats
        equal("payload_sent", stats.payload_sent, stats.compressed_sent_before)
        equal("compressed_sent_after", stats.compressed_sent_after, sum(sizes))
        equal("compressed_received_after", stats.compressed_received_after, stats.payload_received)
        closes(session, wire)


def behaviour_087_with_python_websockets():
    with python_server(compression="deflate") as url, Session(url + "/", install_deflate=None) as session:
        equal("names of the extensions", list(session.extensions), ["permessage-deflate"])
        noise = random.Random(87)
        for size in (0, 1, 100, 5000, 70_000):
            for message in (SAMPLE[: size % len(SAMPLE)] * 3, noise.randbytes(size)):
                equal("ws_send", session.send(message), Status.OK)
                receives(session, message)
        true("what was saved", session.stats.compressed_sent_after < session.stats.compressed_sent_before)
        equal("ws_close", session.close(1000), Status.OK)
        equal("ws_recv", session.recv(HANG_MS)[0], Status.CLOSED)


def behaviour_088_examples_of_rfc_7692():
    def receives_hex(session, wire, *frames):
        for data, message in frames:
            wire.send(bytes.fromhex(data))
            if message is not None:
                receives(session, message)

    hello = "c107f248cdc9c90700"
    with opened_deflate() as (session, wire):
        # sections 7.2.3.1 and 7.2.3.2: in one frame, in two, and in the window that is there by then
        receives_hex(session, wire, (hello, "Hello"), ("4103f248cd", None), ("8004c9c90700", "Hello"))
        receives_hex(session, wire, ("c105f200110000", "Hello"))
        # 7.2.3.3: a block without compression
        receives_hex(session, wire, ("c10b000500faff48656c6c6f00", "Hello"))
        # 7.2.3.4: the last block of its stream; what follows goes on all the same, with the window
        receives_hex(session, wire, ("c108f348cdc9c9070000", "Hello"), ("c105f200110000", "Hello"), (hello, "Hello"))
        # 7.2.3.5: two blocks
        receives_hex(session, wire, ("c10df248050000 00ffffcac9c90700", "Hello"), ("c105f200110000", "Hello"))
        closes(session, wire)


def behaviour_089_contexts_that_are_not_kept():
    # the client's: every message stands by itself
    with opened_deflate("permessage-deflate; client_no_context_takeover") as (session, wire):
        payloads = []
        for _ in range(3):
            equal("ws_send", session.send(SAMPLE), Status.OK)
            payloads.append(wire.next().payload)
            equal("message", Inflate()(payloads[-1]), SAMPLE.encode())
        equal("different payloads of one message", len(set(payloads)), 1)
    # which it can also keep to although the server does not ask for it
    with opened_deflate(ACCEPTED, options(client_no_context_takeover=1)) as (session, wire):
        for _ in range(3):
            equal("ws_send", session.send(SAMPLE), Status.OK)
            equal("message", Inflate()(wire.next().payload), SAMPLE.encode())
    # the server's
    for offer in (None, options(server_no_context_takeover=1)):
        with opened_deflate("permessage-deflate; server_no_context_takeover", offer) as (session, wire):
            deflate = Deflate(keeps=False)
            for _ in range(3):
                wire.send(text(deflate(SAMPLE.encode()), rsv=RSV1))
                receives(session, SAMPLE)
            # a reference to the message before: the client has forgotten it as well
            wire.send(bytes.fromhex("c107f248cdc9c90700 c105f200110000"))
            receives(session, "Hello")
            fails_now(session, wire, Status.COMPRESSION, 1007)


def behaviour_090_what_was_asked_for_must_be_answered():
    takeover = options(server_no_context_takeover=1)
    invalid("permessage-deflate", takeover)
    invalid("permessage-deflate; client_no_context_takeover", takeover)
    bits = options(server_max_window_bits=10)
    invalid("permessage-deflate", bits)
    invalid("permessage-deflate; server_max_window_bits=11", bits)
    for fitting in (8, 9, 10):
        with opened_deflate(f"permessage-deflate; server_max_window_bits={fitting}", bits) as (session, wire):
            echoes_compressed(session, wire, Deflate(max(fitting, 9)), Inflate())


def behaviour_091_wrong_answers_fail_the_handshake():
    for response in (
        "permessage-deflate; x-unknown",
        "permessage-deflate; x-unknown=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate; client_max_window_bits=10; server_max_window_bits=10; client_max_window_bits=11",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=true",
        *(
            f"permessage-deflate; {side}_max_window_bits{value}"
            for side in ("client", "server")
            for value in ("", "=", "=7", "=16", "=x", "=08", "=-9", "=10x", "=100", '="7"')
        ),
        "permessage-deflate;",
        "permessage-deflate; =1",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate\npermessage-deflate",
        "permessage-deflate, x-other",
        "x-webkit-deflate-frame",
    ):
        invalid(response)
    for response in (
        'permessage-deflate; server_max_window_bits="10"',
        "permessage-deflate;server_max_window_bits=10 ;client_max_window_bits=9",
        "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
    ):
        with opened_deflate(response) as (session, wire):
            echoes_compressed(session, wire, Deflate(10, keeps=False), Inflate())


def behaviour_092_own_window_is_no_larger_than_agreed():
    noise = random.Random(92).randbytes(70_000)
    for bits in range(9, 16):
        # each repeats what is further back than the window, and what is not
        far, near = (1 << bits) + 50, (1 << bits) - 300
        for offer in (None, options(client_max_window_bits=bits)):
            with opened_deflate(f"permessage-deflate; client_max_window_bits={bits}", offer) as (session, wire):
                inflate = Inflate(bits)
                for message in (noise[:far] + noise[:200], noise[-near:] + noise[-near : -near + 100], noise[:far]):
                    message = message[: 6000 if bits < 15 else None]
                    equal("ws_send", session.send_part(BINARY, message), Status.OK)
                    sent = wire.next()
                    equal("RSV", sent.rsv, RSV1)
                    equal("message", inflate(sent.payload) == message, True)


def behaviour_093_compressed_message_in_fragments():
    payload = Deflate()(SAMPLE.encode())
    third = len(payload) // 3
    with opened_deflate() as (session, wire):
        wire.send(text(payload[:third], fin=False, rsv=RSV1) + frame(PING, b"in between"))
        wire.expect(PONG, b"in between")
        wire.send(more(payload[third : 2 * third]) + more(b"") + last(payload[2 * third :]))
        receives(session, SAMPLE)
        # of one byte each
        parts = [bytes([byte]) for byte in Deflate()("€uro".encode())]
        wire.send(text(b"", fin=False, rsv=RSV1) + b"".join(more(part) for part in parts) + last(b""))
        receives(session, "€uro")
        closes(session, wire)


def behaviour_094_rsv1_where_it_must_not_be_fails():
    payload = Deflate()(b"Hello")
    for frames in (
        text(payload[:3], fin=False, rsv=RSV1) + last(payload[3:], rsv=RSV1),
        text(b"plain", fin=False) + last(b"x", rsv=RSV1),
        frame(PING, b"x", rsv=RSV1),
        frame(PONG, b"x", rsv=RSV1),
        frame(CLOSE, b"\x03\xe8", rsv=RSV1),
        text(payload, rsv=RSV1 | 2),
        text(b"x", rsv=1),
    ):
        with opened_deflate() as (session, wire):
            fails(session, wire, frames, Status.PROTOCOL, 1002)


def behaviour_095_uncompressed_messages_in_between():
    with opened_deflate() as (session, wire):
        deflate = Deflate()
        for i in range(4):
            wire.send(text(deflate(SAMPLE.encode()), rsv=RSV1))
            # what is not compressed does not go through the window
            wire.send(frame(BINARY, SAMPLE.encode()[i:]) + text(b"pl", fin=False) + last(b"ain"))
            receives(session, SAMPLE, SAMPLE.encode()[i:], "plain")
        closes(session, wire)


@serial
def behaviour_096_bomb_stops_at_the_message_limit():
    limit = 16 * MIB
    compressor = zlib.compressobj(9, wbits=-15)
    # 16 MiB in some 16 KiB, and again and again
    block = compressor.compress(bytes(limit)) + compressor.flush(zlib.Z_SYNC_FLUSH)
    bomb = (block * 64)[:-4]
    true("the bomb's size", len(bomb) < 2 * MIB, len(bomb))
    for frames in (
        frame(BINARY, bomb, rsv=RSV1),
        # no end of the message is waited for
        frame(BINARY, block * 2, fin=False, rsv=RSV1),
    ):
        with opened_deflate(set_max_message_size=limit) as (session, wire):
            # the limit itself is fine
            wire.send(frame(BINARY, block[:-4], rsv=RSV1))
            receives(session, bytes(limit))
            peak = Peak()
            sending = Background(wire.send, text(b"first") + frames)
            receives(session, "first")
            fails_now(session, wire, Status.MESSAGE_TOO_BIG, 1009)
            true("KiB of memory", peak.grown < 64 * KIB, peak.grown)
            sending.result()


def behaviour_097_broken_data_fails():
    for data in (
        # a block of type 3
        "ff",
        "0700",
        # a length that is not confirmed
        "000500000048656c6c6f",
        # a distance beyond the beginning
        "f200110000",
        # a stored block of which 94 bytes are missing
        "0064009bff4865",
        # cut inside a block, also before there is anything in it
        "02",
        "f248cd",
        "f248cdc9c9",
        # a dynamic block with too many codes
        "fcffffff",
    ):
        with opened_deflate() as (session, wire):
            fails(session, wire, frame(BINARY, bytes.fromhex(data), rsv=RSV1), Status.COMPRESSION, 1007)
    # after a good one, and in a fragment
    payload = Deflate()(SAMPLE.encode())
    with opened_deflate() as (session, wire):
        wire.send(text(payload, rsv=RSV1))
        receives(session, SAMPLE)
        broken = text(payload[:100], fin=False, rsv=RSV1) + more(b"\xff" * 100)
        fails(session, wire, broken, Status.COMPRESSION, 1007)


def behaviour_098_text_must_be_utf8_after_inflating():
    for payload in (b"\xff", "κόσμε".encode() + b"\xed\xa0\x80edited", b"cut \xe2\x82"):
        with opened_deflate() as (session, wire):
            fails(session, wire, text(Deflate()(payload), rsv=RSV1), Status.UTF8, 1007)
    with opened_deflate() as (session, wire):
        wire.send(frame(BINARY, Deflate()(b"\xff\xfe"), rsv=RSV1))
        receives(session, b"\xff\xfe")
        closes(session, wire)


def behaviour_099_small_and_empty_messages():
    with opened_deflate(offer=options(min_size=100)) as (session, wire):
        inflate = Inflate()
        for message in ("x" * 99, "x" * 100, "", "y" * 50, "x" * 101):
            equal("ws_send", session.send(message), Status.OK)
            sent = wire.next()
            equal(f"RSV of {len(message)} bytes", sent.rsv, RSV1 if len(message) >= 100 else 0)
            equal("message", inflate(sent.payload) if sent.rsv else sent.payload, message.encode())
    for response in (ACCEPTED, ACCEPTED + "; client_no_context_takeover; server_no_context_takeover"):
        with opened_deflate(response) as (session, wire):
            keeps = response == ACCEPTED
            deflate, inflate = Deflate(keeps=keeps), Inflate(keeps=keeps)
            for message in ("before", "", "", b"", "after", "", "before"):
                payload = message.encode() if isinstance(message, str) else message
                equal("ws_send", session.send(message), Status.OK)
                sent = wire.next()
                equal("message", inflate(sent.payload) if sent.rsv else sent.payload, payload)
                true("bytes of an empty message", payload or len(sent.payload) <= 1, sent.payload)
                # one 0 byte for each empty message (section 7.2.3.6)
                wire.send(frame(sent.opcode, deflate(payload), rsv=RSV1))
                receives(session, message)
            wire.send(text(b"\0", rsv=RSV1) + text(b"\0", rsv=RSV1))
            receives(session, "", "")
            closes(session, wire)


def behaviour_099_what_is_not_to_be_compressed():
    asked = []
    prototype = dict(DeflateOptions._fields_)["filter"]

    @prototype
    def compresses(user_data, frame_type, data, size):
        asked.append((user_data, frame_type, ctypes.string_at(data, size)))
        return size % 2

    with opened_deflate(offer=options(filter=compresses, filter_user_data=99)) as (session, wire):
        inflate = Inflate()
        for message in ("odd", "even", b"12345", b"1234"):
            equal("ws_send", session.send(message), Status.OK)
            sent = wire.next()
            equal(f"RSV of {message}", sent.rsv, RSV1 if len(message) % 2 else 0)
            inflate(sent.payload) if sent.rsv else None
        equal("what the filter saw", asked, [(99, 1, b"odd"), (99, 1, b"even"), (99, 2, b"12345"), (99, 2, b"1234")])
        equal("ws_send", session.send_part(TEXT, b"odd", SEND_NO_COMPRESS), Status.OK)
        wire.expect(TEXT, b"odd", rsv=0)
        equal("ws_send", session.send("odd"), Status.OK)
        equal("message", inflate(wire.next().payload), b"odd")


def behaviour_100_fragments_are_one_deflate_stream():
    parts = [SAMPLE[:1000].encode(), b"", SAMPLE[1000:].encode(), b""]
    with opened_deflate() as (session, wire):
        deflate, inflate = Deflate(), Inflate()
        for message in (parts, [b"\xe2", b"\x82\xac"], [b"only", b""], parts):
            for i, part in enumerate(message):
                flags = 0 if i == len(message) - 1 else SEND_MORE
                equal("ws_send", session.send_part(CONTINUATION if i else TEXT, part, flags), Status.OK)
            frames = [wire.next()]
            while not frames[-1].fin:
                frames.append(wire.next())
            opcodes = [(sent.opcode, sent.rsv) for sent in frames]
            equal("opcodes and RSV", opcodes, [(TEXT, RSV1)] + [(0, 0)] * (len(frames) - 1))
            true("fragments", len(frames) > 1, len(frames))
            # the tail is left out at the end only
            equal("message", inflate(b"".join(sent.payload for sent in frames)), b"".join(message))
        echoes_compressed(session, wire, deflate, inflate)
        closes(session, wire)
