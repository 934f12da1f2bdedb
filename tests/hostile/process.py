"""What this process holds, and what it writes to standard error."""

import ctypes
import os
import subprocess
import tempfile

# The libc's, and a parameter of mallopt.
libc = ctypes.CDLL(None)
M_MMAP_THRESHOLD = -3


def steady_malloc():
    """has malloc return every large block to the kernel when it is freed: else what a process holds depends on the sizes
    that it has freed before"""
    libc.mallopt(M_MMAP_THRESHOLD, 128 * 1024)


def status_kib(field):
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def forget_peak():
    with open("/proc/self/clear_refs", "w", encoding="ascii") as f:
        f.write("5")


def give_back():
    """lets malloc return to the kernel what is free"""
    libc.malloc_trim(0)


def resources():
    """What every descriptor is, and how many threads there are."""
    descriptors = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            descriptors.append(os.readlink(f"/proc/self/fd/{fd}").partition(":")[0])
        except FileNotFoundError:
            pass  # the one that listed the directory
    return sorted(descriptors), len(os.listdir("/proc/self/task"))


class StandardError:
    """Keeps a copy of what this process and its children write there: a panic would be told there."""

    def __init__(self):
        self.own = os.dup(2)
        self.copy = tempfile.NamedTemporaryFile()
        self.tee = subprocess.Popen(["tee", self.copy.name], stdin=subprocess.PIPE, stdout=self.own)
        os.dup2(self.tee.stdin.fileno(), 2)
        self.tee.stdin.close()

    def end(self):
        """all that was written; the children must have ended"""
        os.dup2(self.own, 2)
        os.close(self.own)
        self.tee.wait()
        with self.copy:
            return self.copy.read().decode()
