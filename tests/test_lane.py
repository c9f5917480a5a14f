"""One lane at work, from the IDs of a caller to their results, on a scripted network."""

from __future__ import annotations

import random
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import orjson
import pytest

from bulkdel import ConfigError, Lane, Outcome, Result, State, Summary, delete_ids, open_deletion
from bulkdel.errors import EndpointError, NoAnswerError, NotSentError
from bulkdel.feeding import ReaderSource
from bulkdel.models import Answer
from bulkdel.pacing.schedule import peak
from bulkdel.providers import get
from bulkdel.retry import RetryBudget
from bulkdel.run import Run
from bulkdel.settings import RunSettings
from bulkdel.sources import from_iterable
from tests.simulation import (
    FakeTransport,
    answer,
    deleted,
    edge,
    failing,
    gone,
    in_virtual_time,
    most_in_a_second,
    refusing,
)

HOUR_S = 3600.0


def lane(**settings: Any) -> Lane:
    """Return a lane at a fixed rate that does not bind, unless told."""
    values: dict[str, Any] = {"rate": 10_000, "concurrency": 20} | settings
    return Lane(provider=get("openai"), api_key="key", **values)


def ids(count: int, first: int = 0) -> list[str]:
    """Return IDs."""
    return [f"resp_{number}" for number in range(first, first + count)]


def key_refused() -> Answer:
    """Return a 401."""
    return failing(401, "Incorrect API key provided")


class Job:
    """Deletes IDs at a fake provider and keeps what came of it."""

    def __init__(
        self,
        answering: Callable[[str, int], Any] = lambda object_id, _: deleted(object_id),
        *,
        delay_s: float = 0.02,
        **settings: Any,
    ) -> None:
        self.transport = FakeTransport(answering, delay_s)
        self.results: list[Result] = []
        self.lane = lane(**settings)
        self.began_s = 0.0
        self.took_s = 0.0

    async def delete(self, the_ids: Iterable[str] | AsyncIterable[str], **options: Any) -> Summary:
        """Delete and check what holds for every run."""
        self.began_s = anyio.current_time()
        sent, results = len(self.transport.sent), len(self.results)
        summary = await delete_ids(
            the_ids,
            lane=self.lane,
            on_result=self.results.append,
            edge=edge(self.transport),
            **options,
        )
        self.took_s = anyio.current_time() - self.began_s
        counts = summary.counts
        assert counts.pending >= 0
        assert counts.ended == len(self.results) - results
        assert counts.requests == len(self.transport.sent) - sent
        assert self.transport.in_flight == 0
        assert self.transport.in_flight_most <= self.lane.concurrency
        return summary

    @property
    def times_s(self) -> list[float]:
        """When requests were sent, from the beginning of the last run on."""
        return [time_s - self.began_s for time_s, _ in self.transport.sent]


def outcomes(log: Path) -> dict[str, str]:
    """Return the last outcome of each ID of a log."""
    lines = map(orjson.loads, log.read_bytes().splitlines())
    return {line["id"]: line["outcome"] for line in lines if "id" in line}


# -- the plain way --------------------------------------------------------------------


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


# -- how many, how fast ---------------------------------------------------------------


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


# -- again or not ---------------------------------------------------------------------


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


# -- refused --------------------------------------------------------------------------


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


# -- what would hit every ID ----------------------------------------------------------


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
    """The same ID is asked twice, and all that have no answer stay to do."""
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
    assert job.transport.ids[-1] == f"resp_{since}"

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

    async def answering(object_id: str, _: int) -> Answer:
        if object_id == "resp_100":
            return key_refused()
        if object_id in ids(15, 101):
            await anyio.sleep(5)
        return deleted(object_id)

    job = Job(answering, concurrency=16)
    summary = await job.delete(ids(1000))

    assert summary.state is State.STOPPED
    found = {result.object_id for result in job.results}
    in_flight = set(job.transport.ids) - {"resp_100"}
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


# -- doubted --------------------------------------------------------------------------


@in_virtual_time
async def test_all_gone_stops_and_writes_nothing(tmp_path: Path) -> None:
    """A hundred IDs unknown and none deleted: the wrong account, more likely."""
    log = tmp_path / "log"
    job = Job(lambda object_id, _: gone(object_id))

    summary = await job.delete(ids(1000), log=log)

    assert summary.state is State.STOPPED
    assert "wrong account, region or project?" in str(summary.reason)
    assert summary.counts.gone == 0
    assert 100 <= len(job.transport.sent) <= 100 + job.lane.concurrency
    assert outcomes(log) == {}

    again = await job.delete(ids(1000), log=log, allow_gone=True)
    assert (again.state, again.counts.gone) == (State.FINISHED, 1000)
    assert set(outcomes(log).values()) == {"gone"}


@pytest.mark.parametrize("count", [1, 99])
@in_virtual_time
async def test_fewer_than_a_hundred_gone_are_believed_at_the_end(count: int) -> None:
    """A second clean-up of the same few IDs is no mistake."""
    job = Job(lambda object_id, _: gone(object_id))

    summary = await job.delete(ids(count))

    assert (summary.state, summary.counts.gone) == (State.FINISHED, count)


@in_virtual_time
async def test_gone_is_held_back_until_the_first_deletion(tmp_path: Path) -> None:
    """Until then nothing of it is on disk, for a killed process to leave behind."""
    log = tmp_path / "log"
    seen: list[int] = []
    job = Job(
        lambda object_id, _: deleted(object_id) if object_id == "resp_60" else gone(object_id)
    )

    async def watch() -> None:
        while "resp_60" not in job.transport.times:
            await anyio.sleep(0.01)
            seen.append(len(outcomes(log)) if log.exists() else 0)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        summary = await job.delete(ids(500), log=log)

    assert set(seen) == {0}
    assert (summary.counts.deleted, summary.counts.gone) == (1, 499)
    assert len(outcomes(log)) == 500


@in_virtual_time
async def test_a_log_with_a_deletion_ends_the_doubt(tmp_path: Path) -> None:
    """The account is the right one: it has deleted before."""
    job = Job()
    await job.delete(["resp_first"], log=tmp_path / "log")
    job.transport.answering = lambda object_id, _: gone(object_id)

    summary = await job.delete(ids(300), log=tmp_path / "log")

    assert (summary.state, summary.counts.gone) == (State.FINISHED, 300)


@in_virtual_time
async def test_drained_while_doubted_leaves_them_to_do(tmp_path: Path) -> None:
    """What is not believed is not written, whoever ends the run."""
    job = Job(lambda object_id, _: gone(object_id), rate=10)

    async with open_deletion(
        ids(500), lane=job.lane, log=tmp_path / "log", edge=edge(job.transport)
    ) as deletion:
        await anyio.sleep(5)
        deletion.drain()
        assert [result async for result in deletion] == []

    assert deletion.summary is not None
    assert deletion.summary.state is State.INTERRUPTED
    assert deletion.summary.counts.pending == deletion.summary.counts.read
    assert outcomes(tmp_path / "log") == {}


@in_virtual_time
async def test_ten_failures_and_nothing_else_stop_the_lane(tmp_path: Path) -> None:
    """The wrong kind of ID, or the wrong API: a million lines of it help nobody."""
    job = Job(lambda *_: failing(400, "unknown parameter"))

    summary = await job.delete(ids(1000), log=tmp_path / "log")

    assert summary.state is State.STOPPED
    assert "unknown parameter" in str(summary.reason)
    assert summary.counts.failed == 0
    assert outcomes(tmp_path / "log") == {}


@in_virtual_time
async def test_the_last_bad_ids_of_a_resumed_file_do_not_stop_it(tmp_path: Path) -> None:
    """The log has deletions: the API is the right one, and the run must come to its end."""
    job = Job(lambda object_id, _: failing(400) if object_id in ids(30, 70) else deleted(object_id))
    await job.delete(ids(70), log=tmp_path / "log")

    summary = await job.delete(ids(100), log=tmp_path / "log")

    assert (summary.state, summary.counts.failed) == (State.FINISHED, 30)


# -- outage ---------------------------------------------------------------------------


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


# -- limits of a run ------------------------------------------------------------------


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


# -- ending early ---------------------------------------------------------------------


@in_virtual_time
async def test_drain_finishes_what_is_in_flight(tmp_path: Path) -> None:
    """Ctrl-C: an answer that is on its way is waited for, and logged."""
    job = Job(rate=100, concurrency=50, delay_s=2.0)

    async with open_deletion(
        ids(5000), lane=job.lane, log=tmp_path / "log", edge=edge(job.transport)
    ) as deletion:
        await anyio.sleep(10)
        sent = len(job.transport.sent)
        assert job.transport.in_flight > 10
        deletion.drain()
        results = [result async for result in deletion]

    assert len(job.transport.sent) == sent
    assert len(results) == sent
    summary = deletion.summary
    assert summary is not None
    assert (summary.state, summary.counts.deleted) == (State.INTERRUPTED, sent)
    assert summary.counts.pending == summary.counts.read - sent
    assert len(outcomes(tmp_path / "log")) == sent


@in_virtual_time
async def test_drain_does_not_wait_for_ids_between_two_attempts() -> None:
    """They are still to do; who presses Ctrl-C does not wait five minutes for them."""
    job = Job(lambda *_: refusing(retry_after="300"))

    async with open_deletion(ids(10), lane=job.lane, edge=edge(job.transport)) as deletion:
        await anyio.sleep(5)
        began_s = anyio.current_time()
        deletion.drain()
        assert [result async for result in deletion] == []

    assert anyio.current_time() - began_s < 1
    assert deletion.summary is not None
    assert deletion.summary.counts.pending == 10


class Ids:
    """An async iterable that is watched."""

    def __init__(self, count: int, gap_s: float = 0.0, every: int = 1) -> None:
        self.closed = False
        self.given = 0
        self._count = count
        self._gap_s = gap_s
        self._every = every

    async def __aiter__(self) -> AsyncIterator[str]:
        """Give ``every`` IDs at once, then wait."""
        try:
            for number in range(self._count):
                if number % self._every == 0:
                    await anyio.sleep(self._gap_s)
                self.given += 1
                yield f"resp_{number}"
        finally:
            self.closed = True
            await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("gap_s", [0.0, 0.5])
@in_virtual_time
async def test_an_async_iterable_is_read_to_its_end_and_closed(gap_s: float) -> None:
    """A database cursor behind it is let go."""
    source = Ids(1200, gap_s)

    summary = await Job().delete(source)

    assert (summary.counts.deleted, summary.counts.read) == (1200, 1200)
    assert source.closed


@in_virtual_time
async def test_an_async_iterable_is_closed_when_the_lane_stops() -> None:
    """Also if it has more, and also if it waits."""
    for gap_s in (0.0, 1.0):
        source = Ids(100_000, gap_s)
        job = Job(lambda *_: key_refused())

        summary = await job.delete(source)

        assert summary.state is State.STOPPED
        assert source.closed
        assert source.given < 10_000
        assert summary.counts.read <= source.given


@in_virtual_time
async def test_ids_that_have_come_do_not_wait_for_the_next() -> None:
    """A queue that gives three IDs and then nothing for an hour."""
    source = Ids(9, HOUR_S, every=3)
    job = Job()

    await job.delete(source)

    assert [int(time_s // HOUR_S) for time_s in job.times_s] == [1, 1, 1, 2, 2, 2, 3, 3, 3]


@in_virtual_time
async def test_a_drained_async_iterable_loses_no_count() -> None:
    """What was taken from it is read, and so counted: deleted or still to do."""
    source = Ids(1000, 10.0, every=7)
    job = Job(rate=0.5)

    async with open_deletion(source, lane=job.lane, edge=edge(job.transport)) as deletion:
        await anyio.sleep(35)
        deletion.drain()
        await anyio.sleep(5)

    assert deletion.summary is not None
    assert source.closed
    assert deletion.summary.counts.read == source.given == 21


# -- the iterator ---------------------------------------------------------------------


@in_virtual_time
async def test_a_slow_reader_of_results_gets_them_all_and_holds_few() -> None:
    """IDs wait while results do: memory does not grow with a caller that is slow."""
    job = Job(concurrency=100, delay_s=0.001)
    seen = []

    async with open_deletion(ids(25_000), lane=job.lane, edge=edge(job.transport)) as deletion:
        await anyio.sleep(60)
        assert 10_000 <= len(job.transport.sent) <= 10_100
        async for result in deletion:
            seen.append(result.object_id)
            if len(seen) % 5000 == 0:
                await anyio.sleep(60)
            assert len(job.transport.sent) <= len(seen) + 10_100

    assert sorted(seen) == sorted(ids(25_000))
    assert deletion.summary is not None
    assert deletion.summary.all_gone


@in_virtual_time
async def test_leaving_the_iterator_early_drains() -> None:
    """A `break` is a Ctrl-C: what is in flight is finished, nothing more is taken."""
    job = Job(rate=100, delay_s=1.0)

    async with open_deletion(ids(5000), lane=job.lane, edge=edge(job.transport)) as deletion:
        async for _ in deletion:
            break
        sent = len(job.transport.sent)

    assert deletion.summary is not None
    assert deletion.summary.counts.deleted == len(job.transport.sent) <= sent + 1


@in_virtual_time
async def test_the_iterator_raises_what_it_promises(tmp_path: Path) -> None:
    """Not a group of exceptions that nobody catches."""
    with pytest.raises(ConfigError, match="directory"):
        async with open_deletion(
            ids(5), lane=lane(), log=tmp_path, edge=edge(FakeTransport())
        ) as deletion:
            assert [result async for result in deletion] == []


@in_virtual_time
async def test_the_rate_can_be_changed_while_it_runs() -> None:
    """For an account that others begin to use."""
    job = Job(rate=100)

    async with open_deletion(ids(1000), lane=job.lane, edge=edge(job.transport)) as deletion:
        await anyio.sleep(5)
        deletion.set_rate(10)
        before = len(job.transport.sent)
        await anyio.sleep(10)
        assert len(job.transport.sent) - before == pytest.approx(100, abs=3)


# -- the log stands still -------------------------------------------------------------


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
