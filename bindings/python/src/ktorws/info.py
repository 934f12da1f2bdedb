"""What is known of a session."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Statistics:
    """The numbers of a session at a moment: messages, bytes, and microseconds."""

    messages_sent: int
    messages_received: int
    payload_sent: int
    payload_received: int
    wire_sent: int
    wire_received: int
    compressed_sent_before: int
    compressed_sent_after: int
    compressed_received_before: int
    compressed_received_after: int
    pings_sent: int
    pings_received: int
    pongs_sent: int
    pongs_received: int
    last_rtt_us: int
    incoming_messages: int
    incoming_bytes: int
    outgoing_messages: int
    outgoing_bytes: int
    # By a queue with the policy drop_oldest.
    incoming_dropped: int
    outgoing_dropped: int
    resolve_us: int
    connect_us: int
    tls_us: int
    handshake_us: int
    proxy_us: int
    reconnects: int


# As sockets name theirs: host and port, of IPv6 also flow and scope; the path of a Unix socket.
Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int] | str


@dataclass(frozen=True)
class SessionInfo:
    """The connection of a session. What is of TLS is None without it."""

    local_address: Address
    # Of the server, or of the proxy.
    remote_address: Address
    # Its URL without credentials.
    proxy: str | None
    http_version: str
    tls_version: str | None
    # As the IANA registry names them.
    tls_cipher_suite: str | None
    tls_key_exchange_group: str | None
    # Whether TLS resumed a session of an earlier connection.
    tls_resumed: bool
    # The protocol that the server chose within TLS.
    alpn: str | None


@dataclass(frozen=True)
class DeflateInfo:
    """What both sides have agreed on for permessage-deflate (RFC 7692 section 7.1)."""

    # Of this side's compression.
    level: int
    client_max_window_bits: int
    server_max_window_bits: int
    client_no_context_takeover: bool
    server_no_context_takeover: bool


def address_of(text: str) -> Address:
    """An address as the library writes it."""
    if v6 := re.fullmatch(r"\[([^%\]]*)(?:%(\d+))?\]:(\d+)", text):
        host, scope, port = v6.groups()
        return host, int(port), 0, int(scope or 0)
    if v4 := re.fullmatch(r"(\d+\.\d+\.\d+\.\d+):(\d+)", text):
        return v4[1], int(v4[2])
    return text


def tls_version_of(number: int) -> str | None:
    """The name of a version of TLS; None for a connection without."""
    return {0x0303: "1.2", 0x0304: "1.3"}.get(number)
