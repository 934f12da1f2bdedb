"""TLS sessions that are taken up again: within one configuration, and only as long as it is what it was."""

import base64
import concurrent.futures

from api import TLS_1_3
from checking import equal, true
from checks import Check
from client_hello import EARLY_DATA
from ktorws_ctypes import Session, Status
from lab_client import configured, talk, url
from lab_server import V1_2, V1_3, context
from settings import refusal, serving, setting, visit

BOTH = ((V1_2, V1_2), (V1_3, V1_3))


def visits(server, configuration, expected):
    """one for each; whether it is a resumed one. Their records"""
    records = [visit(server, configuration) for _ in expected]
    equal("resumed", [record.resumed for record in records], expected)
    for record in records:
        # it could be replayed
        true("early data was offered", EARLY_DATA not in record.hello.extensions)
    return records


@setting("resumption/within a configuration")
def _(lab):
    for versions in BOTH:
        for certificate in ("valid", "rsa"):
            with serving(lab, certificate, versions=versions) as server, configured(lab) as configuration:
                records = visits(server, configuration, [False, True, True, True])
                equal("offered to take up by the first", records[0].hello.tickets, [])
                if versions == (V1_3, V1_3):
                    # each once: who listens cannot tell that they belong together
                    tickets = [ticket for record in records for ticket in record.hello.tickets]
                    equal("times that a ticket was used", len(tickets) - len(set(tickets)), 0)


@setting("resumption/as a client with a certificate")
def _(lab):
    for versions in BOTH:
        with serving(lab, versions=versions, client_ca=lab.ca) as server:
            path = lab.path("client.pem").encode()
            with configured(lab, set_tls_client_cert_file=(path, None)) as configuration:
                records = visits(server, configuration, [False, True])
                equal("the client the server saw", [record.client for record in records], ["client one"] * 2)


@setting("resumption/not between configurations")
def _(lab):
    for versions in BOTH:
        with serving(lab, versions=versions) as server, configured(lab) as one, configured(lab) as other:
            visits(server, one, [False, True])
            record = visits(server, other, [False, True])[0]
            equal("offered to take up", record.hello.tickets, [])
        with serving(lab, "untrusted", versions=versions) as server:
            with configured(lab, set_tls_verify=(0, 0)) as careless, configured(lab) as careful:
                visits(server, careless, [False, True])
                refusal(server, careful)


@setting("resumption/not what the server has forgotten")
def _(lab):
    for versions in BOTH:
        with serving(lab, versions=versions) as server, configured(lab) as configuration:
            visits(server, configuration, [False, True])
            server.context = context(lab.path("second.pem"), versions=versions)
            visits(server, configuration, [False, True])
            server.context = context(lab.path("expired.pem"), versions=versions)
            refusal(server, configuration, "(?i)expired")


def pin(lab, name):
    return base64.b64encode(lab[name].pin_bytes)


# What is set when the configuration has a session to take up, so that it must not; and what was set before.
CHANGES = {
    "min-version": (dict(set_tls_min_version=TLS_1_3), {}),
    "alpn": (dict(set_tls_alpn=b"custom"), {}),
    "authority": (dict(add_tls_ca_file="other_ca"), {}),
    "pin": (dict(add_tls_pin_sha256="pin"), {}),
    "revocation lists": (dict(add_tls_crl_file="crl"), {}),
    "host off": (dict(set_tls_verify=(1, 0)), {}),
    "host on": (dict(set_tls_verify=(1, 1)), dict(set_tls_verify=(1, 0))),
    "peer on": (dict(set_tls_verify=(1, 1)), dict(set_tls_verify=(0, 0))),
    "server name": (dict(set_tls_server_name=b"127.0.0.1"), {}),
    "client certificate": (dict(set_tls_client_cert_file="client"), {}),
}


def filled(lab, settings):
    values = {
        "other_ca": lab.other_ca,
        "crl": lab.crl,
        "pin": pin(lab, "valid"),
        "client": (lab.path("client.pem").encode(), None),
    }
    return {name: values.get(value, value) for name, value in settings.items()}


@setting("resumption/not after a setting has changed")
def _(lab):
    for change, before in CHANGES.values():
        with serving(lab, versions=(V1_3, V1_3)) as server:
            with configured(lab, **filled(lab, before)) as configuration:
                visits(server, configuration, [False, True])
                with configuration.clone() as clone:
                    clone.change(**filled(lab, change))
                    equal("offered to take up", visits(server, clone, [False])[0].hello.tickets, [])
                configuration.change(**filled(lab, change))
                equal("offered to take up", visits(server, configuration, [False, True])[0].hello.tickets, [])


@setting("resumption/not with what would be refused now")
def _(lab):
    for versions in BOTH:
        for certificate, change, before in (
            ("untrusted", dict(set_tls_verify=(1, 1)), dict(set_tls_verify=(0, 0))),
            ("untrusted", dict(set_tls_verify=(1, 0)), dict(set_tls_verify=(0, 0))),
            ("wrong-host", dict(set_tls_verify=(1, 1)), dict(set_tls_verify=(1, 0))),
            ("valid", dict(add_tls_pin_sha256=pin(lab, "second")), {}),
            ("revoked", dict(add_tls_crl_file=lab.crl), {}),
            ("valid", dict(set_tls_server_name=b"other.test"), {}),
        ):
            with serving(lab, certificate, versions=versions) as server, configured(lab, **before) as configuration:
                visits(server, configuration, [False, True])
                configuration.change(**change)
                refusal(server, configuration)
        with serving(lab, versions=(V1_2, V1_2)) as server, configured(lab) as configuration:
            visits(server, configuration, [False, True])
            configuration.change(set_tls_min_version=TLS_1_3)
            refusal(server, configuration, status=Status.TLS, told="")


@setting("resumption/not as another client")
def _(lab):
    for versions in BOTH:
        with serving(lab, versions=versions, client_ca=lab.ca) as server, configured(lab) as configuration:
            for name in ("client", "client-two", "client"):
                configuration.change(set_tls_client_cert_file=(lab.path(f"{name}.pem").encode(), None))
                for record in visits(server, configuration, [False, True]):
                    equal("the client the server saw", record.client, lab[name].common_name)
            configuration.change(set_tls_client_cert_file=(None, None))
            refusal(server, configuration, status=Status.TLS, told="")


@setting("resumption/of many at once")
def _(lab):
    count = 8
    for versions in BOTH:
        with serving(lab, versions=versions) as server, configured(lab) as configuration:
            visits(server, configuration, [False, True])

            def one(_):
                check = Check()
                with Session(url(server), configuration) as session:
                    resumed = session.info.tls_resumed
                    talk(session, Status.CLOSED, check)
                return resumed, check.complaints

            with concurrent.futures.ThreadPoolExecutor(count) as pool:
                told = list(pool.map(one, range(count)))
            equal("complaints", [complaint for _, complaints in told for complaint in complaints], [])
            seen = [server.record().resumed for _ in range(count)]
            equal("ws_session_info.tls_resumed and what the server says", sum(resumed for resumed, _ in told), sum(seen))


@setting("resumption/none with a server that gives no tickets")
def _(lab):
    with serving(lab) as server, configured(lab) as configuration:
        server.context.num_tickets = 0
        visits(server, configuration, [False, False])
