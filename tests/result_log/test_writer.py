"""The result log takes results at once and writes them in groups: in virtual time."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import anyio
import orjson
import pytest

from bulkdel.blocking import in_line
from bulkdel.errors import ResultLogError
from bulkdel.models import Outcome, Result
from bulkdel.result_log.encode import result_line
from bulkdel.result_log.rescue import Rescued
from bulkdel.result_log.writer import GROUP_S, LINES_MAX, SYNC_S, ResultLog
from bulkdel.settings import Durability
from tests.simulation.simulate import in_virtual_time

T = TypeVar("T")

FULL_DISK = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
NO_MEMORY = MemoryError()
BAD_DISK = OSError(errno.EIO, os.strerror(errno.EIO))


class FakeDisk:
    """A disk in memory that fails while it is told to."""

    def __init__(self) -> None:
        self.groups: list[bytes] = []
        self.synced_s: list[float] = []
        self.synced_groups = 0
        self.write_error: Exception | None = None
        self.sync_error: Exception | None = None
        self.write_calls = 0
        self.rescued: bytes | None = None
        self.is_closed = False

    def write(self, data: bytes) -> None:
        """Take a group, or nothing."""
        self.write_calls += 1
        if self.write_error is not None:
            raise self.write_error
        self.groups.append(data)

    def sync(self) -> None:
        """Note the time."""
        if self.sync_error is not None:
            raise self.sync_error
        self.synced_s.append(anyio.current_time())
        self.synced_groups = len(self.groups)

    def rescue(self, pending: bytes) -> Rescued:
        """Note it."""
        self.rescued = pending
        return Rescued(Path("rescue"), 0, 0)

    def close(self) -> None:
        """Note it."""
        self.is_closed = True

    @property
    def ids(self) -> list[str]:
        """The IDs that were written, in their order."""
        return [orjson.loads(line)["id"] for line in b"".join(self.groups).splitlines()]


def result(number: int) -> Result:
    """Return a deletion."""
    return Result(f"resp_{number}", "ark", Outcome.DELETED, status=200, attempts=1)


@asynccontextmanager
async def writing(log: ResultLog) -> AsyncIterator[None]:
    """Run the writer meanwhile, as a run does, and stop it at the end."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(log.run)
        yield
        tasks.cancel_scope.cancel()


def make_log(
    disk: FakeDisk,
    durability: Durability = Durability.NORMAL,
    on_error: Callable[[ResultLogError], None] | None = None,
) -> ResultLog:
    """Return a log on ``disk``."""
    return ResultLog(disk, durability=durability, run_blocking=in_line, on_error=on_error)


@in_virtual_time
async def test_results_are_written_in_groups_within_milliseconds() -> None:
    """A write for each line would bound the run; a long wait would lose much in a kill."""
    disk = FakeDisk()

    log = make_log(disk)
    async with writing(log):
        for number in range(1000):
            log.append(result(number))
            await anyio.sleep(0.001)
        await anyio.sleep(2 * GROUP_S)

        assert disk.ids == [f"resp_{number}" for number in range(1000)]
        assert len(disk.groups) <= 1.0 / GROUP_S + 3
        assert log.lines_unwritten == 0


@pytest.mark.parametrize(
    ("durability", "syncs_least", "syncs_most"),
    [(Durability.FULL, 100, 110), (Durability.NORMAL, 9, 12), (Durability.OFF, 0, 0)],
)
@in_virtual_time
async def test_lines_are_synced_as_often_as_the_user_wants(
    durability: Durability, syncs_least: int, syncs_most: int
) -> None:
    """What a power cut may cost is the user's choice: a group, a second, or more."""
    disk = FakeDisk()

    log = make_log(disk, durability)
    async with writing(log):
        for number in range(100):
            log.append(result(number))
            await anyio.sleep(0.1)
            if durability is Durability.FULL:
                assert disk.synced_groups == len(disk.groups)

    assert syncs_least <= len(disk.synced_s) <= syncs_most


@in_virtual_time
async def test_the_last_lines_before_a_lull_are_synced_too() -> None:
    """A run that waits an hour for its provider must not keep its last second unsynced."""
    disk = FakeDisk()

    log = make_log(disk)
    async with writing(log):
        for number in range(10):
            log.append(result(number))
            await anyio.sleep(0.15)
        await anyio.sleep(3 * SYNC_S)

        assert disk.synced_groups == len(disk.groups)
        syncs = len(disk.synced_s)

        await anyio.sleep(3600)
        assert len(disk.synced_s) == syncs  # nothing new: the disk may sleep


@in_virtual_time
async def test_no_line_waits_longer_than_a_second_for_its_sync() -> None:
    """Whatever comes meanwhile: lines that came just before the second was over began it anew."""
    for gap_s in (0.07, 0.3, 0.45, 0.6, 0.9, 0.99):
        disk = FakeDisk()
        log = make_log(disk)
        async with writing(log):
            for number in range(60):
                log.append(result(number))
                await anyio.sleep(gap_s)
            waited_s = [late - early for early, late in pairwise(disk.synced_s)]

        assert max(waited_s) <= max(SYNC_S, gap_s) + 3 * GROUP_S, gap_s


@pytest.mark.parametrize("durability", Durability)
@in_virtual_time
async def test_closing_writes_the_rest_syncs_and_closes(durability: Durability) -> None:
    """The last answers of a run count as much as all others."""
    disk = FakeDisk()

    log = make_log(disk, durability)
    async with writing(log):
        log.append(result(1))
    log.append(result(2))
    log.append_record("end", {"read": 2})

    await log.close()

    assert b"".join(disk.groups).endswith(b'"resp_2","lane":"ark",' + b"%s" % _tail(result(2)))
    assert disk.synced_groups == (0 if durability is Durability.OFF else len(disk.groups))
    assert disk.is_closed


def _tail(of: Result) -> bytes:
    return result_line(of).partition(b'"lane":"ark",')[2] + b'{"end":{"read":2}}\n'


@in_virtual_time
async def test_a_log_far_behind_has_no_room_until_it_has_caught_up() -> None:
    """Memory is bounded also when the disk stands still."""
    disk = FakeDisk()

    log = make_log(disk)
    rooms: list[bool] = []
    log.on_room = lambda: rooms.append(log.has_room)
    for number in range(LINES_MAX):
        assert log.has_room
        log.append(result(number))
    assert not log.has_room

    async with writing(log):
        await anyio.sleep(GROUP_S)

    assert log.has_room
    assert rooms == [True]


@in_virtual_time
async def test_a_failed_write_stops_the_run_once_and_nothing_more_is_written() -> None:
    """Without a log nothing may be sent; the run must hear of it at once."""
    disk = FakeDisk()
    disk.write_error = FULL_DISK
    heard: list[ResultLogError] = []

    log = make_log(disk, on_error=heard.append)
    async with writing(log):
        log.append(result(1))
        await anyio.sleep(60)
        log.append(result(2))
        await anyio.sleep(60)

        assert disk.write_calls == 1
        assert len(heard) == 1
        assert not log.has_room
        assert log.lines_unwritten == 2


@pytest.mark.parametrize("durability", Durability)
@pytest.mark.parametrize("error", [FULL_DISK, NO_MEMORY, RuntimeError("can't start new thread")])
@in_virtual_time
async def test_with_room_again_at_the_end_nothing_is_lost(
    error: Exception, durability: Durability
) -> None:
    """Somebody makes room while the last answers arrive: every line is there, in order.

    It may be room in memory, or for a thread: what is known must not depend on what failed.
    """
    disk = FakeDisk()

    log = make_log(disk, durability)
    async with writing(log):
        log.append(result(1))
        await anyio.sleep(1)
        disk.write_error = error
        log.append(result(2))
        await anyio.sleep(1)
        assert not log.has_room
        log.append(result(3))
        disk.write_error = None

    with pytest.raises(ResultLogError, match="on disk after all") as raised:
        await log.close()

    assert raised.value.lines_lost == 0
    assert "sent again" not in str(raised.value)
    assert disk.ids == ["resp_1", "resp_2", "resp_3"]
    assert disk.is_closed


@in_virtual_time
async def test_what_comes_while_a_write_fails_follows_it() -> None:
    """The last line of an ID counts, so the order of lines must never change."""

    async def slowly(func: Callable[..., T], /, *args: object) -> T:
        await anyio.sleep(0.5)
        return func(*args)

    disk = FakeDisk()
    disk.write_error = FULL_DISK
    log = ResultLog(disk, run_blocking=slowly)
    async with writing(log):
        log.append(result(1))
        await anyio.sleep(0.1)
        log.append(result(2))
        await anyio.sleep(1)
        disk.write_error = None

    with pytest.raises(ResultLogError, match="after all"):
        await log.close()

    assert disk.ids == ["resp_1", "resp_2"]


@pytest.mark.parametrize(
    ("error", "words"), [(FULL_DISK, "No space left on device"), (NO_MEMORY, "MemoryError")]
)
@in_virtual_time
async def test_what_is_not_on_disk_at_the_end_is_said(error: Exception, words: str) -> None:
    """The user must know how many IDs will be sent again."""
    disk = FakeDisk()

    log = make_log(disk)
    async with writing(log):
        log.append(result(1))
        await anyio.sleep(2)
        disk.write_error = error
        for number in range(2, 5):
            log.append(result(number))
        await anyio.sleep(1)

    with pytest.raises(ResultLogError, match=words) as raised:
        await log.close()

    assert raised.value.lines_lost == 3
    assert "3 results are not on disk: their IDs will be sent again" in str(raised.value)
    assert disk.ids == ["resp_1"]
    assert disk.is_closed


@in_virtual_time
async def test_a_failed_sync_is_never_taken_back() -> None:
    """After one, the system has dropped the pages: a later sync succeeds and proves nothing."""
    disk = FakeDisk()
    disk.sync_error = BAD_DISK

    log = make_log(disk, Durability.FULL)
    async with writing(log):
        log.append(result(1))
        await anyio.sleep(1)
        assert not log.has_room
        disk.sync_error = None

    with pytest.raises(ResultLogError, match="may not survive a power cut"):
        await log.close()

    assert disk.ids == ["resp_1"]
