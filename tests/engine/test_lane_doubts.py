"""What is not believed at once: all gone, all failed. It stays to do until it is."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from bulkdel import State, open_deletion
from tests.support.engine_fakes import (
    deleted,
    edge,
    failing,
    gone,
    in_virtual_time,
)
from tests.support.lane_job import Job, ids, outcomes


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
