"""Header fields of the 101."""

from case import KIB, accepted, refused


def refused_header(name, *says, **more):
    return refused("/header/" + name, *says, **more)


CASES = [
    *(
        refused_header(name)
        for name in (
            "no-colon space-before-colon name-empty name-with-control-character nul bare-cr folded-status folded-accept".split()
        )
    ),
    *(refused_header(name, "65536") for name in "64k 1m 1200-fields-of-70k 10000-fields".split()),
    *(refused_header(name, "1024 header fields") for name in ("1030-fields", "15000-fields", "refusal-15000-fields")),
    refused_header("endless", "65536", poured=16 * KIB * KIB),
    refused_header("endless-line", poured=16 * KIB * KIB),
    # unusual and right
    # one field, with blanks in place of what folds it
    accepted("/header/folded", fields={"X-Header": ["one   two"]}),
    accepted("/header/folded-all"),
    accepted("/header/8-bit", fields={"X-Header": ["\xff\xfe"]}),
    accepted("/header/white-space"),
    accepted("/header/lower-case-names"),
    accepted("/header/lf-only", fields={"X-Header": ["a"]}),
    # there is no body behind a 101, whatever the header says
    accepted("/header/content-length-0"),
    accepted("/header/content-length-5"),
    accepted("/header/transfer-encoding"),
    accepted(
        "/header/cookies", fields={"Set-Cookie": ["a=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT", "b=2"], "Cookie": []}
    ),
    accepted("/header/8k", fields={"X-Long": ["v" * 8 * KIB]}),
    accepted("/header/60k", fields={"X-Long": ["v" * 60 * KIB]}),
    accepted("/header/100-fields", fields={"X-00": ["v" * 16], "X-99": ["v" * 16]}),
    accepted("/header/960-fields-of-60k", fields={"X-0000": ["v" * 52], "X-0959": ["v" * 52]}),
]
