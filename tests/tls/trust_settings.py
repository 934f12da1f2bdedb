"""Authorities from files, directories and memory; names; switching the checks off."""

import base64
import os
import ssl

from checking import among, equal
from cryptography import x509
from identities import revocation_list
from ktorws_ctypes import Configuration, Status
from lab_client import configured
from lab_cases import WEAK
from lab_server import V1_2, V1_3, Server, context
from settings import invalid, refusal, serving, setting, visit

UNKNOWN_CA = "ALERT_UNKNOWN_CA$"
DAMAGED = b"-----BEGIN CERTIFICATE-----\nMIIBdamagedAAAA\n-----END CERTIFICATE-----\n"


def trusts(lab, **settings):
    with serving(lab) as server, configured(lab, **settings) as configuration:
        visit(server, configuration)


def pem(content):
    return content, len(content)


@setting("ca-file/several, with text between them")
def _(lab):
    between = b"# one\r\n" + lab.other_root.pem + b"\nSubject: two\n\n" + lab.root.pem + b"the end, without a newline"
    trusts(lab, add_tls_ca_file=lab.write("ca-file/between.pem", between))


@setting("ca-file/CRLF")
def _(lab):
    trusts(lab, add_tls_ca_file=lab.write("ca-file/crlf.pem", lab.root.pem.replace(b"\n", b"\r\n")))


@setting("ca-file/read when it is set")
def _(lab):
    path = lab.write("ca-file/gone.pem", lab.root.pem)
    with serving(lab) as server, configured(lab, add_tls_ca_file=path) as configuration:
        os.unlink(path)
        visit(server, configuration)


@setting("ca-file/several calls")
def _(lab):
    trusts(lab, add_tls_ca_file=[lab.other_ca, lab.ca, lab.other_ca])


@setting("ca-file/another authority")
def _(lab):
    with serving(lab) as server, configured(lab, add_tls_ca_file=lab.other_ca) as configuration:
        return refusal(server, configuration, "lab root", told=UNKNOWN_CA)


@setting("ca-pem/several")
def _(lab):
    trusts(lab, add_tls_ca_pem=pem(lab.other_root.pem + lab.root.pem))


@setting("ca-pem/several calls, and a file")
def _(lab):
    trusts(lab, add_tls_ca_pem=[pem(lab.other_root.pem), pem(lab.root.pem)], add_tls_ca_file=lab.other_ca)


@setting("ca-pem/up to its size, or to the NUL")
def _(lab):
    trusts(lab, add_tls_ca_pem=(lab.root.pem + b"-----BEGIN CERTIFICATE-----\n", len(lab.root.pem)))
    trusts(lab, add_tls_ca_pem=(lab.root.pem, (1 << 64) - 1))


def make_directory(lab, name, files):
    """its path"""
    for file, content in files.items():
        lab.write(f"{name}/{file}", content)
    return lab.path(name).encode()


@setting("ca-dir/with junk in it")
def _(lab):
    path = make_directory(
        lab,
        "ca-dir-junk",
        {
            "README": b"This is not a certificate.\n",
            "empty.pem": b"",
            "a.key": lab.other_root.key_pem(),
            "binary.crt": bytes(range(256)) * 16,
            "damaged.pem": DAMAGED,
            "lists.pem": b"".join(open(lab.crl, "rb").readlines()),
            "other.pem": lab.other_root.pem,
            "directory/inside.pem": lab.other_root.pem,
            "zz.pem": lab.root.pem,
        },
    )
    for target, link in ((b"absent.pem", b"dangling.pem"), (b"zz.pem", b"0123abcd.0"), (b".", b"itself")):
        if not os.path.islink(os.path.join(path, link)):
            os.symlink(target, os.path.join(path, link))
    trusts(lab, add_tls_ca_dir=path)


@setting("ca-dir/by the names of a hash alone")
def _(lab):
    path = make_directory(lab, "ca-dir-hash", {"0a1b2c3d.0": lab.other_root.pem, "0a1b2c3d.1": lab.root.pem})
    trusts(lab, add_tls_ca_dir=path)


@setting("ca-dir/another authority")
def _(lab):
    path = make_directory(lab, "ca-dir-other", {"other.pem": lab.other_root.pem})
    with serving(lab) as server:
        with configured(lab, add_tls_ca_dir=path) as configuration:
            refusal(server, configuration, "lab root", told=UNKNOWN_CA)
        with configured(lab, add_tls_ca_dir=path, add_tls_ca_file=lab.ca) as configuration:
            visit(server, configuration)
        with configured(
            lab, add_tls_ca_dir=[path, make_directory(lab, "ca-dir-lab", {"ca.pem": lab.root.pem})]
        ) as both:
            visit(server, both)


@setting("authorities that are none")
def _(lab):
    empty = make_directory(lab, "ca-dir-none", {"README": b"nothing\n"})
    with serving(lab) as server, configured(lab) as configuration:
        for path in (b"", lab.path("absent").encode(), lab.directory.encode(), lab.write("none.pem", b"nothing\n")):
            invalid(configuration, "add_tls_ca_file", path)
        for path in (b"", lab.path("absent").encode(), lab.ca, empty):
            invalid(configuration, "add_tls_ca_dir", path)
        for path in (lab.write("damaged.pem", DAMAGED), lab.write("key.pem", lab["valid"].key_pem())):
            invalid(configuration, "add_tls_ca_file", path)
        for text in (b"", b"nothing", DAMAGED, lab.root.pem[:-40], lab.root.pem + DAMAGED):
            invalid(configuration, "add_tls_ca_pem", *pem(text))
        for name in ("file", "dir"):
            invalid(configuration, f"add_tls_ca_{name}", None)
        invalid(configuration, "add_tls_ca_pem", None, 0)
        # what was set before is still set
        visit(server, configuration)


@setting("revocation lists that are none")
def _(lab):
    with serving(lab, "revoked") as server, configured(lab, add_tls_crl_file=lab.crl) as configuration:
        for path in (
            b"",
            lab.path("absent").encode(),
            lab.directory.encode(),
            lab.ca,
            lab.write("none.pem", b"none\n"),
        ):
            invalid(configuration, "add_tls_crl_file", path)
        invalid(configuration, "add_tls_crl_file", None)
        refusal(server, configuration, "(?i)revoked")


@setting("the system's trust store")
def _(lab):
    with serving(lab) as server:
        for on in (0, 1):
            with configured(lab, set_tls_system_store=on) as configuration:
                visit(server, configuration)
        with Configuration(set_tls_system_store=0) as configuration:
            refusal(server, configuration, "no authority is trusted", status=Status.TLS, told="")
            for switch in (-1, 2):
                invalid(configuration, "set_tls_system_store", switch)


@setting("revocation lists of odd kinds")
def _(lab):
    # without any extensions, as older tools make them; and two that are only parts of a list
    partial = x509.IssuingDistributionPoint(None, None, False, False, None, True, False)
    kinds = {"plain": [], "delta": [(x509.DeltaCRLIndicator(1), True)], "indirect": [(partial, True)]}
    for name, extensions in kinds.items():
        path = lab.write(f"{name}.crl", revocation_list(lab.root, lab["revoked"], extensions=extensions))
        with serving(lab, "revoked") as server, serving(lab) as other, configured(lab) as configuration:
            # one that cannot be used is refused at once, and one that is taken is of use
            status = configuration.call("add_tls_crl_file", path)
            among(f"ws_config_add_tls_crl_file, {name}", status, (Status.OK, Status.INVALID_ARGUMENT))
            if status == Status.OK:
                refusal(server, configuration, "(?i)revoked")
                visit(other, configuration)


@setting("server-name/in place of the host")
def _(lab):
    with serving(lab, "wrong-host") as server:
        with configured(lab, set_tls_server_name=b"also.test") as configuration:
            equal("name asked for", visit(server, configuration, "127.0.0.1").hello.server_name, "also.test")
        with configured(lab, set_tls_server_name=b"another.test") as configuration:
            return refusal(server, configuration, r"another\.test", r"other\.test", r"also\.test")


@setting("server-name/an address in place of the host")
def _(lab):
    with serving(lab, "wrong-ip") as server:
        with configured(lab, set_tls_server_name=b"127.0.0.2") as configuration:
            equal("name asked for", visit(server, configuration).hello.server_name, None)
        with configured(lab, set_tls_server_name=b"127.0.0.3") as configuration:
            return refusal(server, configuration, r"127\.0\.0\.2", r"127\.0\.0\.3")


@setting("server-name/values that are none")
def _(lab):
    with serving(lab, "wrong-host") as server, configured(lab, set_tls_server_name=b"other.test") as configuration:
        for name in (None, b"", b"two words", b"other.test:443", b"a\r\nb", b"other..test", b"*.test"):
            invalid(configuration, "set_tls_server_name", name)
        visit(server, configuration)


@setting("verify/host off")
def _(lab):
    with serving(lab, "wrong-host") as server:
        with configured(lab, set_tls_verify=(1, 0)) as configuration:
            equal("name asked for", visit(server, configuration).hello.server_name, "localhost")
        with configured(lab) as configuration:
            refusal(server, configuration, "localhost")
    for certificate in ("expired", "untrusted", "self-signed", "wrong-usage", "leaf-as-ca", "name-constraint"):
        with serving(lab, certificate) as server, configured(lab, set_tls_verify=(1, 0)) as configuration:
            refusal(server, configuration)
    with serving(lab, "revoked") as server:
        with configured(lab, set_tls_verify=(1, 0), add_tls_crl_file=lab.crl) as configuration:
            refusal(server, configuration, "(?i)revoked")


@setting("verify/peer off")
def _(lab):
    for certificate in ("expired", "not-yet", "untrusted", "self-signed", "wrong-host", "wrong-usage", "cn-only"):
        with serving(lab, certificate) as server:
            for host in (0, 1):
                with configured(lab, set_tls_verify=(0, host)) as configuration:
                    visit(server, configuration)
            # and the next one is as strict as ever
            with configured(lab) as configuration:
                refusal(server, configuration)


@setting("verify/peer off: any certificate of which the key can be proved")
def _(lab):
    for certificate in ("critical-extension", "version-1", "version-1-rsa", "p384", "ed25519", "rsa", "rsa4096", "sha1"):
        for version in (V1_2, V1_3):
            with serving(lab, certificate, versions=(version, version), ciphers=WEAK) as server:
                with configured(lab, set_tls_verify=(0, 0)) as configuration:
                    visit(server, configuration)
                # pins hold all the same
                pin = base64.b64encode(lab[certificate].pin_bytes)
                with configured(lab, set_tls_verify=(0, 0), add_tls_pin_sha256=pin) as configuration:
                    visit(server, configuration)
                pin = base64.b64encode(lab["second"].pin_bytes)
                with configured(lab, set_tls_verify=(0, 0), add_tls_pin_sha256=pin) as configuration:
                    refusal(server, configuration, "pinned")


@setting("verify/peer off: short keys")
def _(lab):
    for certificate in ("rsa1024", "version-1-rsa1024"):
        chosen_by_client = context(lab.path(f"{certificate}.pem"), versions=(V1_2, V1_2), ciphers=WEAK)
        chosen_by_client.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
        with Server(chosen_by_client) as server:
            with configured(lab, set_tls_verify=(0, 0)) as configuration:
                visit(server, configuration)
            with configured(lab) as configuration:
                refusal(server, configuration)
        # with the padding of TLS 1.3 they are not supported, and the error says so
        for version in (V1_2, V1_3):
            with serving(lab, certificate, versions=(version, version), ciphers=WEAK) as server:
                with configured(lab, set_tls_verify=(0, 0)) as configuration:
                    message = refusal(server, configuration, "RSA key of 1024 bits", "not supported", "PSS", "2048")
    return message


@setting("verify/the server has to have the key, whatever is off")
def _(lab):
    # TLS 1.2, where certificates go unencrypted and can be swapped on the way
    server_context = context(lab.path("impostor.pem"), versions=(V1_2, V1_2))
    pin = base64.b64encode(lab["valid"].pin_bytes)
    swapped = lab["impostor"].der, lab["valid"].der
    for settings in (
        {},
        dict(set_tls_verify=(1, 0)),
        dict(set_tls_verify=(0, 0)),
        dict(set_tls_verify=(0, 0), add_tls_pin_sha256=pin),
    ):
        with Server(server_context, substitute=swapped) as server, configured(lab, **settings) as configuration:
            message = refusal(server, configuration, lab["valid"].patterns["subject"], told="ALERT_DECRYPT_ERROR$")
    return message


@setting("verify/off and on again")
def _(lab):
    with serving(lab, "untrusted") as server, configured(lab, set_tls_verify=(0, 0)) as configuration:
        visit(server, configuration)
        configuration.change(set_tls_verify=(1, 1))
        refusal(server, configuration, "other root", told=UNKNOWN_CA)
        configuration.change(set_tls_verify=(0, 0))
        visit(server, configuration)


@setting("verify/values that are none")
def _(lab):
    with serving(lab, "untrusted") as server, configured(lab) as configuration:
        for peer, host in ((2, 1), (1, 2), (-1, 1), (0, -1)):
            invalid(configuration, "set_tls_verify", peer, host)
        refusal(server, configuration)
