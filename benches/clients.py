"""The programs that are measured: which clients they hold, and one run of one client."""

import json
import os
import subprocess
from dataclasses import dataclass

import build

SKIPPED = 77
# The exit status of a program that lacks a function of a library.
UNLOADABLE = 127
PATIENCE_S = 60
# Of works of many connections, that much more.
CONNECTIONS_PER_S = 500
# Behind the name of a client with another build of the library.
OTHER = "-other"


class Skipped(Exception):
    """The client cannot do the work."""


class Failed(Exception):
    """The client should have done the work and did not."""


class TooSlow(Failed):
    """It did not end."""


@dataclass(frozen=True)
class Client:
    name: str
    # A command.
    program: tuple
    works: frozenset

    @property
    def same(self):
        """Its name with this build of the library."""
        return self.name.removesuffix(OTHER)

    @property
    def is_other(self):
        return self.name != self.same

    @property
    def is_own(self):
        return self.same.split("+")[0] == "ktorws"

    @property
    def is_peer(self):
        """Not this library, and not one of the yardsticks that are no libraries."""
        return not self.is_own and self.name.split("+")[0].split("-")[0] not in ("raw", "hop")

    @property
    def batches(self):
        return self.same.endswith("+batch")

    def settings(self):
        """A line that names the library's version and what it was told."""
        command = [*self.program, "--client", self.same, "--settings"]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S).stdout.strip()

    def run(self, work, count, server, core):
        """Does the work once and returns its metrics."""
        command = [*self.program, "--client", self.same, "--work", work.client_work, "--count", str(count)]
        command += ["--url", server.url(work, count)]
        if work.tls:
            command += ["--ca", server.ca_file]
        if work.text_size:
            command += ["--texts", build.texts_file(work.text_size)]
        if work.connections:
            command += ["--connections", str(work.connections), "--hosts", str(server.hosts(work))]
        patience = PATIENCE_S + work.connections // CONNECTIONS_PER_S

        def pin():
            if core is not None:
                os.sched_setaffinity(0, {core})

        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=patience, preexec_fn=pin)
        except subprocess.TimeoutExpired:
            raise TooSlow(f"it did not end within {patience} s") from None
        if done.returncode == SKIPPED:
            raise Skipped(done.stderr.strip())
        if self.is_other and done.returncode == UNLOADABLE:
            raise Skipped(f"the other build lacks what this work calls: {done.stderr.strip()}")
        if done.returncode != 0:
            raise Failed(f"exit status {done.returncode}: {done.stderr.strip()[-500:]}")
        return self.metrics(work, done.stdout)

    @staticmethod
    def metrics(work, output):
        try:
            printed = json.loads(output)
            metrics = {metric.name: float(printed[metric.name]) for metric in work.metrics if metric.printed}
            if work.deflates:
                metrics["codec"] = printed["codec"]
            return metrics
        except (ValueError, KeyError, TypeError):
            raise Failed(f"it printed {output.strip()[:200]!r}") from None


def list_clients(programs, suffix=""):
    """Programs are commands; the suffix is put behind the names of their clients."""
    clients = []
    for program in programs:
        listed = subprocess.run([*program, "--list"], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
        for line in listed.stdout.splitlines():
            name, _, works = line.split("\t")
            clients.append(Client(name + suffix, tuple(program), frozenset(works.split(","))))
    return clients
