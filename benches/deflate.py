"""What the server and a run without permessage-deflate add to a run with it."""

import json
import urllib.request

from clients import Failed

NO_TAKEOVER = ("client_no_context_takeover", "server_no_context_takeover")


def totals(server):
    """What came in compressed sessions since this was asked last."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.ports['plain']}/totals", timeout=10) as response:
        return json.load(response)


def check(work, count, totals):
    """All messages were compressed, the server made of them what they were, and it was agreed on as is wanted."""
    if totals["uncompressed"] or totals["compressed"] < count:
        raise Failed(f"{totals['compressed']} of at least {count} messages were compressed")
    if totals["inflated_bytes"] != totals["compressed"] * work.text_size:
        raise Failed("the server inflated messages to another size")
    agreed = [parameter in totals["extension"] for parameter in NO_TAKEOVER]
    if agreed != [not work.takeover] * len(NO_TAKEOVER):
        raise Failed(f"agreed on {totals['extension']!r}")


def with_totals(work, count, metrics, totals):
    check(work, count, totals)
    return metrics | {
        "compressed_to": totals["deflated_bytes"] / totals["inflated_bytes"],
        "mb_per_s": metrics["msgs_per_s"] * work.text_size / 1e6,
    }


def with_codec_cpu(metrics, plain):
    """`plain` is of the same client in the same round."""
    return metrics | {"codec_us_per_msg": metrics["cpu_us_per_msg"] - plain["cpu_us_per_msg"]}
