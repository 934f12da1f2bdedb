"""The machine while it measures: the server, spinners that keep cores awake, how busy it is, and what it is."""

import os
import platform
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import build


class Server:
    """The server, on one core or on any."""

    def __init__(self, core):
        self.ca_file = build.OUTPUT / f"ca-{'any' if core is None else core}.pem"
        command = [build.SERVER, self.ca_file] + ([] if core is None else [str(core)])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ports = dict(self.process.stdout.readline().split() for _ in range(4))

    @staticmethod
    def hosts(work):
        """How many addresses the server has there."""
        return 64 if work.client_work == "scale" else 8

    def url(self, work, count):
        if work.client_work == "scale":
            port = self.ports["many"]
        else:
            port = self.ports["plain" if not work.tls else "new" if work.new_sessions else "tls"]
        path = f"sink/{count}" if work.sink else "echo"
        return f"{'wss' if work.tls else 'ws'}://127.0.0.1:{port}/{path}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@contextmanager
def spinning(cores):
    """Keeps these cores from sleeping, with the lowest priority there is: waking a virtual core costs more than a
    message. A core that client and server share does not sleep, and a spinner there would cost 2 µs a switch."""
    spinners = [subprocess.Popen([build.SPINNER, str(core)], stdin=subprocess.PIPE) for core in cores]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.stdin.close()
            spinner.wait()


def busy_part(seconds=1.0):
    """The part of all cores' time that others used just now."""

    def times():
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
        return sum(fields[:8]), fields[3] + fields[4]

    total, idle = times()
    time.sleep(seconds)
    later_total, later_idle = times()
    return 1 - (later_idle - idle) / max(later_total - total, 1)


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def is_virtual():
    return any(" hypervisor " in f"{line} " for line in Path("/proc/cpuinfo").read_text().splitlines())


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=build.ROOT)
    except FileNotFoundError:
        return ""
    return done.stdout.split("\n", 1)[0].strip()


def facts():
    """What the figures depend on."""
    return {
        "cpu": cpu_model() + (" (virtual)" if is_virtual() else ""),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release(),
        "congestion_control": Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip(),
        "rustc": first_line("rustc", "--version"),
        "gcc": first_line("gcc", "--version"),
        "commit": first_line("git", "describe", "--always", "--dirty"),
    }
