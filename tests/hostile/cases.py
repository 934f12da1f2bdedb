"""For each fault of server.py: what the caller must see, and what must go over the wire."""

import closing_cases
import connect_cases
import deflate_cases
import frame_cases
import header_cases
import http_cases
import limit_cases
import negotiation_cases
import opening_cases
import ping_cases
import socks_cases
import tcp_cases
import utf8_cases

SUBJECTS = (
    opening_cases,
    header_cases,
    http_cases,
    tcp_cases,
    frame_cases,
    limit_cases,
    utf8_cases,
    closing_cases,
    ping_cases,
    negotiation_cases,
    deflate_cases,
    connect_cases,
    socks_cases,
)
CASES = [case for subject in SUBJECTS for case in subject.CASES]
