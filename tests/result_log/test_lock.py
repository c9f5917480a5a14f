"""One process per result log, whatever became of the last one."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from bulkdel.errors import ConfigError, LogBusyError
from bulkdel.result_log.file import open_disk_log
from bulkdel.result_log.lock import lock_log
from tests.result_log.test_file import file_size_limit


def test_a_second_one_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    """Two writers would send IDs twice and mix their lines; the user must find the first."""
    log = tmp_path / "log.jsonl"

    with (
        open_disk_log(log),
        pytest.raises(LogBusyError) as refused,
        open_disk_log(log),
    ):
        pass

    assert f"process {os.getpid()} on host {socket.gethostname()}" in str(refused.value)
    assert str(log) in str(refused.value)


def test_two_names_of_one_log_are_one_log(tmp_path: Path) -> None:
    """A link beside the log must not be a way around the lock."""
    log = tmp_path / "log.jsonl"
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.jsonl"
    link.symlink_to(log)

    with (
        open_disk_log(log),
        pytest.raises(LogBusyError, match=r"link\.jsonl"),
        open_disk_log(link),
    ):
        pass


def test_a_refused_one_leaves_the_lock_to_its_owner(tmp_path: Path) -> None:
    """The third must be refused like the second."""
    log = tmp_path / "log.jsonl"

    with lock_log(log, shown=log):
        for _ in range(3):
            with pytest.raises(LogBusyError), lock_log(log, shown=log):
                pass
    with lock_log(log, shown=log):
        pass


def test_what_a_dead_process_left_does_not_block(tmp_path: Path) -> None:
    """The system frees the lock with the process; the file alone means nothing."""
    log = tmp_path / "log.jsonl"
    lock = tmp_path / "log.jsonl.lock"
    lock.write_text("process 1 on host a-machine-that-burnt-down-years-ago-in-another-place\n")

    with lock_log(log, shown=log):
        said = lock.read_text()

    assert said == f"process {os.getpid()} on host {socket.gethostname()}\n"
    assert not lock.exists()


def test_a_full_disk_does_not_keep_the_lock_from_working(tmp_path: Path) -> None:
    """The owner's name is for people; the lock itself needs no room."""
    log = tmp_path / "log.jsonl"

    with (
        file_size_limit(0),
        lock_log(log, shown=log),
        pytest.raises(LogBusyError),
        lock_log(log, shown=log),
    ):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that root cannot write")
def test_a_folder_without_the_right_to_lock_is_named() -> None:
    """The message names the lock file, which the user has never heard of."""
    log = Path("/proc/sys/kernel/osrelease")

    with (
        pytest.raises(ConfigError, match=r"osrelease\.lock cannot be made"),
        lock_log(log, shown=log),
    ):
        pass


def _just_before_the_next_lock(act: Callable[[], None]) -> None:
    """Act between the opening of a lock file and its locking, as another process may."""
    pending = [act]

    def hook(event: str, _: object) -> None:
        if event == "fcntl.flock" and pending:
            pending.pop()()

    sys.addaudithook(hook)  # it cannot be taken away again, but acts once


@pytest.mark.skipif(sys.platform == "win32", reason="there, an open file cannot be removed")
def test_the_lock_of_a_file_that_was_removed_is_no_lock(tmp_path: Path) -> None:
    """The owner removes the file at its end; whoever had opened it would lock nothing."""
    log = tmp_path / "log.jsonl"
    lock = tmp_path / "log.jsonl.lock"
    with ExitStack() as other:

        def swap() -> None:
            lock.unlink()
            other.enter_context(lock_log(log, shown=log))

        _just_before_the_next_lock(swap)

        with pytest.raises(LogBusyError), lock_log(log, shown=log):
            pass

    assert not lock.exists()
