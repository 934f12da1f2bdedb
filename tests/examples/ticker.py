#!/usr/bin/env python3
"""ticker.c and a server that is killed, started again, and missing behind a proxy."""

import http.server
import os
import re
import signal
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [TESTS, os.path.join(TESTS, "behaviours"), os.path.join(TESTS, "proxies")]
from checking import HANG_S, equal, eventually, true
from harness import contains, main
from programs import Program, free_ports

SYMBOLS = ("ABC", "XYZ")


class NotFound(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


class Lab:
    def __init__(self, environment, program):
        self.environment, self.program = environment, program
        (self.port,) = free_ports(1)
        command = [sys.executable, "-B", os.path.join(HERE, "price_server.py"), str(self.port)]
        self.server = Program("server", command, environment.file("server.log", ""), [self.port], stdin=subprocess.PIPE)
        self.server.wait_until_it_listens()

    def restart(self):
        self.server.start()
        self.server.wait_until_it_listens()

    def ticker(self, name, *symbols):
        command = [*self.program, f"ws://127.0.0.1:{self.port}/", *symbols]
        return Program("ticker", command, self.environment.file(name + ".log", ""))

    def prices_come(self, ticker, *symbols):
        """from the server that runs now"""
        for symbol in symbols:
            price = f"{symbol} {self.server.process.pid} "
            eventually(f"{price} comes", lambda price=price: price in ticker.said() or ended(ticker))

    def closes(self, words):
        self.server.process.stdin.write(words.encode() + b"\n")
        self.server.process.stdin.flush()


def ended(ticker):
    if ticker.process.poll() is not None:
        raise AssertionError(f"the ticker ended with {ticker.process.returncode}:\n{ticker.said()}")


def says(ticker, text, count=1):
    eventually(f"{text!r} {count} times", lambda: ticker.said().count(text) >= count or ended(ticker))


def ends_with(ticker, status):
    equal("exit status", ticker.process.wait(HANG_S), status)


def answers_404(port):
    server = http.server.HTTPServer(("127.0.0.1", port), NotFound)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def survives(lab):
    """kills, an answer of a proxy's, and gets what it had subscribed to from each server, in order"""
    ticker = lab.ticker("survives", *SYMBOLS)
    servers = []
    for outage in (1, 2):
        lab.prices_come(ticker, *SYMBOLS)
        servers.append(lab.server.process.pid)
        lab.server.kill()
        says(ticker, "Connection refused", outage)
        proxy = answers_404(lab.port)
        says(ticker, "404", outage)
        proxy.shutdown()
        proxy.server_close()
        lab.restart()
        lab.prices_come(ticker, *SYMBOLS)
    servers.append(lab.server.process.pid)
    lab.closes("1000 end of trading")
    ends_with(ticker, 0)
    contains("the end", ticker.said(), "the server has closed: 1000 end of trading")
    equal("connected again", ticker.said().count("ticker: connected again"), 2)
    for symbol in SYMBOLS:
        for server in servers:
            numbers = [int(n) for n in re.findall(rf"^{symbol} {server} (\d+)$", ticker.said(), re.M)]
            equal(f"{symbol} from {server}", numbers, list(range(1, len(numbers) + 1)))
            true("there are some", numbers != [])


def other_close(lab):
    ticker = lab.ticker("other_close", *SYMBOLS)
    lab.prices_come(ticker, *SYMBOLS)
    lab.closes("4000 paid for until yesterday")
    ends_with(ticker, 1)
    contains("the end", ticker.said(), "the server has closed: 4000 paid for until yesterday")


def interrupted(lab):
    ticker = lab.ticker("interrupted", *SYMBOLS)
    lab.prices_come(ticker, *SYMBOLS)
    before = lab.server.said().count("closed 1000")
    ticker.process.send_signal(signal.SIGINT)
    ends_with(ticker, 0)
    eventually("the server got the Close", lambda: lab.server.said().count("closed 1000") > before)


def interrupted_while_away(lab):
    ticker = lab.ticker("interrupted_while_away", *SYMBOLS)
    lab.prices_come(ticker, *SYMBOLS)
    lab.server.kill()
    says(ticker, "Connection refused")
    ticker.process.send_signal(signal.SIGINT)
    ends_with(ticker, 0)


def gives_up(lab):
    """at the twentieth attempt"""
    lab.restart()
    ticker = lab.ticker("gives_up", *SYMBOLS)
    lab.prices_come(ticker, *SYMBOLS)
    lab.server.kill()
    proxy = answers_404(lab.port)
    ends_with(ticker, 1)
    proxy.shutdown()
    contains("the end", ticker.said(), "ticker: given up: ", "404")


def never_there(lab):
    ticker = lab.ticker("never_there", *SYMBOLS)
    ends_with(ticker, 1)
    contains("the end", ticker.said(), "cannot connect to ws://127.0.0.1:")


def check(environment, program):
    lab = Lab(environment, program)
    for part in (survives, other_close, interrupted, interrupted_while_away, gives_up):
        part(lab)
    # the port is the proxy's
    lab.port = free_ports(1)[0]
    never_there(lab)


if __name__ == "__main__":
    sys.exit(main(check))
