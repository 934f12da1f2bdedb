"""Result rows as tables of text: one for each work and configuration."""

from clients import OTHER
from works import CONFIGS

RATIOS = {
    "ratio_to_floor": "/ floor",
    "ratio_to_best_peer": "/ best peer",
    "ratio_to_best_flushing_peer": "/ best flushing",
    "ratio_to_best_batching_peer": "/ best batching",
    "ratio_to_hop": "/ hop",
    "ratio_to_own_plain": "/ own plain",
    "ratio_to_own_one": "/ itself with one",
    "ratio_to_ktorws_one": "/ ktorws with one",
}

# With more metrics, each has a line and each client a column.
MOST_COLUMNS = 6

# For metrics other than the first, too.
TO_KTORWS = {"codec_us_per_msg": "codec / ktorws", "cpu_us_per_msg": "CPU / ktorws", "p50_ms": "p50 / ktorws"}


def figure(value, metric):
    return f"{value:,.{metric.digits}f}"


def cell(row, metric):
    return f"{figure(row['median'], metric)} [{figure(row['min'], metric)}–{figure(row['max'], metric)}]"


def ratio(row, key):
    return "–" if row.get(key) is None else f"{row[key]:.2f}"


def of_work(work, config, rows):
    """The header and the lines of a table, best client first; ratios are of the work's first metric."""
    rows = [row for row in rows if row["work"] == work.name and row["config"] == config]
    first = work.metrics[0]
    ranked = sorted(
        (row for row in rows if row["metric"] == first.name),
        key=lambda row: row["median"],
        reverse=not first.lower_is_better,
    )
    ratios = [key for key in RATIOS if any(row.get(key) is not None for row in ranked)]
    has_ktorws = any(row.get("ratio_to_ktorws") is not None for row in ranked)
    to_ktorws = work.to_ktorws if has_ktorws else ()
    has_codecs = any("codec" in row for row in ranked)
    header = [
        "client",
        *(["codec, level / memory level"] if has_codecs else []),
        *(f"{metric.label} {metric.arrow}" for metric in work.metrics),
        *(TO_KTORWS[name] for name in to_ktorws),
        *(RATIOS[key] for key in ratios),
    ]
    lines = []
    for row in ranked:
        of_client = {other["metric"]: other for other in rows if other["client"] == row["client"]}
        line = [row["client"]]
        if has_codecs:
            line.append(row["codec"])
        line += [cell(of_client[metric.name], metric) for metric in work.metrics]
        line += [ratio(of_client[name], "ratio_to_ktorws") for name in to_ktorws]
        line += [ratio(row, key) for key in ratios]
        lines.append(line)
    if len(work.metrics) > MOST_COLUMNS and lines:
        return transposed(header, lines)
    return header, lines


def of_other(work, config, rows):
    """A line for each client with another build of the library: its figures by those of the same client with this one."""
    ratios = {}
    for row in rows:
        if (row["work"], row["config"]) == (work.name, config) and "ratio_to_same" in row:
            ratios.setdefault(row["client"], {})[row["metric"]] = ratio(row, "ratio_to_same")
    return [
        f"{client} / {client.removesuffix(OTHER)}: "
        + ", ".join(f"{metric.label} {of_metric[metric.name]}" for metric in work.metrics)
        for client, of_metric in ratios.items()
    ]


def transposed(header, lines):
    """The first column is the header then."""
    header, *lines = zip(header, *lines)
    return ["", *header[1:]], [list(line) for line in lines]


def caption(work, config, rows):
    """What the table shows, and in which direction."""
    first = work.metrics[0]
    better = "below" if first.lower_is_better else "above"
    text = f"{config}, {CONFIGS[config]}. Ratios of {first.label}: {better} 1.00 is better."
    row = next(row for row in rows if (row["work"], row["config"], row["metric"]) == (work.name, config, first.name))
    if row["best_peer"]:
        text += f" Best peer: {row['best_peer']}."
    if row["best_flushing_peer"]:
        text += f" Best that flushes each message: {row['best_flushing_peer']}."
    if row["best_batching_peer"]:
        text += f" Best that batches by hand: {row['best_batching_peer']}."
    return text


def as_text(header, lines):
    widths = [max(len(line[column]) for line in [header, *lines]) for column in range(len(header))]
    texts = []
    for line in [header, *lines]:
        cells = [line[0].ljust(widths[0])] + [text.rjust(width) for text, width in zip(line[1:], widths[1:])]
        texts.append("  ".join(cells).rstrip())
    return "\n".join(texts)
