"""One process per result log, whatever became of the last one."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from bulkdel.errors import ConfigError, LogBusyError
from bulkdel.result_log.file import open_disk_log
from bulkdel.result_log.lock import holder, lock_log
from tests.result_log.test_file import HEADER, file_size_limit


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


@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to])
def test_two_names_of_one_log_are_one_log(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    """A link to the log must not be a way around the lock."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(HEADER)
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.jsonl"
    make(link, log)

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

    assert said.startswith(f"process {os.getpid()} on host {socket.gethostname()} since 20")
    assert not lock.exists()


FOREIGN = {
    "uv's lock": b'version = 1\nrequires-python = ">=3.11"\n',
    "an empty lock file": b"",
    "a text that begins like ours": b"process 1 on host a\nand my shopping list\n",
    "a large file": b"process 1 on host " + b"a" * 5000 + b"\n",
    "a binary file": bytes(range(256)),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_the_lock_file_of_another_program_is_left_alone(tmp_path: Path, name: str) -> None:
    """``--log uv`` must not empty and delete uv.lock; it works without a note."""
    log = tmp_path / "uv"
    lock = tmp_path / "uv.lock"
    lock.write_bytes(FOREIGN[name])

    with (
        open_disk_log(log),
        pytest.raises(LogBusyError, match="another process is writing it"),
        open_disk_log(log),
    ):
        pass

    assert lock.read_bytes() == FOREIGN[name]


@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to])
@pytest.mark.parametrize("content", [b"a will\n", b"process 1 on host a\n"])
def test_a_link_at_the_notes_name_is_not_followed(
    tmp_path: Path, make: Callable[[Path, Path], None], content: bytes
) -> None:
    """What it leads to is somebody's file, even if it reads like a note."""
    log = tmp_path / "log.jsonl"
    theirs = tmp_path / "theirs"
    theirs.write_bytes(content)
    lock = tmp_path / "log.jsonl.lock"
    make(lock, theirs)

    with open_disk_log(log) as (file, _):
        file.write(HEADER)

    assert theirs.read_bytes() == content
    assert lock.samefile(theirs)


def test_a_file_that_took_the_place_of_the_note_stays(tmp_path: Path) -> None:
    """At the end only what was written by this process is removed."""
    log = tmp_path / "log.jsonl"
    lock = tmp_path / "log.jsonl.lock"

    with lock_log(log, shown=log):
        lock.unlink()
        lock.write_text("somebody else's")

    assert lock.read_text() == "somebody else's"


def test_who_writes_a_log_is_told_without_disturbing(tmp_path: Path) -> None:
    """What reads a log can tell a run that goes on from one that was killed."""
    log = tmp_path / "log.jsonl"

    assert holder(log) is None
    with lock_log(log, shown=log):
        said = holder(log)
        assert said == holder(log)
    (tmp_path / "log.jsonl.lock").write_text(f"{said}\n")

    assert said is not None
    assert said.startswith(f"process {os.getpid()} on host {socket.gethostname()} since ")
    assert holder(log) is None  # the note alone means nothing
    with lock_log(log, shown=log):
        pass


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

    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_a_name_that_leaves_no_room_for_the_note_will_do(tmp_path: Path) -> None:
    """The note is for people; a log that can be made can be locked."""
    log = tmp_path / ("n" * 252)

    with open_disk_log(log) as (file, _):
        file.write(HEADER)

    assert log.read_bytes() == HEADER


def _at_each_lock(act: Callable[[], None], *, times: int = 1) -> None:
    """Act between the opening of a log and its locking, as another process or the system may."""
    pending = [act] * times

    def hook(event: str, _: object) -> None:
        if event == "fcntl.flock" and pending:
            pending.pop()()

    sys.addaudithook(hook)  # it cannot be taken away again, but acts no more often


@pytest.mark.skipif(sys.platform == "win32", reason="there, an open file cannot be removed")
def test_the_lock_of_a_file_that_was_removed_is_no_lock(tmp_path: Path) -> None:
    """A log that is replaced while it is opened: the lock of the old one keeps nobody out."""
    log = tmp_path / "log.jsonl"
    with ExitStack() as other:

        def swap() -> None:
            log.unlink()
            other.enter_context(lock_log(log, shown=log))

        _at_each_lock(swap)

        with pytest.raises(LogBusyError), lock_log(log, shown=log):
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="it locks by another call")
@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL])
def test_a_file_system_without_locks_is_not_another_process(tmp_path: Path, error: int) -> None:
    """Waiting for a process that does not exist helps nobody; another disk does."""
    log = tmp_path / "log.jsonl"

    def refuse() -> None:
        raise OSError(error, os.strerror(error))

    _at_each_lock(refuse)

    with pytest.raises(ConfigError, match=r"has no locks \(.*another disk") as refused:
        lock_log(log, shown=log).__enter__()

    assert not isinstance(refused.value, LogBusyError)


@pytest.mark.skipif(sys.platform == "win32", reason="it locks by another call")
def test_a_look_at_the_lock_does_not_refuse_a_start(tmp_path: Path) -> None:
    """`holder` has the lock for an instant: a run that starts then tries again."""
    log = tmp_path / "log.jsonl"

    def busy() -> None:
        raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK))

    _at_each_lock(busy, times=2)

    with lock_log(log, shown=log):
        assert holder(log) is not None
