#!/usr/bin/env python3
"""Measures the library and its peers, all in turn, against one server, and writes target/bench/WORK.json."""

import argparse
import datetime
import json
import os
import sys
import time
from collections import defaultdict
from contextlib import ExitStack

import build
import deflate
import machine
import ratios
import tables
import works
from clients import OTHER, Failed, Skipped, TooSlow, list_clients

BUSY = 0.1

# The core of the client and that of the server.
CORES = {"S": (0, 0), "X": (0, 1), "U": (None, None)}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", nargs="+", help=f"all, a table ({', '.join(works.TABLES)}), or a work of one")
    parser.add_argument("--clients", help="only these, with commas")
    parser.add_argument("--configs", help="only these of S, X, U, with commas")
    parser.add_argument("--rounds", type=int, help="how often each client does each work")
    parser.add_argument("--seconds", type=float, help="how long the measured part of a run takes")
    parser.add_argument("--other", type=build.Path, help="another build of the library, measured beside this one")
    parser.add_argument("--output", type=build.Path, default=build.OUTPUT, help="where the results go")
    arguments = parser.parse_args()
    names = works.TABLES if arguments.work == ["all"] else arguments.work
    arguments.tables = [works.find(name) for name in names]
    if None in arguments.tables:
        parser.error("no such table or work")
    if arguments.configs and not set(arguments.configs.split(",")) <= set(CORES):
        parser.error("the configs are S, X, U")
    return arguments


def own_clients(other):
    """With another build of the library each client in C is there twice, one behind the other."""
    clients = list_clients(build.build_own())
    if other is None:
        return clients
    others = {client.same: client for client in list_clients([build.with_other(other)], OTHER)}
    pairs = [(client, others.get(client.name)) for client in clients]
    return [client for pair in pairs for client in pair if client is not None]


def find_clients(wanted, tables, other):
    """The clients to measure. Peers are built or installed only if they are wanted."""
    clients = own_clients(other)
    if any(table.in_go for table in tables):
        clients += list_clients(build.go_clients())
    names = wanted.split(",") if wanted else None
    scripted = any(work.scripted for table in tables for work in table.works)
    in_python = [all(work.in_python for work in table.works) for table in tables]
    if any(in_python):
        clients += list_clients(build.python_clients())
    if scripted and (names is None or not set(names).isdisjoint(build.SCRIPTS)):
        clients += list_clients(build.script_peers())
    known = {client.name for client in clients}
    in_other_languages = all(table.in_go or python for table, python in zip(tables, in_python))
    if not in_other_languages and (names is None or not set(names) <= known):
        clients += list_clients(build.build_peers())
    if names is None:
        return clients
    unknown = set(names) - {client.name for client in clients}
    if unknown:
        sys.exit(f"bench: no such client: {', '.join(sorted(unknown))}")
    return [client for client in clients if client.name in names or client.same in names]


class Measurement:
    """One table: every client does every work once a round."""

    def __init__(self, table, clients, configs, rounds, seconds):
        self.table = table
        self.clients = clients
        usable = [config for config in configs or table.configs if config != "X" or os.cpu_count() > 1]
        self.configs = usable
        self.rounds = rounds or table.rounds
        self.seconds = seconds or table.seconds
        # By work and configuration, then by client: the metrics of each round.
        self.runs = defaultdict(lambda: defaultdict(list))
        self.counts = {}
        self.failures = []
        self.skipped = []

    def run(self):
        with ExitStack() as stack:
            self.servers = {}
            if not any(work.connections for work in self.table.works):
                for config in self.configs:
                    self.servers[config] = stack.enter_context(machine.Server(CORES[config][1]))
            for round_number in range(self.rounds):
                for config in self.configs:
                    with machine.spinning(CORES[config] if config == "X" else ()):
                        self.run_round(round_number, config)

    def run_round(self, round_number, config):
        for work in self.table.works:
            if work.most_rounds and round_number >= work.most_rounds:
                continue
            clients = [client for client in self.clients if self.does(client, work)]
            turn = round_number % max(len(clients), 1)
            for client in clients[turn:] + clients[:turn]:
                self.run_client(work, config, client)

    @staticmethod
    def does(client, work):
        return work.client_work in client.works and (not work.clients or client.same in work.clients)

    def run_client(self, work, config, client):
        runs = self.runs[work.name, config]
        metrics = self.measure(work, config, client)
        if work.plain and work.plain in client.works:
            plain = self.measure(works.PLAIN[work.plain], config, client)
            runs[f"plain {client.name}"].append(plain)
            if metrics and work.deflates:
                metrics = plain and deflate.with_codec_cpu(metrics, plain)
        runs[client.name].append(metrics)

    def measure(self, work, config, client):
        """The metrics of one run; None when it failed. A client that has failed its first run, has taken too long, or
        cannot do the work is not asked again."""
        key = work.name, config, client.name
        if self.counts.get(key, 1) is None:
            return None
        try:
            if key not in self.counts:
                self.counts[key] = None
                self.counts[key] = self.find_count(work, config, client)
            return self.run_once(work, config, client, self.counts[key])
        except Skipped as reason:
            self.counts[key] = None
            self.skipped.append({"work": work.name, "config": config, "client": client.name, "reason": str(reason)})
            print(f"bench: SKIPPED: {client.name}, {work.name}, {config}: {reason}", file=sys.stderr)
        except Failed as reason:
            self.failures.append({"work": work.name, "config": config, "client": client.name, "reason": str(reason)})
            print(f"bench: FAILED: {client.name}, {work.name}, {config}: {reason}", file=sys.stderr)
            if isinstance(reason, TooSlow):
                self.counts[key] = None
        return None

    def find_count(self, work, config, client):
        if work.connections:
            return work.same_count(self.seconds)
        return work.count_for(self.run_once(work, config, client, work.probe), self.seconds)

    def run_once(self, work, config, client, count):
        if work.connections:
            # A server keeps the threads of all connections it has had.
            with machine.Server(CORES[config][1]) as server:
                return client.run(work, count, server, CORES[config][0])
        server = self.servers[config]
        if not work.deflates:
            return client.run(work, count, server, CORES[config][0])
        deflate.totals(server)
        metrics = client.run(work, count, server, CORES[config][0])
        return deflate.with_totals(work, count, metrics, deflate.totals(server))

    def rows(self):
        rows = []
        for work in self.table.works:
            for config in self.configs:
                runs, reference_runs = self.runs[work.name, config], self.runs[work.reference, config]
                rows += ratios.rows_of(work, config, self.clients, runs, reference_runs)
        return rows


def print_tables(table, configs, rows):
    for work in table.works:
        for config in configs:
            header, lines = tables.of_work(work, config, rows)
            if lines:
                print(f"\n{work.name}: {work.title}; {tables.caption(work, config, rows)}\n")
                print(tables.as_text(header, lines))
            for line in tables.of_other(work, config, rows):
                print(line)


def measure_table(table, clients, arguments, busy):
    configs = arguments.configs and [config for config in arguments.configs.split(",") if config in table.configs]
    measurement = Measurement(table, clients, configs, arguments.rounds, arguments.seconds)
    print(f"bench: {table.name}: {measurement.rounds} rounds in {', '.join(measurement.configs)}", file=sys.stderr)
    date = datetime.datetime.now(datetime.UTC)
    start = time.monotonic()
    measurement.run()
    took = time.monotonic() - start

    rows = measurement.rows()
    measured = {row["client"] for row in rows}
    about = {
        "date": date.strftime("%Y-%m-%d %H:%M UTC"),
        "rounds": measurement.rounds,
        "busy_before": round(busy, 3),
        "took_s": round(took),
        "machine": machine.facts(),
        "settings": {client.name: client.settings() for client in clients if client.name in measured},
        "failures": measurement.failures,
        "skipped": measurement.skipped,
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / f"{table.name}.json").write_text(json.dumps(rows, indent=1) + "\n")
    (arguments.output / f"{table.name}.about.json").write_text(json.dumps(about, indent=1) + "\n")
    print_tables(table, measurement.configs, rows)
    print(f"\nbench: {table.name} took {took:.0f} s; rows are in {arguments.output / table.name}.json", file=sys.stderr)
    if measurement.failures:
        print(f"bench: {len(measurement.failures)} runs of {table.name} FAILED, see above", file=sys.stderr)
    if measurement.skipped:
        works_skipped = sorted({f"{skipped['work']} ({skipped['client']})" for skipped in measurement.skipped})
        print(f"bench: SKIPPED in {table.name}, see above: {', '.join(works_skipped)}", file=sys.stderr)
    names = {failure["client"] for failure in measurement.failures}
    return not any(client.name in names and not client.is_peer for client in clients)


def main():
    arguments = parse_arguments()
    clients = find_clients(arguments.clients, arguments.tables, arguments.other)
    busy = machine.busy_part()
    if busy > BUSY:
        print(f"bench: WARNING: others use {busy:.0%} of this machine: believe ratios only", file=sys.stderr)
    results = [measure_table(table, clients, arguments, busy) for table in arguments.tables]
    # A peer that cannot keep up is a result.
    if not all(results):
        sys.exit(1)


if __name__ == "__main__":
    main()
