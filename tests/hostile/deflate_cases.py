"""Messages compressed with permessage-deflate."""

import dataclasses

from bomb_faults import MANY, MIB, ZEROS
from case import KIB, Case, accepted, failed, wrong_frame
from deflate import Deflate
from deflate_faults import BROKEN, ECHOED, ECHOES, NOISE, RESERVED, RIGHT, WINDOW_BROKEN
from ktorws_ctypes import Initiator, Status
from negotiation_cases import CLIENT_FORGETS, DEFAULT, offering

CLIENT_9 = offering("client_max_window_bits=9", client_max_window_bits=9)


def deflated(case):
    """with the extension agreed on"""
    return dataclasses.replace(
        case, config={**DEFAULT["config"], **case.config}, offer=DEFAULT["offer"], extension=True
    )


def broken(name, **more):
    return deflated(failed("/deflate/" + name, Status.COMPRESSION, 1007, **more))


def not_utf8(name):
    return deflated(failed("/deflate/" + name, Status.UTF8, 1007, "UTF-8"))


def echoed(path, remembers, offered=DEFAULT, **more):
    return accepted(
        path,
        **{
            "act": "echo",
            "sent": ECHOED,
            "messages": ECHOED,
            "initiator": Initiator.LOCAL,
            "extension": True,
            "wire": check_compression(remembers),
            **offered,
            **more,
        },
    )


def remembers(parameters):
    """whether NOISE is still in the client's window when it comes again"""
    agreed = Deflate(parameters)
    return agreed.client_takes_over and 1 << agreed.client_bits > len(NOISE)


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
    *(echoed("/deflate/" + name, remembers(parameters)) for name, parameters in ECHOES.items()),
    # the client keeps to what it has offered, also where the answer would let it do more
    echoed("/deflate/echo", False, CLIENT_FORGETS, variant="client-forgets"),
    echoed("/deflate/echo", False, CLIENT_9, variant="client-9"),
    # and compresses nothing without an answer
    echoed("/handshake/echo", False, extension=False, wire=None, variant="deflate-offered"),
    *(
        deflated(accepted("/deflate/" + name, messages=messages, pongs=["p"] if "ping" in name else []))
        for name, (_data, messages) in RIGHT.items()
    ),
    *map(broken, BROKEN),
    broken("takeover-broken", messages=["Hello"]),
    # a client may have a larger window than was agreed on; then the messages are the right ones
    *(
        deflated(
            Case(
                "/deflate/" + name,
                end=(Status.COMPRESSION, Status.CLOSED),
                messages=([first], [first, second]),
                closes=([1007], [1000]),
                local_code=(1007, 1000),
            )
        )
        for name, (first, _, second, _) in WINDOW_BROKEN.items()
    ),
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
        for path, more in (("/bomb/message", dict()), ("/bomb/fragments", dict(poured=32 * MIB)))
    ),
    # the limit is 64 MiB unless it is set; memory may double when it is full
    *(
        deflated(
            failed(
                path,
                Status.MESSAGE_TOO_BIG,
                1009,
                str(64 * MIB),
                messages=[],
                ended=("fin", "rst"),
                alone=3 * 64 * KIB + 8 * KIB,
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
            alone=12 * KIB,
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
            poured=64 * MIB,
            alone=8 * KIB,
        )
    ),
]
