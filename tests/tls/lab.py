"""The identities of the lab: its authorities, a server for every fault of a certificate, and some clients."""

import contextlib
import os

from identities import CLIENT, authority, issue, of_version_1, revocation_list


class Lab:
    """Files of `directory`: NAME.pem with certificate, chain and key of every identity, and the authorities that the
    client trusts in ca.pem."""

    def __init__(self, directory):
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self.directory = directory
        root = authority("lab root")
        # Whoever signs with SHA-1 must be RSA: see signed_with_sha1.
        rsa_root = authority("lab rsa root", key="rsa2048")
        self.root, self.other_root = root, authority("other root")
        self.identities = servers(root, rsa_root, self.other_root) | clients(root, self.other_root)
        self.identities["impostor"] = impostor(root, self["valid"])
        for name, identity in self.identities.items():
            self.write(f"{name}.pem", identity.pem + identity.key_pem())
        self.ca = self.write("ca.pem", root.pem + rsa_root.pem)
        self.other_ca = self.write("other-ca.pem", self.other_root.pem)
        intermediate = self.identities["revoked-chain"].issuer
        self.crl = self.write(
            "crl.pem",
            revocation_list(root, self["revoked"], intermediate)
            + revocation_list(rsa_root)
            + revocation_list(intermediate),
        )
        sound = self.identities["chain"].issuer
        self.chain_crl = self.write(
            "chain-crl.pem", revocation_list(root) + revocation_list(sound, self["revoked-under-chain"])
        )

    def __getitem__(self, name):
        return self.identities[name]

    def path(self, name):
        return os.path.join(self.directory, name)

    def fresh(self, name):
        """the path of a file that is not there"""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(name))
        return self.path(name)

    def write(self, name, content):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)
        return path.encode()


def under(issuer, chain=None, **how):
    """a server whose chain has an intermediate, which it sends unless `chain` says otherwise"""
    return issue(by=issuer, chain=(issuer,) if chain is None else chain, **how)


def servers(root, rsa_root, other_root):
    intermediate = authority("lab intermediate", root, path_length=0)
    below = authority("lab below", intermediate, path_length=0)
    # as an authority has it that is used beyond its time
    late = authority("lab second", root, path_length=0, days=(-100, -2))
    limited = authority("lab limited", root, path_length=0, permitted="good.test")
    withdrawn = authority("lab third", root, path_length=0)
    no_authority = issue("lab leaf", root)
    return {
        "valid": issue(by=root),
        # another key, for those who have to tell two servers apart
        "second": issue(by=root),
        "rsa": issue(by=root, key="rsa2048"),
        "rsa4096": issue(by=root, key="rsa4096"),
        "rsa1024": issue(by=root, key="rsa1024"),
        "p384": issue(by=root, key="p384"),
        "p521": issue(by=root, key="p521"),
        "ed25519": issue(by=root, key="ed25519"),
        "chain": under(intermediate),
        "chain-with-root": under(intermediate, chain=(intermediate, root)),
        "chain-extra": under(intermediate, chain=(other_root, intermediate)),
        # more than one record holds
        "chain-long": under(intermediate, chain=(other_root,) * 60 + (intermediate,)),
        "no-intermediate": under(intermediate, chain=()),
        "wildcard": issue(by=root, names=("*.lab.test",)),
        "wildcard-partial": issue(by=root, names=("w*.lab.test",)),
        "wildcard-alone": issue(by=root, names=("*",)),
        "case-of-names": issue(by=root, names=("LocalHost",)),
        "expired": issue(by=root, days=(-30, -1)),
        "not-yet": issue(by=root, days=(2, 30)),
        "expired-intermediate": under(late),
        "wrong-host": issue(by=root, names=("other.test", "also.test")),
        "suffix-host": issue(by=root, names=("localhost.evil.test",)),
        "wrong-ip": issue(by=root, names=("127.0.0.2",)),
        "ip-as-dns": issue(by=root, names=("dns:127.0.0.1",)),
        # the one whose common name has to be the host's
        "cn-only": issue("localhost", root, names=()),
        "wrong-usage": issue(by=root, usage=CLIENT),
        "no-usage": issue(by=root, usage=None),
        "self-signed": issue(),
        "untrusted": issue(by=other_root, chain=(other_root,)),
        "same-name": issue(by=authority("lab root")),
        # what a terminal would obey, and more than anybody reads
        "odd-subject": issue("two\nlines \x1b[31m", root, names=("other.test",)),
        "many-names": issue(by=root, names=[f"{number}.other.test" for number in range(500)]),
        "leaf-as-ca": under(no_authority),
        "name-constraint": under(limited),
        "path-length": under(below, chain=(below, intermediate)),
        "critical-extension": issue(by=root, critical=True),
        "version-1": of_version_1(issue(by=root), root.key),
        "version-1-rsa": of_version_1(issue(by=root, key="rsa2048"), root.key),
        "version-1-rsa1024": of_version_1(issue(by=root, key="rsa1024"), root.key),
        "sha1": issue(by=rsa_root, key="rsa2048", digest="sha1"),
        "revoked": issue(by=root),
        "revoked-chain": under(withdrawn),
        "revoked-under-chain": under(intermediate),
    }


def impostor(root, victim):
    """another identity of the same authority, whose certificate is as long as the victim's"""
    while len((made := issue(by=root)).der) != len(victim.der):
        pass
    return made


def clients(root, other_root):
    intermediate = authority("lab client authority", root, path_length=0)
    client = dict(usage=CLIENT, names=())
    return {
        "client": issue("client one", root, **client),
        "client-two": issue("client two", root, **client),
        "client-rsa": issue("client rsa", root, key="rsa2048", **client),
        "client-p384": issue("client p384", root, key="p384", **client),
        "client-ed25519": issue("client ed25519", root, key="ed25519", **client),
        "client-chain": issue("client chain", intermediate, chain=(intermediate,), **client),
        "client-unknown": issue("client unknown", other_root, **client),
    }
