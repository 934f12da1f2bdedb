"""HTTP answers other than 101."""

from case import HARDLY_PATIENT, KIB, answered
from http_faults import GZIPPED, LARGE, REDIRECTS
from peer import text

CASES = [
    answered("200", 200, b"hello world"),
    answered("200-with-upgrade", 200, b""),
    answered("200-with-accept", 200, text(b"hello")),
    answered("204", 204, b""),
    answered("400", 400, b"bad request", fields={"Sec-WebSocket-Version": ["13, 8, 7"]}),
    answered("401-basic", 401, b"login", fields={"WWW-Authenticate": ['Basic realm="chat", charset="UTF-8"']}),
    answered("401-digest", 401, b"", fields={"WWW-Authenticate": ['Digest realm="chat", nonce="abc", qop="auth"']}),
    answered("401-without-challenge", 401, b"", fields={"WWW-Authenticate": []}),
    answered("403", 403, b"forbidden"),
    answered("404", 404, b""),
    # from a server that is no proxy it is an answer like any other
    answered("407", 407, b"", fields={"Proxy-Authenticate": ['Basic realm="p"']}),
    answered("410", 410, b""),
    answered("421", 421, b""),
    answered("426", 426, b"", fields={"Sec-WebSocket-Version": ["13"]}),
    answered("426-old-versions", 426, b"", fields={"Sec-WebSocket-Version": ["8", "7"]}),
    answered("429", 429, b"", fields={"Retry-After": ["7"]}),
    answered("500", 500, b"oops"),
    answered("502", 502, b"gateway"),
    answered("503", 503, b"maintenance", fields={"Retry-After": ["Wed, 21 Oct 2099 07:28:00 GMT"]}),
    # the body is given as it was sent
    answered("503-gzip", 503, GZIPPED, fields={"Content-Encoding": ["gzip"]}),
    answered("503-large", 503, LARGE[: 64 * KIB]),
    answered("503-until-close", 503, b"until the end"),
    answered("503-cut-short", 503, b"short"),
    answered("503-two-lengths", 503, None),
    answered("503-chunked", 503, b"hello world"),
    answered("503-broken-chunk", 503, None),
    answered("503-stalled", 503, b"half", config=HARDLY_PATIENT),
    answered("503-body-missing", 503, b"", config=HARDLY_PATIENT),
    answered("503-endless", 503, b"x" * 64 * KIB, poured=16 * KIB * KIB),
    answered("999", 999, b""),
    # none is followed
    *(
        answered("/redirect/" + name, int(status[:3]), b"", fields={"Location": [location] if location else []})
        for name, (status, location) in REDIRECTS.items()
    ),
]
