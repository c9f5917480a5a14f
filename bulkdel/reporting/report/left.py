"""What is left to do after the runs of some logs, and the command lines that do it.

    header of the newest run ──> bulkdel delete LANE=FILE … --log LOG

Keys and headers are in no log, so whoever goes on sets them as before.

Not here: how many are left (`gather`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bulkdel.errors import ConfigError
from bulkdel.providers import find
from bulkdel.reporting.report.facts import LaneReport, Left, LogEvidence
from bulkdel.reporting.report.runs import Run, Runs
from bulkdel.reporting.words import shell_word
from bulkdel.sources import STDIN

SAME_OPTIONS: Final = (
    "With the keys in the environment, and the other options that it had; keys and options are in"
    " no log."
)


def left(lanes: Sequence[LaneReport], evidence: Sequence[LogEvidence], runs: Runs) -> Left:
    """Return what is left of all logs."""
    pending = sum(lane.pending or 0 for lane in lanes)
    retryable = sum(lane.retryable for lane in lanes)
    doubted = sum(lane.doubted for lane in lanes)
    failed = sum(lane.counts["failed"] for lane in lanes) - retryable
    invalid = sum(lane.counts["invalid"] for lane in lanes)
    damaged = sum(log.damaged for log in evidence)
    open_ended = [log for log in evidence if log.holder is None and _is_open(runs.newest(log.log))]
    writing = [log for log in evidence if log.holder is not None]
    what = [f"{log.log} is being written: {log.holder}." for log in writing]
    what += [
        f"The newest run of {log.log} wrote no end: it was killed. What its sources hold and this"
        " log does not is still to do."
        for log in open_ended
    ]
    if pending:
        what.append(f"{pending:,} IDs were read and are still to do.")
    if retryable:
        what.append(f"{retryable:,} IDs failed in a way that the next run tries again by itself.")
    if doubted:
        what.append(
            f"{doubted:,} IDs are called gone where nothing was ever deleted; the next run asks for"
            " them again."
        )
    if damaged:
        what.append(
            f"{damaged:,} lines are damaged: they count for nothing, and their IDs are sent again."
        )
    if failed:
        what.append(f"{failed:,} IDs failed for good; --retry-failed tries them once more.")
    if invalid:
        what.append(f"{invalid:,} rows cannot be IDs and were not sent.")
    again = pending or retryable or doubted or damaged or failed or open_ended
    commands = []
    if again:
        logs = [log for log in evidence if log.holder is None]
        newest = [run for log in logs if (run := runs.newest(log.log)) is not None]
        commands += [
            _command(run, retry_failed=bool(failed)) for run in newest if run.header.get("sources")
        ]
    names = " ".join(shell_word(log.log) for log in evidence)
    if failed:
        commands.append(f"bulkdel failed {names} --why")
    if invalid:
        commands.append(f"bulkdel failed {names} --invalid")
    return Left(what=tuple(what), commands=tuple(commands))


def _is_open(run: Run | None) -> bool:
    return run is not None and run.end is None


def _command(run: Run, *, retry_failed: bool) -> str:
    """Return the command that goes on with the log of a run."""
    sources = [str(source) for source in _list(run.header.get("sources"))]
    lanes = _list(run.header.get("source_lanes"))
    if len(lanes) != len(sources):  # of a version that did not write them
        only = run.lanes[0] if len(run.lanes) == 1 else None
        lanes = [only] * len(sources)
    words = ["bulkdel", "delete"]
    for source, lane in zip(sources, lanes, strict=True):
        name = STDIN if source == "stdin" else source
        words.append(name if lane is None else f"{lane}={name}")
    if None in lanes:
        words += ["--provider-field", "FIELD"]
    for lane in run.lanes:
        words += _place(lane, run.header["lanes"][lane])
    words += ["--log", run.log]
    if retry_failed:
        words.append("--retry-failed")
    return " ".join(map(shell_word, words))


def _place(lane: str, settings: Any) -> list[str]:
    """Return the flag for a lane that is not where its provider is."""
    base_url = settings.get("base_url") if isinstance(settings, dict) else None
    try:
        usual = find(lane)[0].base_url
    except ConfigError:  # a provider of a file of settings, which says where it is
        return []
    return [] if not base_url or base_url == usual else ["--base-url", f"{lane}={base_url}"]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
