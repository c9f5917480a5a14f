"""Charts of a lane as SVG elements: steps or bars over the columns of an axis.

What holds here, always: a chart has a title and a description that say in words what it shows; lines
are told apart by their dashes, so no colour is needed; where nothing is known nothing is drawn.

Not here: the page around them (`html`), colours (`style`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from bulkdel.reporting.report.facts import Axis, LaneReport
from bulkdel.reporting.report.markup import element
from bulkdel.reporting.words import ms_words, number_words

WIDTH: Final = 360
HEIGHT: Final = 176
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 10, 24
_TICKS_MAX: Final = 6
_REFUSED_LEAST: Final = 1.0
"""Percent: below, the scale does not grow, or a single refusal would look like many."""

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is drawn.

    Attributes:
        name: What it is, for the legend.
        values: One for each column.
        kind: Its class of the style: ``s1`` solid, ``s2`` dashed, ``s3`` dotted, ``bars``.
    """

    name: str
    values: Values
    kind: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart.

    Attributes:
        title: What it shows.
        lines: What is drawn.
        words: How a value is written.
        log: The scale is logarithmic.
        least_top: The scale reaches up to here at least.
    """

    title: str
    lines: tuple[Line, ...]
    words: Callable[[float], str]
    log: bool = False
    least_top: float = 0.0


def charts_of(lane: LaneReport) -> tuple[Chart, ...]:
    """Return the charts of a lane."""
    series = lane.series
    refused: Values = [
        100 * refused / requests if requests else None
        for refused, requests in zip(series.refused, series.requests, strict=True)
    ]
    return (
        Chart(
            "Rate: IDs that ended, a second",
            (
                Line("ended", series.results_per_s, "s1"),
                Line("aimed at", series.aimed_per_s, "s2"),
                Line("limit found", series.limit_per_s, "s3"),
            ),
            lambda value: f"{number_words(value)}/s",
        ),
        Chart(
            "Refused: share of the requests",
            (Line("refused", refused, "bars"),),
            lambda value: f"{value:.3g} %",
            least_top=_REFUSED_LEAST,
        ),
        Chart(
            "Answer times, logarithmic",
            (
                Line("half took at most", series.p50_ms, "s1"),
                Line("99 of 100", series.p99_ms, "s2"),
            ),
            ms_words,
            log=True,
        ),
    )


def description(chart: Chart, axis: Axis) -> str:
    """Return in words what a chart shows."""
    parts = []
    for line in chart.lines:
        known = _known(line.values)
        if not known:
            parts.append(f"{line.name}: not known")
            continue
        most, place = max(known)
        last = known[-1][0]
        middle = sorted(value for value, _ in known)[len(known) // 2]
        parts.append(
            f"{line.name}: in the middle {chart.words(middle)}, at most {chart.words(most)}"
            f" ({axis.begins[place]}), in the end {chart.words(last)}"
        )
    return "; ".join(parts) + "."


def svg(chart: Chart, axis: Axis, name: str, lane: str) -> Element:
    """Return a chart.

    Args:
        chart: What it shows.
        axis: Its time.
        name: Not used for another one on the page.
        lane: For its title.
    """
    root = element(
        "svg",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        **{"aria-labelledby": f"{name}-t {name}-d"},
    )
    root.append(element("title", f"{lane}: {chart.title}", id=f"{name}-t"))
    root.append(element("desc", description(chart, axis), id=f"{name}-d"))
    scale = _Scale.of(chart)
    root.extend(_grid(scale, chart))
    root.extend(_times(axis))
    for line in chart.lines:
        drawn = _bars if line.kind == "bars" else _steps
        path = drawn(line.values, scale, axis)
        if path:
            root.append(element("path", d=path, **{"class": line.kind}))
    return root


def swatch(kind: str) -> Element:
    """Return a short piece of a line, for a legend."""
    root = element("svg", viewBox="0 0 24 10", **{"class": "swatch", "aria-hidden": "true"})
    shape = "M2 9V1H22V9Z" if kind == "bars" else "M0 5H24"
    root.append(element("path", d=shape, **{"class": kind}))
    return root


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to pixels."""

    least: float
    most: float
    ticks: tuple[float, ...]
    log: bool

    @classmethod
    def of(cls, chart: Chart) -> _Scale:
        """Return the scale of all values of a chart."""
        values = [value for line in chart.lines for value, _ in _known(line.values)]
        top = max([*values, chart.least_top]) or 1.0
        if not chart.log:
            step = _nice(top / 4)
            count = math.ceil(top / step - 1e-9)
            return cls(0.0, count * step, tuple(step * n for n in range(count + 1)), log=False)
        low = min((value for value in values if value > 0), default=1.0)
        ticks = _log_ticks(low, max(top, low))
        return cls(ticks[0], ticks[-1], ticks, log=True)

    def y(self, value: float) -> float:
        """Return where a value lies, from the top."""
        if self.log:
            value = max(value, self.least)
            share = math.log(value / self.least) / math.log(self.most / self.least)
        else:
            share = (value - self.least) / (self.most - self.least)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _BOTTOM - _TOP), 1)


def _known(values: Values) -> list[tuple[float, int]]:
    """Return the values that are known, and the column of each."""
    return [
        (value, column)
        for column, value in enumerate(values)
        if value is not None and math.isfinite(value)
    ]


def _log_ticks(low: float, top: float) -> tuple[float, ...]:
    """Return 1, 2 and 5 times the powers of ten around two values; powers alone, if those are many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(top)) + 1
    powers = range(first, last + 1)
    fine = [n * 10.0**power for power in powers for n in (1, 2, 5)]
    for ticks in (fine, [10.0**power for power in powers]):
        begin = max(place for place, tick in enumerate(ticks) if tick <= low * (1 + 1e-9))
        end = min(place for place, tick in enumerate(ticks) if tick >= top and place > begin)
        if end - begin < _TICKS_MAX:
            break
    return tuple(ticks[begin : end + 1])


def _nice(step: float) -> float:
    """Return 1, 2 or 5 times a power of ten that is not less."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= step * (1 - 1e-9))


def _x(column: float, axis: Axis) -> float:
    return round(_LEFT + column * (WIDTH - _LEFT - _RIGHT) / len(axis.begins), 1)


def _grid(scale: _Scale, chart: Chart) -> Iterator[Element]:
    for tick in scale.ticks:
        y = scale.y(tick)
        yield element("path", d=f"M{_LEFT} {y}H{WIDTH - _RIGHT}", **{"class": "grid"})
        words = chart.words(tick).removesuffix("/s") if tick else "0"
        yield element("text", words, x=str(_LEFT - 4), y=str(y + 3.5), **{"text-anchor": "end"})


def _times(axis: Axis) -> Iterator[Element]:
    """Yield the times below, and a line where time was left out."""
    for cut in axis.cuts:
        x = _x(cut.column, axis)
        yield element("path", d=f"M{x} {_TOP}V{HEIGHT - _BOTTOM}", **{"class": "cut"})
    last = len(axis.begins) - 1
    same_day = axis.begins[0][:10] == axis.begins[last][:10]
    places = (
        ((0, _LEFT, "start"), (last, WIDTH - _RIGHT, "end")) if last else ((0, _LEFT, "start"),)
    )
    for column, x, anchor in places:
        at = axis.begins[column]
        words = at[11:19] if same_day else at[5:16]
        yield element("text", words, x=str(x), y=str(HEIGHT - 7), **{"text-anchor": anchor})


def _steps(values: Values, scale: _Scale, axis: Axis) -> str:
    """Return a line that goes from step to step; it ends where nothing is known, and at a cut."""
    cuts = {cut.column for cut in axis.cuts}
    parts: list[str] = []
    before = -1
    for value, column in _known(values):
        y = scale.y(value)
        goes_on = column == before + 1 and column not in cuts and parts
        parts.append(f"V{y}" if goes_on else f"M{_x(column, axis)} {y}")
        parts.append(f"H{_x(column + 1, axis)}")
        before = column
    return "".join(parts)


def _bars(values: Values, scale: _Scale, axis: Axis) -> str:
    parts = []
    for value, column in _known(values):
        left, right = _x(column, axis), _x(column + 1, axis)
        if value > 0:
            parts.append(f"M{left} {HEIGHT - _BOTTOM}V{scale.y(value)}H{right}V{HEIGHT - _BOTTOM}Z")
    return "".join(parts)
