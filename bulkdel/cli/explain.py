"""``bulkdel explain``: why a run took as long as it did."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from bulkdel.cli.output import tell
from bulkdel.reporting.explain import BOUND_WORDS, LaneExplanation
from bulkdel.reporting.explain import explain as explain_log
from bulkdel.reporting.words import duration
from bulkdel.utf8 import json_bytes


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


def _text(lane: LaneExplanation) -> str:
    rate = lane.ended / lane.elapsed_s if lane.elapsed_s else 0.0
    refused = 100 * lane.refused / lane.requests if lane.requests else 0.0
    head = f"{lane.lane}: {lane.ended:,} IDs in {duration(lane.elapsed_s)}, {rate:,.1f}/s"
    lines = [f"{head}; {lane.requests:,} requests, {refused:.1f} % refused"]
    lines += [f"  {100 * share:5.1f} %  {BOUND_WORDS[name]}" for name, share in lane.shares.items()]
    after = f", after {lane.found_s:.0f} s" if lane.found_s is not None else ""
    lines.append(f"  limit found: {lane.limit_words}{after}")
    lines += [f"  - {advice}" for advice in lane.advice]
    return "\n".join(lines)
