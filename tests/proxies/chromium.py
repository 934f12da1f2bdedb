"""A Chromium without a window."""

import contextlib
import os

from checking import eventually
from programs import Missing, Program

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def find_chromium(environment):
    for name in NAMES:
        with contextlib.suppress(Missing):
            return environment.find(name)
    raise Missing("no Chromium")


def start_chromium(environment):
    """the path of its file DevToolsActivePort, which is there"""
    path, variables = find_chromium(environment)
    profile = os.path.join(environment.work, "profile")
    options = [
        "--headless",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-first-run",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
    ]
    if os.geteuid() == 0:
        options.append("--no-sandbox")
    program = Program("chromium", [path, *options, "about:blank"], environment.file("chromium.log", ""), (), variables)
    active_port = os.path.join(profile, "DevToolsActivePort")

    def is_ready():
        if program.process.poll() is not None:
            raise Missing(f"{path} does not run here:\n{program.said()}")
        with contextlib.suppress(FileNotFoundError), open(active_port, encoding="ascii") as file:
            # the port, and behind it a path without an end of line
            return file.read().count("\n/") == 1
        return False

    eventually("Chromium is ready", is_ready)
    return active_port
