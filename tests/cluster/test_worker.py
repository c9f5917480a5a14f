"""Workers of a job in virtual time: real runs, real logs, a real broker; network and clock are made."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest

from bulkdel.cluster.broker import LEASE_MAX_S
from bulkdel.cluster.job_broker import JobBroker
from bulkdel.cluster.lost import lost_counts, with_lost
from bulkdel.cluster.messages import Grant, Renewal
from bulkdel.cluster.plan import JobSpec, LaneSpec, begin_or_check
from bulkdel.cluster.worker import LinkLostError, PartWorker
from bulkdel.engine.edge import Edge
from bulkdel.errors import ResultLogError
from bulkdel.guards import StopCause
from bulkdel.models import Answer, Counts, Outcome
from bulkdel.providers import Operation
from bulkdel.result_log.fence import open_epoch_log
from bulkdel.result_log.folder import epoch_logs, part_folder
from bulkdel.result_log.index import Index
from bulkdel.settings import Lane
from bulkdel.sources import Source
from bulkdel.transport import Transport
from tests.support.command import assert_adds_up, log_lines
from tests.support.engine_fakes import FakeTransport, deleted, edge, gone, in_virtual_time
from tests.support.lane_job import key_refused, lane

PARTS = 6


class _Link:
    """The way to a broker, of some milliseconds; it may be cut."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.cut = False

    async def renew(self, call: Renewal) -> Grant:
        await anyio.sleep(0.002)
        if self.cut or self._cluster.broker is None:
            raise LinkLostError
        grant = self._cluster.broker.renew(call, anyio.current_time())
        await anyio.sleep(0.002)
        return grant


class Cluster:
    """Workers that take parts in turn, as a driver hands them out; each may be killed."""

    def __init__(
        self, folder: Path, ids: list[str], answering: Callable[[str, int], Any], **options: Any
    ) -> None:
        self.transport = FakeTransport(answering)
        self.edge: Edge = replace(edge(self.transport), transport=self._opened)
        file = folder / "ids.txt"
        file.write_text("\n".join([*ids, *ids[:7]]) + "\n")
        source = Source(name=str(file), lane="openai")
        self.lane = lane(rate=300.0, concurrency=16)
        self.job = folder / "job"
        begin_or_check(self.job, [source], [self.lane], PARTS)
        self.spec = JobSpec(
            folder=self.job,
            parts=PARTS,
            sources=(source,),
            lanes=(LaneSpec.of(self.lane, "KEY"),),
            options=options,
        )
        self.broker: JobBroker | None = None
        self.parts = deque(range(PARTS))
        self.counts = Counts()
        self.lost: set[int] = set()
        self.scopes: dict[int, anyio.CancelScope] = {}
        self.errors: list[Exception] = []

    @asynccontextmanager
    async def _opened(self, of_lane: Lane, operation: Operation) -> AsyncIterator[Transport]:  # noqa: ARG002
        yield self.transport

    def start_broker(self, *, quiet_s: float = 0.0) -> None:
        """Start one that knows nothing of the one before."""
        now_s = anyio.current_time()
        self.broker = JobBroker(
            self.spec.settings([self.lane]),
            name=f"broker {now_s}",
            learned={},
            now_s=now_s,
            quiet_s=quiet_s,
        )

    async def work(self, number: int, link: _Link | None = None) -> None:
        """Work parts until there are no more."""
        while self.parts:
            part = self.parts.popleft()
            worker = PartWorker(
                f"w{number}-{part}",
                self.spec.part_settings([self.lane], part),
                self.spec.sources,
                link or _Link(self),
                self.edge,
            )
            with anyio.CancelScope() as self.scopes[number]:
                try:
                    summary, epoch = await worker.run()
                except ResultLogError as exc:
                    self.errors.append(exc)
                    return
                found = lost_counts(part_folder(self.job, part), 0, epoch)
                of_lane = found.get("openai") if part in self.lost else None
                self.counts += with_lost(summary.lanes["openai"], of_lane)
                continue
            self.lost.add(part)
            self.parts.append(part)

    @property
    def logged(self) -> Counter[str]:
        """How often each ID has a line."""
        lines = [line for log in epoch_logs(self.job) for line in log_lines_or_none(log.path)]
        return Counter(line["id"] for line in lines if "id" in line)


def log_lines_or_none(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log, which may be empty."""
    return log_lines(path) if path.stat().st_size else []


def _ids(count: int) -> list[str]:
    return [f"resp_{number}" for number in range(count)]


def _once(object_id: str, times: int) -> Answer:
    return deleted(object_id) if times == 1 else gone(object_id)


@pytest.mark.parametrize("seed", range(2))
@in_virtual_time
async def test_whatever_dies_every_id_is_done_and_the_counts_add_up(
    tmp_path: Path, seed: int
) -> None:
    """Workers and the broker die again and again; the promises hold over all of them."""
    random = Random(seed)
    cluster = Cluster(tmp_path, _ids(3000), _once)
    cluster.start_broker()

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(cluster.work, number)
        for step in range(6):
            await anyio.sleep(random.uniform(0.5, 1.5))
            if step % 3 == 2:
                cluster.broker = None
                await anyio.sleep(random.uniform(0.0, 1.0))
                cluster.start_broker(quiet_s=LEASE_MAX_S)
            elif cluster.scopes:
                cluster.scopes[random.choice(list(cluster.scopes))].cancel()

    assert_adds_up(cluster.counts.as_dict())
    facts = Index().read(cluster.job).lanes["openai"]
    assert facts.counts[Outcome.DELETED] + facts.counts[Outcome.GONE] == 3000
    assert cluster.counts.pending == 0
    assert cluster.counts.read == 3007
    assert cluster.counts.deleted + cluster.counts.gone == 3000
    again = sum(times - 1 for times in cluster.transport.times.values())
    assert again <= 4 * (16 + 300 * 0.05)
    assert (
        cluster.transport.in_flight_most <= 16 * 2
    )  # those of a killed worker, and the next one's


@in_virtual_time
async def test_duplicates_over_all_parts_are_sent_once(tmp_path: Path) -> None:
    """The same ID is in the same part, so its own index sees it."""
    cluster = Cluster(tmp_path, _ids(400), _once)
    cluster.start_broker()

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(cluster.work, number)

    assert set(cluster.transport.times.values()) == {1}
    assert (cluster.counts.deleted, cluster.counts.duplicates) == (400, 7)
    assert cluster.logged == Counter(_ids(400))
    assert cluster.transport.in_flight_most <= 16


@in_virtual_time
async def test_a_wrong_key_gets_one_id_of_the_whole_job(tmp_path: Path) -> None:
    """Not one of each worker; and nobody sends anything after it has stopped."""
    cluster = Cluster(tmp_path, _ids(400), lambda _id, _times: key_refused())
    cluster.start_broker()

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(cluster.work, number)

    assert cluster.broker is not None
    assert [stop.cause for stop in cluster.broker.stops] == [StopCause.KEY_REFUSED]
    assert len(cluster.transport.times) == 1
    assert cluster.counts.pending == 400
    assert not cluster.logged


@pytest.mark.parametrize("most", [0, 1, 150])
@in_virtual_time
async def test_max_delete_is_of_the_whole_job(tmp_path: Path, most: int) -> None:
    """Whichever workers delete them: no more, and no fewer."""
    cluster = Cluster(tmp_path, _ids(400), _once, max_delete=most)
    cluster.start_broker()

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(cluster.work, number)

    assert len(cluster.transport.times) == most
    assert cluster.counts.deleted == most
    assert cluster.broker is not None
    assert cluster.broker.stops[0].cause is StopCause.MAX_DELETE


@in_virtual_time
async def test_who_was_cut_off_and_replaced_sends_and_writes_nothing_more(tmp_path: Path) -> None:
    """Its node comes back, and its part is another's by then."""
    cluster = Cluster(tmp_path, _ids(3000), _once)
    cluster.start_broker()
    link = _Link(cluster)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cluster.work, 0, link)
        await anyio.sleep(1.0)
        link.cut = True
        await anyio.sleep(LEASE_MAX_S + 0.2)
        sent = len(cluster.transport.sent)
        part = next(p for p in range(PARTS) if p not in cluster.parts)
        old = epoch_logs(part_folder(cluster.job, part))[0].path
        size = old.stat().st_size
        await anyio.sleep(3.0)
        assert len(cluster.transport.sent) == sent

        with open_epoch_log(part_folder(cluster.job, part)) as (new, _):
            assert cluster.broker is not None
            newer = Renewal(worker="new", part=part, epoch=new.epoch, lanes={})
            cluster.broker.renew(newer, anyio.current_time())
            cluster.parts.clear()
            link.cut = False
            await anyio.sleep(5.0)

    assert len(cluster.transport.sent) == sent
    assert old.stat().st_size == size
    assert cluster.errors
