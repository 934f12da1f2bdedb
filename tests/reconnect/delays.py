#!/usr/bin/env python3
"""When it is tried again and how often: delays that grow, servers that ask to be left alone, and limits.

What is waited is what decisions are told; they make it nothing, so that the tests do not wait.
"""

import email.utils
import time

from away import FOR_EVER_MS, Decisions, ReconnectOptions, Site, accepts, for_each, goes_on, lose, main, reconnects
from away import FIRST, KEEP_UNSENT, is_back, leaves, refuses, resets, talks
from checking import HANG_MS, among, equal, true
from harness import refusal, setting_status
from ktorws_ctypes import QUEUE_DROP_OLDEST, Initiator, Phase, Status
from sessions import ends
from wire import answer

MANY = 12


def at_once(asked):
    """what is suggested, but without waiting"""
    return 0 if asked.tries else None


def between(what, number, least, most):
    true(f"{what}: expected {least} to {most}", least <= number <= most, number)


def delays_double(first, longest, count=MANY):
    """(least, most) of each: half of it to all"""
    for number in range(count):
        whole = min(first << number, longest)
        # whole milliseconds are told
        yield whole // 2 - (whole % 2 == 0 and whole // 2 == 0), whole


def suggested(site, session, wire, decisions, count):
    lose(wire)
    told = [decisions.next() for _ in range(count)]
    for asked in told:
        true("it is tried again", asked.tries)
    equal("attempts", [asked.attempt for asked in told], list(range(1, count + 1)))
    return [asked.delay_ms for asked in told]


def delays_grow():
    def check(case):
        options, first, longest = case
        decisions = Decisions(at_once)
        failing = [accepts] + [refuses(503)] * (MANY - 1)
        with Site(*failing) as site, site.open(**decisions.setting(**options)) as (session, wire):
            delays = suggested(site, session, wire, decisions, MANY)
            for number, (delay, (least, most)) in enumerate(zip(delays, delays_double(first, longest))):
                between(f"delay {number + 1} of {delays}", delay, least, most)
            is_back(session)

    for_each(
        [
            (dict(first_delay_ms=0, max_delay_ms=0), 500, 30_000),
            (dict(first_delay_ms=100, max_delay_ms=900), 100, 900),
            (dict(first_delay_ms=7, max_delay_ms=FOR_EVER_MS), 7, FOR_EVER_MS),
            # the longest is at least the first
            (dict(first_delay_ms=1000, max_delay_ms=10), 1000, 1000),
            (dict(first_delay_ms=2**62, max_delay_ms=2**63 - 1), 2**62, 2**63 - 1),
        ],
        check,
    )


def delays_differ():
    """sessions that lose their connections together do not come back together"""
    delays = set()
    decisions = Decisions(at_once)
    with Site() as site, site.open(**decisions.setting(first_delay_ms=10**9, max_delay_ms=10**9)) as (session, wire):
        for count in range(1, 7):
            lose(wire)
            delays.add(decisions.next().delay_ms)
            wire = goes_on(session, site, count)
    equal("different delays of six", len(delays), 6)


def delays_grow_on_where_connections_do_not_last():
    """a server that accepts and closes at once is not asked ever more often than one that refuses"""
    decisions = Decisions(at_once)

    def accepts_and_leaves(wire):
        accepts(wire)
        wire.fin()

    acts = [accepts] + [accepts_and_leaves] * 6
    with Site(*acts) as site:
        with site.open(**decisions.setting(first_delay_ms=1000, max_delay_ms=FOR_EVER_MS)) as (session, wire):
            lose(wire)
            told = [decisions.next() for _ in range(7)]
            for number, (asked, (least, most)) in enumerate(zip(told, delays_double(1000, FOR_EVER_MS))):
                between(f"delay {number + 1}", asked.delay_ms, least, most)
                # each one is the first attempt of an outage
                equal("attempt", asked.attempt, 1)
            is_back(session, 7)


def delays_begin_anew_behind_a_connection_that_lasts():
    longest = 32
    decisions = Decisions(at_once)
    with Site(accepts, *[refuses(503)] * 4) as site:
        with site.open(**decisions.setting(first_delay_ms=4, max_delay_ms=longest)) as (session, wire):
            lose(wire)
            is_back(session)
            wire = site.met[-1]
            until = time.monotonic() + 2 * longest / 1000
            while time.monotonic() < until:
                talks(session, wire)
            lose(wire)
            is_back(session, 2)
        between("the fifth delay", decisions.all[4].delay_ms, longest // 2, longest)
        between("the delay behind what lasted", decisions.all[5].delay_ms, 1, 4)


def date(seconds, form):
    """a time so far from now, in the forms that HTTP has for dates"""
    at = time.time() + seconds
    if form == "rfc850":
        return time.strftime("%A, %d-%b-%y %H:%M:%S GMT", time.gmtime(at))
    if form == "asctime":
        return time.asctime(time.gmtime(at))
    return email.utils.formatdate(at, usegmt=True)


LONGEST_MS = 300_000


def expect_retry_after(status, value, least, most, field="Retry-After", **options):
    decisions = Decisions(at_once)
    fields = [] if value is None else [f"{field}: {value}"]
    settings = decisions.setting(**options)
    with Site(accepts, refuses(status, *fields)) as site, site.open(**settings) as (session, wire):
        lose(wire)
        decisions.next()
        asked = decisions.next()
        equal("asked", asked.told, (Status.HANDSHAKE_STATUS, 2, True))
        between(f"{status} {fields}", asked.delay_ms, least, most)
        is_back(session)


# Of the second delay by itself.
OWN = (0, 2)
RETRY_AFTER = [
    (None, *OWN),
    ("0", *OWN),
    ("1", 1000, 1000),
    ("120", 120_000, 120_000),
    ("  7\t", 7000, 7000),
    # dates have whole seconds
    *((date(90, form), 85_000, 90_000) for form in ("imf", "rfc850", "asctime")),
    *((date(-90, form), *OWN) for form in ("imf", "rfc850", "asctime")),
    ("soon", *OWN),
    ("-5", *OWN),
    ("1.5", *OWN),
    ("", *OWN),
    # no more than five minutes, by a number of any length and by a date
    ("300", 300_000, 300_000),
    ("301", LONGEST_MS, LONGEST_MS),
    *((number, LONGEST_MS, LONGEST_MS) for number in ("31536000", str(2**63), str(2**64 - 1), str(2**64), "9" * 40)),
    *((date(400 * 86400, form), LONGEST_MS, LONGEST_MS) for form in ("imf", "rfc850", "asctime")),
    ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_MS, LONGEST_MS),
]


def servers_say_when():
    for_each([(503, *case) for case in RETRY_AFTER], lambda case: expect_retry_after(*case))
    for_each((408, 425, 429, 500, 502, 504, 520, 521, 522, 523, 524), lambda status: expect_retry_after(status, "3", 3000, 3000, "retry-AFTER"))


def retry_after_values():
    """is a setting, and 0 stands for five minutes"""
    for longest, value, expected in (
        (0, "301", LONGEST_MS),
        (1, "9" * 40, 1),
        (2500, "2", 2000),
        (2500, "3", 2500),
        (86_400_000, "3600", 3_600_000),
        (2**63 - 1, "9" * 40, 2**63 - 1),
    ):
        options = dict(max_retry_after_ms=longest, first_delay_ms=1, max_delay_ms=1)
        expect_retry_after(503, value, expected, expected, **options)


def what_servers_say_is_waited():
    with Site(accepts, refuses(503, "Retry-After: 1")) as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        site.wire()
        begin = time.monotonic()
        goes_on(session, site)
        waited = time.monotonic() - begin
        true("it waits for a second", waited > 0.9, waited)


def absurd_times():
    """neither end the session nor park it: it is tried again as soon as the limit allows"""

    def check(value):
        settings = reconnects(max_retry_after_ms=20)
        with Site(accepts, refuses(503, f"Retry-After: {value}")) as site, site.open(**settings) as (session, wire):
            lose(wire)
            is_back(session)
        # and while it waits for longer than that, it can still be ended
        with Site(accepts, refuses(503, f"Retry-After: {value}")) as site:
            with site.open(**reconnects(), set_close_timeout_ms=100) as (session, wire):
                lose(wire)
                site.wire()
                equal("ws_recv", session.recv(20)[0], Status.TIMEOUT)
                equal("ws_close", session.close(1000), Status.OK)
                equal("ws_wait_closed", session.wait_closed(HANG_MS), Status.OK)

    for_each(["9" * 10, str(2**63), str(2**64 - 1), "9" * 40, "Fri, 31 Dec 9999 23:59:59 GMT"], check)


def waiting_that_would_be_too_long():
    """a server asks for more than the longest outage: there is no point in waiting"""
    settings = reconnects(max_outage_ms=LONGEST_MS // 2)
    with Site(accepts, refuses(503, "Retry-After: 86400")) as site, site.open(**settings) as (session, wire):
        lose(wire)
        ends(session, Status.HANDSHAKE_STATUS)
        equal("http_status", session.error.http_status, 503)


def attempts_are_counted():
    def check(most):
        decisions = Decisions()
        for how in reconnects(max_attempts=most), decisions.setting(max_attempts=most):
            with Site(accepts, *[resets] * 20) as site, site.open(**how) as (session, wire):
                lose(wire)
                ends(session, Status.IO, remote=1006, initiator=Initiator.TRANSPORT)
                equal("connections", len(site.met), 1 + most)
                equal("ws_error_phase", session.error.phase, Phase.HANDSHAKE)
                true("how many attempts", f"after {most} attempts" in session.error.message, session.error.message)
        decisions.check(*[(Status.IO, attempt, attempt <= most) for attempt in range(1, most + 2)])

    for_each([2, 3, 7], check)


def attempts_are_counted_for_each_outage():
    acts = [accepts, resets, resets, accepts, resets, resets, accepts, resets, resets, resets]
    with Site(*acts) as site, site.open(**reconnects(max_attempts=3)) as (session, wire):
        for count in (1, 2):
            lose(wire)
            for _ in range(2):
                site.wire()
            wire = goes_on(session, site, count)
        lose(wire)
        ends(session, Status.IO)
        equal("connections", len(site.met), len(acts))


def an_outage_has_a_limit():
    with Site() as site, site.open(**reconnects(max_outage_ms=100, max_delay_ms=5)) as (session, wire):
        site.stop()
        begin = time.monotonic()
        lose(wire)
        ends(session, Status.CONNECT)
        true("it was tried for that long", time.monotonic() - begin > 0.09, time.monotonic() - begin)
        site.start()


def the_limit_of_an_outage_is_told_to_decisions():
    """which may go on all the same"""
    decisions = Decisions(lambda asked: 0)
    with Site(accepts, resets) as site:
        # each delay alone would be too long
        setting = decisions.setting(max_outage_ms=1000, first_delay_ms=10_000, max_delay_ms=10_000)
        with site.open(**setting) as (session, wire):
            lose(wire)
            site.wire()
            goes_on(session, site)
    decisions.check((Status.IO, 1, False), (Status.IO, 2, False))


def an_end_without_an_attempt_is_that_of_the_connection():
    """where the limits allow for none"""
    settings = reconnects(max_outage_ms=1, first_delay_ms=10_000, max_delay_ms=10_000)
    with Site() as site, site.open(**settings) as (session, wire):
        wire.fin()
        ends(session, Status.CLOSED_ABNORMALLY, remote=1006, initiator=Initiator.TRANSPORT)
        equal("connections", len(site.met), 1)


def options_that_are_refused():
    size = ReconnectOptions.struct_size.size

    def check(case):
        expected, members = case
        options = ReconnectOptions(**members)
        equal(f"{members}", setting_status("set_reconnect", options), expected)

    whole = ReconnectOptions().struct_size
    wrong = [
        *({name: -1} for name in ("first_delay_ms", "max_delay_ms", "max_outage_ms", "max_retry_after_ms")),
        *({"flags": flags} for flags in (4, 5, 1 << 31)),
        *({"struct_size": struct_size} for struct_size in (0, size, whole - 1, 4097, 2**63)),
    ]
    right = [{}, {"flags": KEEP_UNSENT}, {"flags": FIRST}, *({"struct_size": size} for size in (whole, whole + 8))]
    right += [{"max_attempts": 2**32 - 1}]
    for_each(
        [(Status.INVALID_ARGUMENT, members) for members in wrong] + [(Status.OK, members) for members in right], check
    )
    equal("NULL as the options", setting_status("set_reconnect", None), Status.OK)
    equal("NULL as the configuration", setting_status("set_reconnect", None, is_null=True), Status.INVALID_ARGUMENT)


def sessions_that_cannot_reconnect():
    with Site() as site:
        for settings in (
            dict(set_raw=1, **reconnects()),
            dict(set_outgoing_queue=(4, 0, QUEUE_DROP_OLDEST), **reconnects(flags=KEEP_UNSENT)),
        ):
            equal("ws_connect", refusal(site.url(), **settings).status, Status.INVALID_ARGUMENT)
        with site.open(set_outgoing_queue=(4, 0, QUEUE_DROP_OLDEST), **reconnects()) as (session, wire):
            talks(session, wire)


def it_can_be_switched_off_again():
    with Site() as site, site.open(set_reconnect=[reconnects()["set_reconnect"], None]) as (session, wire):
        wire.fin()
        ends(session, Status.CLOSED_ABNORMALLY)


def the_first_opening_is_tried_once():
    decisions = Decisions()
    with Site(leaves) as site:
        refusal(site.url(), **decisions.setting())
        equal("connections", len(site.met), 1)
    with Site(answer("HTTP/1.1 503 No\r\nContent-Length: 0")) as site:
        equal("ws_connect", refusal(site.url(), **decisions.setting()).http_status, 503)
        equal("connections", len(site.met), 1)
    decisions.check()


TESTS = (
    delays_grow,
    delays_differ,
    delays_grow_on_where_connections_do_not_last,
    delays_begin_anew_behind_a_connection_that_lasts,
    servers_say_when,
    retry_after_values,
    what_servers_say_is_waited,
    absurd_times,
    waiting_that_would_be_too_long,
    attempts_are_counted,
    attempts_are_counted_for_each_outage,
    an_outage_has_a_limit,
    the_limit_of_an_outage_is_told_to_decisions,
    an_end_without_an_attempt_is_that_of_the_connection,
    options_that_are_refused,
    sessions_that_cannot_reconnect,
    it_can_be_switched_off_again,
    the_first_opening_is_tried_once,
)


def warm_up():
    with Site() as site, site.open(**reconnects()) as (session, wire):
        lose(wire)
        goes_on(session, site)


if __name__ == "__main__":
    main(TESTS, warm_up)
