"""Many "gone" in a row: believed where the endpoint sees objects, and nowhere else."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest

from bulkdel import Outcome, State, Summary
from bulkdel.models import Answer
from bulkdel.providers import Operation
from tests.support.engine_fakes import answer, deleted, failing, gone, in_virtual_time
from tests.support.lane_job import Job, ids, outcomes
from tests.support.seeds import seeds

SEEDS = seeds(24)


class Store:
    """Objects behind an endpoint that may lose sight of them.

    Attributes:
        present: The objects that are there.
        blind: Whether it is an empty replica that answers.
    """

    def __init__(self, present: set[str]) -> None:
        self.present = present
        self.blind = False
        self.answered = 0
        self.blind_from: float = float("inf")

    def delete(self, object_id: str, _: int) -> Answer:
        """Answer a deletion."""
        self.answered += 1
        self.blind = self.blind or self.answered > self.blind_from
        if self.blind or object_id not in self.present:
            return gone(object_id)
        self.present.remove(object_id)
        return deleted(object_id)

    def ask(self, operation: Operation, object_id: str) -> Answer:
        """Answer a GET."""
        assert operation.method == "GET"
        there = object_id in self.present and not self.blind
        return answer(200, {"id": object_id, "object": "response"}) if there else gone(object_id)

    def job(self, **settings: Any) -> Job:
        """Return a job at it."""
        job = Job(self.delete, **settings)
        job.transport.asking = self.ask
        return job


def check(job: Job, store: Store, summary: Summary) -> None:
    """Check that nothing is called gone that is there."""
    wrong = [r for r in job.results if r.outcome is Outcome.GONE and r.object_id in store.present]
    assert not wrong, (summary, wrong[:3])


@pytest.mark.parametrize("since", [1, 50, 5000])
@in_virtual_time
async def test_an_empty_replica_in_mid_run_stops_the_lane(since: int, tmp_path: Path) -> None:
    """3,000 objects answered 404 after a deletion; they were logged as gone, for ever."""
    store = Store(set(ids(since + 3000)))
    store.blind_from = since
    job = store.job()

    summary = await job.delete(ids(since + 3000), log=tmp_path / "log")

    assert summary.state is State.STOPPED
    assert "the last 1" in str(summary.reason)
    assert "nor do 20 others that are still to do (HTTP 404" in str(summary.reason)
    assert "--allow-gone" in str(summary.reason)
    assert "--retry-gone" in str(summary.reason)
    check(job, store, summary)
    assert set(outcomes(tmp_path / "log").values()) == {"deleted"}
    assert len(job.transport.sent) < since + 100 + 2 * job.lane.concurrency

    store.blind, store.blind_from = False, float("inf")
    assert (await job.delete(ids(since + 3000), log=tmp_path / "log")).all_gone
    assert not store.present


@pytest.mark.parametrize("place", ["first", "middle", "last"])
@in_virtual_time
async def test_a_long_part_that_is_gone_stops_nothing(place: str) -> None:
    """Objects that have expired, or that another tool has deleted, stand together in a file."""
    first = {"first": 0, "middle": 2000, "last": 3000}[place]
    missing = set(ids(3000, first))
    store = Store(set(ids(6000)) - missing)
    job = store.job(concurrency=100)

    summary = await job.delete(ids(6000))

    assert (summary.state, summary.counts.gone, summary.counts.deleted) == (
        State.FINISHED,
        3000,
        3000,
    )
    assert 0 < len(job.transport.asked) <= 20


@pytest.mark.parametrize("first", [0, 2000, 4000])
@in_virtual_time
async def test_what_was_seen_once_is_a_witness_to_the_end(first: int) -> None:
    """One part of a file was there, thousands before and behind it were gone: it was stopped."""
    store = Store(set(ids(1500, first)))
    job = store.job()

    summary = await job.delete(ids(12_000))

    assert (summary.state, summary.counts.gone) == (State.FINISHED, 10_500)
    check(job, store, summary)


@in_virtual_time
async def test_a_get_alone_proves_no_deletion() -> None:
    """Deletions that are not served answer 404 as well, while a GET shows the objects."""
    store = Store(set(ids(1000)))
    job = store.job()
    job.transport.answering = lambda object_id, _: gone(object_id)

    summary = await job.delete(ids(1000))

    assert (summary.state, summary.counts.gone) == (State.STOPPED, 0)
    assert "its deletion calls it gone" in str(summary.reason)
    assert len(job.transport.sent) <= 100 + job.lane.concurrency + 1


@in_virtual_time
async def test_a_look_sits_out_an_outage() -> None:
    """Answers that say nothing are no proof that nothing is there."""
    store = Store(set(ids(2000)) - set(ids(300, 500)))
    job = store.job()
    asked = 0

    def asking(operation: Operation, object_id: str) -> Answer:
        nonlocal asked
        asked += 1
        return failing(503) if asked < 5 else store.ask(operation, object_id)

    job.transport.asking = asking
    summary = await job.delete(ids(2000))

    assert (summary.state, summary.counts.gone) == (State.FINISHED, 300)


@in_virtual_time
async def test_few_ids_at_the_wrong_account_are_asked_for_again(tmp_path: Path) -> None:
    """Sixty IDs, all "gone": nothing ever asked again, and nobody noticed."""
    log = tmp_path / "log"
    store = Store(set(ids(60)))
    store.blind = True
    job = store.job()

    wrong = await job.delete(ids(60), log=log)
    assert (wrong.state, wrong.counts.gone, wrong.counts.doubted) == (State.FINISHED, 60, 60)
    assert not wrong.all_gone
    assert all(result.doubted for result in job.results)

    store.blind = False
    right = await job.delete(ids(60), log=log)

    assert (right.counts.skipped, right.counts.deleted) == (0, 60)
    assert right.all_gone
    assert set(outcomes(log).values()) == {"deleted"}


@in_virtual_time
async def test_what_is_gone_in_doubt_is_final_only_if_the_user_says_so(tmp_path: Path) -> None:
    """And with a deletion before it in the log, without."""
    log = tmp_path / "log"
    job = Store(set()).job()

    await job.delete(ids(60), log=log)
    again = await job.delete(ids(60), log=log)
    allowed = await job.delete(ids(60), log=log, allow_gone=True)
    assert (again.counts.requests, again.counts.doubted) == (60, 60)
    assert (allowed.counts.requests, allowed.counts.skipped, allowed.all_gone) == (0, 60, True)

    other = tmp_path / "other"
    store = Store({"resp_0"})
    job = store.job()
    mixed = await job.delete(ids(60), log=other)
    assert (mixed.counts.gone, mixed.counts.doubted, mixed.all_gone) == (59, 0, True)
    assert (await job.delete(ids(60), log=other)).counts.requests == 0
    store.present |= set(ids(60))
    retried = await job.delete(ids(60), log=other, retry_gone=True)
    assert (retried.counts.skipped, retried.counts.deleted) == (1, 59)


def drawn(dice: random.Random) -> tuple[list[str], set[str]]:
    """Return the IDs of a file and those of them that are there: gone singly or in blocks."""
    file, present = ids(dice.choice((300, 3000, 8000))), set[str]()
    share = dice.choice((0.0, 0.05, 0.3, 0.3, 0.7))
    block = dice.choice((1, 1, 10, 200, 1500))
    while len(present) == 0:
        there = True
        for number, one in enumerate(file):
            if number % block == 0:
                there = dice.random() >= share
            if there:
                present.add(one)
    return file, present


def test_ordinary_files_are_not_stopped_and_empty_replicas_are(tmp_path: Path) -> None:
    """Seeded: shares and blocks of "gone", re-runs over older files, replicas that go empty."""
    happened = Counter[str]()

    @in_virtual_time
    async def try_file(seed: int, log: Path) -> None:
        dice = random.Random(seed)
        file, present = drawn(dice)
        store = Store(set(present))
        job = store.job(concurrency=dice.choice((1, 20, 120)), rate=None, rate_max=20_000.0)
        options: dict[str, Any] = {}
        if dice.random() < 0.3:  # an older run has deleted a part of it
            part = file[: len(file) // 3]
            with anyio.fail_after(36_000):
                await job.delete(part, log=log)
            options = {"log": log}
            happened["re-run"] += 1
        if dice.random() < 0.5:
            store.blind_from = store.answered + dice.randrange(len(file) // 2)
        with anyio.fail_after(36_000):
            summary = await job.delete(file, **options)

        blind = store.blind
        happened[f"{'blind' if blind else 'ordinary'}, {summary.state}"] += 1
        if not blind:
            assert summary.state is State.FINISHED, (seed, summary)
            assert summary.counts.pending == 0
        if len(store.present) > 1500 or not blind:
            check(job, store, summary)

    for seed in SEEDS:
        try_file(seed, tmp_path / f"{seed}.jsonl")

    assert happened["ordinary, finished"] > len(SEEDS) / 4, happened
    assert happened["blind, stopped"] > len(SEEDS) / 5, happened
