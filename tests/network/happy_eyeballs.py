#!/usr/bin/env python3
"""Hosts with several addresses, of which some answer, some refuse and some are black holes (RFC 8305).

happy_eyeballs.py [NAME ...]
"""

import errno
import json
import os
import resource

from harness import main, refusal  # first: it says where the others are
import namespace
from checking import HANG_MS, Background, among, equal, eventually, true
from ktorws_ctypes import Configuration, Phase, Session, Status, lib, shutdown
from namespace import Attempts, v4, v6
from telling_server import telling

# So long that only trying several at once can be done before.
LONG_MS = 600_000
# The delay between attempts (RFC 8305 section 5), less what clocks differ in.
DELAY_S = 0.245
peers = port = closed_port = None


def known(*addresses):
    """what the host has, in this order"""
    return dict(
        add_resolve=[(b"host.test", 0, address.encode()) for address in addresses], set_connect_timeout_ms=LONG_MS
    )


def url(at=None):
    return f"ws://host.test:{at or port}/"


def connects_to(*addresses, **settings):
    """which of them it is that answers; it is the library's deadline that is generous, not this one"""
    opening = Background(Session, url(), **{**known(*addresses), **settings})
    with opening.result() as session:
        status, told = session.recv(HANG_MS)
        equal("ws_recv", status, Status.OK)
        equal("ws_send", session.send("echo"), Status.OK)
        equal("ws_recv", session.recv(HANG_MS), (Status.OK, "echo"))
        told = json.loads(told)
        equal("Host", told["host"], f"host.test:{port}")
        session.close(1000)
        session.wait_closed(HANG_MS)
        return told["server"]


def refuse(*addresses):
    """they answer with a reset"""
    rules = (
        f"{'ip6' if ':' in address else 'ip'} daddr {address} tcp dport {port} reject with tcp reset"
        for address in addresses
    )
    peers.filter(*rules)


def a_good_first_address_is_the_only_one_tried():
    peers.filter()
    with Attempts(peers) as attempts:
        equal("server", connects_to(v6(1), v4(1), v6(2)), v6(1))
        equal("attempts", attempts.addresses(), [v6(1)])


def the_first_family_is_that_of_the_first_address():
    peers.filter()
    with Attempts(peers) as attempts:
        equal("server", connects_to(v4(1), v6(1)), v4(1))
        equal("attempts", attempts.addresses(), [v4(1)])


def ipv6_is_a_black_hole():
    peers.drop(v6(1))
    with Attempts(peers) as attempts:
        equal("server", connects_to(v6(1), v4(1)), v4(1))
        (first, begin), (second, end) = attempts.first_tries()
    equal("attempts", [first, second], [v6(1), v4(1)])
    true("IPv6 is given no time to answer", end - begin >= DELAY_S, end - begin)


def ipv4_is_a_black_hole():
    peers.drop(v4(1))
    with Attempts(peers) as attempts:
        equal("server", connects_to(v4(1), v6(1)), v6(1))
        equal("attempts", attempts.addresses(), [v4(1), v6(1)])


def the_families_take_turns():
    """also when all of one is lost, the other one's turn comes second"""
    lost = [v6(number) for number in range(1, 11)]
    peers.drop(*lost)
    with Attempts(peers) as attempts:
        equal("server", connects_to(*lost, v4(1), v4(2)), v4(1))
        equal("attempts", attempts.addresses(), [v6(1), v4(1)])


def attempts_follow_each_other():
    """each has its time before the next one begins, and all go on"""
    lost = [v6(1), v4(1), v6(2), v4(2)]
    peers.drop(*lost)
    with Attempts(peers) as attempts:
        equal("server", connects_to(v6(1), v6(2), v6(3), v4(1), v4(2)), v6(3))
        tries = attempts.first_tries()
    equal("attempts", [address for address, _ in tries], [*lost, v6(3)])
    gaps = [later - earlier for (_, earlier), (_, later) in zip(tries, tries[1:])]
    true("an attempt begins too early", min(gaps) >= DELAY_S, gaps)


def an_early_attempt_may_still_succeed():
    """the first address answers when TCP tries it again, after the second one was begun"""
    peers.drop(v6(1), v4(1))
    with Attempts(peers) as attempts:
        opening = Background(connects_to, v6(1), v4(1))
        eventually("both are tried", lambda: attempts.addresses() == [v6(1), v4(1)])
        peers.drop(v4(1))
        equal("server", opening.result(), v6(1))
        equal("attempts", attempts.addresses(), [v6(1), v4(1)])


def a_refusal_makes_room_at_once():
    """of IPv6, of IPv4, of all but the last: many of them take less time than one that does not answer"""
    addresses = [make(number) for number in range(1, 11) for make in (v6, v4)]
    refuse(*addresses[:-1])
    with Attempts(peers) as attempts:
        limit_ms = int(len(addresses) * 250 / 2)
        equal("server", connects_to(*addresses, set_connect_timeout_ms=limit_ms), addresses[-1])
        equal("attempts", attempts.addresses(), addresses)


def a_network_that_cannot_be_reached_makes_room_at_once():
    peers.filter()
    with Attempts(peers) as attempts:
        nowhere = [f"2001:db8::{number}" for number in range(1, 11)]
        equal("server", connects_to(*nowhere, v4(1), set_connect_timeout_ms=1250), v4(1))
        equal("attempts", attempts.addresses(), [v4(1)])


def a_refusal_behind_a_black_hole():
    """the one that is lost does not hold up the ones behind it"""
    peers.filter(f"ip6 daddr {v6(1)} drop", f"ip daddr {v4(1)} tcp dport {port} reject with tcp reset")
    with Attempts(peers) as attempts:
        equal("server", connects_to(v6(1), v4(1), v6(2)), v6(2))
        equal("attempts", attempts.addresses(), [v6(1), v4(1), v6(2)])


def all_refuse():
    peers.filter()
    failure = refusal(url(closed_port), **known(v6(1), v4(1), v6(2)))
    equal("status", failure.status, Status.CONNECT)
    equal("phase", failure.phase, Phase.CONNECT)
    equal("errno", failure.os_errno, errno.ECONNREFUSED)
    for address in (f"[{v6(1)}]:{closed_port}", f"{v4(1)}:{closed_port}", f"[{v6(2)}]:{closed_port}"):
        true(f"the message does not name {address}", address in failure.message, failure.message)


def all_are_black_holes():
    lost = [v6(1), v4(1), v6(2), v4(2)]
    peers.drop(*lost)
    with Attempts(peers) as attempts:
        failure = refusal(url(), **{**known(*lost), "set_connect_timeout_ms": 1500})
        equal("status", failure.status, Status.TIMEOUT)
        equal("phase", failure.phase, Phase.CONNECT)
        true("the message does not say 1500 ms", "1500 ms" in failure.message, failure.message)
        for address in (f"[{v6(1)}]:{port}", f"{v4(1)}:{port}", f"[{v6(2)}]:{port}", f"{v4(2)}:{port}"):
            true(f"the message does not name {address}", address in failure.message, failure.message)
        equal("attempts", attempts.addresses(), lost)


def all_are_named_also_those_that_were_not_tried():
    lost = [make(number) for number in range(1, 11) for make in (v6, v4)]
    peers.drop(*lost)
    with Attempts(peers) as attempts:
        failure = refusal(url(), **{**known(*lost), "set_connect_timeout_ms": 600})
        equal("status and phase", (failure.status, failure.phase), (Status.TIMEOUT, Phase.CONNECT))
        true("600 ms are enough for all", len(attempts.addresses()) < len(lost))
    for address in lost:
        name = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        true(f"the message does not name {name}", name in failure.message, failure.message)


def one_refuses_and_one_is_a_black_hole():
    """what is waited for in vain is a timeout"""
    peers.filter(f"ip6 daddr {v6(1)} drop", f"ip daddr {v4(1)} tcp dport {port} reject with tcp reset")
    failure = refusal(url(), **{**known(v6(1), v4(1)), "set_connect_timeout_ms": 700})
    equal("status", failure.status, Status.TIMEOUT)
    equal("phase", failure.phase, Phase.CONNECT)
    for address in (f"[{v6(1)}]:{port}", f"{v4(1)}:{port}"):
        true(f"the message does not name {address}", address in failure.message, failure.message)


def names_with_several_addresses():
    """those that the system knows, in whatever order it gives them"""
    namespace.replace_file("/etc/hosts", "".join(f"{address} many.test\n" for address in (v4(1), v6(1), v4(2), v6(2))))
    namespace.replace_file("/etc/nsswitch.conf", "hosts: files\n")
    peers.drop(v4(1), v6(1))
    opening = Background(Session, f"ws://many.test:{port}/", set_connect_timeout_ms=LONG_MS)
    with opening.result() as session:
        told = json.loads(session.recv(HANG_MS)[1])
        among("server", told["server"], (v4(2), v6(2)))
    peers.drop(v4(1), v6(1), v4(2), v6(2))
    failure = refusal(f"ws://many.test:{port}/", set_connect_timeout_ms=1500)
    equal("status", failure.status, Status.TIMEOUT)
    equal("phase", failure.phase, Phase.CONNECT)
    for address in (f"[{v6(1)}]:{port}", f"{v4(1)}:{port}", f"[{v6(2)}]:{port}", f"{v4(2)}:{port}"):
        true(f"the message does not name {address}", address in failure.message, failure.message)


def interrupted_among_attempts():
    """none of them is left: see harness.py"""
    lost = [v6(1), v4(1), v6(2)]
    peers.drop(*lost)
    with Attempts(peers) as attempts, Configuration(**known(*lost)) as config:
        opening = Background(refusal, url(), config)
        eventually("all are tried", lambda: attempts.addresses() == lost)
        equal("ws_config_interrupt", Status(lib.ws_config_interrupt(config.handle)), Status.OK)
        failure = opening.result()
        equal("status", failure.status, Status.INTERRUPTED)


def shut_down_among_attempts():
    lost = [v6(1), v4(1), v6(2)]
    peers.drop(*lost)
    with Attempts(peers) as attempts:
        opening = Background(refusal, url(), **known(*lost))
        eventually("all are tried", lambda: attempts.addresses() == lost)
        equal("ws_shutdown", shutdown(HANG_MS), Status.OK)
        equal("status", opening.result().status, Status.ABORTED)


def no_descriptor_is_left():
    """that is an error of its own, and passes"""
    peers.filter()
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    first_free = os.dup(0)
    os.close(first_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (first_free, usual[1]))
    try:
        failure = refusal(url(), **known(v6(1), v4(1)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
    equal("status and phase", (failure.status, failure.phase), (Status.CONNECT, Phase.CONNECT))
    equal("errno", failure.os_errno, errno.EMFILE)
    equal("server", connects_to(v6(1), v4(1)), v6(1))


TESTS = (
    a_good_first_address_is_the_only_one_tried,
    the_first_family_is_that_of_the_first_address,
    ipv6_is_a_black_hole,
    ipv4_is_a_black_hole,
    the_families_take_turns,
    attempts_follow_each_other,
    an_early_attempt_may_still_succeed,
    a_refusal_makes_room_at_once,
    a_network_that_cannot_be_reached_makes_room_at_once,
    a_refusal_behind_a_black_hole,
    all_refuse,
    all_are_black_holes,
    all_are_named_also_those_that_were_not_tried,
    one_refuses_and_one_is_a_black_hole,
    interrupted_among_attempts,
    no_descriptor_is_left,
    names_with_several_addresses,
    shut_down_among_attempts,
)

if __name__ == "__main__":
    namespace.enter()
    peers = namespace.make()
    listener, closed = peers.listen(), peers.listen()
    port, closed_port = listener.getsockname()[1], closed.getsockname()[1]
    closed.close()
    with telling(listener):
        main(TESTS, warm_up=lambda: a_good_first_address_is_the_only_one_tried())
