"""The opening handshake."""

from case import IMPATIENT, KIB, accepted, refused
from ktorws_ctypes import Initiator, Status

OFFER = dict(add_subprotocol=[b"chat", b"superchat"])
ECHOED = ["", "a", "κόσμε", b"", b"\x00\xff", "x" * 125, "x" * 126, b"x" * 65535, b"x" * 65536]

CASES = [
    # 101 with something missing or wrong
    refused("upgrade-missing", "Upgrade"),
    refused("upgrade-wrong", "Upgrade", "h2c"),
    refused("upgrade-empty", "Upgrade"),
    refused("upgrade-list", "Upgrade", "h2c, websocket", "RFC 6455 section 4.1, 2"),
    refused("upgrade-list-the-other-way", "Upgrade", "websocket, h2c", "RFC 6455 section 4.1, 2"),
    refused("connection-missing", "Connection"),
    refused("connection-close", "Connection", "close", "RFC 6455 section 4.1, 3"),
    refused("connection-other-token", "Connection"),
    *(
        refused("accept-" + name, "Sec-WebSocket-Accept")
        for name in "missing empty short wrong of-sample-key other-case unpadded twice twice-equal".split()
    ),
    *(refused(name) for name in "http-0.9 http-1.0 http-2 http-2.0 http-lower-case icy".split()),
    *(refused("status-" + name) for name in "10 1010 negative word 100-and-frames 102-and-frames".split()),
    refused("status-100-only", connect=(Status.TIMEOUT,), config=IMPATIENT),
    refused("status-102-only", connect=(Status.TIMEOUT,), config=IMPATIENT),
    refused("interim-endless", poured=16 * KIB * KIB),
    refused("subprotocol-unoffered", "soap"),
    refused("subprotocol-unoffered", "soap", config=OFFER, variant="among-offered"),
    refused("subprotocol-empty", "RFC 6455 section 4.2.2", config=OFFER),
    refused("subprotocol-two", "chat, superchat", config=OFFER),
    refused("subprotocol-two-fields", config=OFFER),
    refused("subprotocol-case", "CHAT", config=OFFER),
    refused("extension-unoffered", "permessage-deflate"),
    refused("extension-unknown", "x-unheard-of"),
    refused("extension-of-old-draft", "x-webkit-deflate-frame"),
    refused("extension-without-name"),
    # unusual and right
    accepted("/handshake/connection-list"),
    accepted("/handshake/connection-two-fields"),
    accepted("/handshake/case"),
    accepted("/handshake/accept-white-space"),
    accepted("/handshake/reason-empty"),
    accepted("/handshake/reason-missing"),
    accepted("/handshake/reason-8-bit"),
    accepted("/handshake/interim-100"),
    accepted("/handshake/interim-103"),
    accepted("/handshake/interim-three"),
    accepted("/handshake/interim-103-and-101-together"),
    accepted("/handshake/subprotocol-none", config=OFFER),
    accepted("/handshake/subprotocol-last", config=OFFER, subprotocol="superchat"),
    # usual
    accepted("/handshake/hello"),
    accepted("/handshake/echo", act="echo", sent=ECHOED, messages=ECHOED, initiator=Initiator.LOCAL),
]
