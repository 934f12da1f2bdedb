"""How standard input becomes messages, and messages become standard output."""

import os
import struct
import threading

from checking import HANG_S, equal
from python_server import python_server
from tool import INPUT, PROTOCOL, USAGE, Running, directory, echo_url, has, run
from websockets.sync.server import unix_serve
from wire import Listener, upgrade


def messages(path, *arguments, input=b"", **how):
    """what a server receives as messages, besides what it does to the command"""
    got = []

    def keep(ws):
        for message in ws:
            got.append(message)

    with python_server(keep) as url:
        run(*arguments, url + path, input=input, **how)
    return got


def test_each_line_is_a_text_message():
    equal("messages", messages("/", input="one\nzwei ß\n\nlast"), ["one", "zwei ß", "", "last"])


def test_a_line_may_be_longer_than_a_read():
    long = "ä" * 150_000
    equal("messages", messages("/", input=f"{long}\nshort\n{long}x"), [long, "short", long + "x"])


def test_messages_come_out_as_lines():
    equal("output", run(echo_url(), input="a\nb b\n\nü\n").out, "a\nb b\n\nü\n".encode())


def test_empty_input_sends_nothing():
    equal("messages", messages("/"), [])


def test_null_separates_messages_with_newlines():
    equal("messages", messages("/", "-0", input="a\nb\0\0c"), ["a\nb", "", "c"])
    equal("output", run("--null", echo_url(), input="a\nb\0c").out, b"a\nb\0c\0")


def test_lengths_go_before_messages():
    data = b"".join(struct.pack(">I", len(part)) + part for part in (b"\n\0", b"", b"x" * 70_000))
    equal("text", run("--length-prefixed", echo_url(), input=data).out, data)
    data = struct.pack(">I", 3) + b"\xff\x00\n"
    equal("binary", run("--length-prefixed", "-b", echo_url(), input=data).out, data)


def test_input_that_ends_inside_a_message():
    ended = run("--length-prefixed", echo_url(), input=struct.pack(">I", 2) + b"ab" + struct.pack(">I", 3) + b"ab", status=INPUT)
    equal("output", ended.out, struct.pack(">I", 2) + b"ab")
    has("the error", ended.err, "message 2")


def test_blocks_are_binary_messages():
    data = bytes(range(256)) * 10
    equal("messages", messages("/", "-b", "--block", "1000", input=data), [data[:1000], data[1000:2000], data[2000:]])
    equal("output", run("--binary", "--block=1K", echo_url(), input=data).out, data)


def test_one_message_of_all():
    text = "a\nß\n" * 50_000
    equal("text", messages("/", "-1", input=text), [text])
    data = bytes(range(256)) * 1000
    equal("binary", messages("/", "--one", "-b", input=data), [data])
    equal("nothing", messages("/", "-1"), [""])
    equal("output", run("-1", echo_url(), input="a\nb").out, b"a\nb\n")
    equal("binary output", run("-1b", echo_url(), input=data).out, data)


def test_messages_of_options():
    equal("texts", messages("/", "-m", "one", "--message", "zwei ß", "-m", ""), ["one", "zwei ß", ""])
    equal("binary", messages("/", "-b", "-m", "one"), [b"one"])


def test_a_message_of_options_replaces_the_input():
    equal("messages", messages("/", "-m", "one", input="two\n"), ["one"])


def test_a_count_waits_for_messages_of_options():
    """though an answer is there before they are sent, which the server holds back; a Unix socket holds less than they are"""
    texts = [letter * 120_000 for letter in "abcdefghijklmno"] + ["end"]
    may_read, got = threading.Event(), []

    def serve(ws):
        ws.send("welcome")
        may_read.wait(HANG_S)
        got.extend(ws)

    with directory() as path, unix_serve(serve, os.path.join(path, "socket"), max_queue=1) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        words = [word for text in texts for word in ("-m", text)]
        with Running("-n", "1", *words, "--unix-socket", os.path.join(path, "socket"), "ws://inside/") as tool:
            equal("the answer", tool.line(), "welcome")
            may_read.set()
            tool.end()
    equal("messages", got, texts)


def test_binary_messages_that_come():
    with python_server(lambda ws: ws.send(b"\x00\xff\n")) as url:
        equal("lines", run("-N", url).out, b"\x00\xff\n\n")
        equal("bytes", run("-N", "-b", url).out, b"\x00\xff\n")


def test_a_line_that_is_not_utf8():
    ended = run(echo_url(), input=b"good\nbad\xff\nnever\n", status=INPUT)
    equal("what stood before", ended.out, b"good\n")
    has("the error", ended.err, "line 2 is not UTF-8", "byte 4 is 0xff")


def test_a_line_that_ends_inside_a_character():
    has("the error", run(echo_url(), input=b"\xe2\x82\n", status=INPUT).err, "line 1 is not UTF-8", "ends inside a character")


def test_what_utf8_is_not():
    for bad in (b"\xc0\x80", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8", b"\x80", b"a\xe2a"):
        run(echo_url(), input=bad, status=INPUT)
    for good in ("\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff"):
        equal("output", run(echo_url(), input=good).out.decode(), good + "\n")


def test_one_text_that_is_not_utf8():
    # behind the first block, cut inside a character
    ended = run("-1", "--block", "4", echo_url(), input="aaaß".encode() + b"bb\xffcc", status=INPUT)
    has("the error", ended.err, "byte 8 is 0xff")
    has("the error", run("-1", echo_url(), input=b"a\xc3", status=INPUT).err, "ends inside a character")


def test_binary_input_is_not_checked():
    equal("output", run("-b", echo_url(), input=b"\xff\xfe").out, b"\xff\xfe")


def test_a_message_of_options_that_is_not_utf8():
    run("-m", b"\xff".decode("utf-8", "surrogateescape"), echo_url(), status=USAGE)


def test_close_code_and_reason():
    for arguments, code, reason in (
        ([], 1000, b""),
        (["--close", "4001,bye ü"], 4001, "bye ü".encode()),
        (["--close=3000"], 3000, b""),
    ):
        with Listener(answer_close) as listener:
            run("-m", "x", *arguments, listener.url())
            equal("Close", listener.wire().close_payload, code.to_bytes(2, "big") + reason)


def answer_close(wire):
    upgrade()(wire)
    while (sent := wire.next_or_none()) is not None:
        if sent.opcode == 8:
            wire.close_payload = sent.payload
            wire.send(bytes([0x88, len(sent.payload)]) + sent.payload)
            wire.fin()


def test_the_largest_message():
    with python_server(lambda ws: ws.send("x" * 1025)) as url:
        equal("size", len(run("-N", "--max-message", "1025", url).out), 1026)
        ended = run("-N", "--max-message", "1K", url, status=PROTOCOL)
        equal("output", ended.out, b"")
        has("the error", ended.err, "1024")


def test_options_that_exclude_each_other():
    for arguments in (["-0", "-1"], ["--length-prefixed", "-0"], ["-1", "-m", "x"], ["--latency", "--throughput"]):
        run(*arguments, echo_url(), status=USAGE)
