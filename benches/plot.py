"""A table's results as horizontal bars in SVG: the median, and a whisker from the least to the most."""

import math
from html import escape

from tables import figure

WIDTH = 860
LEFT = 170
RIGHT = 110
BAR = 13
STEP = 19
TITLE_HEIGHT = 44
PANEL_GAP = 22
AXIS_HEIGHT = 20
# Beyond this, bars of different lengths say little on a linear axis.
LOG_FROM = 20

STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 14px; font-weight: 600 }
.small { font-size: 11px; fill: #57606a }
.own { fill: #0969da }
.raw { fill: #8c959f }
.peer { fill: #bf8700 }
.whisker { stroke: #24292f; stroke-width: 1; opacity: .7 }
.grid { stroke: #d0d7de; stroke-width: 1 }
.label-own { font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .small { fill: #9198a1 }
  .own { fill: #4493f8 }
  .raw { fill: #6e7681 }
  .peer { fill: #d29922 }
  .whisker { stroke: #e6edf3 }
  .grid { stroke: #3d444d }
}"""


def kind(client):
    name = client.split("+")[0].split("-")[0]
    return {"ktorws": "own", "raw": "raw", "hop": "raw"}.get(name, "peer")


class Axis:
    """Figures to positions: from 0, or logarithmic when they lie far apart."""

    def __init__(self, rows):
        self.log = max(row["median"] for row in rows) > LOG_FROM * min(row["median"] for row in rows)
        self.most = max(row["max"] for row in rows)
        self.least = 10 ** math.floor(math.log10(min(row["min"] for row in rows))) if self.log else 0

    def at(self, value):
        span = WIDTH - LEFT - RIGHT
        if self.log:
            part = math.log(max(value, self.least) / self.least) / math.log(self.most / self.least)
        else:
            part = value / self.most
        return round(LEFT + span * part, 1)

    def ticks(self):
        if self.log:
            first, last = round(math.log10(self.least)), math.floor(math.log10(self.most))
            return [10.0**power for power in range(first, last + 1)]
        step = 10 ** math.floor(math.log10(self.most / 2))
        for factor in (1, 2, 5):
            if self.most / (step * factor) <= 5:
                break
        return [step * factor * count for count in range(int(self.most / (step * factor)) + 1)]


def tick_label(value):
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def panel(work, config, rows, top):
    """The bars of one work in one configuration; returns the elements and where they end."""
    metric = work.metrics[0]
    rows = [r for r in rows if (r["work"], r["config"], r["metric"]) == (work.name, config, metric.name)]
    rows.sort(key=lambda row: row["median"], reverse=not metric.lower_is_better)
    axis = Axis(rows)
    bottom = top + TITLE_HEIGHT + STEP * len(rows)
    scale = ", logarithmic" if axis.log else ""
    elements = [
        f'<text class="title" x="8" y="{top + 16}">{escape(work.name)}, {config}: {escape(work.title)}</text>',
        f'<text class="small" x="8" y="{top + 33}">{escape(metric.label)}, {metric.direction}{scale}</text>',
    ]
    for tick in axis.ticks():
        x = axis.at(tick)
        elements.append(f'<line class="grid" x1="{x}" y1="{top + TITLE_HEIGHT - 4}" x2="{x}" y2="{bottom}"/>')
        elements.append(f'<text class="small" x="{x}" y="{bottom + 14}" text-anchor="middle">{tick_label(tick)}</text>')
    for index, row in enumerate(rows):
        elements += bar(row, axis, metric, top + TITLE_HEIGHT + STEP * index)
    return elements, bottom + AXIS_HEIGHT + PANEL_GAP


def bar(row, axis, metric, y):
    middle = y + BAR / 2
    low, high = axis.at(row["min"]), axis.at(row["max"])
    width = round(axis.at(row["median"]) - LEFT, 1)
    name, own = escape(row["client"]), kind(row["client"])
    label = "label-own" if own == "own" else ""
    return [
        f'<text class="{label}" x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{name}</text>',
        f'<rect class="{own}" x="{LEFT}" y="{y}" width="{width}" height="{BAR}" rx="2"/>',
        f'<path class="whisker" d="M{low} {middle}H{high}M{low} {middle - 3}v6M{high} {middle - 3}v6"/>',
        f'<text class="small" x="{max(high, LEFT + width) + 8}" y="{y + 11}">{figure(row["median"], metric)}</text>',
    ]


def of_table(table, rows):
    elements = []
    top = 8
    for work in table.works:
        for config in table.configs:
            if any(row["work"] == work.name and row["config"] == config for row in rows):
                more, top = panel(work, config, rows, top)
                elements += more
    size = f'width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>\n{STYLE}\n</style>\n'
    return start + "\n".join(elements) + "\n</svg>\n"
