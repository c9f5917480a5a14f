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
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Final, TypedDict, Unpack

import anyio

from bulkdel.engine.edge import REAL, Edge
from bulkdel.engine.inputs import AsyncSource, ReaderSource, RunSource
from bulkdel.engine.run import Run
from bulkdel.errors import ConfigError
from bulkdel.guards import parse_max_failures
from bulkdel.models import Result, Summary
from bulkdel.providers import find
from bulkdel.secret import Secret
from bulkdel.settings import (
    DEFAULT_DURABILITY,
    DEFAULT_OUTAGE_LIMIT_S,
    Durability,
    Lane,
    RunSettings,
)
from bulkdel.sources import from_iterable

RESULTS_MAX: Final = 10_000
"""Results that may wait for the caller of `open_deletion`; then no ID is taken."""

Ids = Iterable[str] | AsyncIterable[str]


class Options(TypedDict, total=False):
    """What `delete_ids` and `open_deletion` take beside the IDs.

    Attributes:
        provider: Name of the provider, and after a colon of what is deleted there unless it is
            responses: ``ark``, ``fireworks``, ``openai:responses``.
        api_key: The account's key.
        any_id: Send also what does not look like an ID of the provider (`Lane.any_id`).
        lane: Instead of ``provider``, ``api_key`` and ``any_id``: all settings of the account.
        log: Path of the result log; an existing one is resumed. Without one, nothing can
            be resumed.
        done_logs: Other result logs, also compressed ones: what is done there is skipped.
        durability: When log lines are forced to the disk: ``full``, ``normal`` (default)
            or ``off``.
        seal: Seal the log by SHA-256 as it is written; see ``bulkdel check``.
        max_delete: Stop before deletion N + 1, counted over the whole log.
        max_failures: Stop when more than so many IDs failed; a count, or a share like "2%".
        retry_failed: Try again the IDs that the log says failed for good.
        retry_gone: Ask again for the IDs that the log says are gone.
        allow_gone: Believe that what the provider calls gone is gone, however many.
        wait_long: Wait as long as the provider asks, however long.
        outage_limit_s: Seconds of outage after which it stops; 600 by default.
        edge: For tests: fakes of the network, the disk and the clock.
    """

    provider: str
    api_key: str | Secret
    any_id: bool
    lane: Lane
    log: str | PathLike[str]
    done_logs: Sequence[Path]
    durability: str
    seal: bool
    max_delete: int
    max_failures: int | str
    retry_failed: bool
    retry_gone: bool
    allow_gone: bool
    wait_long: bool
    outage_limit_s: float
    edge: Edge


async def delete_ids(
    ids: Ids,
    *,
    on_result: Callable[[Result], None] | None = None,
    **options: Unpack[Options],
) -> Summary:
    """Delete the objects of ``ids`` at one provider account.

    Args:
        ids: Any iterable or async iterable of IDs. A plain iterable is read in the event
            loop's own thread: if it waits for something, make it async.
        on_result: Called with every result, after the log has taken it. It must not wait.
        **options: See `Options`.

    Returns:
        The counts, which add up, and why it ended.

    Raises:
        ConfigError: A setting or the log is wrong; nothing was sent.
        ResultLogError: The log could not be written.
    """
    _hide_key(options)
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
        self._ended = False
        self._error: Exception | None = None

    def drain(self) -> None:
        """End early: take no more IDs, finish what is in flight."""
        self._run.drain()

    def set_rate(self, rate: float | None) -> None:
        """Send at ``rate`` requests per second from now on; None finds the limit again."""
        for lane in self._run.lanes.values():
            lane.set_rate(rate)

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
async def open_deletion(ids: Ids, **options: Unpack[Options]) -> AsyncIterator[Deletion]:
    """Delete the objects of ``ids`` while the caller iterates over the results.

    Leaving the context early drains: no more IDs are taken, what is in flight is finished
    and logged.

    Args:
        ids: As for `delete_ids`.
        **options: See `Options`.

    Raises:
        ConfigError: A setting or the log is wrong; nothing was sent.
        ResultLogError: The log could not be written.
    """
    _hide_key(options)
    run = _make_run(ids, options)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """`Options` with what counts for those that are not given; an unknown one is a TypeError."""

    provider: str | None = None
    api_key: str | Secret | None = field(default=None, repr=False)
    any_id: bool | None = None
    lane: Lane | None = None
    log: str | PathLike[str] | None = None
    done_logs: Sequence[Path] = ()
    durability: str = DEFAULT_DURABILITY
    seal: bool = False
    max_delete: int | None = None
    max_failures: int | str | None = None
    retry_failed: bool = False
    retry_gone: bool = False
    allow_gone: bool = False
    wait_long: bool = False
    outage_limit_s: float = DEFAULT_OUTAGE_LIMIT_S
    edge: Edge | None = None


def _hide_key(options: Options) -> None:
    """Put the key into what shows nothing of it: tracebacks show the variables of a frame."""
    if isinstance(key := options.get("api_key"), str):
        options["api_key"] = Secret(key)


def _make_run(ids: Ids, options: Options) -> Run:
    given = _Given(**options)
    lane = _lane(given)
    most, share = None, None
    if given.max_failures is not None:
        most, share = parse_max_failures(str(given.max_failures))
    if given.durability not in list(Durability):
        raise ConfigError(f"durability must be full, normal or off, not {given.durability!r}")
    settings = RunSettings(
        lanes=[lane],
        log=Path(given.log) if given.log is not None else None,
        done_logs=given.done_logs,
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
    )
    return Run(settings, [_source(ids, lane)], edge=given.edge or REAL)


def _lane(given: _Given) -> Lane:
    """Return the lane, or make it of a provider and its key."""
    if given.lane is not None:
        if any(each is not None for each in (given.provider, given.api_key, given.any_id)):
            raise ConfigError("give either a lane, or a provider and its key")
        return given.lane
    if given.provider is None or given.api_key is None:
        raise ConfigError("a deletion needs a provider and its api_key, or a lane")
    found, resource = find(given.provider)
    return Lane(
        provider=found,
        resource_name=resource.name,
        name=given.provider,
        api_key=given.api_key,
        any_id=bool(given.any_id),
    )


def _source(ids: Ids, lane: Lane) -> RunSource:
    if isinstance(ids, AsyncIterable):
        return AsyncSource(ids, "<ids>", lane.name, lane.id_form)
    reader = from_iterable(ids, lane.name, lane.id_form)
    return ReaderSource(reader, "<ids>", lane.name, in_line=True)


__all__: Sequence[str] = ["Deletion", "Options", "delete_ids", "open_deletion"]
