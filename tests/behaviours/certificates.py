"""Certificates for servers with TLS."""

import datetime
import ssl

import trustme

DAY = datetime.timedelta(days=1)


# Made before the tests' threads start: there is one.
AUTHORITY = trustme.CA()


def trusted():
    """the setting of a client that trusts the authority"""
    pem = AUTHORITY.cert_pem.bytes()
    return dict(add_tls_ca_pem=(pem, len(pem)))


def server_context(*names, by=None, **how):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (by or AUTHORITY).issue_cert(*names, **how).configure_cert(context)
    return context


def expired(*names):
    now = datetime.datetime.now(datetime.timezone.utc)
    return server_context(*names, not_before=now - 30 * DAY, not_after=now - DAY)
