"""Pins: SHA-256 of a server's public key, in base64."""

import base64

from checking import equal
from lab_client import configured
from lab_server import V1_2, V1_3
from settings import invalid, refusal, serving, setting, visit


def pin(identity):
    return base64.b64encode(identity.pin_bytes)


@setting("pin/right")
def _(lab):
    for versions in ((V1_2, V1_2), (V1_3, V1_3)):
        for certificate in ("valid", "rsa", "ed25519", "chain"):
            with serving(lab, certificate, versions=versions) as server:
                for form in (b"", b"sha256//"):
                    with configured(lab, add_tls_pin_sha256=form + pin(lab[certificate])) as configuration:
                        visit(server, configuration)


@setting("pin/wrong")
def _(lab):
    for versions in ((V1_2, V1_2), (V1_3, V1_3)):
        with serving(lab, versions=versions) as server:
            with configured(lab, add_tls_pin_sha256=pin(lab["second"])) as configuration:
                message = refusal(server, configuration, "(?i)pin", lab["valid"].patterns["pin"])
    return message


@setting("pin/any of several")
def _(lab):
    right, wrong, other = (pin(lab[name]) for name in ("valid", "second", "rsa"))
    with serving(lab) as server:
        for pins in ([right, wrong], [wrong, right], [wrong, other, right]):
            with configured(lab, add_tls_pin_sha256=pins) as configuration:
                visit(server, configuration)
        with configured(lab, add_tls_pin_sha256=[wrong, other]) as configuration:
            refusal(server, configuration, "(?i)pin")


@setting("pin/it does not make up for what is wrong")
def _(lab):
    for certificate in ("expired", "untrusted", "self-signed", "wrong-host"):
        with serving(lab, certificate) as server:
            with configured(lab, add_tls_pin_sha256=pin(lab[certificate])) as configuration:
                refusal(server, configuration)


@setting("pin/with the checks off")
def _(lab):
    for certificate in ("valid", "expired", "self-signed", "wrong-host"):
        with serving(lab, certificate) as server:
            for verify in ((0, 0), (0, 1)):
                with configured(lab, set_tls_verify=verify, add_tls_pin_sha256=pin(lab[certificate])) as configuration:
                    visit(server, configuration)
                with configured(lab, set_tls_verify=verify, add_tls_pin_sha256=pin(lab["second"])) as configuration:
                    refusal(server, configuration, "(?i)pin")
    with serving(lab, "wrong-host") as server:
        with configured(lab, set_tls_verify=(1, 0), add_tls_pin_sha256=pin(lab["second"])) as configuration:
            refusal(server, configuration, "(?i)pin")


@setting("pin/that is none")
def _(lab):
    right = pin(lab["valid"])
    one_byte_less, one_more = (
        base64.b64encode(raw) for raw in (lab["valid"].pin_bytes[:-1], lab["valid"].pin_bytes + b"x")
    )
    wrong = (
        b"",
        b"sha256//",
        b"sha1//" + right,
        b"sha256/" + right,
        b"SHA256:" + right,
        right[:-1],
        right + b"=",
        right[:-2] + b"!=",
        b" " + right,
        right + b"\n",
        right + b";" + right,
        one_byte_less,
        one_more,
        lab["valid"].pin_bytes.hex().encode(),
    )
    with serving(lab, "second") as server, configured(lab, add_tls_pin_sha256=right) as configuration:
        for value in wrong:
            invalid(configuration, "add_tls_pin_sha256", value)
        # what was set before is still set
        refusal(server, configuration, "(?i)pin")
        configuration.change(add_tls_pin_sha256=pin(lab["second"]))
        equal("the version", visit(server, configuration).version, "TLSv1.3")
