"""``bulkdel status``: what the logs say, without sending anything."""

from __future__ import annotations

from pathlib import Path

import click

from bulkdel.cli.output import tell
from bulkdel.models import Outcome
from bulkdel.result_log.index import Index
from bulkdel.result_log.reader import LogFacts
from bulkdel.utf8 import json_bytes


@click.command(epilog="\b\nExample:\n  bulkdel status purge.jsonl")
@click.argument("logs", metavar="LOG...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--json",
    "as_json",
    envvar="BULKDEL_STATUS_JSON",
    is_flag=True,
    help="One JSON object a log on stdout.",
)
def status(logs: tuple[Path, ...], *, as_json: bool) -> None:
    """Say what the logs hold; also of a log that is being written just now."""
    for log in logs:
        facts = Index().read(log)
        if as_json:
            click.echo(json_bytes({"log": str(log), **_facts(facts)}))
        else:
            tell(_text(log, facts))


def _facts(facts: LogFacts) -> dict[str, object]:
    return {
        "runs": len(facts.runs),
        "state": _state(facts),
        "first_at": facts.first_at,
        "last_at": facts.last_at,
        "lines": facts.lines,
        "damaged": facts.damaged,
        "damaged_lines": facts.damaged_lines,
        "torn_bytes": facts.torn_bytes,
        "lanes": {
            name: {
                **{outcome.value: records.counts.get(outcome, 0) for outcome in Outcome},
                "retryable": records.retryable,
                "doubted": records.doubted,
            }
            for name, records in facts.lanes.items()
        },
    }


def _state(facts: LogFacts) -> str:
    """Say how the newest run ended; without an end line it is going on or was killed."""
    if not facts.runs:
        return "empty"
    if facts.last_end is None:
        return "running or killed"
    return str(facts.last_end.get("state"))


def _text(log: Path, facts: LogFacts) -> str:
    lines = [f"{log}: {len(facts.runs)} runs, the newest {_state(facts)}"]
    if facts.first_at is not None:
        lines.append(f"  from {facts.first_at} to {facts.last_at}")
    for name, records in facts.lanes.items():
        words = [
            f"{records.counts.get(outcome, 0):,} {outcome.value}"
            for outcome in Outcome
            if records.counts.get(outcome, 0)
        ]
        if records.retryable:
            words.append(f"of the failed {records.retryable:,} are tried again by the next run")
        if records.doubted:
            words.append(f"of the gone {records.doubted:,} are asked for again by the next run")
        lines.append(f"  {name or '(no lane)'}: {', '.join(words) or 'no results'}")
    if facts.last_end is not None and facts.last_end.get("reason"):
        lines.append(f"  it stopped: {facts.last_end['reason']}")
    if facts.damaged:
        numbers = ", ".join(map(str, facts.damaged_lines))
        lines.append(
            f"  {facts.damaged:,} damaged lines do not count, their IDs are still to do;"
            f" the first: {numbers}"
        )
    if facts.torn_bytes:
        what = "NUL bytes after a power cut" if facts.ends_in_nul else "an unfinished line"
        lines.append(
            f"  the last {facts.torn_bytes:,} bytes are {what}; the next run cuts them off"
        )
    return "\n".join(lines)
