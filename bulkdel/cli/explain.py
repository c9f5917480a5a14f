"""``bulkdel explain``: why a run took as long as it did."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from bulkdel.cli.output import tell
from bulkdel.reporting.explain import LaneExplanation
from bulkdel.reporting.explain import explain as explain_log
from bulkdel.reporting.words import duration
from bulkdel.utf8 import json_bytes

_WORDS: Final = {
    "rate": "bound by the pace (the provider's limit or your own rate)",
    "concurrency": "bound by the requests in flight",
    "pause": "paused: the provider asked to wait, or refused all for a time",
    "held": "held: the provider was down, or had to show first that it is asked rightly",
    "retry": "waiting for IDs to try again",
    "input": "waiting for IDs from the source",
    "log": "waiting for the log's disk or the reader of results",
    "cpu": "bound by our own CPU",
}


@click.command(epilog="\b\nExample:\n  bulkdel explain purge.jsonl")
@click.argument("log", metavar="LOG", type=click.Path(path_type=Path))
@click.option(
    "--json",
    "as_json",
    envvar="BULKDEL_EXPLAIN_JSON",
    is_flag=True,
    help="One JSON object on stdout.",
)
def explain(log: Path, *, as_json: bool) -> None:
    """Say why the newest run of LOG took as long as it did, and what to change.

    Also while it is running: from the records that are written every 10 s.
    """
    state, lanes = explain_log(log)
    if as_json:
        facts = {"log": str(log), "state": state, "lanes": [asdict(lane) for lane in lanes]}
        click.echo(json_bytes(facts))
        return
    tell(f"{log}: the newest run, {state}")
    for lane in lanes:
        tell(_text(lane))


def _limit(lane: LaneExplanation) -> str:
    if lane.rate is not None:
        return f"not looked for: --rate {lane.rate:g} is exact"
    if lane.reached_ceiling:
        return f"none up to {lane.rate_max:g}/s, the ceiling (--rate-max; `none` looks for a higher one)"
    return lane.limit or "none"


def _text(lane: LaneExplanation) -> str:
    rate = lane.ended / lane.elapsed_s if lane.elapsed_s else 0.0
    refused = 100 * lane.refused / lane.requests if lane.requests else 0.0
    head = f"{lane.lane}: {lane.ended:,} IDs in {duration(lane.elapsed_s)}, {rate:,.1f}/s"
    lines = [f"{head}; {lane.requests:,} requests, {refused:.1f} % refused"]
    lines += [f"  {100 * share:5.1f} %  {_WORDS[name]}" for name, share in lane.shares.items()]
    after = f", after {lane.found_s:.0f} s" if lane.found_s is not None else ""
    lines.append(f"  limit found: {_limit(lane)}{after}")
    lines += [f"  - {advice}" for advice in lane.advice]
    return "\n".join(lines)
