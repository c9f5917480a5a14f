"""What the page says, section by section, before it is HTML or Markdown: words, tables, charts.

    Report ──sections──> Text, Table, Code, Bars, LaneCharts ──> html, markdown

So both formats say the same. Not here: the figures (`gather`), their looks (`html`, `markdown`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bulkdel.models import Outcome
from bulkdel.reporting.explain import BOUND_WORDS
from bulkdel.reporting.report.facts import (
    Axis,
    FileEvidence,
    LaneReport,
    LogEvidence,
    Report,
    RunFacts,
)
from bulkdel.reporting.words import duration, ms_words, number_words, shell_word

RUNS_SHOWN_MAX: Final = 50
REASONS_SHOWN_MAX: Final = 20
FILES_SHOWN_MAX: Final = 50
CHARTED_LANES_MAX: Final = 12
_SAMPLE_CHARS_MAX: Final = 300
_OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph.

    Attributes:
        words: What it says.
        weighty: It must not be overlooked.
    """

    words: str
    weighty: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table; cells from `numbers_from` on are numbers.

    Attributes:
        caption: What it shows.
        head: The names of its columns.
        rows: Its rows, as long as the head.
        numbers_from: The first column of numbers.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers_from: int = 1


@dataclass(frozen=True, slots=True)
class Code:
    """Command lines."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Shares of a whole, each with its words.

    Attributes:
        caption: What the whole is.
        shares: Words and share, the largest first.
    """

    caption: str
    shares: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class LaneCharts:
    """How a lane went, as charts.

    Attributes:
        lane: The lane.
        axis: Their time.
    """

    lane: LaneReport
    axis: Axis


Piece = Text | Table | Code | Bars | LaneCharts


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page.

    Attributes:
        name: What links to it.
        title: Its heading.
        pieces: What is in it.
    """

    name: str
    title: str
    pieces: tuple[Piece, ...]


def title(report: Report) -> str:
    """Return the heading of the page."""
    count = sum(report.counts.values())
    return f"Deletion report: {count:,} {'ID' if count == 1 else 'IDs'}"


def lead(report: Report) -> str:
    """Return in a few sentences what came of it."""
    counts = report.counts
    words = [f"{counts['deleted']:,} deleted"]
    words += [f"{counts[name]:,} {_OUTCOME_WORDS[name]}" for name in _OUTCOMES[1:] if counts[name]]
    pending = sum(lane.pending or 0 for lane in report.lanes)
    if pending:
        words.append(f"{pending:,} read and still to do")
    return f"{', '.join(words)}. {_state(report)}"


_OUTCOME_WORDS: Final = {
    "deleted": "deleted",
    "gone": "gone",
    "failed": "failed",
    "invalid": "invalid",
}


def _state(report: Report) -> str:
    words = {
        "finished": "The newest run finished.",
        "stopped": "The newest run stopped early",
        "interrupted": "The newest run was interrupted by its user",
        "running": "The newest run was going on when this was made",
        "killed": "The newest run wrote no end: it was killed, or its machine went down",
        "empty": "There was no run yet",
    }
    said = words.get(report.state, f"The newest run: {report.state}").rstrip(".")
    return f"{said}: {report.reason}" if report.reason else f"{said}."


def sections(report: Report) -> tuple[Section, ...]:
    """Return the sections of a report."""
    made = [
        Section("outcome", "What came of it", tuple(_outcome(report))),
        Section("left", "What is left", tuple(_left(report))),
        Section("time", "Over time", tuple(_over_time(report))),
        Section("bound", "Where the time went", tuple(_bound(report))),
        Section("failures", "Failures", tuple(_failures(report))),
        Section("runs", "Runs", tuple(_runs(report))),
        Section("evidence", "Evidence", tuple(_evidence(report))),
        Section("words", "Words", (_words(),)),
    ]
    return tuple(section for section in made if section.pieces)


def _outcome(report: Report) -> Iterator[Piece]:
    asked = [
        (lane.lane or "(no lane)", lane.provider, lane.resource, lane.base_url)
        for lane in report.lanes
    ]
    rows = [_counts_of(lane) for lane in report.lanes]
    if len(rows) > 1:
        rows.append(_sum(rows))
    yield Table(
        "IDs by lane, each by its last line",
        ("lane", "deleted", "gone", "failed", "invalid", "still to do", "requests", "refused"),
        tuple(
            (
                name,
                *(f"{number:,}" for number in numbers[:4]),
                "unknown" if numbers[4] is None else f"{numbers[4]:,}",
                f"{numbers[5]:,}",
                _percent(numbers[6], numbers[5]),
            )
            for name, numbers in rows
        ),
    )
    yield Table("What was asked", ("lane", "provider", "resource", "base URL"), tuple(asked), 4)
    sources = dict.fromkeys(source for run in report.runs for source in run.sources)
    if sources:
        shown = list(sources)[:FILES_SHOWN_MAX]
        more = f" and {len(sources) - len(shown):,} more" if len(sources) > len(shown) else ""
        yield Text(f"Sources: {', '.join(shown)}{more}.")
    for note in dict.fromkeys(note for run in report.runs for note in run.notes):
        yield Text(f"Note: {note}.")


_Row = tuple[str, list[Any]]


def _counts_of(lane: LaneReport) -> _Row:
    counts = [lane.counts[name] for name in _OUTCOMES]
    return lane.lane or "(no lane)", [*counts, lane.pending, lane.requests, lane.refused]


def _sum(rows: Sequence[_Row]) -> _Row:
    columns = zip(*(numbers for _, numbers in rows), strict=True)
    return "all lanes", [None if None in column else sum(column) for column in columns]


def _left(report: Report) -> Iterator[Piece]:
    left = report.left
    if not report.runs and not left.what:
        yield Text("There was no run yet.")
    elif not left.what:
        kept = report.runs[-1].counts.get("kept", 0)
        but = f", but for {kept:,} that are kept for their age" if kept else ""
        yield Text(f"Nothing: every ID that was read is deleted or was gone already{but}.")
    for sentence in left.what:
        yield Text(sentence)
    if left.commands:
        yield Code(left.commands)


def _over_time(report: Report) -> Iterator[Piece]:
    axis = report.axis
    if not axis.begins:
        return
    cut_s = sum(cut.left_out_s for cut in axis.cuts)
    cuts = f" {duration(cut_s)} in which nothing was done are left out." if cut_s else ""
    yield Text(
        f"From {axis.begins[0]} on, {duration(sum(axis.spans_s))} of work in columns of"
        f" {duration(axis.width_s)}.{cuts} All times are UTC."
    )
    rows = [
        (
            lane.lane or "(no lane)",
            lane.limit or "not known",
            _mean_rate(lane, axis),
            _ms(lane.p50_ms),
            _ms(lane.p99_ms),
            _percent(lane.refused, lane.requests),
        )
        for lane in report.lanes
    ]
    yield Table(
        "Lanes side by side",
        ("lane", "limit found", "IDs a second", "answer p50", "answer p99", "refused"),
        tuple(rows),
        2,
    )
    charted = [lane for lane in report.lanes if any(lane.series.results_per_s)]
    for lane in charted[:CHARTED_LANES_MAX]:
        yield LaneCharts(lane, axis)
    if len(charted) > CHARTED_LANES_MAX:
        yield Text(
            f"The {CHARTED_LANES_MAX} busiest lanes are drawn; --format json has all"
            f" {len(charted):,}."
        )


def _bound(report: Report) -> Iterator[Piece]:
    for lane in report.lanes:
        if not lane.shares:
            continue
        whole = f"{lane.lane or '(no lane)'}: {duration(lane.active_s)} over all runs"
        yield Bars(whole, tuple((BOUND_WORDS[name], share) for name, share in lane.shares.items()))
        for advice in lane.advice:
            yield Text(advice)


def _failures(report: Report) -> Iterator[Piece]:
    if not report.failures:
        return
    shown = report.failures[:REASONS_SHOWN_MAX]
    yield Table(
        "Why IDs failed, by their last lines",
        ("reason", "IDs", "tried again by the next run"),
        tuple((each.reason, f"{each.count:,}", f"{each.retryable:,}") for each in shown),
    )
    if len(report.failures) > len(shown):
        yield Text(f"{len(report.failures) - len(shown):,} rarer reasons are left out here.")
    samples = [(each.reason, line) for each in shown for line in each.samples]
    if samples:
        yield Table(
            "Some of them",
            ("ID", "lane", "status", "attempts", "at", "what was answered"),
            tuple(_sample(line) for _, line in samples),
            6,
        )


def _sample(line: Mapping[str, Any]) -> tuple[str, ...]:
    said = ": ".join(str(line[name]) for name in ("code", "error") if line.get(name))
    values = [line.get(name) for name in ("id", "lane", "status", "attempts", "at")]
    words = ("-" if value is None else str(value) for value in values)
    return (*(_short(word) for word in words), _short(said))


def _short(text: str) -> str:
    return text if len(text) <= _SAMPLE_CHARS_MAX else text[: _SAMPLE_CHARS_MAX - 1] + "…"


def _runs(report: Report) -> Iterator[Piece]:
    shown = report.runs[-RUNS_SHOWN_MAX:]
    if len(shown) < len(report.runs):
        yield Text(f"The newest {len(shown)} of {len(report.runs):,} runs.")
    if shown:
        yield Table(
            "Runs, oldest first",
            ("begun", "took", "how it ended", "deleted", "gone", "failed", "left", "requests"),
            tuple(map(_run, shown)),
            3,
        )
    orders = [order for run in shown for order in run.orders]
    if orders:
        head = ("at", "order", "lane", "by")
        yield Table("Steered by hand", head, tuple(map(_order, orders)), 4)


def _order(order: Mapping[str, Any]) -> tuple[str, ...]:
    value = "auto" if order.get("value") is None else str(order["value"])
    what = str(order.get("order"))
    return (
        str(order.get("at") or "-"),
        f"{what} {value}" if what in ("rate", "concurrency") else what,
        str(order.get("lane") or "all"),
        str(order.get("by") or "-"),
    )


def _run(run: RunFacts) -> tuple[str, ...]:
    counts = [run.counts.get(name) for name in ("deleted", "gone", "failed", "pending", "requests")]
    state = f"{run.state}: {run.reason}" if run.reason else run.state
    numbers = ("-" if count is None else f"{count:,}" for count in counts)
    return (_minute(run.began_at), duration(run.elapsed_s), state, *numbers)


def _evidence(report: Report) -> Iterator[Piece]:
    for log in report.evidence:
        yield Text(_log_text(log))
        for each in log.files:
            if each.changed:
                yield Text(f"{each.path} WAS CHANGED: {each.changed}.", weighty=True)
        shown = log.files[:FILES_SHOWN_MAX]
        yield Table(
            "Its files" if len(log.files) > 1 else "Its file",
            ("file", "bytes", "SHA-256", "seals"),
            tuple((each.path, f"{each.size:,}", each.sha256, _seals(each)) for each in shown),
            4,
        )
        if len(log.files) > len(shown):
            yield Text(f"{len(log.files) - len(shown):,} more files: --format json has all.")
        for lane, found in log.verified.items():
            words = ", ".join(f"{count:,} {name}" for name, count in found.items() if count)
            yield Text(f"Asked for again by `bulkdel verify`, lane {lane}: {words}.")
    yield Text("A file is the one that was reported if this prints its SHA-256:")
    yield Code(
        tuple(
            f"head -c {each.size} {shell_word(each.path)} | sha256sum"
            for log in report.evidence
            for each in log.files[:1]
        )
    )


def _log_text(log: LogEvidence) -> str:
    words = f"{log.log}: {log.lines:,} lines"
    if log.first_at is not None:
        words += f" from {log.first_at} to {log.last_at}"
    if log.damaged:
        numbers = ", ".join(map(str, log.damaged_lines))
        words += f"; {log.damaged:,} damaged" + (f", the first: {numbers}" if numbers else "")
    if log.torn_bytes:
        words += f"; the last {log.torn_bytes:,} bytes are no whole line"
    return words + "."


def _seals(file: FileEvidence) -> str:
    if file.seals is None:
        return "compressed: not looked at"
    if file.changed:
        return f"{file.seals:,} are right, then it was changed"
    if file.seal is None:
        return "none"
    behind = file.size - file.sealed_bytes
    rest = f", {behind:,} bytes behind it" if behind > 0 else ""
    return f"{file.seals:,}, all right; the last one {file.seal}{rest}"


def _words() -> Table:
    return Table(
        "What the words mean",
        ("word", "meaning"),
        (
            ("deleted", "The provider confirmed it by its documented answer to our request."),
            (
                "gone",
                "The provider said that there was no such object: deleted before, or by us.",
            ),
            ("failed", "The provider would not, after as many attempts as were allowed."),
            ("invalid", "The row cannot be an ID: nothing was sent."),
            ("still to do", "Read, and left by the newest run of each set of sources."),
            ("refused", "The provider answered that it was asked too fast; sent again later."),
            ("lane", "One account at one provider."),
        ),
        2,
    )


def _mean_rate(lane: LaneReport, axis: Axis) -> str:
    """Return the rate over the columns in which the lane did anything: results and time of the same."""
    series = lane.series
    busy = [
        (rate * span, span)
        for rate, requests, span in zip(
            series.results_per_s, series.requests, axis.spans_s, strict=True
        )
        if rate or requests
    ]
    return _per_s(sum(n for n, _ in busy) / sum(span for _, span in busy)) if busy else "-"


def _per_s(value: float) -> str:
    return f"{number_words(value)}/s" if math.isfinite(value) else "-"


def _ms(value: float | None) -> str:
    return "-" if value is None else ms_words(value)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"


def _minute(at: str) -> str:
    return at[:16].replace("T", " ") or "not known"
