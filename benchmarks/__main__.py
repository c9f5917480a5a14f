"""``python -m benchmarks NAME``: measure, then write JSON, Markdown and SVG."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import click

from benchmarks import latency, memory, plots, resume, tables, throughput
from benchmarks.measure import BenchmarkError
from benchmarks.report import RESULTS, save, say, where


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    rounds: int
    ids: int
    full: bool


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How one benchmark is measured, told and drawn."""

    measure: Callable[[Scale], dict[str, Any]]
    markdown: Callable[[dict[str, Any]], str]
    draw: Callable[[dict[str, Any], Path], None]


def _resume(scale: Scale) -> dict[str, Any]:
    sizes = [*resume.SIZES, resume.FULL_SIZE] if scale.full else resume.SIZES
    return resume.measure(sizes=sizes, rounds=min(scale.rounds, 3))


def _memory(scale: Scale) -> dict[str, Any]:
    return memory.measure(ids_count=5_000_000 if scale.full else 500_000)


BENCHMARKS: Final = {
    "throughput": Benchmark(
        lambda scale: throughput.measure("http", ids_count=scale.ids, rounds=scale.rounds),
        tables.throughput,
        plots.throughput,
    ),
    "tls": Benchmark(
        lambda scale: throughput.measure("https", ids_count=scale.ids, rounds=scale.rounds),
        tables.throughput,
        plots.throughput,
    ),
    "latency": Benchmark(
        lambda scale: latency.measure(rounds=min(scale.rounds, 5)), tables.latency, plots.latency
    ),
    "resume": Benchmark(_resume, tables.resume, plots.resume),
    "memory": Benchmark(_memory, tables.memory, plots.memory),
}
PACING: Final = "benchmarks.pacing"
"""It runs in virtual time, has its own report, and is called as it is."""
DRAWN: Final = "pacing_drawn.md"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice([*BENCHMARKS, "pacing", "all"]), required=True)
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1, 100))
@click.option(
    "--ids", default=200_000, show_default=True, type=click.IntRange(100, 5_000_000),
    help="IDs of each run; fewer for the slow clients.",
)  # fmt: skip
@click.option("--full", is_flag=True, help="A log of 10,000,000 lines; memory over 5,000,000 IDs.")
@click.option("--draw", is_flag=True, help="Measure nothing: tables and plots from the JSON again.")
@click.option("--results", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(
    *, names: tuple[str, ...], rounds: int, ids: int, full: bool, draw: bool, results: Path
) -> None:
    """Measure bulkdel next to its peers, on this machine alone."""
    scale = Scale(rounds=rounds, ids=ids, full=full)
    chosen = [*BENCHMARKS, "pacing"] if "all" in names else list(dict.fromkeys(names))
    for name in chosen:
        if name == "pacing":
            _pacing()
        else:
            _one(name, scale, results, draw=draw)


def _one(name: str, scale: Scale, results: Path, *, draw: bool) -> None:
    benchmark = BENCHMARKS[name]
    if draw:
        found = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
    else:
        say(f"== {name}")
        place = where()
        found = {**benchmark.measure(scale), "where": place}
    markdown = benchmark.markdown(found)
    save(results, name, found, markdown)
    if plots.installed():
        benchmark.draw(found, results / f"{name}.svg")
    else:
        say("no plot: matplotlib is not installed (pip install -e '.[bench]')")
    click.echo(markdown)


def _pacing() -> None:
    if find_spec(PACING) is None:
        say("no benchmarks/pacing.py")
        return
    say("== pacing")
    sys.argv = ["benchmarks pacing"]
    import_module(PACING).main()
    say("== pacing on limits that are drawn (some minutes)")
    # The drawn limits are the tests' own, and benchmarks import nothing of tests.
    judge = [sys.executable, "-m", "tests.pacing.judge", "--report", str(RESULTS / DRAWN)]
    subprocess.run(judge, cwd=RESULTS.parent.parent, check=True)


if __name__ == "__main__":
    try:
        main(prog_name="python -m benchmarks")
    except BenchmarkError as exc:
        sys.exit(f"benchmark failed: {exc}")
