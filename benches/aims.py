"""What is aimed at, and whether results meet it."""

from dataclasses import dataclass

from ratios import ratio

# What a figure is compared with, by the key of that ratio in a row; else with another client of that name.
RATIOS = {
    "the floor": "ratio_to_floor",
    "the best peer": "ratio_to_best_peer",
    "the best peer that flushes each message": "ratio_to_best_flushing_peer",
    "the best peer that batches by hand": "ratio_to_best_batching_peer",
    "its own plain figure": "ratio_to_own_plain",
    "`hop`": "ratio_to_hop",
}


@dataclass(frozen=True)
class Aim:
    work: str
    client: str
    metric: str
    # What the figure is compared with, or what it is in.
    unit: str
    configs: str = "SX"
    # One of the two.
    most: float | None = None
    least: float | None = None
    # The unit's name, where the figure is not compared.
    absolute: bool = False

    @property
    def bound(self):
        sign, value = ("≤", self.most) if self.least is None else ("≥", self.least)
        what = f"{value:,g} {self.unit}" if self.absolute else f"{value:.2f} × {self.unit}"
        return f"{sign} {what} in {', '.join(self.configs)}"

    def measured(self, rows, config):
        """None where it was not measured."""
        found = {
            row["client"]: row
            for row in rows
            if (row["work"], row["config"], row["metric"]) == (self.work, config, self.metric)
        }
        own = found.get(self.client)
        if own is None:
            return None
        if self.absolute:
            return own["median"]
        if self.unit in RATIOS:
            return own.get(RATIOS[self.unit])
        reference = found.get(self.unit.strip("`"))
        return reference and ratio(own["figures"], reference["figures"])

    def is_met_by(self, value):
        return value >= self.least if self.most is None else value <= self.most

    def shown(self, value):
        return f"{value:,.3f}" if not self.absolute or value < 10 else f"{value:,.0f}"


def round_trips(work, by_event_fd, cpu, by_callback):
    """Of a client that waits in an event loop."""
    return (
        Aim(work, "ktorws+event-fd", "p50_us", "the floor", most=by_event_fd),
        Aim(work, "ktorws+event-fd", "cpu_us_per_msg", "the floor", most=cpu),
        Aim(work, "ktorws+callback", "p50_us", "the floor", most=by_callback),
    )


AIMS = (
    Aim("rtt-64", "ktorws", "p50_us", "the floor", "S", most=1.05),
    Aim("rtt-64", "ktorws", "p50_us", "the floor", "X", most=1.10),
    Aim("rtt-64", "ktorws+spin", "p50_us", "the floor", "X", most=0.75),
    *round_trips("callback-rtt-64", 1.12, 1.2, 1.15),
    *round_trips("callback-rtt-4k", 1.12, 1.2, 1.15),
    *round_trips("tls-callback-rtt-64", 1.12, 1.2, 1.15),
    Aim("group-1", "ktorws+group", "cpu_us_per_msg", "the floor", most=1.15),
    Aim("group-1000", "ktorws+group", "cpu_us_per_msg", "the floor", most=1.25),
    Aim("group-10000", "ktorws+group", "cpu_us_per_msg", "the floor", most=1.25),
    Aim("fair-1000", "ktorws+group", "cpu_us_per_msg", "the floor", most=1.5),
    Aim("burst-64", "ktorws", "msgs_per_s", "the best peer that flushes each message", least=10),
    Aim("burst-64", "ktorws", "msgs_per_s", "the best peer that batches by hand", least=0.8),
    Aim("burst-64", "ktorws+batch", "msgs_per_s", "the best peer that batches by hand", least=1),
    Aim("threads-64", "ktorws", "msgs_per_s", "`hop`", least=5),
    Aim("big-1m", "ktorws", "p50_ms", "the best peer", most=1),
    Aim("big-1m", "ktorws", "p50_ms", "the floor", "S", most=1.25),
    Aim("callback-big-1m", "ktorws+event-fd", "p50_ms", "`ktorws`", most=1.1),
    Aim("tls-rtt-64", "ktorws", "p50_us", "its own plain figure", "S", most=1.25),
    Aim("tls-rtt-64", "ktorws", "p50_us", "the best peer", most=1),
    Aim("tls-big-1m", "ktorws", "p50_ms", "the best peer", most=1),
    Aim("connect", "ktorws", "connects_per_s", "the best peer", "U", least=0.95),
    Aim("tls-connect", "ktorws", "connects_per_s", "the best peer", "U", least=0.95),
    Aim("tls-connect-resumed", "ktorws", "connects_per_s", "the best peer", "U", least=0.95),
    Aim("idle-10000", "ktorws", "rss_bytes_per_connection", "bytes", "U", most=2600, absolute=True),
    Aim("idle-10000", "ktorws", "rss_bytes_per_connection", "the best peer", "U", most=0.5),
    Aim("tls-idle-10000", "ktorws", "rss_bytes_per_connection", "bytes", "U", most=8000, absolute=True),
    Aim("scale-10000", "ktorws", "idle_cpu_percent", "% of a core", "U", most=0.1, absolute=True),
    Aim("scale-10000", "ktorws+group", "idle_cpu_percent", "% of a core", "U", most=0.1, absolute=True),
    Aim("python-rtt-64", "ktorws+asyncio", "p50_us", "`picows`", most=1),
    Aim("go-rtt-64", "ktorws+go", "p50_us", "`gorilla`", most=1),
    Aim("go-rtt-64", "ktorws+go", "p50_us", "`nhooyr`", most=1),
)


def evaluate(rows):
    """For each aim: the figure of each configuration that was measured, and what of it to say."""
    for aim in AIMS:
        values = {config: aim.measured(rows, config) for config in aim.configs}
        values = {config: value for config, value in values.items() if value is not None}
        missed = [config for config, value in values.items() if not aim.is_met_by(value)]
        if missed:
            verdict = f"missed in {', '.join(missed)}"
        else:
            verdict = "met" if len(values) == len(aim.configs) else "not measured"
        yield aim, values, verdict
