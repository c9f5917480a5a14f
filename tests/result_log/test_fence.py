"""A folder of logs that count as one, each with one writer."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Barrier, Thread

import pytest

from bulkdel.errors import ConfigError, LogBusyError
from bulkdel.models import Block, InvalidRow
from bulkdel.result_log.fence import LOOK_S, FencedLog, LogFencedError, is_fenced, open_epoch_log
from bulkdel.result_log.folder import (
    JOB_FILE,
    epoch_logs,
    holder_of,
    is_folder,
    logs_of,
    part_folder,
)
from bulkdel.result_log.index import Index
from bulkdel.result_log.queries import iter_failed
from bulkdel.result_log.split import of_part
from bulkdel.settings import Part
from tests.support.log_samples import line


@pytest.fixture(name="job")
def _job(tmp_path: Path) -> Path:
    job = tmp_path / "job"
    job.mkdir()
    (job / JOB_FILE).write_text("{}")
    for number in range(3):
        part_folder(job, number).mkdir()
    return job


def _write(folder: Path, *lines: bytes) -> int:
    with open_epoch_log(folder) as (log, _):
        log.write(b"".join(lines))
        return log.epoch


def test_two_that_take_over_at_once_get_two_logs(job: Path) -> None:
    """Also where there are no locks: a name is made once."""
    part, barrier, epochs = part_folder(job, 1), Barrier(8), []

    def take_over() -> None:
        barrier.wait()
        with open_epoch_log(part) as (log, _):
            epochs.append(log.epoch)
            with suppress(LogFencedError):  # another was later
                log.write(line("resp_1"))

    threads = [Thread(target=take_over) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(epochs) == list(range(1, 9))


def test_who_was_replaced_writes_nothing_more(job: Path) -> None:
    """A node that was cut off and comes back, to a part that another one works."""
    part, now_s = part_folder(job, 0), [0.0]
    with ExitStack() as stack:
        old, _ = stack.enter_context(open_epoch_log(part, lambda: now_s[0]))
        old.write(line("resp_1"))
        assert not is_fenced(part, old.epoch)
        new, _ = stack.enter_context(open_epoch_log(part, lambda: now_s[0]))
        now_s[0] += LOOK_S

        with pytest.raises(LogFencedError):
            old.write(line("resp_2"))
        with pytest.raises(LogFencedError):
            old.write(line("resp_2"))
        new.write(line("resp_3"))

    read = {log.path.read_bytes() for log in epoch_logs(part)}
    assert read == {line("resp_1"), line("resp_3")}


def test_what_the_broker_says_of_a_fence_counts_at_once(job: Path) -> None:
    """A shared file system may show an old listing for a minute."""
    with open_epoch_log(part_folder(job, 0)) as (log, _):
        assert isinstance(log, FencedLog)
        log.write(line("resp_1"))
        log.fence()
        with pytest.raises(LogFencedError):
            log.write(line("resp_2"))


def test_a_later_command_fences_all_parts_and_the_command_before(job: Path) -> None:
    """One machine goes on with a job: workers that are left over somewhere write no more."""
    run = _write(job)
    part = _write(part_folder(job, 2))
    assert not is_fenced(job, run)
    assert not is_fenced(part_folder(job, 2), part)

    later = _write(job)

    assert later > part > run
    assert is_fenced(job, run)
    assert is_fenced(part_folder(job, 2), part)
    assert not is_fenced(job, later)


def test_a_job_that_is_worked_is_not_taken_over(job: Path) -> None:
    """Two commands would send each other's IDs twice; where there are locks, they see it."""
    with open_epoch_log(job):
        assert holder_of(job)
        with pytest.raises(LogBusyError, match="works this job"), open_epoch_log(job):
            pass
    assert holder_of(job) is None


def test_the_lines_of_all_epochs_count_and_the_newest_last(job: Path) -> None:
    """Also those of a writer that was replaced: what it deleted is deleted."""
    part = part_folder(job, 0)
    _write(part, line("resp_1", "failed"), line("resp_2"), b'{"id":"resp_torn","la')
    _write(job, line("resp_1"), line("resp_3", "failed"))
    _write(part_folder(job, 1), line("resp_4", "failed"))
    _write(part, line("resp_3"))

    index = Index()
    facts = index.read(job)

    counts = {outcome.value: n for outcome, n in facts.lanes["ark"].counts.items() if n}
    assert counts == {"deleted": 3, "failed": 1}
    assert list(iter_failed([job])) == ["resp_4"]
    assert index.claim(Block("ark", ["resp_torn", "resp_2"])).block.ids == ["resp_torn"]
    assert facts.damaged == 0


@pytest.mark.parametrize("parts", [1, 2, 7, 64])
def test_each_id_is_of_one_part_and_that_parts_index_knows_it(parts: int, tmp_path: Path) -> None:
    """Else it would be sent by two workers, or by none."""
    ids = [f"resp_{number}" for number in range(500)]
    rows = [InvalidRow(f"bad {number}", "ids.txt", number, "a space") for number in range(50)]
    block = Block("ark", ids, rows, 3)
    mine = [of_part(Part(number, parts), block) for number in range(parts)]

    assert sorted(one for each in mine for one in each.ids) == sorted(ids)
    assert sorted(row.line for each in mine for row in each.invalid) == list(range(50))
    assert sum(each.stripped for each in mine) == 3
    assert max(len(each.ids) for each in mine) < 2.5 * len(ids) / parts + 10

    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(map(line, ids)))
    for number, each in enumerate(mine):
        index = Index(part=Part(number, parts))
        index.read(log)
        assert len(index) == len(each.ids)
        assert not index.claim(each).block.ids


def test_the_split_never_changes() -> None:
    """A job that began with another version is gone on with: its IDs must be in the same parts."""
    found = [
        of_part(Part(number, 5), Block("ark", ["resp_1", "resp_2", "resp_3"])).ids
        for number in range(5)
    ]
    assert found == [["resp_3"], ["resp_1"], [], [], ["resp_2"]]


def test_a_file_is_itself_and_a_folder_that_is_no_job_is_refused(tmp_path: Path) -> None:
    """What was made by somebody else is never taken for a job."""
    assert [log.path for log in logs_of(tmp_path / "log.jsonl")] == [tmp_path / "log.jsonl"]
    assert not is_folder(tmp_path)
    with pytest.raises(ConfigError, match="is a directory"):
        Index().read(tmp_path)
