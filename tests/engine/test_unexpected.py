"""Something inside that nobody expected: the run drains, the log is whole, the error comes out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import anyio
import orjson
import pytest

from bulkdel import Result, delete_ids
from bulkdel.models import Answer, Verdict
from bulkdel.providers import get
from bulkdel.providers.base import by_name
from tests.support.engine_fakes import deleted, edge, in_virtual_time
from tests.support.lane_job import Job, ids, outcomes

BAD = "resp_150"


class PlantedError(Exception):
    """A mistake of ours."""


def _end(log: Path) -> dict[str, object]:
    """Return the last line of a log, which must be its summary."""
    end: dict[str, object] = orjson.loads(log.read_bytes().splitlines()[-1])["end"]
    return end


def _assert_drained(job: Job, log: Path, *, lost: set[str]) -> None:
    """Check that what was in flight was finished, and all but ``lost`` is in the log."""
    assert job.transport.in_flight == 0
    assert set(outcomes(log)) == set(job.transport.times) - lost
    assert len(job.transport.sent) <= 151 + job.lane.concurrency
    end = _end(log)
    assert end["state"] == "stopped"
    assert "ended by PlantedError in " in str(end["reason"])


@in_virtual_time
async def test_a_mistake_at_one_answer_costs_no_other(tmp_path: Path) -> None:
    """What is in flight then has been sent: cancelled, nobody would know what became of it."""
    log = tmp_path / "log.jsonl"
    job = Job(delay_s=2.0)
    judge = get("openai").resource().delete.judge

    def broken(object_id: str, answer: Answer) -> Verdict:
        if object_id == BAD:
            raise PlantedError("at an answer")
        return judge(object_id, answer)

    responses = get("openai").resource()
    breaking = replace(responses, delete=replace(responses.delete, judge=broken))
    job.lane = replace(job.lane, provider=replace(get("openai"), resources=by_name(breaking)))

    with pytest.raises(PlantedError, match="at an answer"):
        await job.delete(ids(5000), log=log)

    _assert_drained(job, log, lost={BAD})
    assert _end(log)["pending"] == int(str(_end(log)["read"])) - len(outcomes(log))


@in_virtual_time
async def test_a_mistake_in_sending_costs_no_other(tmp_path: Path) -> None:
    """Likewise what a library below us raises, and in no list of ours."""
    log = tmp_path / "log.jsonl"

    def answering(object_id: str, _: int) -> Answer:
        if object_id == BAD:
            raise PlantedError("in sending")
        return deleted(object_id)

    job = Job(answering, delay_s=2.0)

    with pytest.raises(PlantedError, match="in sending"):
        await job.delete(ids(5000), log=log)

    _assert_drained(job, log, lost={BAD})


@in_virtual_time
async def test_a_mistake_of_the_callers_function_costs_no_other(tmp_path: Path) -> None:
    """The result that it was called with is in the log already."""
    log = tmp_path / "log.jsonl"
    job = Job(delay_s=2.0)

    def on_result(result: Result) -> None:
        if result.object_id == BAD:
            raise PlantedError("in on_result")

    with pytest.raises(PlantedError, match="in on_result"):
        await delete_ids(
            ids(5000), lane=job.lane, on_result=on_result, edge=edge(job.transport), log=log
        )

    _assert_drained(job, log, lost=set())


@in_virtual_time
async def test_a_mistake_of_an_async_source_costs_no_id(tmp_path: Path) -> None:
    """A database that goes away while IDs are in flight."""
    log = tmp_path / "log.jsonl"
    job = Job(delay_s=2.0)

    async def source() -> AsyncIterator[str]:
        for object_id in ids(150):
            yield object_id
        await anyio.sleep(3)
        raise PlantedError("in the source")

    with pytest.raises(PlantedError, match="in the source"):
        await job.delete(source(), log=log)

    _assert_drained(job, log, lost=set())
