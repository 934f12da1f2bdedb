"""A table's results as horizontal bars in SVG: the median, and a whisker from the least to the most."""

import math
from html import escape

from tables import figure
from works import CONFIGS

WIDTH = 960
LEFT = 178
GAP = 64
RIGHT = 64
BAR = 12
STEP = 18
TITLE_HEIGHT = 62
AXIS_HEIGHT = 42
# Beyond this factor a linear axis leaves nothing to be seen of the short bars.
LOG_FROM = 25

STYLE = """\
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.title { font-size: 14px; font-weight: 600 }
.small { font-size: 11px; fill: #59636e }
.strong { font-weight: 600 }
.own { fill: #0969da }
.floor { fill: #9aa4ae }
.peer { fill: #d4a72c }
.whisker { fill: none; stroke: #1f2328; opacity: .65 }
.grid { stroke: #d1d9e0 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .small { fill: #9198a1 }
  .own { fill: #4493f8 }
  .floor { fill: #656c76 }
  .peer { fill: #9e6a03 }
  .whisker { stroke: #f0f6fc }
  .grid { stroke: #3d444d }
}"""


def kind(client):
    name = client.split("+")[0].split("-")[0]
    return {"ktorws": "own", "raw": "floor", "hop": "floor"}.get(name, "peer")


class Axis:
    """Figures to lengths: from 0, or logarithmic when they lie far apart."""

    def __init__(self, rows, length):
        self.length = length
        medians = [row["median"] for row in rows]
        # A difference of two figures may be 0 or less.
        self.log = max(medians) > LOG_FROM * min(medians) and min(row["min"] for row in rows) > 0
        self.most = max(row["max"] for row in rows) or 1
        self.least = 10 ** math.floor(math.log10(min(row["min"] for row in rows))) if self.log else 0

    def at(self, value):
        if self.log:
            return round(self.length * math.log(value / self.least) / math.log(self.most / self.least), 1)
        return round(self.length * max(value, 0) / self.most, 1)

    def ticks(self):
        if self.log:
            powers = range(round(math.log10(self.least)), math.floor(math.log10(self.most)) + 1)
            return [10.0**power for power in powers]
        unit = 10 ** math.floor(math.log10(self.most))
        step = next(unit * factor for factor in (0.1, 0.2, 0.5, 1, 2, 5) if self.most / (unit * factor) < 5)
        return [step * count for count in range(int(self.most / step) + 1)]


def short(value):
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def value_label(value, metric):
    """Three digits are enough beside a bar."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return figure(value, metric)


def of_work(work, configs, rows, top):
    """One line for each client, one column for each configuration; returns the elements and where they end."""
    metric = work.metrics[0]
    rows = [row for row in rows if row["work"] == work.name]
    remarks = {row["client"]: f", {row['median']:.0%}" for row in rows if row["metric"] == "compressed_to"}
    rows = [row for row in rows if row["metric"] == metric.name]
    configs = [config for config in configs if any(row["config"] == config for row in rows)]
    length = (WIDTH - LEFT - RIGHT - GAP * (len(configs) - 1)) / len(configs)
    axis = Axis(rows, length)
    clients = ranking(rows, configs[0], metric)
    bottom = top + TITLE_HEIGHT + STEP * len(clients)
    scale = ", logarithmic" if axis.log else ""
    legend = "; beside the names: to what part of its size a message was compressed" if remarks else ""
    elements = [
        f'<text class="title" x="8" y="{top + 16}">{escape(work.name)}: {escape(work.title)}</text>',
        f'<text class="small" x="8" y="{top + 34}">{escape(metric.label)}, {metric.direction}{scale}{legend}</text>',
    ]
    for index, client in enumerate(clients):
        strong = ' class="strong"' if kind(client) == "own" else ""
        y = top + TITLE_HEIGHT + STEP * index + 10
        name = escape(client + remarks.get(client, ""))
        elements.append(f'<text{strong} x="{LEFT - 8}" y="{y}" text-anchor="end">{name}</text>')
    for column, config in enumerate(configs):
        left = round(LEFT + column * (length + GAP), 1)
        elements.append(f'<text class="small" x="{left}" y="{top + 52}">{config}: {CONFIGS[config]}</text>')
        elements += grid(axis, left, top + TITLE_HEIGHT - 4, bottom)
        for row in rows:
            if row["config"] == config:
                elements += bar(row, axis, metric, left, top + TITLE_HEIGHT + STEP * clients.index(row["client"]))
    return elements, bottom + AXIS_HEIGHT


def ranking(rows, first_config, metric):
    """The clients, the best of the first configuration first."""
    ranked = sorted(
        (row for row in rows if row["config"] == first_config),
        key=lambda row: row["median"],
        reverse=not metric.lower_is_better,
    )
    names = [row["client"] for row in ranked]
    return names + sorted({row["client"] for row in rows} - set(names))


def grid(axis, left, top, bottom):
    elements = []
    for tick in axis.ticks():
        x = round(left + axis.at(tick), 1)
        elements.append(f'<path class="grid" d="M{x} {top}V{bottom}"/>')
        elements.append(f'<text class="small" x="{x}" y="{bottom + 14}" text-anchor="middle">{short(tick)}</text>')
    return elements


def bar(row, axis, metric, left, y):
    low, median, high = (round(left + axis.at(row[key]), 1) for key in ("min", "median", "max"))
    middle = y + BAR / 2
    label = value_label(row["median"], metric)
    return [
        f'<rect class="{kind(row["client"])}" x="{left}" y="{y}" width="{round(median - left, 1)}" height="{BAR}"/>',
        f'<path class="whisker" d="M{low} {middle}H{high}M{low} {middle - 3}v6M{high} {middle - 3}v6"/>',
        f'<text class="small" x="{high + 5}" y="{y + 10}">{label}</text>',
    ]


def of_table(table, rows):
    elements = []
    top = 8
    for work in table.works:
        if any(row["work"] == work.name for row in rows):
            more, top = of_work(work, table.configs, rows, top)
            elements += more
    size = f'width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>\n{STYLE}\n</style>\n'
    return start + "\n".join(elements) + "\n</svg>\n"
