"""The library: delete the IDs of any iterable, and learn what became of each.

    summary = await bulkdel.delete_ids(ids, provider="ark", api_key=key, log="purge.jsonl")

    async with bulkdel.open_deletion(ids, provider="ark", api_key=key, log="purge.jsonl") as deletion:
        async for result in deletion:
            ...
    print(deletion.summary)

Several accounts are several lanes, each with its own IDs:

    lanes = [
        bulkdel.Lane(provider=bulkdel.PROVIDERS[name], api_key=key) for name, key in keys.items()
    ]
    summary = await bulkdel.delete_ids(ids_of_lane, lanes=lanes, log="purge.jsonl")

Both run on asyncio, with or without uvloop. The command line is built on the same `run`.
Keys are arguments; nothing here reads the environment (but for the proxy and
certificate settings that aiohttp and OpenSSL read themselves).
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Unpack

import anyio

from bulkdel.engine.edge import REAL
from bulkdel.engine.inputs import AsyncSource, ReaderSource, RunSource
from bulkdel.engine.run import Run
from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.errors import ConfigError
from bulkdel.guards import parse_max_failures
from bulkdel.models import Result, Summary
from bulkdel.options import Given, Options, checked, hide_key
from bulkdel.providers import find
from bulkdel.settings import (
    Durability,
    Lane,
    RunSettings,
)
from bulkdel.sources import from_iterable
from bulkdel.transport import require_asyncio

RESULTS_MAX: Final = 10_000
"""Results that may wait for the caller of `open_deletion`; then no ID is taken."""

Ids = Iterable[str] | AsyncIterable[str]
"""IDs of one account."""


async def delete_ids(
    ids: Ids | Mapping[str, Ids],
    *,
    on_result: Callable[[Result], None] | None = None,
    **options: Unpack[Options],
) -> Summary:
    """Delete the objects of ``ids`` at one provider account.

    Args:
        ids: Any iterable or async iterable of IDs. A plain iterable is read in the event
            loop's own thread: if it waits for something, make it async. With ``lanes``, such
            an iterable for each of them, by its name.
        on_result: Called with every result, after the log has taken it. It must not wait.
        **options: See `Options`.

    Returns:
        The counts, which add up, and why it ended.

    Raises:
        ConfigError: A setting or the log is wrong; nothing was sent.
        ResultLogError: The log could not be written.
    """
    hide_key(options)
    run = _make_run(ids, options)
    run.on_result = on_result
    return await run.run()


class Deletion:
    """A run whose results can be iterated. Made by `open_deletion`."""

    def __init__(self, run: Run) -> None:
        self.summary: Summary | None = None
        """The summary, once the run has ended."""
        self._run = run
        self._results: deque[Result] = deque()
        self._some = anyio.Event()
        self._ready = anyio.Event()
        self._ended = False
        self._error: Exception | None = None

    def drain(self) -> None:
        """End early: take no more IDs, finish what is in flight."""
        self._run.drain()

    def set_rate(self, rate: float | None) -> None:
        """Send at ``rate`` requests per second from now on; None finds the limit again."""
        for lane in self._run.lanes.values():
            lane.set_rate(rate)

    def pause(self) -> None:
        """Send nothing until `resume`; what is in flight is finished."""
        for lane in self._run.lanes.values():
            lane.pause()

    def resume(self) -> None:
        """Go on after a `pause`: as if the time between had not been."""
        for lane in self._run.lanes.values():
            lane.resume()

    def snapshot(self) -> dict[str, LaneSnapshot]:
        """Return how each lane is going at this instant, by its name: counts, rate, pauses."""
        return self._run.snapshot()

    def __aiter__(self) -> AsyncIterator[Result]:
        return self

    async def __anext__(self) -> Result:
        """Return the next result; it is in the log's hands already."""
        while not self._results:
            if self._ended:
                raise StopAsyncIteration
            self._some = anyio.Event()
            await self._some.wait()
        if len(self._results) == RESULTS_MAX:
            self._run.wake()
        return self._results.popleft()

    def _take(self, result: Result) -> None:
        self._results.append(result)
        self._some.set()

    def _has_room(self) -> bool:
        return len(self._results) < RESULTS_MAX

    async def _work(self) -> None:
        try:
            self.summary = await self._run.run()
        except Exception as exc:  # noqa: BLE001 - raised by `open_deletion`: its group would wrap it
            self._error = exc
        finally:
            self._ended = True
            self._some.set()
            self._ready.set()


@asynccontextmanager
async def open_deletion(
    ids: Ids | Mapping[str, Ids], **options: Unpack[Options]
) -> AsyncIterator[Deletion]:
    """Delete the objects of ``ids`` while the caller iterates over the results.

    It is entered when the logs are read; a wrong one is raised then. Leaving the context early
    drains: no more IDs are taken, what is in flight is finished and logged.

    Args:
        ids: As for `delete_ids`.
        **options: See `Options`.

    Raises:
        ConfigError: A setting or the log is wrong; nothing was sent.
        ResultLogError: The log could not be written.
    """
    hide_key(options)
    run = _make_run(ids, options)
    deletion = Deletion(run)
    run.on_result = deletion._take  # noqa: SLF001 - one module, two halves of one thing
    run.has_room = deletion._has_room  # noqa: SLF001
    run.on_ready = deletion._ready.set  # noqa: SLF001
    failed: Exception | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(deletion._work)  # noqa: SLF001
        await deletion._ready.wait()  # noqa: SLF001
        if deletion._error is None:  # noqa: SLF001
            try:
                yield deletion
            except Exception as exc:  # noqa: BLE001 - raised again when what is in flight is logged
                failed = exc
        if deletion.summary is None:
            run.has_room = None
            run.drain()
    if failed is not None:
        raise failed
    if deletion._error is not None:  # noqa: SLF001
        raise deletion._error  # noqa: SLF001


def _make_run(ids: Ids | Mapping[str, Ids], options: Options) -> Run:
    given = checked(options)
    if given.edge is None:
        require_asyncio()
    lanes = _lanes(given)
    most, share = None, None
    if given.max_failures is not None:
        most, share = parse_max_failures(str(given.max_failures))
    if given.durability not in list(Durability):
        raise ConfigError(f"durability must be full, normal or off, not {given.durability!r}")
    settings = RunSettings(
        lanes=lanes,
        log=Path(given.log) if given.log is not None else None,
        done_logs=[Path(each) for each in given.done_logs],
        durability=Durability(given.durability),
        seal=given.seal,
        max_delete=given.max_delete,
        max_failures=most,
        max_failures_share=share,
        retry_failed=given.retry_failed,
        retry_gone=given.retry_gone,
        allow_gone=given.allow_gone,
        wait_long=given.wait_long,
        outage_limit_s=given.outage_limit_s,
        max_duration_s=given.max_duration_s,
    )
    return Run(settings, _sources(ids, given, lanes), edge=given.edge or REAL)


def _lanes(given: Given) -> Sequence[Lane]:
    """Return the lanes, or make one of a provider and its key."""
    single = any(each is not None for each in (given.provider, given.api_key, given.any_id))
    if (given.lane is not None) + (given.lanes is not None) + single > 1:
        raise ConfigError("give one of these: lane, lanes, or a provider and its api_key")
    if given.lanes is not None:
        return given.lanes
    if given.lane is not None:
        return [given.lane]
    if given.provider is None or given.api_key is None:
        raise ConfigError("a deletion needs a provider and its api_key, or a lane")
    found, resource = find(given.provider)
    return [
        Lane(
            provider=found,
            resource_name=resource.name,
            name=given.provider,
            api_key=given.api_key,
            any_id=bool(given.any_id),
        )
    ]


def _sources(
    ids: Ids | Mapping[str, Ids], given: Given, lanes: Sequence[Lane]
) -> Sequence[RunSource]:
    """Return a source for each lane.

    Raises:
        ConfigError: With ``lanes``, the IDs are no mapping, or name other lanes.
    """
    if given.lanes is None:
        if isinstance(ids, Mapping):
            raise ConfigError(
                "ids is a mapping: with lanes=[...] it has the IDs of each lane; for its keys"
                " alone, give list(ids)"
            )
        return [_source(ids, lanes[0])]
    names = [lane.name for lane in lanes]
    if not isinstance(ids, Mapping) or set(ids) != set(names):
        raise ConfigError(
            "with lanes, ids must be a mapping from the name of each lane to its IDs"
            f" (lanes: {', '.join(names)})"
        )
    return [_source(ids[lane.name], lane) for lane in lanes]


def _source(ids: Ids, lane: Lane) -> RunSource:
    if isinstance(ids, AsyncIterable):
        return AsyncSource(ids, "<ids>", lane.name, lane.id_form)
    reader = from_iterable(ids, lane.name, lane.id_form)
    return ReaderSource(reader, "<ids>", lane.name, in_line=True)


__all__: Sequence[str] = ["Deletion", "Options", "delete_ids", "open_deletion"]
