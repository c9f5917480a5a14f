"""The user's limits of a run: most deletions, most failures."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest

from bulkdel import State
from bulkdel.engine.inputs import ReaderSource
from bulkdel.engine.run import Run
from bulkdel.errors import NoAnswerError
from bulkdel.models import Answer
from bulkdel.settings import RunSettings
from bulkdel.sources import from_iterable
from tests.support.engine_fakes import (
    FakeTransport,
    deleted,
    edge,
    failing,
    gone,
    in_virtual_time,
    refusing,
)
from tests.support.lane_job import Job, ids, key_refused, lane, outcomes
from tests.support.seeds import seeds


@pytest.mark.parametrize("concurrency", [1, 50])
@pytest.mark.parametrize("most", [0, 1, 7, 100])
@in_virtual_time
async def test_max_delete_is_exact(most: int, concurrency: int, tmp_path: Path) -> None:
    """Counted over the whole log: a second start does not get another N."""
    job = Job(concurrency=concurrency)

    for _ in range(2):
        summary = await job.delete(ids(300), log=tmp_path / "log", max_delete=most)
        assert summary.state is State.STOPPED
        assert "--max-delete" in str(summary.reason)
    summary = await job.delete(ids(300), log=tmp_path / "log", max_delete=most + 5)

    assert len(job.transport.sent) == most + 5
    assert set(outcomes(tmp_path / "log").values()) == {"deleted"}


@in_virtual_time
async def test_max_delete_that_is_enough_stops_nothing() -> None:
    """Exactly as many as there are."""
    summary = await Job().delete(ids(100), max_delete=100)

    assert summary.all_gone


@in_virtual_time
async def test_max_delete_counts_requests_that_got_no_answer(tmp_path: Path) -> None:
    """Each may have been a deletion: in this run, and in the next."""
    at_provider = set[str]()

    def answering(object_id: str, number: int) -> Answer:
        was_there = object_id not in at_provider
        at_provider.add(object_id)
        if number == 1 and int(object_id[5:]) % 3 == 0:
            raise NoAnswerError("cut")
        return deleted(object_id) if was_there else gone(object_id)

    job = Job(answering)
    for _ in range(3):
        summary = await job.delete(ids(300), log=tmp_path / "log", max_delete=50)
        assert summary.state is State.STOPPED

    assert len(at_provider) == 50


def test_max_delete_is_never_passed_over_any_number_of_resumes() -> None:
    """Seeded: lost answers, IDs that fail after them, drains, outages; at the provider it counts.

    Eight were deleted of five that were allowed.
    """
    happened = Counter[str]()
    for seed in (444, 578, *seeds(120)):  # these two lost count of an ID that was suspected
        with TemporaryDirectory() as folder:
            _delete_and_resume(random.Random(seed), Path(folder) / "log", happened)

    assert happened["all places taken"] > 15, happened
    assert happened["deleted"] > 1000, happened


def _delete_and_resume(dice: random.Random, log: Path, happened: Counter[str]) -> None:
    there, most = set(ids(60)), dice.choice((0, 1, 5, 20, 40))
    gone_before = {one for one in there if dice.random() < dice.choice((0.0, 0.2))}
    there -= gone_before
    deleted_here = set[str]()
    left = 0

    def answering(object_id: str, _: int) -> Answer:
        nonlocal left
        luck, left = dice.random(), left - 1
        if left < 0:
            return key_refused()
        if luck < 0.1:
            return failing(503)
        was_there = object_id in there
        there.discard(object_id)
        if was_there:
            deleted_here.add(object_id)
        if luck < 0.4:
            raise NoAnswerError("cut")
        if luck < 0.5:
            return failing(500)
        return deleted(object_id) if was_there else gone(object_id)

    for _ in range(5):
        left = dice.choice((4, 12, 30, 10_000, 10_000))  # then the key is refused
        job = Job(answering, concurrency=dice.choice((1, 4, 20)), attempts_max=dice.choice((1, 2)))
        limit_s = dice.choice((None, None, 0.1, 0.5))
        # What runs without the limit leave in doubt counts in those that have it.
        allowed = most if dice.random() < 0.7 else None

        @in_virtual_time
        async def try_once(
            job: Job = job, limit_s: float | None = limit_s, allowed: int | None = allowed
        ) -> None:
            settings = RunSettings(
                lanes=[job.lane], log=log, max_delete=allowed, outage_limit_s=5, allow_gone=True
            )
            reader = from_iterable(ids(60), job.lane.name)
            source = ReaderSource(reader, "ids", job.lane.name, in_line=True)
            run = Run(settings, [source], edge=edge(job.transport))
            async with anyio.create_task_group() as tasks:
                if limit_s is not None:
                    tasks.start_soon(_drain_after, run, limit_s)
                await run.run()
                tasks.cancel_scope.cancel()

        before = len(deleted_here)
        try_once()
        assert allowed is None or len(deleted_here) <= max(most, before)
    happened["all places taken"] += len(deleted_here) == most
    happened["deleted"] += len(deleted_here)


async def _drain_after(run: Run, limit_s: float) -> None:
    await anyio.sleep(limit_s)
    run.drain()


@in_virtual_time
async def test_max_delete_with_waiting_ids_comes_to_an_end() -> None:
    """IDs that may have been deleted hold all places while others wait: nobody must hang."""
    at_provider = set[str]()

    def answering(object_id: str, number: int) -> Answer:
        is_refused = int(object_id[5:]) % 2 == 1
        if number == 1 and is_refused:
            return refusing()
        at_provider.add(object_id)
        if number == 1:
            raise NoAnswerError("cut")
        return deleted(object_id) if is_refused else gone(object_id)

    for most in range(1, 20):
        at_provider.clear()
        job = Job(answering, rate=100, concurrency=8)
        summary = await job.delete(ids(100), max_delete=most, allow_gone=True)
        assert summary.state is State.STOPPED
        assert len(at_provider) == most


@in_virtual_time
async def test_a_stopped_lane_gives_its_places_of_max_delete_back() -> None:
    """Its waiting IDs are still to do: the other lane must not wait for them for ever."""

    def refusing_the_key(object_id: str, _: int) -> Answer:
        return refusing(retry_after="60") if object_id == "resp_0" else key_refused()

    stopping, working = FakeTransport(refusing_the_key), FakeTransport()
    lanes = lane(name="stopping"), lane(name="working", rate=1)
    sources = [
        ReaderSource(from_iterable(ids(100), of.name), of.name, of.name, in_line=True)
        for of in lanes
    ]
    run = Run(
        RunSettings(lanes=lanes, max_delete=5),
        sources,
        edge=edge(stopping=stopping, working=working),
    )

    summary = await run.run()

    assert "--max-delete" in str(summary.reason)
    assert "refuses the key" in str(summary.reason)
    assert summary.counts.deleted == len(working.sent) == 5


@in_virtual_time
async def test_max_delete_leaves_what_is_gone_and_failed_uncounted() -> None:
    """Only deletions use it up."""

    def answering(object_id: str, _: int) -> Answer:
        kind = int(object_id[5:]) % 3
        return [deleted(object_id), gone(object_id), failing(400)][kind]

    summary = await Job(answering).delete(ids(300), max_delete=101)

    assert summary.state is State.FINISHED
    assert (summary.counts.deleted, summary.counts.gone, summary.counts.failed) == (100, 100, 100)


@in_virtual_time
async def test_max_failures_stops_after_so_many() -> None:
    """N are accepted, one more is not; what is in flight is finished."""
    job = Job(lambda object_id, _: failing(400) if object_id[-1] == "7" else deleted(object_id))

    summary = await job.delete(ids(1000), max_failures=20)

    assert summary.state is State.STOPPED
    assert "21 of" in str(summary.reason)
    assert 21 <= summary.counts.failed <= 21 + job.lane.concurrency
    assert (await job.delete(ids(1000), max_failures=100)).state is State.FINISHED


@pytest.mark.parametrize(("share", "state"), [("9%", State.STOPPED), ("12%", State.FINISHED)])
@in_virtual_time
async def test_max_failures_as_a_share_needs_a_sample(share: str, state: State) -> None:
    """The third ID of a million may fail; after a hundred the share means something."""
    job = Job(lambda object_id, _: failing(400) if object_id[-1] == "2" else deleted(object_id))

    summary = await job.delete(ids(1000), max_failures=share)

    assert summary.state is state
    assert summary.counts.ended >= 100


@in_virtual_time
async def test_after_its_time_it_takes_no_more_and_finishes_what_is_in_flight(
    tmp_path: Path,
) -> None:
    """A window of cron: the log resumes in the next one, and nothing is lost at its edge."""
    job = Job(rate=10, delay_s=0.7)
    log = tmp_path / "log"

    first = await job.delete(ids(1000), log=log, max_duration_s=20)
    took_s = job.took_s
    second = await job.delete(ids(1000), log=log, max_duration_s=3600)

    assert first.state is State.STOPPED
    assert "as long as --max-duration allows" in str(first.reason)
    assert 20 <= took_s < 21.5
    assert 150 < first.counts.deleted < 202
    assert first.counts.requests == first.counts.deleted
    assert (second.state, second.counts.skipped) == (State.FINISHED, first.counts.deleted)
    assert second.counts.deleted + first.counts.deleted == 1000
