"""The cluster, and the workers of one command on it: asked for, handed parts, watched, let go.

    connect ──> make_broker ──> Crew: ask, hand_out, wait, end

All of it blocks: run it in a thread.

What holds here, always: a worker that Ray calls lost is never given another part, and a new one is
asked for in its place.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from typing import Any, Final

from bulkdel.cluster.plan import JobSpec
from bulkdel.errors import ConfigError, LogBusyError

_NAMESPACE: Final = "bulkdel"
_INSTALL: Final = "pip install 'bulkdel[ray]'"


def require_ray() -> Any:
    """Return the module ray.

    Raises:
        ConfigError: It is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise ConfigError(f"--ray needs Ray, which is not installed: {_INSTALL}") from None
    return ray


def connect(ray: Any, address: str) -> None:
    """Connect to the cluster; ``local`` starts one on this machine, for this command alone."""
    if ray.is_initialized():
        return
    try:
        ray.init(
            address=address,
            namespace=_NAMESPACE,
            log_to_driver=False,
            logging_level="ERROR",
            **({"include_dashboard": False} if address == "local" else {}),
        )
    except (ConnectionError, ValueError, RuntimeError, OSError) as exc:
        why = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        raise ConfigError(
            f"--ray {address}: no cluster can be reached there ({why}); name its address as"
            " HOST:PORT, or `local` for one on this machine alone"
        ) from exc


def make_broker(ray: Any, spec: JobSpec) -> Any:
    """Return the broker of a job, as an actor on the driver's node.

    Raises:
        LogBusyError: Another command has one for this job on this cluster.
    """
    from bulkdel.cluster.actors import BrokerActor

    name = hashlib.sha256(str(spec.folder).encode()).hexdigest()[:16]
    here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
        ray.get_runtime_context().get_node_id(), soft=True
    )
    try:
        broker = ray.remote(
            num_cpus=0,
            max_restarts=-1,
            name=f"broker-{name}",
            namespace=_NAMESPACE,
            scheduling_strategy=here,
        )(BrokerActor).remote(spec)
    except ValueError as exc:  # the name is taken
        raise LogBusyError(
            f"log {spec.folder}: another command works this job on the same cluster; wait for its"
            " end"
        ) from exc
    ray.get(broker.look.remote())
    return broker


class Crew:
    """The workers of a command. ``workers`` at once."""

    def __init__(self, ray: Any, spec: JobSpec, broker: Any, workers: int) -> None:
        from bulkdel.cluster.actors import WorkerActor

        self._ray, self._spec, self._broker = ray, spec, broker
        self._workers = workers
        self._made = 0
        self._actor = ray.remote(num_cpus=1, max_restarts=0, scheduling_strategy="SPREAD")(
            WorkerActor
        )
        self._actors: set[Any] = set()
        self._idle: list[Any] = []
        self._coming: dict[Any, Any] = {}
        self._working: dict[Any, tuple[Any, int]] = {}

    @property
    def at_work(self) -> int:
        """Parts that are being worked."""
        return len(self._working)

    @property
    def placed(self) -> bool:
        """Whether there is a worker."""
        return bool(self._idle or self._working)

    def begin(self) -> None:
        """Ask for all workers."""
        for _ in range(self._workers):
            self._ask()

    def _ask(self) -> None:
        self._made += 1
        actor = self._actor.remote(self._spec, f"worker-{self._made}", self._broker)
        self._actors.add(actor)
        self._coming[actor.ready.remote()] = actor

    def hand_out(self, left: deque[int]) -> None:
        """Give each idle worker a part."""
        while left and self._idle:
            actor, part = self._idle.pop(), left.popleft()
            self._working[actor.work.remote(part)] = (actor, part)

    def wait(self, timeout_s: float) -> list[tuple[int, Any]]:
        """Wait for a worker; return the parts that have ended, None for one whose worker is lost."""
        ray = self._ray
        refs = [*self._working, *self._coming]
        ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
        if not ready and refs:
            ready, _ = ray.wait(refs, num_returns=1, timeout=timeout_s)
        ended: list[tuple[int, Any]] = []
        for ref in ready:
            actor, part = self._working.pop(ref, (self._coming.pop(ref, None), None))
            try:
                outcome = ray.get(ref)
            except ray.exceptions.RayTaskError:
                raise
            except ray.exceptions.RayError:
                self._actors.discard(actor)
                self._ask()
                outcome = None
            else:
                self._idle.append(actor)
            if part is not None:
                ended.append((part, outcome))
        return ended

    def end(self) -> None:
        """Let go of all actors."""
        for actor in [*self._actors, self._broker]:
            self._ray.kill(actor)
