"""The server goes before it has answered, or never comes."""

import errno

import tcp_faults
from case import IMPATIENT, accepted, refused
from ktorws_ctypes import Phase, Status

# a label is at most 63 bytes long, so no name server needs to be asked
UNRESOLVABLE = 64 * "a" + ".invalid"

CASES = [
    # the server goes, or never comes
    refused("/tcp/silent", "400", connect=(Status.TIMEOUT,), config=IMPATIENT),
    refused("/tcp/silent-after-half-the-head", "400", connect=(Status.TIMEOUT,), config=IMPATIENT),
    refused("/tcp/one-header-after-another", "400", connect=(Status.TIMEOUT,), config=IMPATIENT),
    refused("/tcp/one-byte-after-another", "400", connect=(Status.TIMEOUT,), config=IMPATIENT),
    refused("/tcp/fin", r"\b0 bytes"),
    refused("/tcp/fin-after-half-the-head", r"\b60 bytes"),
    refused("/tcp/rst", connect=(Status.IO,), errno=errno.ECONNRESET),
    refused("/tcp/rst-after-half-the-head", connect=(Status.IO,), errno=errno.ECONNRESET),
    *(refused("/tcp/" + name) for name in tcp_faults.NOT_HTTP),
    refused("/tcp/empty-lines"),
    refused("/at-accept/fin", port="at-accept/fin", connect=(Status.HANDSHAKE_INVALID, Status.IO)),
    refused(
        "/at-accept/rst",
        port="at-accept/rst",
        connect=(Status.IO, Status.CONNECT),
        phase=(Phase.CONNECT, Phase.HANDSHAKE),
    ),
    refused("/at-accept/ssh", port="at-accept/ssh"),
    refused("/at-accept/silent", port="at-accept/silent", connect=(Status.TIMEOUT,), config=IMPATIENT),
    refused(
        "/at-accept/silent-tls",
        port="at-accept/silent",
        url="wss://127.0.0.1:{port}/",
        connect=(Status.TIMEOUT,),
        phase=(Phase.TLS,),
        config=IMPATIENT,
    ),
    refused(
        "/at-accept/ssh-tls",
        port="at-accept/ssh",
        url="wss://127.0.0.1:{port}/",
        connect=(Status.TLS,),
        phase=(Phase.TLS,),
    ),
    refused("/no-server/tls-to-plain", url="wss://127.0.0.1:{port}/", connect=(Status.TLS,), phase=(Phase.TLS,)),
    refused(
        "/no-server/unresolvable",
        UNRESOLVABLE,
        url=f"ws://{UNRESOLVABLE}/",
        connect=(Status.RESOLVE,),
        phase=(Phase.RESOLVE,),
    ),
    refused(
        "/no-server/refused",
        "{port}",
        port="refused",
        connect=(Status.CONNECT,),
        phase=(Phase.CONNECT,),
        errno=errno.ECONNREFUSED,
    ),
    refused(
        "/no-server/full",
        "300",
        port="full",
        connect=(Status.TIMEOUT,),
        phase=(Phase.CONNECT,),
        config=dict(connect_timeout_ms=300),
    ),
    # odd pieces
    accepted("/tcp/slow"),
    accepted("/tcp/byte-by-byte", messages=["x" * 300, "abcd"], pongs=["pp"]),
    accepted("/tcp/frames-behind-head", pongs=["p"]),
    accepted("/tcp/frame-split-behind-head", act="say-ready"),
    accepted("/tcp/head-split-before-its-end"),
]
