"""From the figures of all runs to rows: medians, ranges, and ratios formed run by run."""

from statistics import median


def rows_of(work, config, clients, runs, reference_runs):
    """The rows of one work in one configuration. `runs` has a list for each client's name: the metrics of each
    round, None where the client failed; with TLS also those of its plain work, under the name "plain NAME".
    `reference_runs` are those of the work's reference."""
    clients = [client for client in clients if any(runs.get(client.name, ()))]
    rows = []
    for metric in work.metrics:
        figures = figures_of(metric, runs)
        reference = figures_of(metric, reference_runs)
        best_peer = best(metric, figures, [client for client in clients if client.is_peer])
        flushing = [client for client in clients if client.is_peer and not client.batches]
        batching = [client for client in clients if client.is_peer and client.batches]
        # Where no peer batches, one ratio says it all.
        best_flushing_peer = best(metric, figures, flushing) if batching else None
        best_batching_peer = best(metric, figures, batching)
        for client in clients:
            own = figures[client.name]
            values = [value for value in own if value is not None]
            row = {
                "work": work.name,
                "config": config,
                "client": client.name,
                "metric": metric.name,
                "median": median(values),
                "min": min(values),
                "max": max(values),
                "runs": len(values),
                "figures": own,
                "ratio_to_floor": ratio(own, figures.get(floor(work, client))),
                "ratio_to_best_peer": ratio(own, figures.get(best_peer)),
                "ratio_to_best_flushing_peer": ratio(own, figures.get(best_flushing_peer)),
                "ratio_to_best_batching_peer": ratio(own, figures.get(best_batching_peer)),
                "best_peer": best_peer,
                "best_flushing_peer": best_flushing_peer,
                "best_batching_peer": best_batching_peer,
                "ratio_to_hop": ratio(own, figures.get("hop")),
            }
            if client.is_other:
                row["ratio_to_same"] = ratio(own, figures.get(client.same))
            if metric.name in work.to_ktorws:
                row["ratio_to_ktorws"] = ratio(own, figures.get("ktorws"))
            if work.deflates:
                row["codec"] = next(run["codec"] for run in runs[client.name] if run)
            if work.reference:
                row["ratio_to_own_one"] = ratio(own, reference.get(client.name))
                row["ratio_to_ktorws_one"] = ratio(own, reference.get("ktorws")) if client.is_own else None
            if work.plain:
                row["ratio_to_own_plain"] = ratio(own, figures.get(f"plain {client.name}"))
            rows.append(row)
    return rows


def figures_of(metric, runs):
    return {name: [run and run.get(metric.name) for run in rounds] for name, rounds in runs.items()}


def floor(work, client):
    """The client that does the least a client can do."""
    return "raw+batch" if client.batches else work.floor


def best(metric, figures, clients):
    """The client with the best median."""
    if not clients:
        return None
    choose = min if metric.lower_is_better else max
    return choose(clients, key=lambda client: median(value for value in figures[client.name] if value is not None)).name


def ratio(figures, reference):
    """The median of the ratios of one round each."""
    if reference is None:
        return None
    pairs = [(own, other) for own, other in zip(figures, reference) if own is not None and other]
    return median(own / other for own, other in pairs) if pairs else None
