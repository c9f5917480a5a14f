"""Run in a terminal: signals, progress, totals."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol

import anyio
import anyio.abc

from bulkdel.blocking import in_thread
from bulkdel.cli.asked import answer_asked
from bulkdel.cli.output import say
from bulkdel.cli.steered import Steered
from bulkdel.engine.run import Run
from bulkdel.models import Summary
from bulkdel.reporting.metrics import Metrics
from bulkdel.reporting.progress import (
    LaneRate,
    Shown,
    print_above,
    show_bars,
    show_lines,
    status_line,
)
from bulkdel.result_log.encode import utc
from bulkdel.sources import Source, count_rows

_MEASURE_EVERY_S: Final = 0.5


class _Shown(Shown, Protocol):
    """A run that is started, watched and ended from a terminal."""

    on_note: Callable[[str], None] | None

    async def run(self) -> Summary:
        """Run to the end."""
        ...

    def drain(self) -> None:
        """End early."""
        ...

    async def watch(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do some work beside it."""
        ...

    def summary(self) -> Summary:
        """Return what has come of it so far."""
        ...


class Session:
    """One run with what a person sees of it.

    Args:
        run: The run.
        sources: Its sources, to be counted for the progress bar.
        every_s: Seconds between two lines of progress where there is no terminal; None shows none.
    """

    def __init__(self, run: _Shown, sources: Sequence[Source], every_s: float | None) -> None:
        self._run = run
        self._sources = sources
        self._every_s = every_s
        self._totals: dict[str, int | None] = {}
        self._ended = False
        self._scope: anyio.CancelScope | None = None
        self._rates: dict[str, LaneRate] = {}
        self.metrics: Metrics | None = None
        """What Prometheus is told, if it is."""
        run.on_note = print_above

    async def run(self) -> Summary:
        """Run to the end; the first Ctrl-C drains, the second cancels.

        Raises:
            BulkdelError: As `Run.run`.
            Exception: Likewise; also what nobody expected of what is shown.
        """
        summary: Summary | None = None
        failed: Exception | None = None
        async with anyio.create_task_group() as tasks:
            await tasks.start(self._listen)
            if self._every_s is not None:
                tasks.start_soon(self._run.watch, self._count)
                tasks.start_soon(self._run.watch, partial(self._show, self._every_s))
            if isinstance(self._run, Run):
                tasks.start_soon(Steered(self._run, self._totals, print_above).serve)
            if self.metrics is not None:
                tasks.start_soon(self._run.watch, partial(self._measure, self.metrics))
            try:
                with anyio.CancelScope() as self._scope:
                    summary = await self._run.run()
            except Exception as exc:  # noqa: BLE001 - raised below: the group would wrap it
                failed = exc
            self._ended = True
            tasks.cancel_scope.cancel()
        answer_asked("the run has ended")
        if failed is not None:
            raise failed
        return summary if summary is not None else self._run.summary()

    async def _listen(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")  # Windows lacks the last two
        signals = [getattr(signal, name) for name in names if hasattr(signal, name)]
        # What is ignored stays so: `nohup` ignores the hang-up, a shell's `&` the Ctrl-C.
        signals = [s for s in signals if signal.getsignal(s) is not signal.SIG_IGN]
        asked = False
        with anyio.open_signal_receiver(*signals) as received:
            task_status.started()
            async for number in received:
                if number == getattr(signal, "SIGUSR1", None):
                    self._print_status()
                elif asked:
                    print_above("Cancelled; what was in flight is still to do.")
                    if self._scope is not None:
                        self._scope.cancel()
                else:
                    asked = True
                    flying = sum(lane.in_flight for lane in self._run.snapshot().values())
                    print_above(
                        f"Stopping: no more IDs are taken, {flying} requests in flight are"
                        " finished.\nOnce more to cancel them."
                    )
                    self._run.drain()

    def _print_status(self) -> None:
        lanes = self._run.snapshot()
        if not lanes:
            print_above("Reading the log; nothing is sent yet.")
        for name, lane in lanes.items():
            rate = self._rates.setdefault(name, LaneRate(self._run.began_s))
            print_above(status_line(lane, self._totals.get(name), rate))

    async def _count(self) -> None:
        for source in self._sources:
            if source.lane is None:
                return  # which lane a row is for shows only when it is read
        for source in self._sources:
            rows = await in_thread(count_rows, source, lambda: self._ended)
            lane = source.lane or ""
            before = self._totals.get(lane, 0)
            self._totals[lane] = None if rows is None or before is None else before + rows

    async def _measure(self, metrics: Metrics) -> None:
        while True:
            metrics.update(self._run.snapshot())
            await anyio.sleep(_MEASURE_EVERY_S)

    async def _show(self, every_s: float) -> None:
        if sys.stderr.isatty():
            with contextlib.suppress(OSError):  # the terminal is gone: the run goes on
                await show_bars(self._run, self._totals, sys.stderr)
        else:
            await show_lines(self._run, self._totals, _say_when, every_s)


def _say_when(line: str) -> None:
    """Print a line with its time: in a log of cron or a container nobody else tells it."""
    say(f"{utc(time.time())} {line}")
