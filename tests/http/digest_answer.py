"""What a server makes of Digest credentials (RFC 7616), computed by itself, and the examples of the RFC."""

import hashlib
import re
from urllib.parse import quote

from checking import equal, true

ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
# a name, and a token or a quoted string
PARAMETER = re.compile(r'\s*([A-Za-z0-9_*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+))\s*(?:,|$)')
QUOTED = {"username", "realm", "nonce", "uri", "response", "cnonce", "opaque"}
BARE = {"algorithm", "qop", "nc", "userhash"}


def parameters(header):
    """of an Authorization header; each must be quoted or not as RFC 7616 section 3.4 says"""
    scheme, _, rest = header.partition(" ")
    equal("scheme", scheme, "Digest")
    found, at = {}, 0
    while at < len(rest):
        match = PARAMETER.match(rest, at)
        true(f"Digest credentials cannot be read from {rest[at:]!r}", match)
        name, quoted, bare = match.groups()
        true(f"{name} comes twice", name not in found)
        true(f"{name} is to be quoted", name not in QUOTED or quoted is not None)
        true(f"{name} is not to be quoted", name not in BARE or quoted is None)
        found[name] = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        at = match.end()
    return found


def digest(algorithm, *parts):
    hashed = hashlib.new(ALGORITHMS[algorithm.removesuffix("-sess")])
    hashed.update(":".join(parts).encode("latin-1"))
    return hashed.hexdigest()


def response(got, user, password, method="GET"):
    """what `response` must be, where all else is as the client has it; strings are bytes read as Latin-1"""
    algorithm = got.get("algorithm", "MD5")
    secret = digest(algorithm, user, got["realm"], password)
    if algorithm.endswith("-sess"):
        secret = digest(algorithm, secret, got["nonce"], got["cnonce"])
    # the body, which is empty
    covered = [digest(algorithm, "")] if got.get("qop") == "auth-int" else []
    asked = digest(algorithm, method, got["uri"], *covered)
    if "qop" not in got:
        return digest(algorithm, secret, got["nonce"], asked)
    return digest(algorithm, secret, got["nonce"], got["nc"], got["cnonce"], got["qop"], asked)


def as_latin1(text):
    return text.encode().decode("latin-1")


def check(header, target, user, password, **expected):
    """The credentials must be these, for this target, with these parameters (None: not there). Returns them all."""
    true("no Authorization is sent", header is not None)
    got = parameters(header)
    equal("uri", got.get("uri"), target)
    for name, value in expected.items():
        equal(name, got.get(name), value)
    if got.get("userhash") == "true":
        equal("username", got["username"], digest(got["algorithm"], as_latin1(user), got["realm"]))
    elif "username*" in got:
        # where quotes cannot hold it
        equal("username*", got["username*"], "UTF-8''" + quote(user, safe="!#$&+-.^_`|~"))
        true("the user's name is sent twice", "username" not in got, header)
    else:
        equal("username", got["username"], as_latin1(user))
    if "qop" in got:
        equal("nc", got["nc"], "00000001")
        true("cnonce is too short", len(got["cnonce"]) >= 8, got["cnonce"])
    else:
        true("nc or cnonce without qop", "nc" not in got and "cnonce" not in got, header)
    equal("response", got["response"], response(got, as_latin1(user), as_latin1(password)))
    return got


def rfc_examples_hold():
    """RFC 7616 section 3.9.1"""
    given = {
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "qop": "auth",
    }
    for algorithm, expected in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        got = response({**given, "algorithm": algorithm}, "Mufasa", "Circle of Life")
        equal(f"the RFC's {algorithm}", got, expected)
    # RFC 2617 section 3.5, and the same without qop (RFC 2069)
    given.update(realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", cnonce="0a4f113b")
    equal("RFC 2617", response(given, "Mufasa", "Circle Of Life"), "6629fae49393a05397450978507c4ef1")
    del given["qop"]
    equal("RFC 2069", response(given, "Mufasa", "Circle Of Life"), "670fd8c2df070c60b045671b8b24ff02")
