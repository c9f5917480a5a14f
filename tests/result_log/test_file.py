"""The result log on a real disk: opened, mended, filled up, and never taken for another file."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdel.errors import ConfigError, ResultLogError
from bulkdel.models import Outcome, Result
from bulkdel.result_log.encode import result_line
from bulkdel.result_log.file import DiskLog, open_disk_log
from bulkdel.result_log.writer import ResultLog
from bulkdel.settings import Durability
from tests.support.log_samples import IN_FOLDER, RESULTS, line

HEADER = (
    b'{"run":{"at":"2026-11-22T00:00:00+00:00","version":"0.1.0","lanes":{"ark":'
    b'{"provider":"ark","base_url":"https://a/b"}},"sources":["ids.txt"]}}\n'
)
LOG = HEADER + line("resp_1") + line("resp_2")


def append(path: Path, data: bytes) -> int:
    """Open the log at ``path``, append to it, and return what was cut off."""
    with open_disk_log(path) as (file, torn):
        file.write(data)
        file.sync()
    return torn


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond ``size``, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@IN_FOLDER
@given(results=st.lists(RESULTS, max_size=5), data=st.data())
def test_a_log_cut_at_any_byte_keeps_its_whole_lines(
    results: list[Result], data: st.DataObject, tmp_path: Path
) -> None:
    """A crash cuts a line in two; what was whole stays, and what follows begins anew."""
    whole = HEADER + b"".join(map(result_line, results))
    cut = data.draw(st.integers(0, len(whole)))
    log = tmp_path / "log.jsonl"
    log.write_bytes(whole[:cut])

    torn = append(log, line("resp_next"))

    kept = whole[:cut].rpartition(b"\n")[0]
    kept += b"\n" if kept else b""
    assert log.read_bytes() == kept + line("resp_next")
    assert torn == cut - len(kept)


@pytest.mark.parametrize("nuls", [1, 4096, (1 << 20) + 7])
def test_nul_bytes_of_a_power_cut_are_cut_off(tmp_path: Path, nuls: int) -> None:
    """A file system that lost the data but kept the length leaves NUL bytes."""
    for before, kept in ((LOG, LOG), (LOG + b'{"id":"resp_3","l', LOG), (b"", b"")):
        log = tmp_path / "log.jsonl"
        log.write_bytes(before + bytes(nuls))

        append(log, line("resp_3"))

        assert log.read_bytes() == kept + line("resp_3")


def test_an_endless_torn_line_is_cut_off(tmp_path: Path) -> None:
    """Looking for the last line end must not stop at the first block."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(LOG + b'{"id":"' + b"x" * (5 << 20))

    append(log, b"")

    assert log.read_bytes() == LOG


@pytest.mark.parametrize("content", [b"", LOG])
def test_an_empty_and_a_whole_log_are_opened_as_they_are(tmp_path: Path, content: bytes) -> None:
    """Nothing is cut that is whole."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(content)

    torn = append(log, line("resp_3"))

    assert torn == 0
    assert log.read_bytes() == content + line("resp_3")


FOREIGN = {
    "IDs": b"resp_1\nresp_2",
    "CSV": b"id,made\nresp_1,x",
    "JSONL of IDs": b'{"id":"resp_1"}\n{"id":"resp_2"}',
    "one JSONL row": b'{"id":"resp_1"}',
    "JSONL of IDs with lanes": b'{"id":"resp_1","provider":"ark"}\n{"id":"r","outcome":"?"}',
    "JSON": b'{\n  "run": 1\n}',
    "another tool's runs": b'{"run": 1}\n{"run": 2}\n{"ru',
    "a binary file that begins with NUL": bytes(5000) + b"data\nmore data",
    "a large binary file that begins with NUL": bytes(3 << 20) + b"data\nmore data",
    "blank lines": b"\n\n\nresp_1",
    "gzip": b"\x1f\x8b\x08\x00\n\x00",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_never_touched(tmp_path: Path, name: str) -> None:
    """A slip like ``--log ids.txt`` must not cost a byte of the user's file."""
    file = tmp_path / "ids.txt"
    file.write_bytes(FOREIGN[name])

    with pytest.raises(ConfigError, match=r"not a result log.*left as it is"):
        append(file, line())

    assert file.read_bytes() == FOREIGN[name]
    assert [path.name for path in tmp_path.iterdir()] == ["ids.txt"]


def test_what_is_no_file_is_refused_clearly(tmp_path: Path) -> None:
    """A log must be a file that can be read again."""
    os.mkfifo(tmp_path / "pipe")

    for path, words in (
        (tmp_path, "directory"),
        (tmp_path / "pipe", "not a regular file"),
        (Path("/dev/null"), "not a regular file"),
        (tmp_path / "none" / "log.jsonl", "no directory"),
        (tmp_path / "log.jsonl.zst", "compressed"),
    ):
        with pytest.raises(ConfigError, match=words):
            append(path, line())

    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user without rights, where the tests run as root."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_log_that_may_not_be_written_is_refused_clearly() -> None:
    """The message names the log and the system's reason, before anything is sent."""
    with TemporaryDirectory() as folder:  # `tmp_path` is closed to others than its owner
        Path(folder).chmod(0o777)
        log = Path(folder) / "log.jsonl"
        log.write_bytes(LOG)
        log.chmod(0o444)

        with nobody(), pytest.raises(ConfigError, match=r"log\.jsonl.*Permission denied"):
            append(log, line())

        assert log.read_bytes() == LOG


def test_a_symlink_leads_to_the_log_also_before_there_is_one(tmp_path: Path) -> None:
    """Logs are often links to a larger disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    link = tmp_path / "log.jsonl"
    link.symlink_to(disk / "real.jsonl")

    append(link, LOG)
    append(link, line("resp_3"))

    assert (disk / "real.jsonl").read_bytes() == LOG + line("resp_3")
    assert link.is_symlink()


def test_a_write_that_ends_half_way_is_cut_back(tmp_path: Path) -> None:
    """A group is on disk whole or not at all, and the next one follows a whole line."""
    log = tmp_path / "log.jsonl"
    group = line("resp_3") * 100

    with open_disk_log(log) as (file, _):
        file.write(LOG)
        with file_size_limit(len(LOG) + 500), pytest.raises(OSError, match="File too large"):
            file.write(group)
        after_error = log.read_bytes()
        file.write(line("resp_4"))

    assert after_error == LOG
    assert log.read_bytes() == LOG + line("resp_4")


@pytest.mark.parametrize("what", ["removed", "moved", "replaced"])
def test_a_log_that_was_removed_or_moved_is_not_written(tmp_path: Path, what: str) -> None:
    """Lines in a file that nobody can find again are no evidence."""
    log = tmp_path / "log.jsonl"

    with open_disk_log(log) as (file, _):
        file.write(LOG)
        if what == "removed":
            log.unlink()
        else:
            log.rename(tmp_path / "elsewhere.jsonl")
        if what == "replaced":
            log.write_bytes(LOG)

        with pytest.raises(OSError, match="removed"):
            file.write(line("resp_3"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_named_with_what_is_lost() -> None:
    """The real error of a real full disk, as the user will see it."""

    async def test() -> None:
        file = DiskLog(Path("/dev/full"), os.open("/dev/full", os.O_RDWR))
        log = ResultLog(file, durability=Durability.OFF)
        log.append(Result("resp_1", "ark", Outcome.DELETED, 200, 1))

        with pytest.raises(ResultLogError, match="No space left on device") as raised:
            await log.close()

        assert raised.value.lines_lost == 1

    anyio.run(test)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_disk_that_cannot_be_cut_back_is_not_written_to_again() -> None:
    """A line must never follow half of another one."""
    file = DiskLog(Path("/dev/full"), os.open("/dev/full", os.O_RDWR))
    with pytest.raises(OSError, match="No space left") as first:
        file.write(line())

    with pytest.raises(OSError, match="Invalid argument") as second:
        file.write(line())

    file.close()
    file.close()
    assert first.value.errno == errno.ENOSPC
    assert second.value.errno == errno.EINVAL  # from cutting back: it was tried first
