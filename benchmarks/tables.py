"""The Markdown of each benchmark: what was measured, the table, where."""

from __future__ import annotations

from typing import Any

from benchmarks.report import number, spread, table, where_text


def throughput(found: dict[str, Any]) -> str:
    """Return the table of the clients."""
    over = "HTTP" if found["scheme"] == "http" else "HTTPS (TLS 1.3, a CA of our own)"
    rows = [
        [
            client["title"],
            spread(client["rate"]),
            *(_ratio(client, name) for name in ("curl", "aiohttp_tuned")),
            spread(client["cpu_us"]),
            number(client["peak_mb"]),
            f"{client['runs']} x {client['ids']:,}",
            client["does"],
        ]
        for client in found["clients"]
    ]
    head = [
        *("client", "DELETE/s", "x curl", "x tuned aiohttp", "CPU us per ID", "peak MB"),
        *("runs x IDs", "does besides sending"),
    ]
    missing = "".join(
        f"\nNot measured: {title}, since {' and '.join(what)} is not installed.\n"
        for title, what in found["missing"].items()
    )
    return (
        f"# Throughput over {over}\n\n"
        "Median (least-most) of whole commands, start-up included, on one machine with the server:"
        " nginx on loopback, one worker, a fixed confirmation, keep-alive."
        f" {found['concurrency']} in flight. Clients ran in turn, round by round; ratios are medians"
        " over pairs of one round. Every ID sent was another one, and after each run nginx's log"
        " was counted: all had arrived, once. bulkdel keeps its log with the default durability;"
        " its `--rate 1000000` does not bind, since what the machine reaches is measured.\n\n"
        f"{table(head, rows)}{_notes(found)}{missing}\n"
        f"`python -m benchmarks {'throughput' if found['scheme'] == 'http' else 'tls'}` on"
        f" {where_text(found['where'])}"
    )


def _notes(found: dict[str, Any]) -> str:
    """Return what must be known about single rows, if they are there."""
    clients = {client["name"]: client for client in found["clients"]}
    notes = ""
    if "bulkdel_auto" in clients:
        fast, auto = clients["bulkdel"], clients["bulkdel_auto"]
        seconds = auto["ids"] / auto["rate"]["median"] - fast["ids"] / fast["rate"]["median"]
        notes += (
            "\n`--rate auto` begins slowly, since a provider may refuse: where nobody does, that"
            f" costs {number(seconds)} s of a run of {auto['ids']:,} IDs.\n"
        )
    if "bulkdel_request_ids" in clients:
        notes += (
            "\nnginx repeats the head of its answers for a second, and bulkdel does not parse a"
            " head that it has just seen. Most providers put a request ID of its own into each:"
            " that is the other row.\n"
        )
    if clients.keys() & {"xargs", "parallel"}:
        notes += (
            "\nxargs and GNU parallel keep 16 processes running. Their memory is without the curls"
            " they start, their CPU with them.\n"
        )
    return notes


def _ratio(client: dict[str, Any], name: str) -> str:
    if client["name"] == name:
        return "1"
    ratio = client["ratio_to"].get(name)
    return number(ratio["median"]) if ratio else ""


def latency(found: dict[str, Any]) -> str:
    """Return the table of rates by concurrency and latency."""
    points = {(p["latency_s"], p["concurrency"]): p for p in found["points"]}
    latencies_s = sorted({latency_s for latency_s, _ in points})
    concurrencies = sorted({concurrency for _, concurrency in points})
    head = ["in flight", *(f"{latency_s * 1000:g} ms latency" for latency_s in latencies_s)]
    rows = [
        [
            str(concurrency),
            *(_reached(points[latency_s, concurrency]) for latency_s in latencies_s),
        ]
        for concurrency in concurrencies
    ]
    return (
        "# Rate by concurrency and latency\n\n"
        "DELETE/s, and in brackets the share of what is possible at all: requests in flight"
        f" divided by the latency. Median of {found['rounds']} runs of `bulkdel bench`: the engine"
        " with its log, against the embedded server in a process of its own, whose timers make an"
        " answer up to 1 ms late.\n\n"
        f"{table(head, rows)}\n`python -m benchmarks latency` on {where_text(found['where'])}"
    )


def _reached(point: dict[str, Any]) -> str:
    return f"{number(point['rate']['median'])} ({point['share']:.0%})"


def memory(found: dict[str, Any]) -> str:
    """Return the table of memory at each tenth of the IDs."""
    rows = [
        [f"{row['ids']:,}", number(row["at_s"]), number(row["rss_mb"])] for row in found["by_done"]
    ]
    first, most = found["by_done"][0], max(row["rss_mb"] for row in found["by_done"])
    growth = (most - first["rss_mb"]) * 1e6 / (found["ids"] - first["ids"])
    return (
        "# Memory over time\n\n"
        f"One run of {found['ids']:,} IDs against nginx: {number(found['rate'])}/s,"
        f" {number(found['cpu_us'])} us CPU per ID. At most {number(found['peak_mb'])} MB;"
        f" allowed are 150 MB and 24 bytes per ID, {number(found['allowed_mb'])} MB. From the first"
        f" tenth on it grew by {growth:.1f} bytes per ID; the index of done IDs takes up to 24.\n\n"
        f"{table(['IDs done', 'after s', 'memory MB'], rows)}\n"
        f"`python -m benchmarks memory` on {where_text(found['where'])}"
    )


def resume(found: dict[str, Any]) -> str:
    """Return the table of times and memory by size of the log."""
    names = ("new_last", "new_first", "status", "failed", "report")
    rows = [
        [
            f"{size['lines']:,}",
            number(size["log_mb"]),
            *(number(size["seconds"][name]["median"]) for name in names),
            number(max(size["peak_mb"]["new_last"], size["peak_mb"]["new_first"])),
            number(max(size["peak_mb"]["status"], size["peak_mb"]["failed"])),
            number(size["peak_mb"]["report"]),
        ]
        for size in found["sizes"]
    ]
    head = [
        *("log lines", "log MB", "first DELETE s", "with new IDs in front s", "status s"),
        *("failed s", "report s", "peak MB, resume", "peak MB, reading", "peak MB, report"),
    ]
    return (
        "# Resume\n\n"
        "Seconds from the start of the command to the answer to its first DELETE, over a log of"
        f" so many results: with {found['new']:,} new IDs behind all those that are done, which are"
        " read and skipped first, and with the new ones in front. `bulkdel status`, `failed` and"
        f" `report` (a page) from start to end. Median of {found['rounds']} runs; the log was in the"
        " system's cache.\n\n"
        f"{table(head, rows)}\n`python -m benchmarks resume` on {where_text(found['where'])}"
    )
