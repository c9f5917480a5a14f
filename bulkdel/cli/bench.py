"""``bulkdel bench``: what this machine reaches, against the embedded server.

The server is a process of its own (`bench.server`) and confirms every deletion after a
fixed latency. Each measurement is a real run, with its log in a temporary folder, that
is ended after a while; what counts is the time after its start has settled.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Final

import anyio
import click
import orjson

from bulkdel.bench.chart import svg
from bulkdel.bench.curves import Point, concurrency_for, curves, durations
from bulkdel.cli.bench_options import BenchOptions
from bulkdel.cli.bench_text import report
from bulkdel.cli.exits import INTERRUPTED
from bulkdel.cli.fields import takes
from bulkdel.engine.inputs import ReaderSource
from bulkdel.engine.run import Run
from bulkdel.errors import BulkdelError, ConfigError
from bulkdel.process import backend_options, raise_open_files
from bulkdel.providers import get
from bulkdel.settings import Lane, RunSettings
from bulkdel.sources import from_iterable
from bulkdel.version import __version__

_PROVIDER: Final = get("ark")
_UNBOUND: Final = 1_000_000.0
"""A pace that does not bind: what the machine reaches is measured, not a limit found."""

_SETTLE_S: Final = 0.15
_ROUND_TRIPS: Final = 4
"""So many to settle, since a lane begins with a few requests, and as many at least to
measure."""

_LOOK_S: Final = 0.001
_AVERAGE_S: Final = 0.01
_END_S: Final = 5.0
"""Seconds that the server gets to end by itself."""

_EPILOG = """\b
Examples:
  bulkdel bench
  bulkdel bench --rate 500 --ids 2000000
  bulkdel bench --concurrency 32,128,512 --latency 0.05 --svg rates.svg

\b
The server shares this machine with bulkdel, which a real provider does not; and no
provider lets anybody this fast: see `bulkdel providers`.
"""


@click.command(epilog=_EPILOG)
@takes(BenchOptions)
def bench(options: BenchOptions) -> None:
    """Measure what rate this machine reaches, by concurrency and latency.

    Nothing leaves this machine: a server on loopback confirms made IDs, in a process of
    its own. Takes less than 20 seconds.
    """
    grid = list(itertools.product(options.latency.values, options.concurrency.values))
    picture = options.svg
    if picture is not None and not picture.absolute().parent.is_dir():
        raise ConfigError(f"{picture}: there is no such folder")
    raise_open_files(max(concurrency for _, concurrency in grid) + 64)
    try:
        measure = partial(_measure, grid, options.seconds, tell=not options.json)
        points = anyio.run(measure, backend_options=backend_options())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    if picture is not None:
        try:
            picture.write_text(svg(points), encoding="utf-8")
        except OSError as exc:
            raise ConfigError(f"{picture}: {exc.strerror}") from exc
    if options.json:
        facts = _facts(points, options.rate, options.ids)
        click.echo(orjson.dumps(facts, option=orjson.OPT_INDENT_2))
    else:
        click.echo(report(points, options.rate, options.ids))
        if picture is not None:
            click.echo(f"Drawn: {picture}")


async def _measure(grid: Sequence[tuple[float, int]], seconds: float, *, tell: bool) -> list[Point]:
    """Measure each latency and concurrency in turn."""
    latencies_s = sorted({latency_s for latency_s, _ in grid})
    points = []
    with served(latencies_s) as urls, TemporaryDirectory(prefix="bulkdel-bench-") as folder:
        for number, (latency_s, concurrency) in enumerate(grid):
            if tell and sys.stderr.isatty():
                click.echo(f"\rmeasuring {number + 1} of {len(grid)} ", nl=False, err=True)
            lane = Lane(
                provider=_PROVIDER,
                api_key="bench",
                base_url=urls[latencies_s.index(latency_s)],
                concurrency=concurrency,
                rate=_UNBOUND,
            )
            log = Path(folder) / f"{number}.jsonl"
            points.append(await measure_point(lane, latency_s, seconds, log))
            log.unlink()
    if tell and sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    return points


@contextmanager
def served(latencies_s: Sequence[float]) -> Iterator[list[str]]:
    """Run the server; yield the base URL of each latency. It ends with its stdin."""
    command = [sys.executable, "-P", "-m", "bulkdel.bench.server", *map(str, latencies_s)]
    with subprocess.Popen(  # noqa: S603 - our own module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for us; it ends with its stdin
    ) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - pipes
        urls = [process.stdout.readline().strip() for _ in latencies_s]
        if not all(urls):
            raise ConfigError("the embedded server did not start")
        try:
            yield urls
        finally:
            process.stdin.close()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()


async def measure_point(lane: Lane, latency_s: float, seconds: float, log: Path) -> Point:
    """Measure one lane for a while.

    Raises:
        BulkdelError: Not every deletion was confirmed.
    """
    source = ReaderSource(from_iterable(_made_ids(), lane.name), "<made>", lane.name)
    run = Run(RunSettings(lanes=[lane], log=log), [source])
    counts = run.counts[lane.name]
    summaries = []

    async def work() -> None:
        summaries.append(await run.run())

    async def average() -> tuple[float, float]:
        """Return time and deletions, over one round trip: answers come in bursts."""
        looks = [(time.perf_counter(), counts.deleted)]
        while looks[-1][0] < looks[0][0] + max(latency_s, _AVERAGE_S):
            await anyio.sleep(_LOOK_S)
            looks.append((time.perf_counter(), counts.deleted))
        times_s, deleted = zip(*looks, strict=True)
        return fmean(times_s), fmean(deleted)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        await anyio.sleep(_SETTLE_S + _ROUND_TRIPS * latency_s)
        began_s, before = await average()
        clock_s, cpu_s = time.perf_counter(), time.process_time()
        await anyio.sleep(max(seconds, _ROUND_TRIPS * latency_s))
        cpu_share = (time.process_time() - cpu_s) / (time.perf_counter() - clock_s)
        ended_s, after = await average()
        run.drain()
    failed = summaries[0].counts.failed + summaries[0].counts.gone
    if failed or summaries[0].reason or after == before:
        why = summaries[0].reason or f"{failed:,} deletions were not confirmed"
        raise BulkdelError(f"the measurement is void: {why}")
    return Point(
        latency_s=latency_s,
        concurrency=lane.concurrency,
        rate=(after - before) / (ended_s - began_s),
        cpu_share=cpu_share,
    )


def _made_ids() -> Iterator[str]:
    return (f"resp_02{number:051x}" for number in itertools.count())


def _facts(points: Sequence[Point], rate: float | None, ids: int) -> dict[str, object]:
    """Return everything as one JSON object."""
    return {
        "version": __version__,
        "cores": os.cpu_count(),
        "points": [
            {
                "latency_s": point.latency_s,
                "concurrency": point.concurrency,
                "rate": round(point.rate, 1),
                "cpu_share": round(point.cpu_share, 3),
            }
            for point in points
        ],
        "wanted": None
        if rate is None
        else [
            {"rate": rate, "latency_s": latency_s, "concurrency": concurrency_for(rate, curve)}
            for latency_s, curve in curves(points).items()
        ],
        "ids": ids,
        "durations": [
            {"provider": each.provider, "rate": each.rate, "seconds": each.seconds}
            for each in durations(ids)
        ],
    }
