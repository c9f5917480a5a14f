"""What is left to do after the runs of some logs, in words, and the command for it.

    runs of a log ──by their sources──> the newest of each ──> how it ended, what it left
                                              └── its header ──> the command that goes on

What holds here, always:

1. A command that deletes is never made up: it is the one that a header has, whole, in its folder, with
   its log; one with an option less may delete other objects. It asks before it deletes.
2. None stands here of a log that is not where its run wrote it: without the log all would begin anew.
3. That nothing is left is said only if each set of sources was read to its end by a run that finished.

Not here: how many IDs failed (`gather`), what a header keeps of a command (`cli.recorded`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from bulkdel.reporting.report.facts import LaneReport, Left, LogEvidence
from bulkdel.reporting.report.runs import Run
from bulkdel.reporting.words import shell_word
from bulkdel.sources import STDIN

_SOURCES_SHOWN_MAX: Final = 5
_COMMAND_CHARS_MAX: Final = 8_000
"""What is longer, of thousands of files, nobody copies out of a page."""
_GO_ON: Final = (
    "To go on, start the command of that run again, with the same keys and environment, on its machine. It"
    " asks before it deletes."
)
_NO_COMMAND: Final = (
    "To go on, start the very command of that run again, in the same folder, with the same log, options and"
    " keys. {why}, and none is made up: one with an option less may delete other objects."
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
    commands: list[str] = []
    any_may = bool(again)  # which of them has the IDs that failed is not known
    for run in newest:
        if run.log not in writing and (any_may or _of_run(run, goes_on=False)):
            words, command = _command(run)
            again += [each for each in words if each not in again]
            commands += [each for each in command if each not in commands]
    what += again
    if invalid:
        what.append(f"{invalid:,} rows cannot be IDs and were not sent.")
    names = " ".join(shell_word(log.log) for log in evidence)
    if failed or retryable:
        commands.append(f"bulkdel failed {names} --why")
    if invalid:
        commands.append(f"bulkdel failed {names} --invalid")
    return Left(what=tuple(what), commands=tuple(commands))


def newest_of_sources(runs: Iterable[Run]) -> list[Run]:
    """Return of each log and each set of sources the run that began last, in their order.

    A later run with other sources, or that chose others of their IDs, says nothing of what an earlier
    one has left.
    """
    found: dict[tuple[object, ...], Run] = {}
    for run in runs:
        key = run.log, run.sources, run.lanes, run.choosing
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


def _command(run: Run) -> tuple[list[str], list[str]]:
    """Return the command that goes on with a run, and what is to be known about it."""
    if run.command is None:
        return [_NO_COMMAND.format(why="Its log has no command")], []
    folder, words, log = run.command
    here = Path(run.log).resolve()
    if here != Path(log):
        moved = (
            f"To go on, put this log back to {log} first: that is where its run wrote it, and without it"
            " all would begin anew. Then a report tells the command."
        )
        return [moved], []
    line = " ".join(["cd", shell_word(folder), "&&", "bulkdel", *map(shell_word, words)])
    if len(line) > _COMMAND_CHARS_MAX:
        return [
            _NO_COMMAND.format(why="It is too long for here; the log has it in the run's header")
        ], []
    said = [_GO_ON]
    if STDIN in words:
        said.append("It reads stdin (-): give it the same IDs.")
    if any(each.startswith("--header") for each in words):
        said.append(
            "The values of its headers are not in the log: fill them in, it is refused else."
        )
    if any(each.startswith(("--older-than", "--newer-than")) for each in words):
        said.append(
            f"An age counts from its start, so it may choose other objects now than at {run.header.get('at')}."
        )
    return said, [line]
