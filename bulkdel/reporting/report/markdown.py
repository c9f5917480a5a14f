"""The report as Markdown, for a ticket or a terminal: its tables line up as plain text, too.

Not here: what it says (`document`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from bulkdel.reporting.report.charts import Chart, charts_of, description
from bulkdel.reporting.report.document import (
    Bars,
    Code,
    LaneCharts,
    Piece,
    Table,
    Text,
    lead,
    sections,
    title,
)
from bulkdel.reporting.report.facts import Axis, Report
from bulkdel.utf8 import shown

MARKER: Final = "<!-- bulkdel report"
"""The beginning of every such file: it is one of ours."""

_SPARKS: Final = "▁▂▃▄▅▆▇█"
_SPARK_COLUMNS: Final = 60


def markdown_report(report: Report) -> str:
    """Return a report as Markdown."""
    lines = [f"{MARKER} {report.version} -->", "", f"# {title(report)}", "", _text(lead(report))]
    logs = ", ".join(log.log for log in report.evidence)
    lines += ["", _text(f"Made at {report.made_at} of {logs}.")]
    for section in sections(report):
        lines += ["", f"## {section.title}"]
        for piece in section.pieces:
            lines += ["", *_piece(piece)]
    return "\n".join(lines) + "\n"


def _piece(piece: Piece) -> Iterator[str]:
    match piece:
        case Text():
            yield f"**{_text(piece.words)}**" if piece.weighty else _text(piece.words)
        case Code():
            yield "```sh"
            yield from map(_line, piece.lines)
            yield "```"
        case Table():
            yield _text(piece.caption) + ":"
            yield ""
            yield from _table(piece)
        case Bars():
            rows = tuple((f"{100 * share:.1f} %", words) for words, share in piece.shares)
            yield _text(piece.caption) + ":"
            yield ""
            yield from _table(Table(piece.caption, ("share", "what kept it from more"), rows, 9))
        case LaneCharts():
            yield f"### {_text(piece.lane.lane or '(no lane)')}"
            for chart in charts_of(piece.lane):
                yield ""
                yield from _chart(chart, piece.axis)


def _chart(chart: Chart, axis: Axis) -> Iterator[str]:
    yield f"{chart.title}:"
    yield ""
    yield from (f"* {_text(words)}" for words in description(chart, axis).split("; "))
    values = chart.lines[0].values
    if any(value for value in values):
        yield ""
        yield f"    {_spark(values)}"


def _spark(values: Sequence[float | None]) -> str:
    """Return a row of bars; a blank where nothing is known."""
    step = max(1, math.ceil(len(values) / _SPARK_COLUMNS))
    groups = [values[place : place + step] for place in range(0, len(values), step)]
    means = []
    for group in groups:
        known = [value for value in group if value is not None]
        means.append(sum(known) / len(known) if known else None)
    most = max(value for value in means if value is not None) or 1.0
    return "".join(
        " " if value is None else _SPARKS[min(7, int(8 * value / most))] for value in means
    ).rstrip()


def _table(table: Table) -> Iterator[str]:
    rows = [tuple(map(_cell, row)) for row in (table.head, *table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.rjust(width) if column >= table.numbers_from else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    yield line(rows[0])
    rules = [
        "-" * (width - 1) + ":" if column >= table.numbers_from else "-" * width
        for column, width in enumerate(widths)
    ]
    yield f"| {' | '.join(rules)} |"
    yield from map(line, rows[1:])


def _line(text: str) -> str:
    return shown(text).replace("\n", " ").replace("```", "` ` `")


def _text(text: str) -> str:
    """Return words from elsewhere so that they stay words."""
    text = shown(text).replace("\n", " ").replace("\\", "\\\\")
    for char in "`*_[]<>|#":
        if char in text:
            text = text.replace(char, "\\" + char)
    return text


def _cell(text: str) -> str:
    return _text(text)
