"""HTTP answers other than 101."""

from case import IMPATIENT, KIB, answered

CASES = [
    # other answers
    answered("200", 200, b"hello world"),
    answered("200-with-upgrade", 200, b""),
    answered("204", 204, b""),
    answered("302", 302, b"moved", fields={"Location": ["/elsewhere"]}),
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
]
