"""What this process, the library in it, takes of the system."""

import os

from checking import eventually


def status_kib(field):
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def threads():
    return len(os.listdir("/proc/self/task"))


class Peak:
    """How far the resident memory goes beyond what it is now, in KiB."""

    def __init__(self):
        with open("/proc/self/clear_refs", "w", encoding="ascii") as f:
            f.write("5")
        self.start = status_kib("VmRSS")

    @property
    def grown(self):
        return status_kib("VmHWM") - self.start


def returns_to(what, count, before):
    """the kernel counts what has ended a little longer"""
    eventually(f"{what} go back to {before}", lambda: count() <= before)
