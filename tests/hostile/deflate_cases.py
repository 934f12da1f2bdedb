"""Messages compressed with permessage-deflate."""

import dataclasses

from bomb_faults import MANY, MIB, ZEROS
from case import KIB, Case, accepted, failed, wrong_frame
from deflate_faults import BROKEN, ECHOED, ECHOES, NOISE, RESERVED, RIGHT
from ktorws_ctypes import Initiator, Status
from negotiation_cases import DEFAULT


def deflated(case):
    """with the extension agreed on"""
    return dataclasses.replace(
        case, config={**DEFAULT["config"], **case.config}, offer=DEFAULT["offer"], extension=True
    )


def broken(name, **more):
    return deflated(failed("/deflate/" + name, Status.COMPRESSION, 1007, **more))


def not_utf8(name):
    return deflated(failed("/deflate/" + name, Status.UTF8, 1007, "UTF-8"))


def echoed(name, *parameters):
    return deflated(
        accepted(
            "/deflate/" + name,
            act="echo",
            sent=ECHOED,
            messages=ECHOED,
            initiator=Initiator.LOCAL,
            wire=check_compression("client_no_context_takeover" not in ECHOES[name] and remembers(ECHOES[name])),
        )
    )


def remembers(parameters):
    """whether NOISE fits into the client's window"""
    return not any(f"client_max_window_bits={bits}" in parameters.replace('"', "") for bits in (8, 9, 10))


def check_compression(takes_over):
    def check_sent(record, check):
        first, second, repeating, repetitive, *_, zeros = record["messages"]
        check.true("noise has grown by more than a little", first["received"] < len(NOISE) * 1.05, first)
        if takes_over:
            check.true("the window of the message before is not used", second["received"] < 100, second)
        else:
            check.true("noise was compressed", second["received"] >= len(NOISE), second)
        for message in (repetitive, zeros):
            check.true("what repeats itself is not compressed", message["received"] < message["size"] / 8, message)

    return check_sent


CASES = [
    *map(echoed, ECHOES),
    *(
        deflated(accepted("/deflate/" + name, messages=messages, pongs=["p"] if "ping" in name else []))
        for name, (_data, messages) in RIGHT.items()
    ),
    *map(broken, BROKEN),
    broken("takeover-broken", messages=["Hello"]),
    broken("window-broken"),
    broken("no-payload", messages=[]),
    *map(not_utf8, ("not-utf8", "not-utf8-cut", "not-utf8-in-fragments", "not-utf8-early")),
    *(deflated(failed("/deflate/" + name, Status.PROTOCOL, 1002)) for name in RESERVED),
    # offered but not agreed on
    *(
        wrong_frame(name, variant="deflate-offered", config=DEFAULT["config"], offer=DEFAULT["offer"])
        for name in ("rsv1", "rsv2")
    ),
    # bombs
    *(
        deflated(
            failed(path, Status.MESSAGE_TOO_BIG, 1009, str(MIB), messages=[], config=dict(max_message_size=MIB), **more)
        )
        for path, more in (("/bomb/message", dict()), ("/bomb/fragments", dict(poured=4 * MIB)))
    ),
    # the limit is 64 MiB unless it is set
    *(
        deflated(
            failed(
                path,
                Status.MESSAGE_TOO_BIG,
                1009,
                str(64 * MIB),
                messages=[],
                ended=("fin", "rst"),
                alone=200 * KIB,
                variant="default-limit",
            )
        )
        for path in ("/bomb/message", "/bomb/fragments")
    ),
    deflated(accepted("/bomb/messages", messages=[ZEROS] * MANY, alone=16 * KIB)),
    deflated(
        Case(
            "/bomb/messages-unread",
            act="neglect",
            ended=("fin", "rst"),
            messages=[],
            end=(Status.TIMEOUT,),
            alone=16 * KIB,
        )
    ),
    # what inflates to nothing has an end as well
    deflated(
        failed(
            "/bomb/empty-blocks",
            Status.MESSAGE_TOO_BIG,
            1009,
            str(MIB),
            messages=[],
            config=dict(max_message_size=MIB),
            poured=16 * MIB,
            alone=8 * KIB,
        )
    ),
]
