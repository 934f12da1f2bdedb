"""The key log: for who wants to read his own traffic, in the format of SSLKEYLOGFILE."""

import concurrent.futures
import os
import re
import stat

from checking import equal, true
from lab_client import configured
from lab_server import V1_2, V1_3
from settings import invalid, serving, setting, visit

LINE = re.compile(r"([A-Z0-9_]+) ([0-9a-f]{64}) ([0-9a-f]{64}(?:[0-9a-f]{32})?)\n")
# What it takes to decrypt a connection.
NEEDED = {
    "TLSv1.2": {"CLIENT_RANDOM"},
    "TLSv1.3": {
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    },
}


def entries(path):
    """(label, client's random, secret) of each line"""
    with open(path, encoding="ascii") as lines:
        found = [(line, LINE.fullmatch(line)) for line in lines if not line.startswith("#")]
    equal(f"lines of {os.path.basename(path)} that are no entries", [line for line, match in found if not match], [])
    return [match.groups() for _, match in found]


@setting("key-log/what OpenSSL's log has of the same connection")
def _(lab):
    for versions in ((V1_2, V1_2), (V1_3, V1_3)):
        ours, theirs = lab.fresh(f"client-{versions[0].name}.keys"), lab.fresh(f"server-{versions[0].name}.keys")
        with serving(lab, versions=versions, key_log=theirs) as server:
            with configured(lab, set_tls_key_log_file=ours.encode()) as configuration:
                # the second one is resumed
                records = [visit(server, configuration) for _ in range(2)]
        version = records[0].version
        wanted = {entry for entry in entries(theirs) if entry[0] in NEEDED[version]}
        equal("labels of the server", {label for label, _, _ in wanted}, NEEDED[version])
        equal("connections", {random for _, random, _ in wanted}, {record.hello.random.hex() for record in records})
        equal("missing in the client's log", wanted - set(entries(ours)), set())


@setting("key-log/read by its owner alone, appended")
def _(lab):
    path = lab.fresh("appended.keys")
    with serving(lab) as server, configured(lab, set_tls_key_log_file=path.encode()) as configuration:
        visit(server, configuration)
        equal("mode", oct(stat.S_IMODE(os.stat(path).st_mode)), oct(0o600))
        first = entries(path)
        visit(server, configuration)
        both = entries(path)
        true("nothing was added", len(both) > len(first))
        equal("what was there before", both[: len(first)], first)
        # another configuration, which finds the file there
        with configured(lab, set_tls_key_log_file=path.encode()) as other:
            visit(server, other)
        equal("what was there before", entries(path)[: len(both)], both)
        equal("connections", len({random for _, random, _ in entries(path)}), 3)


@setting("key-log/only while it is on")
def _(lab):
    path, other = lab.fresh("on.keys"), lab.fresh("other.keys")
    with serving(lab) as server, configured(lab, set_tls_key_log_file=path.encode()) as configuration:
        first = visit(server, configuration)
        configuration.change(set_tls_key_log_file=None)
        visit(server, configuration)
        configuration.change(set_tls_key_log_file=other.encode())
        last = visit(server, configuration)
        with configured(lab) as without:
            visit(server, without)
    equal("connections", {random for _, random, _ in entries(path)}, {first.hello.random.hex()})
    equal("connections", {random for _, random, _ in entries(other)}, {last.hello.random.hex()})


@setting("key-log/of many at once")
def _(lab):
    path, count, times = lab.fresh("many.keys"), 8, 4

    def visits(_):
        with serving(lab) as server, configured(lab, set_tls_key_log_file=path.encode()) as configuration:
            return [visit(server, configuration).hello.random.hex() for _ in range(times)]

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        randoms = {random for some in pool.map(visits, range(count)) for random in some}
    equal("connections", {random for _, random, _ in entries(path)}, randoms)


@setting("key-log/a file that cannot be")
def _(lab):
    path = lab.fresh("still.keys")
    with serving(lab) as server, configured(lab, set_tls_key_log_file=path.encode()) as configuration:
        for value in (b"", lab.directory.encode(), lab.path("absent/keys").encode()):
            invalid(configuration, "set_tls_key_log_file", value)
        # what was set before is still set
        record = visit(server, configuration)
    equal("connections", {random for _, random, _ in entries(path)}, {record.hello.random.hex()})
