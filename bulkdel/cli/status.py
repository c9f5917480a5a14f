"""``bulkdel status``: what the logs say, without sending anything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from bulkdel.cli.output import tell
from bulkdel.models import Outcome
from bulkdel.reporting.words import duration, shell_word
from bulkdel.result_log.failures import failures
from bulkdel.result_log.folder import holder_of
from bulkdel.result_log.queries import index_of_failed
from bulkdel.result_log.reader import LogFacts
from bulkdel.utf8 import json_bytes

REASONS_MAX: Final = 3
"""Of the reasons of failures the most frequent are said; all are in ``bulkdel failed --why``."""
_WHY_CHARS_MAX: Final = 100


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
    """Say what the logs hold and what is left to do; also of a log that is being written just now."""
    for log in logs:
        seen = _Seen.of(log)
        if as_json:
            click.echo(json_bytes({"log": str(log), **_facts(seen)}))
        else:
            tell(_text(log, seen))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What there is to say of a log.

    Attributes:
        facts: What it holds.
        holder: Who writes it, or None.
        why: Why IDs have failed, the most frequent first, and how many for each.
    """

    facts: LogFacts
    holder: str | None
    why: list[tuple[str, int]]

    @classmethod
    def of(cls, log: Path) -> _Seen:
        who = holder_of(log)  # before it is read: what ends meanwhile has written its end
        index = index_of_failed()
        facts = index.read(log)
        failed = any(records.counts.get(Outcome.FAILED) for records in facts.lanes.values())
        why = failures(index, [log]) if failed else []
        return cls(facts, who, [(each.reason, each.count) for each in why[:REASONS_MAX]])

    @property
    def state(self) -> str:
        """How the newest run ended; without an end record it goes on, or was killed."""
        if self.holder is not None:
            return "running"
        if not self.facts.runs:
            return "empty"
        if self.facts.last_end is None:
            return "killed"
        return str(self.facts.last_end.get("state"))

    def pending(self, lane: str) -> int | None:
        """IDs of a lane that the newest run has read and left, if it has ended."""
        ended = self.facts.last_end if self.holder is None else None
        lanes = (ended or {}).get("lanes")
        of_lane = lanes.get(lane) if isinstance(lanes, dict) else None
        left = of_lane.get("pending") if isinstance(of_lane, dict) else None
        return left if isinstance(left, int) else None

    def rate(self, lane: str) -> float | None:
        """Requests per second that the lane aimed at last."""
        rate = self.facts.paces.get(lane, {}).get("rate")
        return rate if isinstance(rate, (int, float)) and 0 < rate < math.inf else None


def _facts(seen: _Seen) -> dict[str, object]:
    facts = seen.facts
    return {
        "runs": len(facts.runs),
        "state": seen.state,
        "holder": seen.holder,
        "first_at": facts.first_at,
        "last_at": facts.last_at,
        "lines": facts.lines,
        "damaged": facts.damaged,
        "damaged_lines": facts.damaged_lines,
        "torn_bytes": facts.torn_bytes,
        "failed_why": dict(seen.why),
        "lanes": {
            name: {
                **{outcome.value: records.counts.get(outcome, 0) for outcome in Outcome},
                "retryable": records.retryable,
                "doubted": records.doubted,
                "pending": seen.pending(name),
                "rate": seen.rate(name),
            }
            for name, records in facts.lanes.items()
        },
    }


def _text(log: Path, seen: _Seen) -> str:
    facts = seen.facts
    runs = f"{len(facts.runs):,} run{'s' * (len(facts.runs) != 1)}"
    steer = f"\n  see and steer it: bulkdel control {shell_word(str(log))}"
    state = {
        "running": f"running: {seen.holder}{steer}",
        "killed": "killed, or its machine went down",
    }
    lines = [f"{log}: {runs}, the newest {state.get(seen.state, seen.state)}"]
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
        words += _left(seen, name)
        lines.append(f"  {name or '(no lane)'}: {', '.join(words) or 'no results'}")
    for why, count in seen.why:
        lines.append(f"  {count:,} failed: {_short(why)}")
    if seen.why:
        lines.append(f"  all of them: bulkdel failed {shell_word(str(log))} --why")
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


def _left(seen: _Seen, lane: str) -> list[str]:
    """Say what is left of a lane, and how long that takes."""
    pending, rate = seen.pending(lane), seen.rate(lane)
    if seen.holder is not None:
        return [] if rate is None else [f"at {rate:,.3g}/s now"]
    if not pending:
        return []
    left = f"{pending:,} still to do"
    return [left if rate is None else f"{left}, about {duration(pending / rate)} at {rate:,.3g}/s"]


def _short(text: str) -> str:
    return text if len(text) <= _WHY_CHARS_MAX else text[: _WHY_CHARS_MAX - 1] + "…"
