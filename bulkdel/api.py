"""The library: delete the IDs of any iterable, and learn what became of each.

    summary = await bulkdel.delete_ids(ids, provider="ark", log="purge.jsonl")

    async with bulkdel.open_deletion(ids, provider="ark", log="purge.jsonl") as deletion:
        async for result in deletion:
            ...
    print(deletion.summary)

Both run on asyncio, with or without uvloop. The command line is built on the same `run`.
Keys are arguments; nothing here reads the environment (but for the proxy and
certificate settings that aiohttp and OpenSSL read themselves).
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from os import PathLike
from pathlib import Path
from typing import Final

import anyio

from bulkdel.errors import ConfigError
from bulkdel.feeding import AsyncSource, ReaderSource, RunSource
from bulkdel.guards import parse_max_failures
from bulkdel.models import Result, Summary
from bulkdel.providers import get
from bulkdel.run import REAL, Edge, Run
from bulkdel.settings import Durability, Lane, RunSettings
from bulkdel.sources import from_iterable

RESULTS_MAX: Final = 10_000
"""Results that may wait for the caller of `open_deletion`; then no ID is taken."""

Ids = Iterable[str] | AsyncIterable[str]


async def delete_ids(
    ids: Ids,
    *,
    provider: str | None = None,
    api_key: str | None = None,
    lane: Lane | None = None,
    log: str | PathLike[str] | None = None,
    on_result: Callable[[Result], None] | None = None,
    durability: str = "normal",
    max_delete: int | None = None,
    max_failures: int | str | None = None,
    retry_failed: bool = False,
    allow_gone: bool = False,
    wait_long: bool = False,
    outage_limit_s: float = 600.0,
    edge: Edge | None = None,
) -> Summary:
    """Delete the objects of ``ids`` at one provider account.

    Args:
        ids: Any iterable or async iterable of IDs. A plain iterable is read in the event
            loop's own thread: if it waits for something, make it async.
        provider: Name of the provider: ``ark``, ``fireworks`` or ``openai``.
        api_key: The account's key.
        lane: Instead of ``provider`` and ``api_key``: all settings of the account.
        log: Path of the result log; an existing one is resumed. None keeps no log, and
            then nothing can be resumed.
        on_result: Called with every result, after the log has taken it. It must not wait.
        durability: When log lines are forced to the disk: ``full``, ``normal`` or ``off``.
        max_delete: Stop before deletion N + 1, counted over the whole log.
        max_failures: Stop when more than so many IDs failed; a count, or a share like "2%".
        retry_failed: Try again the IDs that the log says failed for good.
        allow_gone: Do not stop when the first 100 IDs do not exist.
        wait_long: Wait as long as the provider asks, however long.
        outage_limit_s: Seconds of outage after which it stops.
        edge: For tests: fakes of the network, the disk and the clock.

    Returns:
        The counts, which add up, and why it ended.

    Raises:
        ConfigError: A setting or the log is wrong; nothing was sent.
        ResultLogError: The log could not be written.
    """
    run = _make_run(
        ids,
        lane=_one_lane(provider, api_key, lane),
        log=log,
        durability=durability,
        max_delete=max_delete,
        max_failures=max_failures,
        retry_failed=retry_failed,
        allow_gone=allow_gone,
        wait_long=wait_long,
        outage_limit_s=outage_limit_s,
        edge=edge,
    )
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
        self._ended = False
        self._error: Exception | None = None

    def drain(self) -> None:
        """End early: take no more IDs, finish what is in flight."""
        self._run.drain()

    def set_rate(self, rate: float | None) -> None:
        """Send at ``rate`` requests per second from now on; None finds the limit again."""
        for work in self._run.works.values():
            work.set_rate(rate)

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


@asynccontextmanager
async def open_deletion(
    ids: Ids,
    *,
    provider: str | None = None,
    api_key: str | None = None,
    lane: Lane | None = None,
    log: str | PathLike[str] | None = None,
    durability: str = "normal",
    max_delete: int | None = None,
    max_failures: int | str | None = None,
    retry_failed: bool = False,
    allow_gone: bool = False,
    wait_long: bool = False,
    outage_limit_s: float = 600.0,
    edge: Edge | None = None,
) -> AsyncIterator[Deletion]:
    """Delete the objects of ``ids`` while the caller iterates over the results.

    The arguments are those of `delete_ids`. Leaving the context early drains: no more IDs
    are taken, what is in flight is finished and logged.

    Raises:
        ConfigError: A setting or the log is wrong; nothing was sent.
        ResultLogError: The log could not be written.
    """
    run = _make_run(
        ids,
        lane=_one_lane(provider, api_key, lane),
        log=log,
        durability=durability,
        max_delete=max_delete,
        max_failures=max_failures,
        retry_failed=retry_failed,
        allow_gone=allow_gone,
        wait_long=wait_long,
        outage_limit_s=outage_limit_s,
        edge=edge,
    )
    deletion = Deletion(run)
    run.on_result = deletion._take  # noqa: SLF001 - one module, two halves of one thing
    run.has_room = deletion._has_room  # noqa: SLF001
    failed: Exception | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(deletion._work)  # noqa: SLF001
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


def _one_lane(provider: str | None, api_key: str | None, lane: Lane | None) -> Lane:
    if lane is not None:
        if provider is not None or api_key is not None:
            raise ConfigError("give either a lane, or a provider and its key")
        return lane
    if provider is None or api_key is None:
        raise ConfigError("a deletion needs a provider and its api_key, or a lane")
    return Lane(provider=get(provider), api_key=api_key)


def _make_run(
    ids: Ids,
    *,
    lane: Lane,
    log: str | PathLike[str] | None,
    durability: str,
    max_delete: int | None,
    max_failures: int | str | None,
    retry_failed: bool,
    allow_gone: bool,
    wait_long: bool,
    outage_limit_s: float,
    edge: Edge | None,
) -> Run:
    if durability not in list(Durability):
        raise ConfigError(f"durability must be full, normal or off, not {durability!r}")
    most, share = (None, None) if max_failures is None else parse_max_failures(str(max_failures))
    settings = RunSettings(
        lanes=[lane],
        log=Path(log) if log is not None else None,
        durability=Durability(durability),
        max_delete=max_delete,
        max_failures=most,
        max_failures_share=share,
        retry_failed=retry_failed,
        allow_gone=allow_gone,
        wait_long=wait_long,
        outage_limit_s=outage_limit_s,
    )
    return Run(settings, [_source(ids, lane.name)], edge=edge or REAL)


def _source(ids: Ids, lane: str) -> RunSource:
    if isinstance(ids, (str, bytes)):
        raise ConfigError("ids must be an iterable of IDs, not one string")
    if isinstance(ids, AsyncIterable):
        return AsyncSource(ids, "<ids>", lane)
    return ReaderSource(from_iterable(ids, lane), "<ids>", lane, in_line=True)


__all__: Sequence[str] = ["Deletion", "delete_ids", "open_deletion"]
