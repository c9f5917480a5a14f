"""What would hit every ID stops or pauses a lane, and burns none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from bulkdel import State
from bulkdel.errors import EndpointError, NoAnswerError, NotSentError
from bulkdel.guards.alone import OTHERS_MAX
from bulkdel.models import Answer, Outcome
from bulkdel.providers import get
from tests.support.engine_fakes import (
    answer,
    deleted,
    failing,
    in_virtual_time,
)
from tests.support.lane_job import Job, ids, key_refused, outcomes
from tests.support.provider_answers import PROVIDERS

# -- what would hit every ID -----------------------------------------------------------
STOPPING: dict[str, Callable[[], Answer]] = {
    "key": key_refused,
    "account": lambda: failing(402, "Payment required"),
    "endpoint": lambda: failing(404, "Not Found"),
    "redirect": lambda: answer(302, b"", location="https://elsewhere.example/"),
}


@pytest.mark.parametrize("kind", STOPPING)
@in_virtual_time
async def test_one_stray_answer_ends_nothing(kind: str) -> None:
    """A gateway that restarts answers once with nonsense; the run has hours to go."""
    job = Job(
        lambda object_id, n: (
            STOPPING[kind]() if object_id == "resp_200" and n == 1 else deleted(object_id)
        )
    )

    summary = await job.delete(ids(500))

    assert summary.state is State.FINISHED
    assert summary.counts.deleted == 500
    assert job.transport.times["resp_200"] == 2


@pytest.mark.parametrize("kind", STOPPING)
@pytest.mark.parametrize("since", [0, 200])
@in_virtual_time
async def test_refused_again_the_lane_stops_and_burns_none(
    kind: str, since: int, tmp_path: Path
) -> None:
    """The same ID is asked twice, then others; all that have no answer stay to do."""
    barred = False

    def answering(object_id: str, _: int) -> Answer:
        nonlocal barred
        barred = barred or object_id == f"resp_{since}"
        return STOPPING[kind]() if barred else deleted(object_id)

    job = Job(answering)
    summary = await job.delete(ids(500), log=tmp_path / "log")

    assert summary.state is State.STOPPED
    assert str(summary.reason).startswith("lane openai: ")
    assert summary.counts.failed == summary.counts.gone == 0
    assert summary.counts.pending == summary.counts.read - summary.counts.deleted
    assert summary.counts.requests <= since + 2 * job.lane.concurrency
    assert job.transport.times[f"resp_{since}"] == 2
    others = set(job.transport.ids[-OTHERS_MAX:] if since else [])
    assert len(others) == (OTHERS_MAX if since else 0)
    assert f"resp_{since}" not in others
    assert f"resp_{since}, asked twice" in str(summary.reason)

    job.transport.answering = lambda object_id, _: deleted(object_id)
    again = await job.delete(ids(500), log=tmp_path / "log")
    assert again.all_gone
    assert set(outcomes(tmp_path / "log").values()) == {"deleted"}


@in_virtual_time
async def test_a_cold_lane_with_a_wrong_key_sends_one_id() -> None:
    """And that one twice."""
    job = Job(lambda *_: key_refused(), concurrency=100)

    summary = await job.delete(ids(1000))

    assert job.transport.ids == ["resp_0", "resp_0"]
    assert summary.counts.ended == 0


@in_virtual_time
async def test_answers_in_flight_are_awaited_before_the_key_is_asked_again() -> None:
    """They were on their way and are deletions: they must be in the log."""
    refuses = False

    async def answering(object_id: str, _: int) -> Answer:
        nonlocal refuses
        if object_id in ids(15, 101):
            await anyio.sleep(5)
            return deleted(object_id)
        refuses = refuses or object_id == "resp_100"
        left_before = object_id in ids(100)
        return key_refused() if refuses and not left_before else deleted(object_id)

    job = Job(answering, concurrency=16)
    summary = await job.delete(ids(1000))

    assert summary.state is State.STOPPED
    found = {result.object_id for result in job.results}
    in_flight = set(job.transport.ids) - {"resp_100", *job.transport.ids[-OTHERS_MAX:]}
    assert found == in_flight
    first, second = (time_s for time_s, one in job.transport.sent if one == "resp_100")
    assert second - first >= 5
    assert not [1 for time_s, _ in job.transport.sent if first + 0.02 < time_s < second]


@in_virtual_time
async def test_an_endpoint_that_cannot_be_trusted_stops_the_lane() -> None:
    """A certificate that does not verify will not verify for the next ID either."""

    def answering(*_: object) -> Answer:
        raise EndpointError("certificate verify failed")

    job = Job(answering)
    summary = await job.delete(ids(100))

    assert summary.state is State.STOPPED
    assert "certificate verify failed" in str(summary.reason)
    assert len(job.transport.sent) == 2
    assert summary.counts.ended == 0


# -- outage ----------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["refused", "503", "timeout"])
@pytest.mark.parametrize("since_s", [0.0, 5.0])
@in_virtual_time
async def test_an_outage_of_a_minute_burns_no_id(kind: str, since_s: float) -> None:
    """The lane waits, asks with one ID now and then, and goes on by itself."""

    async def answering(object_id: str, _: int) -> Answer:
        if not since_s <= anyio.current_time() - job.began_s < since_s + 60:
            return deleted(object_id)
        if kind == "refused":
            raise NotSentError("connection refused")
        if kind == "timeout":
            await anyio.sleep(30)
            raise NoAnswerError("no answer in 30 s")
        return failing(503)

    job = Job(answering, rate=100, concurrency=50)
    summary = await job.delete(ids(2000))

    assert summary.state is State.FINISHED
    assert (summary.counts.deleted, summary.counts.failed) == (2000, 0)
    probes = [s for s in job.times_s if since_s + 32 < s < since_s + 60]
    assert len(probes) <= 15
    assert job.took_s <= 20 + 60 + 45


@in_virtual_time
async def test_an_outage_longer_than_the_limit_stops_with_ids_to_do(tmp_path: Path) -> None:
    """Twenty minutes down, ten allowed: nothing is failed, a new start goes on."""
    job = Job(rate=100, concurrency=50)

    def answering(object_id: str, _: int) -> Answer:
        if anyio.current_time() - job.began_s >= 5:
            return failing(503, "down for maintenance")
        return deleted(object_id)

    job.transport.answering = answering
    summary = await job.delete(ids(2000), log=tmp_path / "log")

    assert summary.state is State.STOPPED
    assert "down for maintenance" in str(summary.reason)
    assert 600 < job.took_s < 640
    assert summary.counts.failed == 0
    assert set(outcomes(tmp_path / "log").values()) == {"deleted"}

    job.transport.answering = lambda object_id, _: deleted(object_id)
    assert (await job.delete(ids(2000), log=tmp_path / "log")).all_gone


@in_virtual_time
async def test_a_longer_outage_limit_sits_out_twenty_minutes() -> None:
    """For those who would rather wait; with few requests meanwhile."""
    job = Job(rate=100)

    def answering(object_id: str, _: int) -> Answer:
        is_down = 5 <= anyio.current_time() - job.began_s < 1205
        return failing(502) if is_down else deleted(object_id)

    job.transport.answering = answering
    summary = await job.delete(ids(2000), outage_limit_s=3600)

    assert (summary.state, summary.counts.deleted) == (State.FINISHED, 2000)
    assert len([s for s in job.times_s if 6 < s < 1205]) <= 60
    assert job.took_s < 1205 + 60


@in_virtual_time
async def test_a_few_ids_that_cannot_be_deleted_do_not_pass_for_an_outage_for_ever(
    tmp_path: Path,
) -> None:
    """Left alone at the end, they look like one; they must end, and every resume too."""
    bad = ids(5, first=295)
    job = Job(lambda object_id, _: failing(500) if object_id in bad else deleted(object_id))
    log = tmp_path / "log.jsonl"

    for _ in range(2):
        summary = await job.delete(ids(300), log=log)

        assert summary.state is State.FINISHED
        assert summary.counts.failed == 5
        assert all(outcome == "failed" for i, outcome in outcomes(log).items() if i in bad)
    assert all(result.retryable for result in job.results[-5:])


def test_what_is_given_up_in_an_outage_has_no_answer_of_another_id() -> None:
    """Its line is evidence: a status in it must be one that was given for it."""
    statuses: list[int | None] = []

    @in_virtual_time
    async def try_limit(outage_limit_s: int) -> None:
        answers = count(1)

        def answering(object_id: str, _: int) -> Answer:
            if next(answers) <= 37:
                return deleted(object_id)
            return failing(500 + int(object_id[-1]))

        job = Job(answering, attempts_max=1)
        await job.delete(ids(40), outage_limit_s=outage_limit_s)

        for result in job.results:
            if result.outcome is Outcome.FAILED:
                statuses.append(result.status)
                assert result.status in (None, 500 + int(result.object_id[-1]))
                assert result.status or str(result.error).startswith("given up in an outage: ")

    for outage_limit_s in range(600, 1200, 10):  # in three of four, another kind of end comes first
        try_limit(outage_limit_s)

    assert None in statuses
    assert set(statuses) - {None}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", [None, 0, "file", "response"])
@in_virtual_time
async def test_a_confirmation_of_another_id_costs_two_requests(kind: object, provider: str) -> None:
    """Whatever stands beside it: what deletes something else must not be asked on and on."""
    body = {"id": "resp_another", "object": kind, "deleted": True}
    job = Job(lambda *_: answer(200, body))
    job.lane = replace(job.lane, provider=get(provider), base_url="")

    summary = await job.delete(ids(100))

    assert summary.state is State.STOPPED
    assert "confirmed another" in str(summary.reason)
    assert summary.counts.requests == 2
    assert summary.counts.pending == 100


@pytest.mark.parametrize("attempts", [1, 2, 3])
@pytest.mark.parametrize("concurrency", [1, 20])
@pytest.mark.parametrize("good", [0, 100])
@in_virtual_time
async def test_few_attempts_burn_no_id_in_an_outage(
    attempts: int, concurrency: int, good: int
) -> None:
    """The first IDs that an outage meets have none left before anybody knows that it is one."""
    answered = 0

    def answering(object_id: str, _: int) -> Answer:
        nonlocal answered
        answered += 1
        return deleted(object_id) if answered <= good else failing(503)

    job = Job(answering, delay_s=5.0, attempts_max=attempts, concurrency=concurrency)

    summary = await job.delete(ids(300))

    assert summary.state is State.STOPPED
    assert summary.counts.failed == 0
    assert summary.counts.deleted == good
    assert summary.counts.pending == 300 - good


@pytest.mark.parametrize("attempts", [1, 2])
@pytest.mark.parametrize("concurrency", [1, 20])
@in_virtual_time
async def test_what_fails_alone_gets_its_attempts_and_no_more(
    attempts: int, concurrency: int
) -> None:
    """Between IDs that go well, and as the very last one, too."""
    bad = {"resp_50", "resp_299"}
    job = Job(
        lambda object_id, _: failing(500) if object_id in bad else deleted(object_id),
        attempts_max=attempts,
        concurrency=concurrency,
    )

    summary = await job.delete(ids(300))

    assert summary.state is State.FINISHED
    assert {r.object_id for r in job.results if r.outcome is Outcome.FAILED} == bad
    assert {job.transport.times[object_id] for object_id in bad} == {attempts}
