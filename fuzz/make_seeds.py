#!/usr/bin/env python3
"""Writes the seeds that are made by hand to fuzz/seeds. What the fuzzer has found lies beside them and stays."""

import struct
import zlib
from pathlib import Path

SEEDS = Path(__file__).parent / "seeds"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

# fuzz/src/setup.rs: flags, limits, bytes with the handshake, when to act, four sizes of pieces
SETUP = bytes([0, 0, 0, 0, 0, 1, 2, 7])
SCRIPT = bytes([1, 0, 3, 0, 0, 200, 2, 7])
ACTING = bytes([4 | 8, 0, 0, 2, 0, 1, 2, 7])
TAKES_OVER, RESETS, SMALL_WINDOW = bytes([0]), bytes([8]), bytes([6])


def write(target, **seeds):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed in seeds.items():
        (folder / name).write_bytes(seed)


def frame(opcode, payload=b"", fin=True, rsv=0):
    size = len(payload)
    length = bytes([size]) if size < 126 else struct.pack(">BH", 126, size)
    return bytes([fin << 7 | rsv << 4 | opcode]) + length + payload


def close(code, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


def deflated(*messages, bits=15, level=9):
    deflate = zlib.compressobj(level, wbits=-max(bits, 9))
    frames = b""
    for message in messages:
        encoded = deflate.compress(message) + deflate.flush(zlib.Z_SYNC_FLUSH)
        frames += frame(TEXT, encoded[:-4], rsv=4)
    return frames


hello = "81 05 48 65 6c 6c 6f"
write(
    "frame_header",
    rfc6455_5_7_unmasked_text=bytes.fromhex(hello),
    rfc6455_5_7_masked_text=bytes.fromhex("81 85 37 fa 21 3d 7f 9f 4d 51 58"),
    rfc6455_5_7_fragment=bytes.fromhex("01 03 48 65 6c"),
    rfc6455_5_7_256_bytes=bytes.fromhex("82 7e 01 00"),
    rfc6455_5_7_64_kib=bytes.fromhex("82 7f 00 00 00 00 00 01 00 00"),
    masked_64_kib=bytes.fromhex("82 ff 00 00 00 00 00 01 00 00 37 fa 21 3d"),
    longer_than_it_needs=bytes.fromhex("82 7e 00 7d"),
    top_bit=bytes.fromhex("82 7f 80 00 00 00 00 00 00 00"),
    long_ping=bytes.fromhex("89 7e 00 7e"),
    reserved_opcode=bytes.fromhex("83 00"),
)

euro = "grün 5 € 🦀".encode()
streams = dict(
    rfc6455_5_7_unmasked_text=bytes.fromhex(hello),
    rfc6455_5_7_masked_text=bytes.fromhex("81 85 37 fa 21 3d 7f 9f 4d 51 58"),
    rfc6455_5_7_fragments=bytes.fromhex("01 03 48 65 6c 80 02 6c 6f"),
    rfc6455_5_7_ping=bytes.fromhex("89 05 48 65 6c 6c 6f"),
    rfc6455_5_7_256_bytes=frame(BINARY, bytes(range(256))),
    ping_among_fragments=frame(TEXT, b"one", fin=False) + frame(PING, b"?") + frame(0, b"two", fin=False)
    + frame(PONG, b"!") + frame(0),
    utf8_in_pieces=b"".join(frame(TEXT if at == 0 else 0, euro[at : at + 1], fin=False) for at in range(len(euro)))
    + frame(0, b"") + close(1000),
    not_utf8=frame(TEXT, b"ab\xed\xa0\x80"),
    utf8_cut=frame(TEXT, b"\xf0\x9f", fin=False) + frame(0, b"\xa6"),
    every_size=b"".join(frame(BINARY, b"x" * size) for size in (0, 1, 124, 125, 126, 127, 128)) + close(1001, b"bye"),
    close_empty=frame(PING) + frame(CLOSE) + frame(TEXT, b"late"),
    close_with_a_wrong_code=close(1005),
    close_with_half_a_code=frame(CLOSE, b"\x03"),
    close_with_a_wrong_reason=close(1000, b"\xff"),
    nothing_to_continue=frame(0, b"x"),
    text_among_fragments=frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
    reserved_bits=frame(TEXT, b"a", rsv=4) + frame(PING, b"b", rsv=2),
)
scripted = dict(
    # fuzz/src/script.rs: a size from 224 on is that of an edge, with a pattern that is repeated up to it.
    large=bytes([0, 231, 1, ord("x"), 1, 229, 4]) + euro[:4] + bytes([96, 2, 1, 2, 150, 0, 2]) + b"ok",
    large_in_fragments=bytes([2, 228, 0, 96, 0, 2, 230, 0, 0, 224, 0]),
    any_header=bytes([220, 0x82, 3, 1, 2, 3, 220, 0x93, 0, 240, 2, 0x81, 0]),
)
for target in ("receive", "raw"):
    write(target, **{name: SETUP + stream for name, stream in streams.items()})
    write(target, **{f"script_{name}": SCRIPT + script for name, script in scripted.items()})
    write(target, the_application_closes=ACTING + b"".join(streams.values()))
    over = frame(TEXT, b"x" * 40, fin=False) + frame(0, b"x" * 40, fin=False) + frame(0, b"x" * 40)
    write(target, a_message_over_the_limit=bytes([0, 0x50, 0, 0, 0, 1, 2, 7]) + over)

write(
    "receive_deflate",
    rfc7692_7_2_3_1=SETUP + TAKES_OVER + bytes.fromhex("c1 07 f2 48 cd c9 c9 07 00"),
    rfc7692_7_2_3_1_fragments=SETUP + RESETS + bytes.fromhex("41 03 f2 48 cd 80 04 c9 c9 07 00"),
    rfc7692_7_2_3_2=SETUP + TAKES_OVER + bytes.fromhex("c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00"),
    rfc7692_7_2_3_2_after_reset=SETUP + RESETS + bytes.fromhex("c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00"),
    rfc7692_7_2_3_3=SETUP + TAKES_OVER + bytes.fromhex("c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00"),
    rfc7692_7_2_3_4=SETUP + TAKES_OVER + bytes.fromhex("c1 08 f3 48 cd c9 c9 07 00 00" * 2),
    rfc7692_7_2_3_5=SETUP + TAKES_OVER + bytes.fromhex("c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00"),
    rfc7692_7_2_3_6=SETUP + TAKES_OVER + bytes.fromhex("c1 01 00 c1 00"),
    # Its last block is the one that is cut off.
    last_block_empty=SETUP + TAKES_OVER + bytes.fromhex("c1 07 f2 48 cd c9 c9 07 04 c1 05 f2 00 11 00 00 c1 01 01"),
    unmarked_between=SETUP + TAKES_OVER + deflated(b"again") + frame(TEXT, b"and") + deflated(b"again"),
    dynamic_codes=SETUP + TAKES_OVER + deflated(bytes(b"abcdefgh"[at * at % 8] for at in range(900)), b"gfedcba" * 9),
    small_window=SETUP + SMALL_WINDOW + deflated(b"far " * 200, b"and wide " * 30, bits=9),
    cut_short=SETUP + TAKES_OVER + bytes.fromhex("c1 03 f2 48 cd"),
    marked_continuation=SETUP + TAKES_OVER + frame(TEXT, b"", fin=False, rsv=4) + frame(0, b"\0", rsv=4),
    larger_than_the_limit=bytes([0, 0x50, 0, 0, 0, 1, 2, 7]) + TAKES_OVER + deflated(b"x" * 101),
    script=SCRIPT + TAKES_OVER
    + bytes([5, 7, 160, 1, 9, 231, 3]) + b"abc" + bytes([160, 14, 2, 230, 5]) + b"hello" + bytes([160, 2, 0, 5]) + b"small"
    + bytes([1, 3]) + b"raw" + bytes([160, 0, 9, 20]) + b"the same once more, the same",
    # fuzz/src/blocks.rs: twice 100 bytes, then last blocks and others that refer to them
    script_last_blocks=SCRIPT + SMALL_WINDOW + bytes([5, 7]) + (bytes([193, 1, 100]) + bytes(range(100)) + bytes([0])) * 2
    + bytes([193, 3, 7, 1, 2, 0, 150, 7, 2, 7, 0, 150, 6, 3, 3, 0, 200, 1, 193, 1, 6, 4, 5, 0, 220, 0]),
    **{name: SETUP + RESETS + stream for name, stream in streams.items() if name.startswith(("ping", "every"))},
)

write(
    "round_trip",
    whole=bytes([0, 0, 0, 5, 7, 0, 5]) + b"hello" + bytes([1, 3, 1, 2, 3, 160, 1, 9, 190, 3, 0, 2]) + b"ok",
    deflate=bytes([1, 0, 0, 5, 7]) + (bytes([0, 12]) + b"hello, hello") * 3 + bytes([4, 3]) + b"one" + bytes([6, 3]) + b"two",
    dropping=bytes([3, 8, 3, 5, 7]) + (bytes([0, 12]) + b"hello, hello") * 3 + bytes([190, 4, 220, 220, 184, 255, 240]),
    fragments=bytes([1, 6, 9, 0, 0, 0, 230, 2, 0, 3]) + b"abc" + bytes([160, 2]) + b"hi" + bytes([190, 9, 254]),
)

agreed = b"\r\n".join(
    [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        b"",
    ]
)
PIECES = bytes([0, 1, 3, 5, 0, 0, 0, 0])
# The first 8 bytes of the status line's text over and over
REPEATED = bytes([0, 9, 3, 200, 1, 200, 0, 9])
refused = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n"
write(
    "handshake",
    agreed=PIECES + agreed + b"\r\n",
    with_early_bytes=PIECES + agreed + b"\r\n" + bytes.fromhex(hello),
    with_a_subprotocol=PIECES + agreed + b"Sec-WebSocket-Protocol: superchat\r\n\r\n",
    with_deflate=PIECES + agreed
    + b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10; client_no_context_takeover\r\n\r\n",
    with_another_extension=PIECES + agreed + b"Sec-WebSocket-Extensions: foo; a=\"b\"\r\n\r\n",
    with_another_accept=PIECES + agreed.replace(b"s3p", b"S3p") + b"\r\n",
    bare_line_feeds=PIECES + agreed.replace(b"\r", b"") + b"\n",
    interim=PIECES + b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + agreed + b"\r\n",
    refused_with_length=PIECES + refused + b"Content-Length: 5\r\n\r\nsorry and more",
    refused_in_chunks=PIECES + refused + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nsor\r\n2\r\nry\r\n0\r\n\r\n",
    refused_until_the_end=PIECES + refused + b"\r\nsorry",
    refused_with_a_bad_field=PIECES + refused + b"b\xc3\xa4d: x\r\nContent-Length: 0\r\n\r\n",
    a_long_head=REPEATED + agreed + b"\r\n",
    http_1_0=PIECES + agreed.replace(b"1.1", b"1.0") + b"\r\n",
)

write(
    "extension_header",
    rfc6455_9_1=b"foo, bar; baz=2",
    rfc7692_7_1=b"permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate",
    quoted=b'a; b="c"; d="e\\f" ,, g;h',
    parameters=b'a; b=1; c="x"',
    open_quote=b'a; b="c',
)

SIZES = PIECES[:4]
tunnelled = b"HTTP/1.1 200 Connection established\r\n"
write(
    "tunnel",
    open=SIZES + tunnelled + b"\r\n",
    open_with_early_bytes=SIZES + tunnelled + b"Content-Length: 5\r\n\r\n\x16\x03\x01hello",
    http_1_0=SIZES + tunnelled.replace(b"1.1", b"1.0") + b"\r\n",
    interim=SIZES + b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 299 x\r\n\r\n",
    wants_credentials=SIZES
    + b'HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm="p"\r\nContent-Length: 4\r\n\r\nwho?',
    refused_in_chunks=SIZES + b"HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    switching_protocols=SIZES + b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n",
    garbage=SIZES + b"SSH-2.0-OpenSSH\r\n",
)

write(
    "challenges",
    basic=b'Basic realm="simple"',
    rfc7616=b'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfD"',
    rfc9110=b'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',
    token68=b"Negotiate YWJjZA==, NTLM",
    open_quote=b'Basic realm="open',
    spaces=b'Digest   realm = "a" ,, nonce=b',
)

# What the fuzzer found, made small.
refused_with_a_long_line = refused + b"Transfer-Encoding: chunked\r\n\r\n3;x="
write(
    "handshake",
    found_long_chunk_extension=bytes([30, 31, 3, 5, 1, 80]) + struct.pack(">H", len(refused_with_a_long_line))
    + refused_with_a_long_line + b"y\r\nsor\r\n2\r\nry\r\n0\r\n\r\n",
)
write(
    "receive_deflate",
    found_not_utf8_then_broken=bytes(8) + TAKES_OVER + frame(TEXT, bytes.fromhex("00 01 00 fe ff ff 06"), rsv=4),
    found_not_utf8_then_too_large=bytes([0, 0x30, 0, 0, 0, 0, 0, 0]) + TAKES_OVER
    + frame(TEXT, bytes.fromhex("00 04 00 fb ff ff 61 61 61 00"), rsv=4),
)
HI, CLOSES, DROPS, FAILS = bytes([0, 2]) + b"hi", bytes([240]), bytes([220]), bytes([254])
write(
    "round_trip",
    found_dropped_before_the_close=bytes([2, 0, 0, 0, 0]) + HI * 2 + CLOSES + DROPS + FAILS,
    found_more_dropped_before_the_close=bytes([2, 0, 0, 0, 0]) + HI * 2 + CLOSES + DROPS * 2 + FAILS,
    found_the_close_dropped=bytes([2, 0, 0, 0, 0, 4, 2]) + b"hi" + CLOSES + DROPS,
)
