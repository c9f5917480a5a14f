"""When a lane sends an ID again, when it gives it up, and what a refusal costs."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bulkdel import Outcome, State
from bulkdel.errors import NoAnswerError, NotSentError
from bulkdel.models import Answer
from bulkdel.retry import RetryBudget
from tests.support.engine_fakes import (
    deleted,
    failing,
    gone,
    in_virtual_time,
    refusing,
)
from tests.support.lane_job import Job, ids, outcomes


# -- again or not ----------------------------------------------------------------------
@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504])
@in_virtual_time
async def test_what_may_pass_is_tried_again_and_then_failed_retryable(status: int) -> None:
    """A later run tries it by itself."""
    job = Job(
        lambda object_id, _: failing(status) if object_id == "resp_5" else deleted(object_id),
        attempts_max=3,
    )

    summary = await job.delete(ids(50))

    assert job.transport.times["resp_5"] == 3
    assert (summary.state, summary.counts.failed) == (State.FINISHED, 1)
    assert not summary.all_gone
    [failed] = [result for result in job.results if result.outcome is Outcome.FAILED]
    assert (failed.object_id, failed.status, failed.attempts) == ("resp_5", status, 3)
    assert failed.retryable


@pytest.mark.parametrize("error", [NotSentError("refused"), NoAnswerError("cut")])
@in_virtual_time
async def test_no_answer_is_tried_again_and_then_failed_retryable(error: Exception) -> None:
    """Connections break; an ID whose requests all break says so."""

    def answering(object_id: str, _: int) -> Answer:
        if object_id == "resp_5":
            raise error
        return deleted(object_id)

    job = Job(answering, attempts_max=3)

    await job.delete(ids(50))

    [failed] = [result for result in job.results if result.outcome is Outcome.FAILED]
    assert (failed.object_id, failed.status, failed.attempts) == ("resp_5", None, 3)
    assert failed.retryable
    assert failed.error == str(error)


@in_virtual_time
async def test_what_cannot_pass_is_sent_once() -> None:
    """A validation error stays one."""
    job = Job(lambda object_id, _: failing(400) if object_id == "resp_5" else deleted(object_id))

    await job.delete(ids(50))

    assert job.transport.times["resp_5"] == 1
    [failed] = [result for result in job.results if result.outcome is Outcome.FAILED]
    assert not failed.retryable


@in_virtual_time
async def test_gone_after_a_lost_answer_says_that_it_may_have_been_us() -> None:
    """The evidence must not call our own deletion somebody else's."""

    def answering(object_id: str, number: int) -> Answer:
        if object_id == "resp_5" and number == 1:
            raise NoAnswerError("cut")
        if object_id == "resp_6" and number == 1:
            raise NotSentError("refused")
        return gone(object_id) if object_id in ids(3, 5) else deleted(object_id)

    job = Job(answering)

    summary = await job.delete(ids(50))

    found = {r.object_id: r.after_unknown for r in job.results if r.outcome is Outcome.GONE}
    assert found == {"resp_5": True, "resp_6": False, "resp_7": False}
    assert summary.counts.after_unknown == 1


@in_virtual_time
async def test_retries_never_multiply_the_load() -> None:
    """While seven of ten requests fail, retries come to what the good answers pay for."""
    dice = random.Random(1)
    job = Job(
        lambda object_id, _: failing(503) if dice.random() < 0.7 else deleted(object_id),
        attempts_max=100,
        concurrency=50,
    )

    summary = await job.delete(ids(1000))

    assert summary.counts.deleted == 1000
    assert summary.counts.requests > 3000
    assert summary.counts.requests - 1000 <= RetryBudget.FULL + 1000 + job.took_s


# -- refused ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("headers", "asked_s"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after_ms": "2500"}, 2.5),
        ({"retry_after": "Mon, 18 Jan 2038 00:00:20 GMT"}, 20.0),
    ],
)
@in_virtual_time
async def test_a_refused_id_waits_as_long_as_the_provider_asks(
    headers: dict[str, str], asked_s: float
) -> None:
    """In all three forms; the time of a date is the server's."""
    if asked_s == 20.0:
        headers["date"] = "Mon, 18 Jan 2038 00:00:00 GMT"
    job = Job(
        lambda object_id, n: (
            refusing(**headers) if object_id == "resp_15" and n == 1 else deleted(object_id)
        )
    )

    summary = await job.delete(ids(50))

    assert (summary.counts.deleted, summary.counts.refused) == (50, 1)
    sooner, later = (time_s for time_s, one in job.transport.sent if one == "resp_15")
    assert asked_s <= later - sooner - job.transport.delay_s <= asked_s + 1


@in_virtual_time
async def test_refusals_are_no_attempts() -> None:
    """An ID refused twenty times is deleted all the same."""
    job = Job(
        lambda object_id, n: refusing(retry_after="1") if n <= 20 else deleted(object_id),
        attempts_max=1,
    )

    summary = await job.delete(ids(5))

    assert (summary.counts.deleted, summary.counts.refused) == (5, 100)


@in_virtual_time
async def test_a_retry_after_of_hours_stops_unless_it_is_wanted(tmp_path: Path) -> None:
    """The IDs stay to do; with --wait-long the lane goes on."""
    day = "86400"
    job = Job(
        lambda object_id, n: (
            refusing(retry_after=day) if n == 1 and object_id == "resp_15" else deleted(object_id)
        )
    )

    summary = await job.delete(ids(100), log=tmp_path / "log")

    assert summary.state is State.STOPPED
    assert "86,400 s" in str(summary.reason)
    assert summary.counts.failed == 0
    assert "resp_15" not in outcomes(tmp_path / "log")

    job.transport.times.clear()
    summary = await job.delete(ids(100), log=tmp_path / "log", wait_long=True)
    assert summary.all_gone
