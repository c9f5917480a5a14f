"""What a person sees of a run: true figures, in a bar or a plain line, in virtual time."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from bulkdel.engine.inputs import ReaderSource
from bulkdel.engine.run import Run
from bulkdel.models import Answer
from bulkdel.providers import get
from bulkdel.reporting.progress import RATE_OVER_S, LaneRate, show_bars, show_lines
from bulkdel.settings import Lane, RunSettings
from bulkdel.sources import from_iterable
from tests.simulation.simulate import (
    FakeTransport,
    deleted,
    edge,
    failing,
    in_virtual_time,
    refusing,
)
from tests.support.log_samples import line


def make_run(
    counts: Mapping[str, int],
    answering: Callable[[str, int], Any] = lambda object_id, _: deleted(object_id),
    *,
    log: Path | None = None,
    **settings: Any,
) -> Run:
    """Return a run over so many IDs at each lane, by name."""
    usual = {"rate": 10.0, "concurrency": 16, **settings}
    lanes = [Lane(provider=get("openai"), name=name, api_key="k", **usual) for name in counts]
    sources = [
        ReaderSource(
            from_iterable((f"resp_{n}" for n in range(count)), name), "<ids>", name, in_line=True
        )
        for name, count in counts.items()
    ]
    transports = {name: FakeTransport(answering) for name in counts}
    return Run(RunSettings(lanes=lanes, log=log), sources, edge=edge(**transports))


async def lines_of(run: Run, totals: Mapping[str, int | None]) -> list[str]:
    """Return the plain lines of a run."""
    shown: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(show_lines, run, totals, shown.append)
        await run.run()
        tasks.cancel_scope.cancel()
    return shown


@in_virtual_time
async def test_without_a_terminal_there_is_a_line_every_ten_seconds() -> None:
    """A log of a cron job must tell how it goes, without a flood."""
    shown = await lines_of(make_run({"openai": 605}), {"openai": 605})

    assert len(shown) == 6
    assert shown[0].startswith("openai: 10")
    assert "/605 done, ETA 00:20, 10." in shown[3]
    assert "0 refused" in shown[3]
    assert "in flight" in shown[3]


@in_virtual_time
async def test_what_an_earlier_run_did_is_done_but_not_in_the_rate(tmp_path: Path) -> None:
    """A resumed run would else promise an end within minutes."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(line(f"resp_{n}") for n in range(5000)).replace(b'"ark"', b'"openai"'))

    shown = await lines_of(make_run({"openai": 5300}, log=log), {"openai": 5300})

    assert shown[0].startswith("openai: 5,1")
    assert re.search(r"/5,300 done, ETA 00:(1.|20), 10\.", shown[0])


@in_virtual_time
async def test_refused_waiting_failed_and_paused_are_shown() -> None:
    """A run that stands must say why, or the user kills it."""

    def answering(object_id: str, number: int) -> Answer:
        n = int(object_id.removeprefix("resp_"))
        if n == 50:
            return failing(400)
        if 60 <= n < 64 and number == 1:
            return refusing(retry_after="6")
        if anyio.current_time() > 20:
            return failing(503, "maintenance")
        return deleted(object_id)

    run = make_run({"openai": 1000}, answering, rate=10.0)
    shown: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(show_lines, run, {}, shown.append)
        tasks.start_soon(run.run)
        await anyio.sleep(65)
        run.drain()
        tasks.cancel_scope.cancel()

    lines = [words for words in shown if words.startswith("openai: ")]
    assert re.search(r", [1-4] refused, [1-4] waiting", lines[0])
    assert "1 failed" in lines[1]
    assert "PAUSED: provider down" in lines[-1]
    assert "maintenance" in lines[-1]
    (paused,) = (words for words in shown if words.startswith("openai paused: "))
    assert "maintenance" in paused
    assert not any("ETA" in words for words in shown)  # the total is not known


@in_virtual_time
async def test_a_limit_that_is_used_up_says_when_the_next_place_comes() -> None:
    """A run that sends nothing for half a minute looks hung."""
    places = 600

    def answering(object_id: str, number: int) -> Answer:  # noqa: ARG001
        nonlocal places
        places -= 1
        return deleted(object_id) if places > 0 else refusing(retry_after="40")

    run = make_run({"openai": 1000}, answering, rate=None, rate_max=None)
    shown: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(show_lines, run, {}, shown.append)
        tasks.start_soon(run.run)
        await anyio.sleep(31)
        tasks.cancel_scope.cancel()

    assert re.search(r"(next place|asks again) in \d+ s", shown[1])


@in_virtual_time
async def test_a_quota_of_a_day_says_how_much_is_left() -> None:
    """Whoever shares it must see what the run leaves."""
    headers = {"x-ratelimit-limit": "9000", "x-ratelimit-reset": "3600"}
    left = iter(range(8999, 0, -1))

    def answering(object_id: str, _: int) -> Answer:
        told = {**headers, "x-ratelimit-remaining": str(next(left))}
        return deleted(object_id)._replace(headers=told)

    shown = await lines_of(make_run({"openai": 2000}, answering, rate=None, rate_max=50.0), {})

    quotas = [int(found[1]) for text in shown if (found := re.search(r"quota: 8,(\d+) left", text))]
    assert len(quotas) > 1
    assert quotas == sorted(quotas, reverse=True)
    assert "renewed in 59:59" in shown[0]


@in_virtual_time
async def test_there_is_one_bar_a_lane_and_it_ends_full() -> None:
    """The last thing shown must be true also when the run ends between two updates."""
    run = make_run({"openai": 203, "openai-eu": 107}, rate=50.0)
    screen = io.StringIO()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(show_bars, run, {"openai": 203, "openai-eu": 107}, screen)
        await run.run()
        tasks.cancel_scope.cancel()

    shown = screen.getvalue()
    assert "total     100%" in shown
    assert "310/310, done" in shown
    assert "openai    100%" in shown
    assert "openai-eu 100%" in shown
    assert "203/203" in shown
    assert "107/107" in shown
    assert "ETA" in shown


@in_virtual_time
async def test_a_bar_of_unknown_length_still_counts() -> None:
    """Stdin has no total."""
    run = make_run({"openai": 120}, rate=50.0)
    screen = io.StringIO()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(show_bars, run, {}, screen)
        await run.run()
        tasks.cancel_scope.cancel()

    assert "openai 120, " in screen.getvalue()
    assert "%" not in screen.getvalue()


@in_virtual_time
async def test_more_ids_than_were_counted_do_not_break_the_bar() -> None:
    """Files may grow while they are read; the total is only an estimate."""
    run = make_run({"openai": 120}, rate=50.0)
    screen = io.StringIO()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(show_bars, run, {"openai": 7}, screen)
        await run.run()
        tasks.cancel_scope.cancel()

    assert "100%" in screen.getvalue()


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """After a pause of an hour, the rate of now counts and not the mean of the day."""
    rate = LaneRate(0.0)
    for second in range(3600):
        rate.note(second, 0)

    shown = [rate.note(3600 + second, 20 * second) for second in range(1, 40)]

    assert shown[-1] == pytest.approx(20, rel=0.01)
    assert shown[int(RATE_OVER_S) + 1] == pytest.approx(20, rel=0.1)


def test_the_rate_counts_from_the_begin_of_the_run() -> None:
    """A clock that did not start with the run must not make it look slow."""
    assert LaneRate(1000.0).note(1010.0, 200) == pytest.approx(20)


def test_the_first_rate_is_no_division_by_zero() -> None:
    """The first sample comes at the very beginning."""
    assert LaneRate(5.0).note(5.0, 0) == 0.0
