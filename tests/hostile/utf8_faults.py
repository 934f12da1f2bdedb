"""Text that is not UTF-8, and text that is although it may not look so."""

from peer import BINARY, BYE, PING, PONG, frame, last, more, sends, text

INVALID_UTF8 = {
    "lone-continuation": b"\x80",
    "overlong-2": b"\xc0\xaf",
    "overlong-nul": b"\xc0\x80",
    "overlong-3": b"\xe0\x80\xaf",
    "overlong-4": b"\xf0\x80\x80\xaf",
    "surrogate": b"\xed\xa0\x80",
    "surrogate-pair": b"\xed\xa0\x80\xed\xb0\x80",
    "above-10ffff": b"\xf4\x90\x80\x80",
    "five-bytes": b"\xf8\x88\x80\x80\x80",
    "fe": b"\xfe",
    "ff": b"\xff",
    "ff-behind-character": b"\xce\xba\xff",
    "broken-in-the-middle": "κόσμε".encode() + b"\xed\xa0\x80edited",
    "cesu-8": b"\xed\xa0\xbd\xed\xb8\x80",
    "cut-2": b"\xc3",
    "cut-3": b"\xe2\x82",
    "cut-4": b"\xf0\x9f\x98",
    "cut-behind-ascii": b"ab\xe2\x82",
    "at-the-end-of-70000": b"a" * 70000 + b"\xff",
    "far-behind-ascii": b"a" * 5000 + b"\xff" + b"a" * 5000,
}


def bytes_apart(data):
    """each in a fragment of its own"""
    return (
        text(data[:1], fin=False) + b"".join(more(data[i : i + 1]) for i in range(1, len(data) - 1)) + last(data[-1:])
    )


for name, data in INVALID_UTF8.items():
    sends("/utf8/" + name, text(b"first"), text(data), text(b"never"))
    sends(
        "/utf8/fragments/" + name,
        text(b"first"),
        text(b"ok " + data[:1], fin=False),
        more(data[1:2]),
        last(data[2:]),
        text(b"never"),
    )
# Where the fragments end matters.
sends("/utf8/surrogate-in-single-bytes", text(b"first"), bytes_apart(b"ab\xce\xba\xed\xa0\x80cd"), text(b"never"))
sends("/utf8/above-10ffff-split", text(b"first"), text(b"\xf4", fin=False), last(b"\x90\x80\x80"), text(b"never"))
sends("/utf8/cut-by-empty-last", text(b"first"), text(b"\xe2\x82", fin=False), last(b""), text(b"never"))
VALID_UTF8 = [
    b"\x00",
    b"\x7f",
    b"\xc2\x80",
    b"\xdf\xbf",
    b"\xe0\xa0\x80",
    b"\xed\x9f\xbf",
    b"\xee\x80\x80",
    b"\xef\xbf\xbe",
    b"\xef\xbf\xbf",
    b"\xf0\x90\x80\x80",
    b"\xf4\x8f\xbf\xbf",
]
sends("/utf8/borders", *map(text, VALID_UTF8), BYE)
sends(
    "/utf8/split-characters",
    *(text(c[:n], fin=False) + more(b"") + last(c[n:]) for c in VALID_UTF8 for n in range(1, len(c))),
    BYE,
)
sends("/utf8/binary", frame(BINARY, b"\xff\xfe\x80"), BYE)
CHARACTERS = "κόσμε\U0001f600"
sends("/utf8/single-bytes", bytes_apart(CHARACTERS.encode()), BYE)
sends(
    "/utf8/ping-inside-character",
    text(CHARACTERS.encode()[:1], fin=False) + frame(PING, b"\xff") + last(CHARACTERS.encode()[1:]),
    BYE,
)
sends("/utf8/pong", frame(PONG, b"\xff"), text(b"x"), BYE)
sends("/utf8/nul-inside", text(b"a\0b"), BYE)
sends("/utf8/byte-order-mark", text(b"\xef\xbb\xbfhi"), BYE)
NONCHARACTERS = "\uffff\U0010ffff\ufdd0"
sends("/utf8/noncharacters", text(NONCHARACTERS.encode()), BYE)
# Only the wrong beginning is sent; nothing more comes until the client has failed the connection.
sends("/utf8/early-in-frame", text(b"first"), text(b"ok \xff", length=1000))
sends("/utf8/early-surrogate", text(b"first"), text(b"ok \xed\xa0", length=1000))
sends("/utf8/early-in-fragment", text(b"first"), text(b"ok", fin=False), more(b" \xc0", length=1000))
sends("/utf8/early-in-first-fragment", text(b"first"), text(b"\xce\xba\xf4\x90", fin=False))
