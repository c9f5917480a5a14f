"""What ``bulkdel bench`` is told: its options, each with its default and what it may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

import click

from bulkdel.cli.fields import OwnType, flag, option, optional
from bulkdel.settings import CONCURRENCY_MAX

LATENCY_MAX_S: Final = 10.0
SECONDS_MAX: Final = 60.0
VALUES_MAX: Final = 20

_Number = TypeVar("_Number", bound=float)


@dataclass(frozen=True, slots=True)
class Numbers(Generic[_Number]):
    """Numbers, sorted, each once; as a text they have commas between."""

    values: tuple[_Number, ...]

    def __str__(self) -> str:
        return ",".join(f"{value:g}" for value in self.values)


class NumbersType(OwnType, Generic[_Number]):
    """Reads `Numbers`.

    Args:
        number: Reads one of them.
        least: The least that one may be.
        most: The most that one may be.
    """

    name = "numbers"

    def __init__(self, number: Callable[[str], _Number], least: _Number, most: _Number) -> None:
        self._number = number
        self._least = least
        self._most = most

    def convert(
        self,
        value: str | Numbers[_Number],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Numbers[_Number]:
        """Return the numbers of a text, or refuse it."""
        if isinstance(value, Numbers):  # the default
            return value
        try:
            numbers = sorted({self._number(word) for word in value.split(",")})
        except ValueError:
            self.fail(f"write numbers with commas between, not {value!r}", param, ctx)
        if len(numbers) > VALUES_MAX:
            self.fail(f"at most {VALUES_MAX} values, not {len(numbers)}", param, ctx)
        if not all(self._least <= number <= self._most for number in numbers):
            self.fail(f"must be {self._least:g} to {self._most:g}, not {value}", param, ctx)
        return Numbers(tuple(numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """The options of the command."""

    concurrency: Numbers[int] = option(
        "--concurrency",
        metavar="N,N…",
        kind=NumbersType[int](int, 1, CONCURRENCY_MAX),
        default=Numbers((1, 4, 16, 64, 256)),
        help="Requests in flight, each measured.",
    )
    latency: Numbers[float] = option(
        "--latency",
        metavar="S,S…",
        kind=NumbersType[float](float, 0.0, LATENCY_MAX_S),
        default=Numbers((0.0, 0.02, 0.1)),
        help="Seconds the server takes for an answer, each measured.",
    )
    seconds: float = option(
        "--seconds",
        metavar="S",
        kind=click.FloatRange(0.1, SECONDS_MAX),
        default=0.5,
        help="Seconds to measure each.",
    )
    rate: float | None = optional(
        "--rate",
        metavar="N",
        kind=click.FloatRange(0.001, 1_000_000),
        help="Which concurrency to choose for N deletions per second.",
    )
    ids: int = option(
        "--ids",
        metavar="N",
        kind=click.IntRange(1),
        default=1_000_000,
        help="How long N IDs take at each provider's documented limit.",
    )
    svg: Path | None = optional(
        "--svg", metavar="FILE", kind=click.Path(path_type=Path), help="Draw it, too."
    )
    json: bool = flag("--json", help="One JSON object on stdout.")
