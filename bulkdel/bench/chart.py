"""The figures of ``bulkdel bench`` as an SVG: rate over concurrency, a line per latency.

Both axes are logarithmic, so that a latency is a straight line up to where the machine
is full. Hand-written, so that nobody needs a plotting library for one picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from bulkdel.bench.curves import Point, curves

_WIDTH: Final = 720
_HEIGHT: Final = 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 124, 56, 56
_COLOURS: Final = ("#0b6e99", "#c2571a", "#3d7a3a", "#7a4d9f", "#a33b52", "#5c5c5c")
_INK, _PALE = "#333333", "#e3e3e3"
_LABEL_APART: Final = 15.0


@dataclass(frozen=True, slots=True)
class _Axis:
    """A logarithmic axis between two values, on pixels."""

    least: float
    most: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        if self.most <= self.least:
            return (self.begin + self.end) / 2
        share = math.log(value / self.least) / math.log(self.most / self.least)
        return self.begin + share * (self.end - self.begin)


def svg(points: Iterable[Point]) -> str:
    """Return the picture of at least one point."""
    lines = {
        latency_s: [point for point in curve if point.rate > 0]
        for latency_s, curve in curves(points).items()
    }
    lines = {latency_s: curve for latency_s, curve in lines.items() if curve}
    shown = [point for curve in lines.values() for point in curve]
    across = sorted({point.concurrency for point in shown})
    rates = [point.rate for point in shown]
    x = _Axis(across[0], across[-1], _LEFT, _WIDTH - _RIGHT)
    decades = _decades(min(rates), max(rates))
    y = _Axis(decades[0], decades[-1], _HEIGHT - _BOTTOM, _TOP)
    parts = [*_grid(x, y, across, decades), *_curves(x, y, lines)]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        f' font-family="system-ui, sans-serif" font-size="13" fill="{_INK}">\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )


def _decades(least: float, most: float) -> list[float]:
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
    return [10.0**power for power in range(first, max(last, first + 1) + 1)]


def _grid(x: _Axis, y: _Axis, across: Sequence[int], decades: Sequence[float]) -> list[str]:
    middle = (x.begin + x.end) / 2
    parts = [
        _text(x.begin, 28, "Deletions per second on this machine", size=16, anchor="start"),
        _text(middle, _HEIGHT - 14, "requests in flight (--concurrency)"),
    ]
    for rate in decades:
        parts.append(_line(x.begin, y.at(rate), x.end, y.at(rate)))
        parts.append(_text(x.begin - 8, y.at(rate) + 4, f"{rate:,.0f}/s", anchor="end"))
    for concurrency in across:
        parts.append(_line(x.at(concurrency), y.begin, x.at(concurrency), y.end))
        parts.append(_text(x.at(concurrency), y.begin + 20, str(concurrency)))
    return parts


def _curves(x: _Axis, y: _Axis, lines: dict[float, list[Point]]) -> list[str]:
    parts = []
    label_y = math.inf
    ends = sorted(lines.items(), key=lambda line: line[1][-1].rate)
    for number, (latency_s, curve) in enumerate(ends):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [(x.at(point.concurrency), y.at(point.rate)) for point in curve]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.2"/>'
        )
        parts += [
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.4" fill="{colour}"/>' for px, py in places
        ]
        label_y = min(places[-1][1], label_y - _LABEL_APART)  # from the lowest one up
        words = f"{latency_s * 1000:g} ms latency"
        parts.append(_text(places[-1][0] + 10, label_y + 4, words, anchor="start", fill=colour))
    return parts


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{_PALE}"/>'


def _text(
    x: float, y: float, words: str, *, size: int = 13, anchor: str = "middle", fill: str = _INK
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"'
    return f"<text {place}>{escape(words)}</text>"
