"""What is left to do after the runs of some logs, in words.

    runs of a log ──by their sources──> the newest of each ──> how it ended, what it left

What holds here, always:

1. No command that deletes is made here. A header does not say all that chose the objects (the column of
   the IDs, an age, a limit, the folder that file names are relative to), and one without them may delete others.
2. That nothing is left is said only if each set of sources was read to its end by a run that finished.

Not here: how many IDs failed (`gather`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bulkdel.reporting.report.facts import LaneReport, Left, LogEvidence
from bulkdel.reporting.report.runs import Run
from bulkdel.reporting.words import shell_word

_SOURCES_SHOWN_MAX: Final = 5
AGAIN: Final = (
    "To go on, start the very command of that run again, in the same folder, with the same log, options and"
    " keys. No log holds all of them, so no command is made up here: one with an option less may delete other"
    " objects."
)


def left(lanes: Sequence[LaneReport], evidence: Sequence[LogEvidence], runs: Iterable[Run]) -> Left:
    """Return what is left of all logs."""
    writing = {log.log for log in evidence if log.holder is not None}
    what = [f"{log.log} is being written: {log.holder}." for log in evidence if log.holder]
    newest = newest_of_sources(runs)
    for run in newest:
        what += _of_run(run, goes_on=run.log in writing and run is newest[-1])
    what += [
        f"{log.log} holds results, but no header of a run: what it read is not known."
        for log in evidence
        if log.lines and not any(run.log == log.log and run.header for run in newest)
    ]
    retryable = sum(lane.retryable for lane in lanes)
    failed = sum(lane.counts["failed"] for lane in lanes) - retryable
    invalid = sum(lane.counts["invalid"] for lane in lanes)
    counts = (
        (retryable, "IDs failed in a way that the next run tries again by itself."),
        (
            sum(lane.doubted for lane in lanes),
            "IDs are called gone where nothing was ever deleted; the next run asks for them again.",
        ),
        (
            sum(log.damaged for log in evidence),
            "lines are damaged: they count for nothing, and their IDs are sent again.",
        ),
        (failed, "IDs failed for good; --retry-failed tries them once more."),
    )
    again = [f"{count:,} {words}" for count, words in counts if count]
    if what or again:
        again.append(AGAIN)
    what += again
    if invalid:
        what.append(f"{invalid:,} rows cannot be IDs and were not sent.")
    names = " ".join(shell_word(log.log) for log in evidence)
    commands = []
    if failed or retryable:
        commands.append(f"bulkdel failed {names} --why")
    if invalid:
        commands.append(f"bulkdel failed {names} --invalid")
    return Left(what=tuple(what), commands=tuple(commands))


def newest_of_sources(runs: Iterable[Run]) -> list[Run]:
    """Return of each log and each set of sources the run that began last, in their order.

    A later run with other sources says nothing of what an earlier one has left.
    """
    found: dict[tuple[str, tuple[str, ...], tuple[str, ...]], Run] = {}
    for run in runs:
        key = run.log, run.sources, run.lanes
        found.pop(key, None)
        found[key] = run
    return list(found.values())


def _of_run(run: Run, *, goes_on: bool) -> list[str]:
    """Say what a run has left; nothing if it finished."""
    facts = run.facts(goes_on=goes_on)
    shown = ", ".join(run.sources[:_SOURCES_SHOWN_MAX]) or "sources that are not named"
    more = len(run.sources) - _SOURCES_SHOWN_MAX
    of = f"{shown}{f' and {more:,} more' if more > 0 else ''}, in {run.log}"
    if goes_on:
        return []
    if run.end is None:
        return [
            (
                f"The newest run of {of}, wrote no end: it was killed. What the sources hold and the log does"
                " not is still to do."
            )
        ]
    pending = max(0, facts.counts.get("pending", 0))
    if facts.state == "finished" and not pending and "pending" in facts.counts:
        return []
    return [
        (
            f"The newest run of {of}, ended as {facts.state}: {pending:,} IDs were read and are still to do, and"
            " the sources may hold more that was not read."
        )
    ]
