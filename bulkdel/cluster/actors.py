"""The two kinds of Ray actors, thin: what is decided is in `job_broker` and `worker`.

    BrokerActor   one a job; Ray starts it again when it dies, and it reads what was learned from the logs
    WorkerActor   one a worker; works a part at a time

The one module beside `crew` that imports ray.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import anyio
import ray
import ray.exceptions

from bulkdel.cluster.broker import LEASE_MAX_S
from bulkdel.cluster.job_broker import JobBroker
from bulkdel.cluster.messages import Grant, Renewal
from bulkdel.cluster.plan import JobSpec
from bulkdel.cluster.worker import LinkLostError, PartWorker
from bulkdel.engine.resume import deletions, learned_limit, read_logs, unknown
from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.errors import BulkdelError, ConfigError, ResultLogError
from bulkdel.guards import Stop
from bulkdel.models import Counts, Summary
from bulkdel.process import backend_options, give_memory_back, raise_open_files
from bulkdel.result_log.folder import newest_run
from bulkdel.result_log.reader import LogFacts, read_log

_FILES_SPARE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOutcome:
    """How a worker has ended with a part.

    Attributes:
        part: Its number.
        epoch: Of the log that it wrote.
        summary: What it did; None if it could not.
        stops: Why it stopped early.
        error: What went wrong, in words.
        is_log: It is the log that cannot be written.
    """

    part: int
    epoch: int = 0
    summary: Summary | None = None
    stops: tuple[Stop, ...] = field(default=())
    error: str | None = None
    is_log: bool = False


class BrokerActor:
    """The broker of a job as an actor.

    Args:
        spec: The job.
    """

    def __init__(self, spec: JobSpec) -> None:
        restarted = ray.get_runtime_context().was_current_actor_reconstructed
        settings = spec.settings([lane.keyless() for lane in spec.lanes])
        used = 0
        if settings.max_delete is not None:
            _, facts = read_logs(settings)
            used = deletions(facts) + unknown(facts)
        else:
            facts = _learned_facts(spec.folder)
        now_s = time.monotonic()
        self._broker = JobBroker(
            settings,
            name=f"{socket.gethostname()}-{os.getpid()}-{now_s}",
            learned={lane.name: learned_limit(facts, lane.name) for lane in settings.lanes},
            deletes_used=used,
            now_s=now_s,
            quiet_s=LEASE_MAX_S if restarted else 0.0,
        )

    def renew(self, call: Renewal) -> Grant:
        """Hear a worker, and say what it may do."""
        return self._broker.renew(call, time.monotonic())

    def look(
        self,
        *,
        drain: bool = False,
        stop: Stop | None = None,
        done: Collection[int] = (),
        counts: Mapping[str, Counts] = MappingProxyType({}),
    ) -> tuple[dict[str, LaneSnapshot], list[Stop]]:
        """Say how it goes; the driver asks, and says what is done and whether it is to end."""
        self._broker.settle(done, counts)
        if drain:
            self._broker.drain(stop)
        return self._broker.snapshot(), list(self._broker.stops)

    def lost(self, part: int) -> None:
        """Note that nobody works a part any more."""
        self._broker.lost(part)


class _ActorLink:
    """The way to a broker that is an actor."""

    def __init__(self, broker: Any) -> None:
        self._broker = broker

    async def renew(self, call: Renewal) -> Grant:
        """Tell the broker and hear what may be done."""
        try:
            grant: Grant = await self._broker.renew.remote(call)
        except ray.exceptions.RayError as exc:
            raise LinkLostError(str(exc)) from exc
        return grant


class WorkerActor:
    """A worker as an actor.

    Args:
        spec: The job.
        name: Its name.
        broker: The actor.
    """

    def __init__(self, spec: JobSpec, name: str, broker: Any) -> None:
        give_memory_back()
        self._spec = spec
        self._name = name
        self._broker = broker

    def ready(self) -> str:
        """Return on which node it runs."""
        return socket.gethostname()

    def work(self, part: int) -> PartOutcome:
        """Work a part to its end."""
        spec = self._spec
        try:
            where = f"node {socket.gethostname()}"
            lanes = [lane.lane(os.environ, where) for lane in spec.lanes]
            raise_open_files(sum(lane.concurrency for lane in lanes) + _FILES_SPARE)
            worker = PartWorker(
                self._name,
                spec.part_settings(lanes, part),
                spec.sources,
                _ActorLink(self._broker),
            )
            summary, epoch = anyio.run(worker.run, backend_options=backend_options())
            return PartOutcome(part=part, epoch=epoch, summary=summary, stops=worker.stops)
        except ResultLogError as exc:
            return PartOutcome(part=part, error=f"{exc}. {exc.advice}", is_log=True)
        except BulkdelError as exc:
            return PartOutcome(part=part, error=f"{exc} (on node {socket.gethostname()})")


def _learned_facts(folder: Path) -> LogFacts:
    """Return what the newest commands have found out: their logs hold the pace records."""
    facts = LogFacts()
    newest = newest_run(folder)
    if newest is None:
        raise ConfigError(f"log {folder}: no command has begun")
    for log in sorted(folder.glob("run-*.jsonl")):
        for _ in read_log(log, facts):
            pass
    return facts
