"""The report as one HTML page that needs nothing else: no script, no font, no request to anywhere.

    Report ──document──> sections ──> elements ──> text

Not here: what it says (`document`), its looks (`style`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from bulkdel.reporting.report.charts import Chart, charts_of, svg, swatch
from bulkdel.reporting.report.document import (
    Bars,
    Code,
    LaneCharts,
    Piece,
    Section,
    Table,
    Text,
    lead,
    sections,
    title,
)
from bulkdel.reporting.report.facts import Axis, Report
from bulkdel.reporting.report.markup import element, html_text
from bulkdel.reporting.report.style import STYLE
from bulkdel.reporting.words import number_words

GENERATOR: Final = 'name="generator" content="bulkdel report'
"""Near the beginning of every page: it is one of ours."""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Whatever stands in a log, the page may load nothing and run nothing."""


def html_report(report: Report) -> str:
    """Return a report as a page."""
    shown = sections(report)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="generator", content=f"bulkdel report {report.version}"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", **{"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        element("link", rel="icon", href="data:,"),
        element("title", title(report)),
        _style(),
    )
    links = [
        element("li", element("a", section.title, href=f"#{section.name}")) for section in shown
    ]
    body = element(
        "body",
        element("a", "To the content", href="#outcome", **{"class": "skip"}),
        element(
            "header",
            element("h1", title(report)),
            element("p", lead(report), **{"class": "lead"}),
            element("p", _made(report), **{"class": "soft"}),
        ),
        element("nav", element("ul", *links), **{"aria-label": "Sections"}),
        element("main", _tiles(report), *map(_section, shown)),
        element("footer", element("p", f"Made by bulkdel {report.version} out of the log alone.")),
    )
    return html_text(element("html", head, body, lang="en"))


def _style() -> Element:
    made = Element("style")
    made.text = STYLE  # ours, so it is not to be escaped
    return made


def _made(report: Report) -> str:
    logs = ", ".join(log.log for log in report.evidence)
    return f"Made at {report.made_at} of {logs}."


def _tiles(report: Report) -> Element:
    """Return the counts that one wants to see first."""
    pending = [lane.pending for lane in report.lanes]
    left = "unknown" if None in pending else f"{sum(each or 0 for each in pending):,}"
    values = {name: f"{count:,}" for name, count in report.counts.items()} | {"still to do": left}
    tiles = [
        element("div", element("dt", name), element("dd", value)) for name, value in values.items()
    ]
    return element("dl", *tiles, **{"class": "tiles"})


def _section(section: Section) -> Element:
    heading = f"{section.name}-h"
    inside = [each for piece in section.pieces for each in _piece(piece)]
    return element(
        "section",
        element("h2", section.title, id=heading),
        *inside,
        id=section.name,
        **{"aria-labelledby": heading},
    )


def _piece(piece: Piece) -> Iterator[Element]:
    match piece:
        case Text():
            yield element("p", piece.words, **({"class": "weighty"} if piece.weighty else {}))
        case Code():
            yield element("pre", element("code", "\n".join(piece.lines)))
        case Table():
            yield _table(piece)
        case Bars():
            yield _bars(piece)
        case LaneCharts():
            yield from _lane(piece)


def _wide(table: Element, name: str) -> Element:
    """Return a table that scrolls by itself where it is too wide, also by keyboard."""
    attributes = {"class": "wide", "role": "region", "aria-label": name, "tabindex": "0"}
    return element("div", table, **attributes)


def _table(table: Table) -> Element:
    def kind(column: int) -> dict[str, str]:
        return {"class": "n"} if column >= table.numbers_from else {}

    head = [
        element("th", name, scope="col", **kind(column)) for column, name in enumerate(table.head)
    ]
    rows = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell, **kind(column)) for column, cell in enumerate(row) if column),
        )
        for row in table.rows
    ]
    made = element(
        "table",
        element("caption", table.caption),
        element("thead", element("tr", *head)),
        element("tbody", *rows),
    )
    return _wide(made, table.caption)


def _bars(bars: Bars) -> Element:
    rows = [
        element(
            "tr",
            element("td", f"{100 * share:.1f} %", **{"class": "n"}),
            element("td", _bar(share), **{"class": "bar"}),
            element("th", words, scope="row"),
        )
        for words, share in bars.shares
    ]
    names = ("share", "", "what kept it from more")
    head = element("tr", *(element("th", name, scope="col") for name in names))
    made = element(
        "table", element("caption", bars.caption), element("thead", head), element("tbody", *rows)
    )
    return _wide(made, bars.caption)


def _bar(share: float) -> Element:
    root = element(
        "svg", viewBox="0 0 100 8", preserveAspectRatio="none", **{"aria-hidden": "true"}
    )
    root.append(element("rect", width="100", height="8", **{"class": "rest"}))
    root.append(element("rect", width=f"{100 * share:.1f}", height="8", **{"class": "share"}))
    return root


def _lane(piece: LaneCharts) -> Iterator[Element]:
    lane, axis = piece.lane, piece.axis
    name = lane.lane or "(no lane)"
    yield element("h3", name)
    charts = charts_of(lane)
    figures = [
        _figure(chart, axis, f"c{_number(name)}-{number}", name)
        for number, chart in enumerate(charts)
    ]
    yield element("div", *figures, **{"class": "charts"})
    yield element(
        "details", element("summary", "These charts as a table"), _values(charts, axis, name)
    )


def _number(name: str) -> str:
    """Return a name as what may stand in an ``id``, one for each."""
    return name.encode("utf-8", "surrogateescape").hex()


def _figure(chart: Chart, axis: Axis, name: str, lane: str) -> Element:
    legend = [
        element("li", swatch(line.kind), line.name)
        for line in chart.lines
        if _is_drawn(line.values)
    ]
    return element(
        "figure",
        element("figcaption", chart.title),
        svg(chart, axis, name, lane),
        element("ul", *legend, **{"class": "legend"}),
    )


def _is_drawn(values: object) -> bool:
    return isinstance(values, (list, tuple)) and any(value is not None for value in values)


def _values(charts: tuple[Chart, ...], axis: Axis, lane: str) -> Element:
    lines = [(chart, line) for chart in charts for line in chart.lines]
    rows = tuple(
        (
            begin,
            *(
                "-" if (value := line.values[column]) is None else chart.words(value)
                for chart, line in lines
            ),
        )
        for column, begin in enumerate(axis.begins)
    )
    head = ("from", *(line.name for _, line in lines))
    return _table(Table(f"{lane}, in columns of {number_words(axis.width_s)} s", head, rows))
