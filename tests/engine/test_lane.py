"""One lane at work, from the IDs of a caller to their results: each once, never too fast."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from bulkdel import Outcome, State, delete_ids
from bulkdel.errors import NoAnswerError
from bulkdel.models import Answer
from bulkdel.pacing.schedule import peak
from tests.support.engine_fakes import (
    answer,
    deleted,
    edge,
    failing,
    gone,
    in_virtual_time,
    most_in_a_second,
    refusing,
)
from tests.support.lane_job import Job, ids, outcomes
from tests.support.seeds import seeds


# -- the plain way ---------------------------------------------------------------------
@in_virtual_time
async def test_every_id_ends_in_one_result() -> None:
    """The job itself."""
    job = Job()

    summary = await job.delete(ids(500))

    assert summary.state is State.FINISHED
    assert summary.all_gone
    assert sorted(job.transport.ids) == sorted(ids(500))
    assert sorted(result.object_id for result in job.results) == sorted(ids(500))
    assert {result.outcome for result in job.results} == {Outcome.DELETED}


@in_virtual_time
async def test_a_result_says_how_it_came_about() -> None:
    """The log line is the evidence: when, how long, which answer, how many requests."""
    job = Job(
        lambda object_id, n: (
            failing(500)
            if n == 1
            else answer(400, {"error": {"message": "bad", "code": "c"}}, x_request_id="r1")
            if object_id == "resp_1"
            else deleted(object_id)
        ),
        delay_s=0.25,
    )

    await job.delete(ids(2))

    one, two = sorted(job.results, key=lambda result: result.object_id)
    assert (one.outcome, one.status, one.attempts, one.ms) == (Outcome.DELETED, 200, 2, 250)
    assert (one.code, one.error, one.request_id) == (None, None, None)
    assert (two.outcome, two.status, two.attempts) == (Outcome.FAILED, 400, 2)
    assert (two.code, two.error, two.request_id, two.retryable) == ("c", "bad", "r1", False)
    assert two.at_s > 1.7e9


@in_virtual_time
async def test_an_id_that_comes_twice_is_sent_once() -> None:
    """Within a run, near or far apart; and it is counted."""
    job = Job()

    summary = await job.delete([*ids(3), *ids(3), *ids(2000), "resp_0"])

    assert sorted(job.transport.ids) == sorted(ids(2000))
    assert summary.counts.duplicates == 7
    assert summary.counts.read == 2007


@in_virtual_time
async def test_what_cannot_be_an_id_is_a_result_and_no_request() -> None:
    """An empty line in a list is not the whole collection."""
    job = Job()

    summary = await job.delete(["resp_1", "", "..", "a b", "resp_2"])

    assert sorted(job.transport.ids) == ["resp_1", "resp_2"]
    assert summary.counts.invalid == 3
    assert not summary.all_gone
    invalid = [result for result in job.results if result.outcome is Outcome.INVALID]
    assert [result.line for result in invalid] == [2, 3, 4]
    assert all(result.error for result in invalid)


@in_virtual_time
async def test_a_second_run_sends_nothing_that_the_log_has(tmp_path: Path) -> None:
    """Resume: deleted, gone and failed for good are done; a retryable failure is not."""
    log = tmp_path / "log"

    def answering(object_id: str, number: int) -> Answer:
        if object_id == "resp_1":
            return gone(object_id)
        if object_id == "resp_2":
            return failing(400)
        if object_id == "resp_3" and number < 3:
            return failing(500)
        return deleted(object_id)

    job = Job(answering, attempts_max=2)
    first = await job.delete(ids(5), log=log)
    assert (first.counts.deleted, first.counts.gone, first.counts.failed) == (2, 1, 2)
    assert outcomes(log)["resp_3"] == "failed"

    second = await job.delete(ids(6), log=log)

    assert sorted(job.transport.ids[-2:]) == ["resp_3", "resp_5"]
    assert (second.counts.deleted, second.counts.skipped) == (2, 4)
    assert second.counts.skipped_failed == 1
    third = await job.delete(ids(6), log=log)
    assert third.counts.requests == 0
    await job.delete(ids(6), log=log, retry_failed=True)
    assert job.transport.ids[-1] == "resp_2"


# -- how many, how fast ----------------------------------------------------------------
@pytest.mark.parametrize("concurrency", [1, 3, 50])
@in_virtual_time
async def test_never_more_in_flight_than_asked_for(concurrency: int) -> None:
    """The user's own inference shares the account's limit."""
    job = Job(
        lambda object_id, n: failing(500) if n % 2 else deleted(object_id),
        concurrency=concurrency,
    )

    await job.delete(ids(300))

    assert job.transport.in_flight_most == concurrency


@in_virtual_time
async def test_a_lane_starts_small() -> None:
    """One request, then ten, then as many as asked for: a wrong setting harms little."""
    job = Job(concurrency=50, delay_s=1.0)

    await job.delete(ids(500))

    at_once = [sum(s <= t < s + 1 for t in job.times_s) for s in (0.0, 1.0, 2.0)]
    assert at_once == [1, 10, 50]


@pytest.mark.parametrize("rate", [0.5, 20, 37.5, 400])
@in_virtual_time
async def test_the_users_rate_is_kept_and_never_exceeded(rate: float) -> None:
    """Retries, refusals and lost answers count too: all of it is load at the provider."""

    def answering(object_id: str, number: int) -> Answer:
        if number == 1 and object_id.endswith("1"):
            return refusing()
        if number == 1 and object_id.endswith("2"):
            raise NoAnswerError("cut")
        return deleted(object_id)

    job = Job(answering, rate=rate, concurrency=100)

    await job.delete(ids(int(30 * rate)))

    assert most_in_a_second(job.times_s) <= peak(rate)
    assert len(job.times_s) / (job.times_s[-1] + 1 / rate) > 0.9 * rate


def test_the_users_rate_is_kept_where_requests_are_written() -> None:
    """Seeded: connections that stall and then stand at once; 71 went out in a second at 10/s."""

    @in_virtual_time
    async def try_once(seed: int) -> None:
        dice = random.Random(seed)
        rate = dice.choice((0.5, 2.5, 10, 20.99, 100, 400))
        stall_s, share = dice.choice((0.3, 3.0, 7.0)), dice.choice((0.02, 0.5, 1.0))
        until_s = anyio.current_time() + 10 if dice.random() < 0.3 else None

        def connecting(_: int) -> float:
            if until_s is not None:  # all at once
                return max(0.0, until_s - anyio.current_time())
            return stall_s * dice.random() if dice.random() < share else 0.0

        job = Job(rate=rate, concurrency=dice.choice((5, 100)), delay_s=0.05)
        job.transport.connecting = connecting
        with anyio.fail_after(7200):
            summary = await job.delete(ids(int(40 * rate)))

        assert summary.counts.deleted == int(40 * rate)
        assert most_in_a_second(job.times_s) <= peak(rate), seed

    for seed in seeds(20):
        try_once(seed)


@in_virtual_time
async def test_a_constant_time_to_connect_costs_no_rate() -> None:
    """Where a server closes after each answer, every request connects."""
    job = Job(rate=20, concurrency=100)
    job.transport.connecting = lambda _: 0.4

    await job.delete(ids(1000))

    assert 1000 / job.took_s > 0.95 * 20


@in_virtual_time
async def test_ids_that_wait_hold_no_place_in_flight() -> None:
    """Three IDs that are asked to wait a minute do not make a lane of three stand."""
    late = {"resp_20", "resp_40", "resp_60"}
    job = Job(
        lambda object_id, n: (
            refusing(retry_after="60") if n == 1 and object_id in late else deleted(object_id)
        ),
        concurrency=3,
    )

    summary = await job.delete(ids(300))

    assert summary.counts.deleted == 300
    last = {object_id: time_s for time_s, object_id in job.transport.sent}
    assert max(last[object_id] for object_id in set(ids(300)) - late) - job.began_s < 10
    assert min(last[object_id] for object_id in late) - job.began_s > 60


@in_virtual_time
async def test_the_waiting_room_is_bounded() -> None:
    """When four times the concurrency waits, no fresh ID is taken: memory stays flat."""

    def answering(object_id: str, _: int) -> Answer:
        is_busy = 1 <= anyio.current_time() - job.began_s < 100
        return refusing() if is_busy else deleted(object_id)

    job = Job(answering, concurrency=5, rate=50)

    async def watch() -> None:
        await anyio.sleep(90)
        assert 4 * 5 <= len(job.transport.times) - len(job.results) < 5 * 5

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        summary = await job.delete(ids(500))
    assert summary.counts.deleted == 500


@in_virtual_time
async def test_ids_come_in_their_order_and_retries_first() -> None:
    """An ID whose wait is over is older than any fresh one."""
    job = Job(
        lambda object_id, n: (
            failing(500) if n == 1 and object_id == "resp_0" else deleted(object_id)
        ),
        concurrency=1,
        delay_s=1.0,
    )

    await job.delete(ids(10))

    order = job.transport.ids
    assert list(dict.fromkeys(order)) == ids(10)
    assert order.index("resp_0", 1) <= 2


# -- the log stands still --------------------------------------------------------------
@in_virtual_time
async def test_a_disk_that_stalls_holds_the_lane_and_lets_it_go_on(tmp_path: Path) -> None:
    """Lines that cannot be written are held, up to a bound; then the lane must go on."""
    job = Job(concurrency=1000, delay_s=0.01, rate=100_000)
    slow = edge(job.transport)
    stalls = iter([0.0] * 3 + [5.0] + [0.0] * 100_000)

    async def stalling(func: Callable[..., Any], /, *args: object) -> Any:
        await anyio.sleep(next(stalls))
        return func(*args)

    with anyio.fail_after(60):
        summary = await delete_ids(
            ids(30_000),
            lane=job.lane,
            log=tmp_path / "log",
            edge=type(slow)(
                transport=slow.transport, run_blocking=stalling, wall_clock=slow.wall_clock
            ),
        )

    assert summary.all_gone
    assert len(outcomes(tmp_path / "log")) == 30_000
