"""Writes ca.pem, server.pem and server.key for the TLS peers of the tests into a directory."""

import pathlib
import sys

import trustme

directory = pathlib.Path(sys.argv[1])
directory.mkdir(mode=0o700, parents=True, exist_ok=True)
ca = trustme.CA()
server = ca.issue_cert("localhost", "127.0.0.1")
server.private_key_pem.write_to_path(directory / "server.key")
(directory / "server.pem").write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
# last: its age tells the age of all three
ca.cert_pem.write_to_path(directory / "ca.pem")
