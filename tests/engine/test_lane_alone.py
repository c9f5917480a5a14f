"""What fails alone fails, and the lane goes on: one bad ID, a bad shard, IDs of an older kind."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from bulkdel import Outcome, State
from bulkdel.guards.alone import ALONE_MIN, NAMED_MAX, OTHERS_MAX
from bulkdel.models import Answer
from bulkdel.providers import Operation
from tests.support.engine_fakes import answer, deleted, failing, in_virtual_time, refusing
from tests.support.lane_job import Job, ids, key_refused, outcomes

POISON: dict[str, Callable[[], Answer]] = {
    "401": key_refused,
    "402": lambda: failing(402, "Payment required"),
    "403": lambda: failing(403, "You do not have permission"),
    "404 without a body": lambda: Answer(404),
    "405": lambda: Answer(405),
    "301": lambda: answer(301, b"", location="https://elsewhere.example/"),
    "a firewall's page": lambda: Answer(403, b"<html>Request blocked</html>"),
}


def poisoned(bad: set[str], kind: str = "401") -> Callable[[str, int], Answer]:
    """Return a server that answers some IDs as if nothing were right."""
    return lambda object_id, _: POISON[kind]() if object_id in bad else deleted(object_id)


def ask(operation: Operation, object_id: str) -> Answer:
    """Answer the questions of a comparison as the real endpoint does."""
    if operation.path != "/responses/{id}":
        return failing(404, "no such route")
    return failing(404, f"Response with id '{object_id}' not found.")


def failed(job: Job) -> set[str]:
    """Return the IDs that failed."""
    return {result.object_id for result in job.results if result.outcome is Outcome.FAILED}


@pytest.mark.parametrize("kind", POISON)
@pytest.mark.parametrize("place", [1, 57, 198, 199])
@pytest.mark.parametrize("concurrency", [1, 20])
@in_virtual_time
async def test_one_poisoned_id_fails_and_the_others_are_deleted(
    kind: str, place: int, concurrency: int
) -> None:
    """It stopped the lane, and again at every start."""
    bad = f"resp_{place}"
    job = Job(poisoned({bad}, kind), concurrency=concurrency)
    job.transport.asking = ask

    summary = await job.delete(ids(200))

    assert (summary.state, summary.counts.deleted) == (State.FINISHED, 199)
    assert failed(job) == {bad}
    assert job.transport.times[bad] == 2
    (result,) = (result for result in job.results if result.object_id == bad)
    assert result.retryable
    assert result.error


@in_virtual_time
async def test_a_resume_that_begins_with_the_poisoned_id_goes_on(tmp_path: Path) -> None:
    """What the log says was deleted shows that the key is right."""
    log = tmp_path / "log"
    job = Job(poisoned({"resp_0", "resp_50"}))
    await job.delete(ids(50, first=1), log=log)
    assert outcomes(log)["resp_50"] == "failed"

    summary = await job.delete([*ids(1), *ids(1, first=50), *ids(50, first=100)], log=log)

    assert (summary.state, summary.counts.deleted) == (State.FINISHED, 50)
    assert failed(job) == {"resp_0", "resp_50"}


@in_virtual_time
async def test_a_key_that_is_revoked_in_mid_run_burns_none() -> None:
    """A few others are asked and kept: the lane stops with all of them to do."""
    job = Job(concurrency=20)
    job.transport.answering = lambda object_id, _: (
        deleted(object_id) if len(job.transport.sent) < 300 else key_refused()
    )

    summary = await job.delete(ids(1000))

    assert summary.state is State.STOPPED
    assert summary.counts.failed == 0
    assert f"{OTHERS_MAX} other IDs fared no better" in str(summary.reason)
    assert summary.counts.requests <= 300 + 20 + 1 + OTHERS_MAX


@in_virtual_time
async def test_no_other_is_sent_to_who_confirms_another() -> None:
    """It has deleted something that nobody named: others would fare the same."""
    job = Job(
        lambda one, _: (
            answer(200, {"id": "resp_x", "deleted": True}) if one == "resp_50" else deleted(one)
        ),
        concurrency=1,
    )

    summary = await job.delete(ids(200))

    assert summary.state is State.STOPPED
    assert job.transport.ids[-2:] == ["resp_50", "resp_50"]


@in_virtual_time
async def test_too_many_that_fail_alone_stop_the_lane_which_names_some() -> None:
    """Each costs a pause, and so many are more than a firewall's whim."""
    bad = {f"resp_{number}" for number in range(5, 4000, 20)}
    job = Job(poisoned(bad, "403"))

    summary = await job.delete(ids(4000))

    assert summary.state is State.STOPPED
    assert len(failed(job)) == ALONE_MIN
    assert f"{ALONE_MIN} single IDs" in str(summary.reason)
    assert sum(one in str(summary.reason) for one in bad) >= NAMED_MAX
    assert "bulkdel failed" in str(summary.reason)


@in_virtual_time
async def test_one_in_a_hundred_may_fail_alone_however_many_ids_there_are() -> None:
    """The budget grows with the run."""
    bad = {f"resp_{number}" for number in range(7, 20_000, 110)}
    job = Job(poisoned(bad), delay_s=0.001, concurrency=100)

    summary = await job.delete(ids(20_000))

    assert summary.state is State.FINISHED
    assert failed(job) == bad
    assert len(bad) > ALONE_MIN


@pytest.mark.parametrize("first", [0, 1, 100, 460, 500])
@pytest.mark.parametrize("concurrency", [4, 20, 128])
@in_virtual_time
async def test_a_broken_shard_fails_and_the_others_are_deleted(
    first: int, concurrency: int
) -> None:
    """Forty in a row that always answer 500 were taken for an outage: 2,460 were left."""
    bad = set(ids(40, first=first))
    job = Job(lambda one, _: failing(500) if one in bad else deleted(one), concurrency=concurrency)

    summary = await job.delete(ids(2500))

    assert (summary.state, summary.counts.deleted) == (State.FINISHED, 2460)
    assert failed(job) == bad
    assert all(result.retryable for result in job.results if result.object_id in bad)
    assert job.took_s < 120


@pytest.mark.parametrize("number", [10, 60])
@in_virtual_time
async def test_ids_of_an_older_kind_at_the_head_fail_and_the_others_are_deleted(
    number: int,
) -> None:
    """Ten 400s at the head stopped it at every start, and no flag helped."""
    old = set(ids(number))
    job = Job(lambda one, _: failing(400, "not a v2 ID") if one in old else deleted(one))

    summary = await job.delete(ids(500))

    assert (summary.state, summary.counts.deleted) == (State.FINISHED, 500 - number)
    assert failed(job) == old
    assert not any(result.retryable for result in job.results)


@in_virtual_time
async def test_where_the_others_fail_too_it_is_the_wrong_api() -> None:
    """Ten that failed, and some that were asked apart: none is logged."""
    job = Job(lambda *_: failing(400, "unknown parameter"))

    summary = await job.delete(ids(500))

    assert (summary.state, summary.counts.ended) == (State.STOPPED, 0)
    assert "unknown parameter" in str(summary.reason)
    assert summary.counts.requests == 10 + OTHERS_MAX


@pytest.mark.parametrize("most", [6, 7, 100])
@in_virtual_time
async def test_with_max_delete_the_others_need_a_place(most: int) -> None:
    """Where none is left, what was deleted in this run has to tell."""
    job = Job(poisoned({"resp_5"}))

    summary = await job.delete(ids(50), max_delete=most)

    assert summary.counts.deleted == min(most, 49)
    assert len(set(job.transport.ids)) <= most + 1


@in_virtual_time
async def test_others_that_are_refused_or_down_say_nothing() -> None:
    """They are asked again, later; a limit or an outage convicts and acquits nobody."""
    others = Counter[str]()

    def answering(object_id: str, _: int) -> Answer:
        if object_id == "resp_50":
            others["asked"] += 1
            return key_refused()
        if others["asked"] == 2 and others["odd"] < 6:
            others["odd"] += 1
            return refusing() if others["odd"] % 2 else failing(503)
        return deleted(object_id)

    job = Job(answering)
    summary = await job.delete(ids(200))

    assert (summary.state, summary.counts.deleted) == (State.FINISHED, 199)
    assert failed(job) == {"resp_50"}


@in_virtual_time
async def test_it_waits_for_ids_that_are_still_to_come() -> None:
    """A producer that is slow: the others come a minute later."""

    async def produced() -> AsyncIterator[str]:
        for one in ids(21):
            yield one
        await anyio.sleep(60)
        for one in ids(20, first=100):
            yield one

    job = Job(poisoned({"resp_20"}))
    summary = await job.delete(produced())

    assert (summary.state, summary.counts.deleted) == (State.FINISHED, 40)
    assert failed(job) == {"resp_20"}


def test_whatever_is_bad_the_good_ones_are_deleted_and_no_other_fails() -> None:
    """Seeded: poisoned IDs of all kinds, shards, IDs of an older kind, in any place and number."""
    happened = Counter[str]()

    @in_virtual_time
    async def try_once(seed: int) -> None:
        dice = random.Random(seed)
        size = dice.choice((30, 200, 1000))
        bad: dict[str, Callable[[], Answer]] = {}
        for _ in range(dice.randrange(4)):
            first, length = dice.randrange(1, size), dice.choice((1, 1, 1, 2, 5, 15, 40))
            kind = dice.choice([*POISON, "500", "400"] if length <= 2 else ["500", "400"])
            make = POISON.get(kind, lambda kind=kind: failing(int(kind), "odd"))
            bad |= dict.fromkeys(ids(min(length, size * 6 // 10 - first), first=first), make)
        job = Job(
            lambda one, _: bad[one]() if one in bad else deleted(one),
            concurrency=dice.choice((1, 5, 20, 128)),
            delay_s=dice.choice((0.001, 0.05, 1.0)),
            attempts_max=dice.choice((1, 2, 5)),
        )
        job.transport.asking = ask
        with anyio.fail_after(7200):
            summary = await job.delete(ids(size))
        assert summary.state is State.FINISHED, (seed, summary.reason)
        assert summary.counts.deleted == size - len(bad), seed
        assert failed(job) == set(bad), seed
        happened["bad"] += bool(bad)

    for seed in range(150):
        try_once(seed)

    assert happened["bad"] > 70, happened
