"""Text that is not UTF-8, and text that is although it may not look so."""

from peer import BINARY, BYE, frame, last, more, sends, text

INVALID_UTF8 = {
    "lone-continuation": b"\x80",
    "overlong-2": b"\xc0\xaf",
    "overlong-3": b"\xe0\x80\xaf",
    "overlong-4": b"\xf0\x80\x80\xaf",
    "surrogate": b"\xed\xa0\x80",
    "surrogate-pair": b"\xed\xa0\x80\xed\xb0\x80",
    "above-10ffff": b"\xf4\x90\x80\x80",
    "five-bytes": b"\xf8\x88\x80\x80\x80",
    "fe": b"\xfe",
    "ff": b"\xff",
    "broken-in-the-middle": "κόσμε".encode() + b"\xed\xa0\x80edited",
    "cut-2": b"\xc3",
    "cut-3": b"\xe2\x82",
    "cut-4": b"\xf0\x9f\x98",
    "far-behind-ascii": b"a" * 5000 + b"\xff" + b"a" * 5000,
}
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
# Only the wrong beginning is sent; nothing more comes until the client has failed the connection.
sends("/utf8/early-in-frame", text(b"first"), text(b"ok \xff", length=1000))
sends("/utf8/early-surrogate", text(b"first"), text(b"ok \xed\xa0", length=1000))
sends("/utf8/early-in-fragment", text(b"first"), text(b"ok", fin=False), more(b" \xc0", length=1000))
