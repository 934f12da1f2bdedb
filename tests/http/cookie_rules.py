"""Which cookies a jar takes, and for which URLs it gives them (RFC 6265, and its successor for prefixes and Secure)."""

from checking import equal, eventually, true
from http_api import Jar
from ktorws_ctypes import Status

AT = "wss://www.example.com/chat/room"
FAR = "Wed, 09 Jun 2100 10:18:14 GMT"
PAST = "Wed, 09 Jun 2010 10:18:14 GMT"


def kept(*cookies, at=AT, url=None):
    """the Cookie header for `url` after these were set at `at`"""
    with Jar() as jar:
        jar.add(at, *cookies)
        return jar.header(url or at)


def goes(cookie, to=(), not_to=(), at=AT):
    """where it is sent"""
    pair = cookie.split(";")[0]
    with Jar() as jar:
        equal(f"ws_cookie_jar_add of {cookie!r} at {at}", jar.add(at, cookie), Status.OK)
        for url in to:
            equal(f"{cookie!r} of {at} for {url}", jar.header(url), pair)
        for url in not_to:
            equal(f"{cookie!r} of {at} for {url}", jar.header(url), "")


def refused(cookie, at=AT, everywhere=()):
    with Jar() as jar:
        equal(f"ws_cookie_jar_add of {cookie[:60]!r} at {at}", jar.add(at, cookie), Status.INVALID_ARGUMENT)
        for url in (at, *everywhere):
            equal(f"{cookie[:60]!r} of {at}, for {url}", jar.header(url), "")


def alike(what, header, *expected):
    """these cookies, in any order"""
    equal(what, sorted(header.split("; ")), sorted(expected))


def test_name_and_value():
    for cookie, expected in (
        ("a=b", "a=b"),
        ("a=b; ignored; unknown=attribute", "a=b"),
        ("  a  =  b c  ; Path=/", "a=b c"),
        ("a=", "a="),
        ("a=b=c==", "a=b=c=="),
        ('a="b c"', 'a="b c"'),
        ("a=b, c=d", "a=b, c=d"),
        ("a=b;HttpOnly;SameSite=Strict", "a=b"),
        ("A=1", "A=1"),
    ):
        equal(f"kept of {cookie!r}", kept(cookie), expected)
    # with no name, which the RFC drops and its successor keeps
    true("no =", kept("lonely") in ("", "lonely"), kept("lonely"))
    equal("nothing", kept(""), "")
    equal("only attributes", kept("; Path=/; Secure"), "")
    alike("names differ by case", kept("a=1", "A=2"), "a=1", "A=2")


def test_host_only():
    goes(
        "a=b; Path=/",
        to=[
            "wss://www.example.com/",
            "wss://WWW.Example.COM:8443/x",
            "ws://www.example.com/",
            "https://www.example.com",
        ],
        not_to=["wss://example.com/", "wss://a.www.example.com/", "wss://www.example.org/", "wss://xwww.example.com/"],
    )


def test_domain():
    inside = ["wss://www.example.com/", "wss://example.com/", "wss://a.b.example.com/"]
    outside = ["wss://example.org/", "wss://badexample.com/", "wss://com/", "wss://example.com.evil.org/"]
    for attribute in ("Domain=example.com", "domain=.example.com", "DOMAIN = EXAMPLE.com "):
        goes(f"a=b; Path=/; {attribute}", to=inside, not_to=outside)
    goes("a=b; Path=/; Domain=", to=["wss://www.example.com/"], not_to=["wss://example.com/"])
    # the last one counts
    goes("a=b; Path=/; Domain=example.org; Domain=example.com", to=inside, not_to=outside)


def test_domain_of_others():
    for domain in ("example.org", "other.example.com", "a.www.example.com", "ww.example.com", "e.com"):
        refused(f"a=b; Domain={domain}", everywhere=[f"wss://{domain}/", "wss://a.www.example.com/"])


def test_public_suffixes():
    """nobody may set a cookie for all of them"""
    for host, suffix in (
        ("www.example.com", "com"),
        ("www.example.co.uk", "co.uk"),
        ("www.example.com", ".com"),
        ("a.github.io", "github.io"),
        ("a.b.kobe.jp", "b.kobe.jp"),
    ):
        at = f"wss://{host}/"
        refused(f"a=b; Domain={suffix}", at=at, everywhere=[f"wss://other.{suffix.lstrip('.')}/"])
    # where the host is one itself, the cookie is the host's only
    goes("a=b; Domain=github.io", at="wss://github.io/", to=["wss://github.io/"], not_to=["wss://a.github.io/"])
    goes("a=b; Domain=localhost", at="ws://localhost/", to=["ws://localhost/"], not_to=["ws://a.localhost/"])


def test_public_suffixes_in_other_alphabets():
    """in whatever form the list, the URL and the cookie have them"""
    for suffix in (
        "公司.cn",
        "xn--55qx5d.cn",
        "公司。cn",
        "пр.срб",
        "xn--o1ac.xn--90a3ac",
        "SANDNESSJØEN.no",
        "xn--sandnessjen-ogb.no",
        "xn--p1ai",
        ".рф",
    ):
        name = suffix.lstrip(".")
        refused(f"a=b; Domain={suffix}", at=f"wss://evil.{name}/", everywhere=[f"wss://bank.{name}/"])
    # a name below one has an owner
    inside = ["wss://a.bank.xn--55qx5d.cn/", "wss://bank.公司.cn/"]
    goes("a=b; Path=/; Domain=bank.公司.cn", at="wss://a.bank.公司.cn/", to=inside, not_to=["wss://evil.公司.cn/"])


def test_addresses_have_no_domains():
    goes("a=b", at="ws://127.0.0.1:8080/", to=["ws://127.0.0.1:9090/"], not_to=["ws://1.127.0.0.1.nip.io/"])
    goes("a=b", at="ws://[::1]/", to=["ws://[::1]/", "ws://[0:0::1]:80/"], not_to=["ws://[::2]/"])
    for domain in ("0.0.1", ".0.0.1", "1", "127.0.0.2"):
        refused(f"a=b; Domain={domain}", at="ws://127.0.0.1/", everywhere=["ws://10.0.0.1/", "ws://127.0.0.2/"])


def test_path():
    room = "wss://www.example.com/chat/room"
    # the default is the directory of the URL
    goes(
        "a=b", to=[room, "wss://www.example.com/chat", "wss://www.example.com/chat/"], not_to=["wss://www.example.com/"]
    )
    goes("a=b", not_to=["wss://www.example.com/chatter", "wss://www.example.com/Chat/room"])
    goes("a=b", at="wss://www.example.com", to=["wss://www.example.com/anything?q"])
    for attribute in ("Path=/chat", "path = /chat "):
        goes(f"a=b; {attribute}", to=[room], not_to=["wss://www.example.com/chatter", "wss://www.example.com/"])
    goes("a=b; Path=/chat/", to=[room], not_to=["wss://www.example.com/chat"])
    goes("a=b; Path=/other", to=["wss://www.example.com/other/x"], not_to=[room])
    # what is no path is as if it were not there
    for attribute in ("Path=chat", "Path=", "Path"):
        goes(f"a=b; {attribute}", to=[room], not_to=["wss://www.example.com/"])
    # the query is none of it
    goes("a=b", at="wss://www.example.com/x?y=/z/", to=["wss://www.example.com/other"])


def test_secure():
    goes(
        "a=b; Path=/; Secure",
        to=["wss://www.example.com/", "https://www.example.com/"],
        not_to=["ws://www.example.com/"],
    )
    goes("a=b; Path=/; sEcUrE=whatever", to=["wss://www.example.com/"], not_to=["ws://www.example.com/"])
    # one who can change what goes over ws must not set those of wss, nor replace them
    refused("a=b; Path=/; Secure", at="ws://www.example.com/", everywhere=["wss://www.example.com/"])
    with Jar() as jar:
        jar.add("wss://www.example.com/", "a=genuine; Secure")
        jar.add("ws://www.example.com/", "a=forged")
        jar.add("ws://www.example.com/", "a=forged; Domain=example.com")
        jar.add("ws://www.example.com/", "a=; Max-Age=0")
        true(
            "the secure one", "a=genuine" in jar.cookies("wss://www.example.com/"), jar.header("wss://www.example.com/")
        )


def test_prefixes():
    safe, plain = "wss://www.example.com/", "ws://www.example.com/"
    equal("__Secure-", kept("__Secure-a=b; Secure", at=safe), "__Secure-a=b")
    equal("with a domain", kept("__Secure-a=b; Secure; Domain=example.com", at=safe), "__Secure-a=b")
    equal("__Host-", kept("__Host-a=b; Secure; Path=/", at=safe), "__Host-a=b")
    for cookie in ("__Secure-a=b", "__Host-a=b; Path=/", "__Host-a=b; Secure; Path=/chat"):
        refused(cookie, at=safe, everywhere=[safe + "chat", plain])
    refused("__Host-a=b; Secure; Path=/; Domain=www.example.com", at=safe)
    refused("__Host-a=b; Secure; Path=/; Domain=example.com", at=safe)
    # the default path is not enough where it is not the root
    refused("__Host-a=b; Secure", at=AT)
    for cookie in ("__Secure-a=b; Secure", "__Host-a=b; Secure; Path=/"):
        refused(cookie, at=plain, everywhere=[safe])
    # in any case, and not by way of a cookie without a name, which goes out as its value
    for cookie in ("__SECURE-a=b", "__host-a=b; Path=/", "=__Secure-a=b", "=__Host-a=b; Path=/"):
        refused(cookie, at=safe)


def test_expires():
    for date in (FAR, "Wed, 09-Jun-2100 10:18:14 GMT", "Wed Jun  9 10:18:14 2100", "Sunday, 09-Jun-69 10:18:14 GMT"):
        equal(f"until {date}", kept(f"a=b; Expires={date}"), "a=b")
    for date in (
        PAST,
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Thu, 01-Jan-1970 00:00:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Mon, 01 Jan 1601 00:00:00 GMT",
    ):
        equal(f"until {date}", kept("a=b", f"a=b; eXpIrEs = {date} "), "")
    # what is no date is as if it were not there
    for date in (
        "",
        "never",
        "0",
        "-1",
        "Wed, 32 Jun 2010 10:18:14 GMT",
        "9 Foo 2010 1:2:3",
    ):
        equal(f"until {date}", kept(f"a=b; Expires={date}"), "a=b")


def test_max_age():
    for age in ("1000", "99999999999999999999999999", "9223372036854775807"):
        equal(f"Max-Age={age}", kept(f"a=b; Max-Age={age}"), "a=b")
    for age in ("0", "-1", "-99999999999999999999999999", "00"):
        equal(f"Max-Age={age}", kept("a=b", f"a=b; Max-Age={age}"), "")
    for age in ("", "soon", "1.5", "+1", "0x0", "- 1"):
        equal(f"Max-Age={age}", kept(f"a=b; Max-Age={age}"), "a=b")
    # it counts more than Expires, wherever it stands
    equal("lives", kept(f"a=b; Max-Age=1000; Expires={PAST}"), "a=b")
    equal("lives", kept(f"a=b; Expires={PAST}; Max-Age=1000"), "a=b")
    equal("ended", kept("a=b", f"a=b; Max-Age=0; Expires={FAR}"), "")


def test_a_cookie_ends_when_its_time_has_come():
    with Jar() as jar:
        jar.add(AT, "a=b; Max-Age=1", "c=d; Max-Age=1000")
        eventually("the first one ends", lambda: jar.header(AT) == "c=d")


def test_replacement():
    equal("the same", kept("a=1", "a=2"), "a=2")
    alike("another domain's", kept("a=1", "a=2; Domain=example.com"), "a=1", "a=2")
    with Jar() as jar:
        jar.add(AT, "first=1; Path=/", "second=2; Path=/", "first=3; Path=/")
        alike("one is replaced", jar.header(AT), "first=3", "second=2")
        # of another path, they are two
        jar.add(AT, "first=4; Path=/chat")
        alike("two paths", jar.header(AT), "first=4", "first=3", "second=2")
        equal("longer paths first", jar.cookies(AT)[0], "first=4")
        jar.add(AT, "first=; Path=/; Max-Age=0")
        alike("one is taken away", jar.header(AT), "first=4", "second=2")
        jar.clear()
        equal("none is left", jar.header(AT), "")


def test_control_characters():
    for bad in ("\r", "\n", "\x01", "\x0b", "\x1f", "\x7f", "\r\nX-Injected: 1"):
        for cookie in (f"a{bad}=b", f"a=b{bad}c", f"a=b; Path=/{bad}", f"a=b; Domain=example.com{bad}"):
            with Jar() as jar:
                equal(f"ws_cookie_jar_add {cookie!r}", jar.add(AT, cookie), Status.INVALID_ARGUMENT)
                for url in (AT, "wss://www.example.com/"):
                    equal(f"kept of {cookie!r}", jar.header(url), "")


def test_huge_ones():
    """4096 bytes of name and value, which every jar has to take, are taken, and a megabyte is not"""
    fits, huge = "n=" + "v" * 4094, "n=" + "v" * 1_000_000
    equal("4096 bytes", kept(fits), fits)
    refused(huge)
    refused("n" * 1_000_000 + "=v")
    # the RFC's successor drops attributes over 1024 bytes, a jar may drop the cookie
    for more in ("; Path=/" + "p" * 1_000_000, "; x=y" * 100_000):
        true("kept", kept(f"a=b{more}") in ("a=b", ""), kept(f"a=b{more}"))


def test_thousands():
    """at least 50 of a host are kept; those used least recently go first, and others' stay"""
    at = "wss://www.example.com/"
    with Jar() as jar:
        jar.add("wss://other.example/", "other=1")
        jar.add(at, "first=1; Path=/")
        for i in range(5000):
            equal("ws_cookie_jar_add", jar.add(at, f"c{i}={'v' * 100}; Path=/c"), Status.OK)
            if i % 50 == 0:
                equal("what is used stays", jar.header(at), "first=1")
        kept = jar.cookies(at + "c")
        true("cookies", 50 <= len(kept) <= 180, len(kept))
        newest = [f"c{i}={'v' * 100}" for i in range(5000 - 49, 5000)]
        equal("the newest", [cookie for cookie in newest if cookie not in kept], [])
        equal("another host's", jar.header("wss://other.example/"), "other=1")
        # those that are there can still be replaced
        equal("ws_cookie_jar_add", jar.add(at, "first=new; Path=/"), Status.OK)
        equal("it is replaced", jar.header(at), "first=new")


def test_names_below_a_domain_share_its_room():
    """one owner cannot have all others' cookies go by inventing names"""
    with Jar() as jar:
        for i in range(100):
            jar.add(f"wss://other{i}.example/", "other=1")
        for i in range(4000):
            jar.add(f"wss://h{i}.www.evil.example/", "a=b", "c=d; Domain=evil.example")
        equal("others'", [i for i in range(100) if jar.header(f"wss://other{i}.example/") != "other=1"], [])
        count = sum(jar.header(f"wss://h{i}.www.evil.example/") != "c=d" for i in range(4000))
        true("of the one owner", 50 <= count <= 180, count)
        # addresses are no names
        for i in range(256):
            jar.add(f"ws://10.0.{i}.1/", "a=b")
        equal("addresses", [i for i in range(256) if jar.header(f"ws://10.0.{i}.1/") != "a=b"], [])


def test_a_jar_that_is_full():
    """takes more, and what was used least recently goes"""
    with Jar() as jar:
        jar.add(AT, "used=1")
        for i in range(6000):
            equal("ws_cookie_jar_add", jar.add(f"wss://host{i}.example/", "a=b"), Status.OK)
            if i % 100 == 0:
                equal("what is used", jar.header(AT), "used=1")
        equal("the newest", [i for i in range(3100, 6000) if jar.header(f"wss://host{i}.example/") != "a=b"], [])
        equal("the oldest", [i for i in range(2900) if jar.header(f"wss://host{i}.example/")], [])


def test_a_full_jar_takes_a_bounded_amount_of_memory():
    """however long the cookies are"""

    def resident():
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096

    with Jar() as jar:
        jar.add(AT, "a=b")
        before = resident()
        for i in range(6000):
            jar.add(f"wss://host{i}.example/", f"a={i}; unknown={'v' * 4000}")
        true("memory", resident() - before < 12 << 20, resident() - before)
        equal("the newest", jar.header("wss://host5999.example/"), "a=5999")


def test_thousands_of_one_name():
    with Jar() as jar:
        for i in range(5000):
            jar.add("wss://www.example.com/", f"a=b; Path=/{i}")
        count = sum(jar.header(f"wss://www.example.com/{i}") != "" for i in range(5000))
        true("cookies", 50 <= count <= 180, count)


def test_cookies_that_have_ended_make_room():
    """however many there have been"""
    with Jar() as jar:
        for i in range(4000):
            jar.add(f"wss://host{i}.example/", "a=b", "a=; Max-Age=0")
        equal("ws_cookie_jar_add", jar.add(AT, "a=b"), Status.OK)
        equal("header", jar.header(AT), "a=b")
        for i in range(200):
            jar.add(AT, f"c{i}=1", f"c{i}=; Max-Age=0")
        equal("ws_cookie_jar_add", jar.add(AT, "c=d"), Status.OK)
        alike("header", jar.header(AT), "a=b", "c=d")


def test_urls():
    with Jar() as jar:
        for url in ("", "nonsense", "ftp://example.com/", "ws://", "ws://a b/", "ws://example.com/\r\n", "ws://[::1/"):
            status = jar.add(url, "a=b")
            true(f"ws_cookie_jar_add at {url!r}", status in (Status.URL, Status.INVALID_ARGUMENT), status)
        # ports are none of it, nor are user and password
        jar.add("ws://user:secret@www.example.com:8080/", "a=b")
        equal("header", jar.header("http://www.example.com:9090/"), "a=b")
        # a name in another alphabet is the same in its ASCII form
        jar.add("wss://bücher.example/", "c=d")
        equal("header", jar.header("wss://xn--bcher-kva.example/"), "c=d")
