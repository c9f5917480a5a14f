"""A log that is moved, removed, emptied or cut under a run: noticed, and nothing known is lost."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import anyio
import orjson
import pytest

from bulkdel.errors import ResultLogError
from bulkdel.models import Outcome, Result
from bulkdel.result_log.file import DiskLog, open_disk_log
from bulkdel.result_log.rescue import RECENT_BYTES_MAX, LogDisturbedError
from bulkdel.result_log.writer import GROUP_S, ResultLog
from tests.result_log.test_file import HEADER, file_size_limit
from tests.support.log_samples import line, load


def empty(log: Path) -> None:
    """As a shell does with ``> log``, and logrotate with copytruncate."""
    os.truncate(log, 0)


def replace(log: Path) -> None:
    """As an editor does that saves it."""
    new = log.with_name("new")
    new.write_bytes(log.read_bytes())
    new.rename(log)


def write_over(log: Path) -> None:
    """As a second program does that takes it for its own."""
    log.write_bytes(b"hello\n")


def append(log: Path) -> None:
    """As a second writer does that knows no lock."""
    with log.open("ab") as file:
        file.write(b'{"id":')


def cut(log: Path) -> None:
    """In the middle of a line."""
    os.truncate(log, log.stat().st_size - 20)


def move(log: Path) -> None:
    """As logrotate does."""
    log.rename(log.with_name("log.1"))


DISTURBANCES = (empty, replace, write_over, append, cut, move, Path.unlink)


def result(number: int) -> Result:
    """Return a deletion."""
    return Result(f"resp_{number}", "ark", Outcome.DELETED, status=200, attempts=1)


def ids_of(log: Path) -> list[str]:
    """Return the IDs of a log, in their order, read by nobody's code but this."""
    lines = [text for text in log.read_bytes().splitlines() if text.endswith(b"}")]
    return [entry["id"] for entry in map(orjson.loads, lines) if "id" in entry]


def write_disturbed(log: Path, disturb: Callable[[Path], object], count: int) -> ResultLogError:
    """Write half of ``count`` results, disturb the log, write the others; return the error."""

    async def write() -> ResultLogError:
        with open_disk_log(log) as (file, _), anyio.fail_after(20):
            writer = ResultLog(file)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(writer.run)
                writer.append_record("run", orjson.loads(HEADER)["run"])
                for number in range(count // 2):
                    writer.append(result(number))
                while writer.lines_unwritten:
                    await anyio.sleep(GROUP_S)
                disturb(log)
                for number in range(count // 2, count):
                    writer.append(result(number))
                while writer.error is None:  # at the next group
                    await anyio.sleep(GROUP_S)
                tasks.cancel_scope.cancel()
            assert not writer.has_room
            writer.append(result(count))  # was in flight
            with pytest.raises(ResultLogError) as raised:
                await writer.close()
            return raised.value

    with anyio.from_thread.start_blocking_portal() as portal:
        return portal.call(write)


@pytest.mark.parametrize("disturb", DISTURBANCES)
def test_everything_known_is_in_a_file_that_the_message_names(
    tmp_path: Path, disturb: Callable[[Path], object]
) -> None:
    """Confirmed deletions whose lines are nowhere are sent again, and no evidence is left."""
    log = tmp_path / "log.jsonl"

    error = write_disturbed(log, disturb, 600)

    rescue = tmp_path / "log.jsonl.rescue"
    assert str(rescue) in str(error)
    assert "rescue" in error.advice
    assert error.lines_lost == 0
    assert "no file" not in str(error)
    assert ids_of(rescue) == [f"resp_{number}" for number in range(601)]
    _, facts = load(rescue)
    assert len(facts.runs) == 1
    with open_disk_log(rescue) as (_, torn):  # it resumes
        assert torn == 0


def test_what_is_left_where_the_log_was_is_not_touched(tmp_path: Path) -> None:
    """It is somebody else's by now."""
    log = tmp_path / "log.jsonl"

    write_disturbed(log, write_over, 10)

    assert log.read_bytes() == b"hello\n"


def test_a_log_that_came_back_needs_no_rescue(tmp_path: Path) -> None:
    """Who moved it away by mistake may move it back before the run has ended."""
    log = tmp_path / "log.jsonl"
    with open_disk_log(log) as (file, _):
        file.write(HEADER)
        move(log)
        with pytest.raises(LogDisturbedError):
            file.write(line("resp_1"))
        log.with_name("log.1").rename(log)

        file.write(line("resp_1"))

    assert ids_of(log) == ["resp_1"]
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def fill(file: DiskLog, least: int) -> int:
    """Write groups of lines until there are ``least`` bytes; return how many lines."""
    lines = 0
    while file.size < least:
        file.write(b"".join(line(f"resp_{number}") for number in range(lines, lines + 1000)))
        lines += 1000
    return lines


@pytest.mark.parametrize("left", [0, 1 << 20])
def test_of_a_large_log_that_was_cut_the_saved_lines_are_counted(tmp_path: Path, left: int) -> None:
    """Memory holds the newest lines alone; so it is said exactly how many are lost."""
    log = tmp_path / "log.jsonl"
    with open_disk_log(log) as (file, _):
        file.write(HEADER)
        count = fill(file, 2 * RECENT_BYTES_MAX)
        os.truncate(log, left)
        with pytest.raises(LogDisturbedError):
            file.write(line("resp_more"))

        rescued = file.rescue(line("resp_more"))

    found = ids_of(rescued.path)
    assert rescued.path.stat().st_size <= left + RECENT_BYTES_MAX + 1000
    assert found[-1] == "resp_more"
    assert len(set(found)) == len(found) == rescued.results
    assert rescued.results < count
    assert rescued.earlier_bytes_missing == 0
    _, facts = load(rescued.path)
    assert len(facts.runs) == 1  # so the next run knows where the IDs were deleted


def test_what_earlier_runs_have_lost_is_told_apart(tmp_path: Path) -> None:
    """Their results were never in the memory of this run."""
    log = tmp_path / "log.jsonl"
    before = HEADER + line("resp_1") + line("resp_2")
    log.write_bytes(before)
    with open_disk_log(log) as (file, _):
        file.write(HEADER + line("resp_3"))
        empty(log)

        rescued = file.rescue(b"")

    assert rescued.path.read_bytes() == HEADER + line("resp_3")
    assert rescued.results == 1
    assert rescued.earlier_bytes_missing == len(before)


def test_nothing_is_taken_from_another_log_in_the_same_file(tmp_path: Path) -> None:
    """``cp other.jsonl log`` keeps the inode: its IDs were deleted at another account."""
    log = tmp_path / "log.jsonl"
    other = HEADER.replace(b"2026", b"2025") + b"".join(line(f"resp_{n}") for n in range(50))
    with open_disk_log(log) as (file, _):
        file.write(HEADER + line("resp_1"))
        log.write_bytes(other)
        with pytest.raises(LogDisturbedError):
            file.write(line("resp_2"))

        rescued = file.rescue(line("resp_2"))

    assert rescued.path.read_bytes() == HEADER + line("resp_1") + line("resp_2")
    assert log.read_bytes() == other


def test_of_a_large_log_that_was_emptied_it_is_said_how_much_is_lost(tmp_path: Path) -> None:
    """Those IDs are sent again, and found gone; nobody can show that we deleted them."""
    log = tmp_path / "log.jsonl"
    count = 3 * RECENT_BYTES_MAX // len(line("resp_12345"))

    error = write_disturbed(log, empty, count)

    missing = count + 1 - len(ids_of(tmp_path / "log.jsonl.rescue"))
    assert missing > 0
    assert error.lines_lost == missing
    assert f"{missing:,} results of this run are in no file any more" in str(error)


def test_a_rescue_file_takes_nobodys_place(tmp_path: Path) -> None:
    """Neither an earlier rescue nor what a link leads to is written over; nor is it more open."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(HEADER)
    log.chmod(0o600)
    (tmp_path / "log.jsonl.rescue").write_bytes(b"the last one\n")
    (tmp_path / "log.jsonl.rescue-2").symlink_to(tmp_path / "theirs")
    with open_disk_log(log) as (file, _):
        file.write(line("resp_1"))
        log.unlink()

        rescued = file.rescue(b"")

    assert rescued.path == tmp_path / "log.jsonl.rescue-3"
    assert rescued.path.read_bytes() == HEADER + line("resp_1")
    assert rescued.path.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "theirs").exists()
    assert (tmp_path / "log.jsonl.rescue").read_bytes() == b"the last one\n"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a temporary folder of its own: the machine's may hold anything."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_folder_that_is_gone_leaves_the_temporary_one(tmp_path: Path, temporary: Path) -> None:
    """Then the file lies where there is still room for it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    log = folder / "log.jsonl"
    with open_disk_log(log) as (file, _):
        file.write(HEADER)
        folder.rename(tmp_path / "elsewhere")

        rescued = file.rescue(line("resp_1"))

    assert rescued.path.parent == temporary
    assert rescued.path.read_bytes() == HEADER + line("resp_1")


def test_a_rescue_that_fails_is_said_and_leaves_no_half_file(
    tmp_path: Path, temporary: Path
) -> None:
    """Half a rescue would be taken for a whole one."""
    log = tmp_path / "log.jsonl"

    with ExitStack() as full_disk:

        def disturb(log: Path) -> None:
            log.unlink()
            full_disk.enter_context(file_size_limit(100))

        error = write_disturbed(log, disturb, 16)

    assert "no rescue file can be written: File too large" in str(error)
    assert error.lines_lost == 9  # but for those that were in the file that is gone
    assert list(tmp_path.iterdir()) == [temporary]
    assert list(temporary.iterdir()) == []
