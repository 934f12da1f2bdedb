"""The tables, their works, and what the metrics of a work mean."""

from dataclasses import dataclass, replace

BURST = 256


@dataclass(frozen=True)
class Metric:
    """One figure that a client prints."""

    name: str
    label: str
    lower_is_better: bool
    digits: int
    # Else it is made of other figures.
    printed: bool = True

    @property
    def direction(self):
        return "lower is better" if self.lower_is_better else "higher is better"

    @property
    def arrow(self):
        return "↓" if self.lower_is_better else "↑"


def lower(name, label, digits):
    return Metric(name, label, True, digits)


def higher(name, label, digits):
    return Metric(name, label, False, digits)


RTT = (
    lower("p50_us", "p50 µs", 1),
    lower("p99_us", "p99 µs", 1),
    lower("cpu_us_per_msg", "CPU µs/message", 2),
    higher("msgs_per_s", "messages/s", 0),
)
RATE = (higher("msgs_per_s", "messages/s", 0), lower("cpu_us_per_msg", "CPU µs/message", 3))
BIG = (lower("p50_ms", "p50 ms", 3), lower("cpu_ms_per_msg", "CPU ms/message", 3))
CONNECT = (higher("connects_per_s", "connects/s", 0), lower("cpu_us_per_connect", "CPU µs/connect", 1))
TEXTS = (lower("cpu_us_per_msg", "CPU µs/message", 2), higher("msgs_per_s", "messages/s", 0))
DEFLATE = (
    Metric("codec_us_per_msg", "codec CPU µs/message", True, 1, printed=False),
    lower("cpu_us_per_msg", "CPU µs/message", 1),
    Metric("compressed_to", "compressed to", True, 3, printed=False),
    higher("msgs_per_s", "messages/s", 0),
    Metric("mb_per_s", "MB/s", False, 1, printed=False),
)
GROUP = (lower("cpu_us_per_msg", "CPU µs/message", 2), higher("msgs_per_s", "messages/s", 0))
FAIR = (
    higher("least_part", "least of a session", 3),
    lower("most_part", "most of a session", 3),
    lower("cpu_us_per_msg", "CPU µs/message", 2),
    higher("msgs_per_s", "messages/s", 0),
)
SCALE = (
    higher("connects_per_s", "connects/s", 0),
    higher("echoes_per_s", "echoes/s", 0),
    lower("echo_p50_ms", "echo p50 ms", 1),
    lower("echo_p99_ms", "echo p99 ms", 1),
    lower("echo_max_ms", "echo most ms", 1),
    lower("idle_cpu_percent", "idle CPU, % of a core", 3),
    lower("idle_cpu_most_percent", "most of that in a second", 3),
    lower("rss_bytes_per_session", "resident bytes/session", 0),
    lower("heap_bytes_per_session", "heap bytes/session", 0),
    lower("threads", "threads", 0),
    higher("closes_per_s", "closes/s", 0),
    lower("unclean", "not closed cleanly", 0),
    lower("descriptors_left", "descriptors left", 0),
)
IDLE = (lower("rss_bytes_per_connection", "bytes/session", 0), higher("connects_per_s", "connects/s", 0))


@dataclass(frozen=True)
class Work:
    """What all clients do in turn."""

    name: str
    title: str
    # The first one is what plots and printed ratios are of.
    metrics: tuple
    # The count of the run that finds out how fast a client is, in one that takes the wanted time.
    probe: int
    sink: bool = False
    # Without resumption, whatever the client would do.
    new_sessions: bool = False
    multiple: int = 1
    least: int = 1
    # 0 but in works of many connections
    connections: int = 0
    # The count of a second: for works in which it is not to depend on how fast a client is.
    count_per_second: int = 0
    # Of clients that do not batch by hand.
    floor: str = "raw"
    # The work of the same table whose figures in the same round these are also compared with.
    reference: str = ""
    # Clients that need no compiling do it, too.
    scripted: bool = False
    # All clients that can do it, unless named here.
    clients: tuple = ()
    # Of messages of text; 0 for others.
    text_size: int = 0
    # With permessage-deflate
    takeover: bool = True
    # Metrics that are also given as ratios to those of the library.
    to_ktorws: tuple = ()
    # At most; 0 for as many as the table has.
    most_rounds: int = 0

    @property
    def tls(self):
        return self.name.startswith("tls-")

    @property
    def in_python(self):
        return self.name.startswith("python-")

    @property
    def deflates(self):
        return self.name.startswith("deflate-")

    @property
    def client_work(self):
        """Its name on a client's command line."""
        return self.name.rsplit("-", 1)[0] if self.connections else self.name

    @property
    def plain(self):
        """The name of the same work without TLS or permessage-deflate, if both are done in one table."""
        if self.deflates:
            return f"json-{self.text_size // 1024}k"
        return self.name.removeprefix("tls-") if self.tls and self.metrics in (RTT, RATE, BIG) else None

    def same_count(self, seconds):
        """The count of all clients, where it is the same."""
        return max(int(self.count_per_second * seconds), 1)

    def count_for(self, metrics, seconds):
        """How often, to take that long for a client that printed these metrics."""
        rate = (
            1000 / metrics["p50_ms"]
            if "p50_ms" in metrics
            else metrics.get("msgs_per_s", metrics.get("connects_per_s"))
        )
        count = max(int(rate * seconds), self.least)
        return max(count // self.multiple, 1) * self.multiple


def message_works(prefix, where):
    return {
        "rtt-64": Work(f"{prefix}rtt-64", f"round trip of 64 bytes{where}", RTT, 500, least=200),
        "rtt-4k": Work(f"{prefix}rtt-4k", f"round trip of 4 KiB{where}", RTT, 500, least=200),
        "burst-64": Work(
            f"{prefix}burst-64",
            f"bursts of 256 messages of 64 bytes and their echoes{where}",
            RATE,
            10 * BURST,
            multiple=BURST,
        ),
        "stream-64": Work(
            f"{prefix}stream-64", f"messages of 64 bytes, one way{where}", RATE, 10 * BURST, sink=True, multiple=BURST
        ),
        "big-1m": Work(f"{prefix}big-1m", f"echo of 1 MiB{where}", BIG, 5, least=10, floor="raw-aligned"),
    }


def callback_work(name, title, metrics, **more):
    floor = "raw-epoll-tls" if name.startswith("tls-") else "raw-epoll"
    return Work(name, title, metrics, floor=floor, scripted=True, **more)


def text_work(name, title, metrics, size, **more):
    return Work(name, title, metrics, 100, least=20, text_size=size, scripted=True, **more)


def deflate_work(name, title, size, takeover):
    to_ktorws = ("codec_us_per_msg", "cpu_us_per_msg")
    return text_work(name, title, DEFLATE, size, takeover=takeover, to_ktorws=to_ktorws)


PLAIN = message_works("", "") | {
    "json-4k": text_work("json-4k", "echo of 4 KiB of JSON", TEXTS, 4096),
    "json-64k": text_work("json-64k", "echo of 64 KiB of JSON", TEXTS, 65536),
    "callback-rtt-64": callback_work(
        "callback-rtt-64", "round trip of 64 bytes, in callbacks and event loops", RTT, probe=500, least=200
    ),
}
TLS = message_works("tls-", ", TLS")


@dataclass(frozen=True)
class Table:
    """Works that are measured together, in which configurations, how often and how long."""

    name: str
    title: str
    works: tuple
    configs: str = "SXU"
    rounds: int = 7
    # Of the measured part of one run.
    seconds: float = 0.2
    # Of clients in Go only.
    in_go: bool = False


def idle(prefix, connections, where, clients=()):
    title = f"{connections:,} idle sessions{where}"
    return Work(f"{prefix}idle-{connections}", title, IDLE, 1, connections=connections, clients=clients)


def many(name, title, metrics, connections, **more):
    return Work(f"{name}-{connections}", title, metrics, 1, connections=connections, floor="raw-epoll", **more)


def group(connections):
    title = f"a message on each of {connections:,} sessions, then their echoes" if connections > 1 else "one session"
    reference = "group-1" if connections > 1 else ""
    return many("group", title, GROUP, connections, count_per_second=50000, reference=reference)


def scale(connections):
    # The count is of milliseconds to rest.
    title = f"{connections:,} sessions, from opening to closing"
    # A million take minutes, and so many do not scatter.
    most_rounds = 1 if connections > 10000 else 0
    return many("scale", title, SCALE, connections, count_per_second=1000, most_rounds=most_rounds)


TABLES = {
    table.name: table
    for table in (
        Table("rtt", "Round trips", (PLAIN["rtt-64"], PLAIN["rtt-4k"]), seconds=0.3),
        Table(
            "burst",
            "Many small messages",
            (
                PLAIN["burst-64"],
                PLAIN["stream-64"],
                Work("duplex-64", "messages of 64 bytes both ways at once", RATE, 10 * BURST, multiple=BURST),
                Work(
                    "threads-64",
                    "messages of 64 bytes from four threads on one session",
                    RATE,
                    10 * BURST,
                    sink=True,
                    multiple=BURST,
                ),
            ),
            seconds=0.1,
        ),
        Table(
            "callback",
            "Callbacks and event loops",
            (
                PLAIN["callback-rtt-64"],
                callback_work(
                    "callback-rtt-4k", "round trip of 4 KiB, in callbacks and event loops", RTT, probe=500, least=200
                ),
                callback_work(
                    "callback-burst-64",
                    "bursts of 256 messages of 64 bytes, in callbacks and event loops",
                    RATE,
                    probe=10 * BURST,
                    multiple=BURST,
                ),
                callback_work(
                    "callback-big-1m",
                    "echo of 1 MiB, in callbacks and event loops",
                    BIG,
                    probe=5,
                    least=10,
                    to_ktorws=("p50_ms",),
                ),
                callback_work(
                    "tls-callback-rtt-64",
                    "round trip of 64 bytes, in callbacks and event loops, TLS",
                    RTT,
                    probe=500,
                    least=200,
                ),
            ),
            configs="SX",
            seconds=0.3,
        ),
        Table(
            "group",
            "Groups of sessions",
            (
                *(group(connections) for connections in (1, 100, 1000, 10000)),
                many(
                    "fair",
                    "the shares of 1,000 sessions that all have messages all the time",
                    FAIR,
                    1000,
                    count_per_second=50000,
                ),
            ),
            configs="SX",
            rounds=5,
            seconds=2,
        ),
        Table(
            "go",
            "Clients in Go",
            tuple(
                replace(work, name=f"go-{name}", title=f"{work.title}, in Go", floor="")
                for name, work in PLAIN.items()
                if name in ("rtt-64", "rtt-4k", "burst-64", "big-1m")
            ),
            configs="SX",
            seconds=0.3,
            in_go=True,
        ),
        Table("big", "Large messages", (PLAIN["big-1m"],), seconds=0.4),
        Table("tls", "TLS", tuple(TLS.values()), configs="SX", seconds=0.1),
        Table(
            "deflate",
            "permessage-deflate",
            (
                deflate_work("deflate-4k", "echo of 4 KiB of JSON, context takeover both ways", 4096, takeover=True),
                deflate_work("deflate-alone-4k", "echo of 4 KiB of JSON, no context takeover", 4096, takeover=False),
                deflate_work("deflate-64k", "echo of 64 KiB of JSON, context takeover both ways", 65536, takeover=True),
            ),
            configs="SX",
            seconds=0.3,
        ),
        Table(
            "connect",
            "Connecting",
            (
                Work("connect", "connect, opening handshake, close", CONNECT, 50, least=20),
                Work("tls-connect", "connect over TLS 1.3", CONNECT, 20, least=20, new_sessions=True),
                Work("tls-connect-resumed", "connect over TLS 1.3, resuming", CONNECT, 20, least=20),
            ),
            configs="U",
            seconds=0.4,
        ),
        Table(
            "idle",
            "Memory of idle sessions",
            (
                idle("", 1000, ""),
                idle("", 10000, ""),
                idle("tls-", 1000, ", TLS"),
                idle("tls-", 10000, ", TLS", clients=("ktorws",)),
            ),
            configs="U",
            rounds=3,
        ),
        Table(
            "scale",
            "Up to a million sessions of one process",
            (scale(1000), scale(10000), scale(100000), scale(1000000)),
            configs="U",
            rounds=3,
            seconds=5,
        ),
    )
}

TABLES["python"] = Table(
    "python",
    "Clients in Python",
    (
        Work("python-rtt-64", "round trip of 64 bytes, in Python", RTT, 500, least=200),
        Work(
            "python-burst-64",
            "bursts of 256 messages of 64 bytes, in Python",
            RATE,
            10 * BURST,
            multiple=BURST,
        ),
        Work("python-big-1m", "echo of 1 MiB, in Python", BIG, 5, least=10),
    ),
    configs="SX",
    seconds=0.3,
)

CONFIGS = {
    "S": "client and server on one core",
    "X": "client and server on a core each",
    "U": "client and server on any core",
}


def find(name):
    """The table of that name, or one that holds only the work of that name."""
    if name in TABLES:
        return TABLES[name]
    for table in TABLES.values():
        for work in table.works:
            if work.name == name:
                return replace(table, name=name, title=work.title, works=(work,))
    return None
