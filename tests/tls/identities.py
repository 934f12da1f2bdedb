"""Authorities and certificates, good ones and bad ones, made on the spot."""

import base64
import dataclasses
import datetime
import hashlib
import ipaddress
import itertools
import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
LOCAL = ("localhost", "127.0.0.1", "::1")
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ENCODING, FORMAT = serialization.Encoding, serialization.PrivateFormat
# sha256WithRSAEncryption and sha1WithRSAEncryption
SHA256_OID, SHA1_OID = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
# One of those that are given away for examples.
UNKNOWN_OID = x509.ObjectIdentifier("2.999.1")

KEYS = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa4096": lambda: rsa.generate_private_key(65537, 4096),
}
numbers = itertools.count(1)


@dataclasses.dataclass
class Identity:
    """A certificate, its key, and the certificates that are sent behind it."""

    certificate: x509.Certificate
    key: object
    chain: tuple = ()
    # the Identity that has signed it
    issuer: object = None

    @property
    def pem(self):
        return b"".join(c.public_bytes(ENCODING.PEM) for c in (self.certificate, *self.chain))

    def key_pem(self, form=FORMAT.PKCS8, password=None):
        protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return self.key.private_bytes(ENCODING.PEM, form, protection)

    @property
    def der(self):
        return self.certificate.public_bytes(ENCODING.DER)

    @property
    def common_name(self):
        return common_name(self.certificate.subject)

    @property
    def pin_bytes(self):
        spki = self.key.public_key().public_bytes(ENCODING.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(spki).digest()

    @property
    def patterns(self):
        """for what an expected message may speak of"""
        found = {
            "subject": common_name(self.certificate.subject),
            "issuer": common_name(self.certificate.issuer),
            "pin": base64.b64encode(self.pin_bytes).decode(),
        }
        if self.chain:
            found["chain_subject"] = common_name(self.chain[0].subject)
        return {name: re.escape(text) for name, text in found.items()} | {
            "after": date_pattern(self.certificate.not_valid_after_utc),
            "before": date_pattern(self.certificate.not_valid_before_utc),
            "chain_after": date_pattern(self.chain[0].not_valid_after_utc) if self.chain else "",
        }


def date_pattern(date):
    """however it is written"""
    return f"({date:%Y-%m-%d}[T ]|{date:%b} +{date.day} ){date:%H:%M:%S}"


def common_name(name):
    return name.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def named(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def general_name(name):
    """an address where it is one; `dns:` in front makes a DNS name of it all the same"""
    if name.startswith("dns:"):
        return x509.DNSName(name.removeprefix("dns:"))
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def issue(
    common=None,
    by=None,
    *,
    key="p256",
    names=LOCAL,
    days=(-1, 365),
    usage=SERVER,
    authority=False,
    path_length=None,
    permitted=None,
    chain=(),
    digest=None,
    critical=False,
):
    """A certificate signed by the key of `by`, or by its own. The common name tells nothing of what is wrong with it:
    so no message is right by chance."""
    made = KEYS[key]()
    subject = named(common or f"subject {next(numbers):03}")
    signer = by.key if by else made
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(made.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
        .add_extension(x509.BasicConstraints(authority, path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(made.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False), critical=True
        )
    )
    if names and not authority:
        builder = builder.add_extension(x509.SubjectAlternativeName(map(general_name, names)), critical=False)
    if usage and not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if permitted:
        builder = builder.add_extension(x509.NameConstraints([x509.DNSName(permitted)], None), critical=True)
    if critical:
        unknown = x509.UnrecognizedExtension(UNKNOWN_OID, b"\x05\x00")
        builder = builder.add_extension(unknown, critical=True)
    certificate = builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    if digest == "sha1":
        certificate = signed_with_sha1(certificate, signer)
    return Identity(certificate, made, tuple(c.certificate for c in chain), by)


def authority(common, by=None, **how):
    return issue(common, by, authority=True, **{"days": (-1, 3650), **how})


def signed_with_sha1(certificate, signer):
    """the same with a weaker signature of the same length: libraries do not make any today"""
    signed = certificate.tbs_certificate_bytes.replace(SHA256_OID, SHA1_OID)
    signature = signer.sign(signed, padding.PKCS1v15(), hashes.SHA1())
    der = certificate.public_bytes(ENCODING.DER).replace(SHA256_OID, SHA1_OID)
    return x509.load_der_x509_certificate(der[: -len(signature)] + signature)


def elements(der):
    """the elements of some DER, whole"""
    found = []
    while der:
        size, start = der[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(der[2:start], "big")
        found.append(der[: start + size])
        der = der[start + size :]
    return found


def sequence(*parts):
    size = len(b"".join(parts))
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return b"\x30" + (length if size < 0x80 else bytes([0x80 | len(length)]) + length) + b"".join(parts)


def content(element):
    return element[2 + (element[1] & 0x7F if element[1] & 0x80 else 0) :]


def of_version_1(identity, signer):
    """the same as X.509 had certificates before 1996: neither a version nor extensions"""
    fields = elements(content(identity.certificate.tbs_certificate_bytes))
    signed = sequence(*(field for field in fields if field[0] not in (0xA0, 0xA3)))
    algorithm = elements(content(identity.der))[1]
    signature = signer.sign(signed, ec.ECDSA(hashes.SHA256()))
    bits = b"\x03" + bytes([len(signature) + 1]) + b"\0" + signature
    certificate = x509.load_der_x509_certificate(sequence(signed, algorithm, bits))
    assert certificate.version == x509.Version.v1
    return dataclasses.replace(identity, certificate=certificate)


def revocation_list(by, *revoked, extensions=None):
    """in PEM"""
    usual = [
        (x509.CRLNumber(2), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), False),
    ]
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(by.certificate.subject)
        .last_update(NOW - DAY)
        .next_update(NOW + 30 * DAY)
    )
    for extension, is_critical in usual if extensions is None else extensions:
        builder = builder.add_extension(extension, is_critical)
    for identity in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(identity.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(NOW - DAY).build())
    return builder.sign(by.key, hashes.SHA256()).public_bytes(ENCODING.PEM)
