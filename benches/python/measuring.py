"""What every client in Python does, and how it is measured: the counterpart of benches/c/works.c."""

import argparse
import json
import resource
import sys
import time

SKIPPED = 77
BURST = 256
SIZES = {"rtt-64": 64, "burst-64": 64, "big-1m": 1 << 20}
WORKS = ",".join(f"python-{work}" for work in SIZES)


def payload(size):
    return bytes((position * 31 + 7) % 256 for position in range(size))


def warm_up(work, count):
    if work == "big-1m":
        return max(count // 10, 3)
    whole = max(count // 10, 200)
    return -(-whole // BURST) * BURST if work == "burst-64" else whole


def check(message, sent):
    if len(message) != len(sent) or message[0] != sent[0] or message[-1] != sent[-1]:
        sys.exit("another message came than was sent")


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Measure:
    """From here until `print`."""

    def __init__(self):
        self.times = []
        self.cpu = cpu_seconds()
        self.start = time.perf_counter()

    def print(self, work, count):
        took, cpu = time.perf_counter() - self.start, cpu_seconds() - self.cpu
        if work == "burst-64":
            metrics = {"msgs_per_s": count / took, "cpu_us_per_msg": cpu / count * 1e6}
        else:
            times = sorted(self.times)
            p50, p99 = times[len(times) // 2], times[min(len(times) * 99 // 100, len(times) - 1)]
            if work == "big-1m":
                metrics = {"p50_ms": p50 * 1e3, "cpu_ms_per_msg": cpu / count * 1e3}
            else:
                metrics = {
                    "p50_us": p50 * 1e6,
                    "p99_us": p99 * 1e6,
                    "cpu_us_per_msg": cpu / count * 1e6,
                    "msgs_per_s": count / took,
                }
        print(json.dumps(metrics))


def echo(session, work, message, count, times):
    """With a session whose calls wait."""
    if work == "burst-64":
        for _ in range(count // BURST):
            for _ in range(BURST):
                session.send(message)
            for _ in range(BURST):
                check(session.recv(), message)
        return
    for _ in range(count):
        start = time.perf_counter()
        session.send(message)
        check(session.recv(), message)
        times.append(time.perf_counter() - start)


async def echo_async(session, work, message, count, times):
    """With a session whose calls are awaited."""
    if work == "burst-64":
        for _ in range(count // BURST):
            for _ in range(BURST):
                await session.send(message)
            for _ in range(BURST):
                check(await session.recv(), message)
        return
    for _ in range(count):
        start = time.perf_counter()
        await session.send(message)
        check(await session.recv(), message)
        times.append(time.perf_counter() - start)


def measure(session, work, count):
    message = payload(SIZES[work])
    echo(session, work, message, warm_up(work, count), [])
    measure = Measure()
    echo(session, work, message, count, measure.times)
    measure.print(work, count)


async def measure_async(session, work, count):
    message = payload(SIZES[work])
    await echo_async(session, work, message, warm_up(work, count), [])
    measure = Measure()
    await echo_async(session, work, message, count, measure.times)
    measure.print(work, count)


def main(program, clients):
    """`clients` has a function of work, URL and count for each name, and `settings` a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--settings", action="store_true")
    parser.add_argument("--client", choices=clients)
    parser.add_argument("--work")
    parser.add_argument("--url")
    parser.add_argument("--count", type=int)
    arguments = parser.parse_args()
    if arguments.list:
        for name in clients:
            print(name, program, WORKS, sep="\t")
        return
    client, settings = clients[arguments.client]
    if arguments.settings:
        print(settings())
    elif arguments.work not in WORKS.split(","):
        sys.exit(SKIPPED)
    else:
        client(arguments.work.removeprefix("python-"), arguments.url, arguments.count)
