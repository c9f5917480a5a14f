"""What people read: lines on a terminal, and the summary."""

from __future__ import annotations

import click

from bulkdel.cli.streams import drop_stderr
from bulkdel.models import Counts, State, Summary
from bulkdel.reporting.words import duration, shell_word
from bulkdel.utf8 import shown


def say(text: str) -> None:
    """Print a line on stderr, if it is still there.

    A closed pipe or a hung-up terminal is no reason to stop deleting: what matters is in
    the log.
    """
    try:
        click.echo(shown(text), err=True)
    except (OSError, ValueError):
        drop_stderr()


def tell(text: str) -> None:
    """Print lines on stdout.

    Raises:
        OutputError: They cannot be written.
    """
    click.echo(shown(text))


def summary_text(summary: Summary) -> str:
    """Return the summary for people."""
    words = {
        State.FINISHED: "Finished",
        State.STOPPED: "STOPPED EARLY",
        State.INTERRUPTED: "INTERRUPTED",
    }
    counts = summary.counts
    head = f"{words[summary.state]} after {duration(summary.elapsed_s)}"
    lines = [f"{head}: {counts.read:,} read, {_what(counts)}."]
    if len(summary.lanes) > 1:
        width = max(map(len, summary.lanes))
        for name, of_lane in summary.lanes.items():
            shown = name or "(no lane)"
            lines.append(f"  {shown:<{width}}  {of_lane.read:,} read, {_what(of_lane)}.")
    lines.append(
        f"Requests: {counts.requests:,} sent, {counts.refused:,} refused"
        f" ({_share(counts.refused, counts.requests)})."
    )
    lines += _notes(summary)
    if summary.log is not None:
        lines.append(f"Log: {summary.log}")
    return "\n".join(lines)


def _what(counts: Counts) -> str:
    parts = [
        (counts.deleted, "deleted"),
        (counts.gone - counts.after_unknown - counts.doubted, "gone already"),
        (counts.doubted, "gone already, in doubt"),
        (counts.after_unknown, "gone after a request of ours that got no answer"),
        (counts.failed, "failed"),
        (counts.invalid, "invalid"),
        (counts.skipped, "done before"),
        (counts.kept - counts.kept_unknown, "kept for their age"),
        (counts.kept_unknown, "kept since their age is not known"),
        (counts.duplicates, "duplicates"),
        (counts.pending, "still to do"),
    ]
    shown = [f"{number:,} {word}" for number, word in parts if number]
    return ", ".join(shown) or "nothing sent"


def _notes(summary: Summary) -> list[str]:
    counts = summary.counts
    notes = [f"Note: {note}." for note in summary.notes]
    if counts.read and counts.skipped == counts.read - counts.duplicates:
        state = "has a result in" if counts.skipped_failed else "is done already in"
        notes.append(f"Nothing was sent: every ID {state} this log.")
    if counts.skipped_failed:
        notes.append(
            f"{counts.skipped_failed:,} of those done before had failed for good or were invalid;"
            " --retry-failed tries the failed ones again."
        )
    if counts.stripped:
        notes.append(stripped_text(counts.stripped) + ".")
    if counts.failed:
        notes.append(f"The failed IDs: bulkdel failed {shell_word(summary.log or 'LOG')}")
    if counts.doubted:
        notes.append(
            f"{counts.doubted:,} IDs are called gone where nothing was ever deleted: wrong account,"
            " region or project? So that is in doubt, and the next run asks for them again;"
            " --allow-gone takes them for gone. (--retry-gone asks again for all that are gone.)"
        )
    return notes


def stripped_text(number: int) -> str:
    """Say of how many IDs something was taken off."""
    return f"{number:,} IDs had white space or a byte order mark around them, which was taken off"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"
