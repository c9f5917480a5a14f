"""Opening and reading files and pipes, and the total for the progress bar."""

from __future__ import annotations

import gzip
import os
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from bulkdel.errors import SourceError
from bulkdel.models import Block
from bulkdel.sources import Source, SourceReader, count_rows, open_source

IDS = [f"resp_{number * 7919 % 1_000_003:06d}" for number in range(20_000)]
TEXT = "".join(f"{object_id}\n" for object_id in IDS).encode()


def _read_blocks(reader: SourceReader) -> list[Block]:
    with closing(reader):
        return list(chain.from_iterable(iter(reader.read, None)))


def _read_ids(reader: SourceReader) -> list[str]:
    blocks = _read_blocks(reader)
    assert not any(block.invalid for block in blocks)
    return [object_id for block in blocks for object_id in block.ids]


def _write(path: Path, data: bytes) -> Source:
    path.write_bytes(data)
    return Source(name=str(path), lane="ark")


on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot wait for a pipe")


@pytest.fixture
def pipe() -> Iterator[tuple[int, Any]]:
    """A pipe: where to write, and the file to read as stdin."""
    read_fd, write_fd = os.pipe()
    with os.fdopen(read_fd, "rb") as file:
        yield write_fd, file


def test_a_file_is_read_to_its_end(tmp_path: Path) -> None:
    """The main case: every ID of the file, once and in order, and the file is let go."""
    reader = open_source(_write(tmp_path / "ids.txt", TEXT))

    assert _read_ids(reader) == IDS


def test_what_is_missing_is_said_at_once(tmp_path: Path) -> None:
    """A mistyped path ends the command before anything is sent."""
    with pytest.raises(SourceError, match=r"nowhere\.txt: no such file"):
        open_source(Source(name=str(tmp_path / "nowhere.txt"), lane="ark"))
    with pytest.raises(SourceError, match="is a directory"):
        open_source(Source(name=str(tmp_path), lane="ark"))
    with pytest.raises(SourceError, match="is no file name"):
        open_source(Source(name="a\0b", lane="ark"))
    with pytest.raises(SourceError, match="stdin is not available"):
        open_source(Source(name="-", lane="ark"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_read_is_said_at_once(tmp_path: Path) -> None:
    """Likewise for rights."""
    source = _write(tmp_path / "ids.txt", TEXT)
    (tmp_path / "ids.txt").chmod(0)

    with pytest.raises(SourceError, match="permission denied"):
        open_source(source)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file that cannot be read")
def test_a_file_that_breaks_off_names_itself() -> None:
    """An error of the disk says which source it was."""
    with pytest.raises(SourceError, match="/proc/self/mem: cannot be read: "):
        open_source(Source(name="/proc/self/mem", lane="ark"))


def test_opening_reads_little(tmp_path: Path) -> None:
    """A thousand sources are all open before the first ID is sent."""
    source = _write(tmp_path / "ids.txt", TEXT * 10)

    tracemalloc.start()
    reader = open_source(source)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert held < 100_000
    reader.close()


def test_a_slow_pipe_gives_each_id_when_it_comes(pipe: tuple[int, Any]) -> None:
    """IDs that another program finds one by one are deleted one by one."""
    write_fd, file = pipe
    reader = open_source(Source(name="-", lane="ark"), stdin=file)

    os.write(write_fd, b"resp_1\nres")
    first = reader.read()
    os.write(write_fd, b"p_2\n")
    second = reader.read()
    os.close(write_fd)

    assert first == [Block("ark", ["resp_1"])]
    assert second == [Block("ark", ["resp_2"])]
    assert reader.read() is None


@pytest.mark.parametrize(
    ("row_format", "start", "rows"),
    [
        ("jsonl", b"", [b'{"id":"resp_1"}\n', b'{"id":"resp_2"}\n']),
        ("csv", b"id,x\n", [b"resp_1,\n", b"resp_2,\n"]),
    ],
)
def test_every_format_gives_rows_when_they_come(
    pipe: tuple[int, Any], row_format: str, start: bytes, rows: list[bytes]
) -> None:
    """Likewise for rows with fields."""
    write_fd, file = pipe
    reader = open_source(Source(name="-", lane="ark", format=row_format), stdin=file)

    os.write(write_fd, start)
    seen = []
    for row in rows:
        os.write(write_fd, row)
        seen.append(reader.read())
    os.close(write_fd)

    assert seen == [[Block("ark", ["resp_1"])], [Block("ark", ["resp_2"])]]
    assert reader.read() is None


@on_posix
def test_an_interrupt_ends_the_wait_and_drops_the_half_id(pipe: tuple[int, Any]) -> None:
    """Ctrl-C must not wait for a pipe that says nothing, nor delete half an ID."""
    write_fd, file = pipe
    reader = open_source(Source(name="-", lane="ark"), stdin=file)
    os.write(write_fd, b"resp_1\nresp_2")
    assert reader.read() == [Block("ark", ["resp_1"])]
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(reader.read()))

    thread.start()
    reader.interrupt()
    thread.join(10)

    assert results == [None]
    os.close(write_fd)
    assert reader.read() is None


def test_an_interrupted_file_gives_no_more(tmp_path: Path) -> None:
    """What was looked at when opening is not sent after a Ctrl-C either."""
    reader = open_source(_write(tmp_path / "ids.txt", TEXT))

    reader.interrupt()

    assert reader.read() is None
    reader.close()


@on_posix
def test_a_pipe_is_not_waited_for_when_opening(pipe: tuple[int, Any]) -> None:
    """The first row may take an hour, and opening could not be interrupted."""
    write_fd, file = pipe

    reader = open_source(Source(name="-", lane="ark", format="csv"), stdin=file)

    os.close(write_fd)
    with pytest.raises(SourceError, match="stdin: is empty"):
        reader.read()


@on_posix
def test_stdin_from_a_file_stays_open(tmp_path: Path) -> None:
    """`bulkdel delete - < ids.txt`; stdin is not ours to close."""
    _write(tmp_path / "ids.txt", TEXT)
    with (tmp_path / "ids.txt").open("rb") as file:
        ids = _read_ids(open_source(Source(name="-", lane="ark"), stdin=file))

        assert ids == IDS
        assert not file.closed


@pytest.mark.parametrize(
    ("name", "data", "rows"),
    [
        ("a.txt", b"", 0),
        ("a.txt", b"resp_1", 1),
        ("a.txt", b"resp_1\nresp_2\n", 2),
        ("a.jsonl", b"{}\n" * 300_000, 300_000),
        ("a.csv", b"id\nresp_1\n", 1),
        ("a.csv", b"", 0),
        ("a.txt.gz", gzip.compress(b"resp_1\n", mtime=0), None),
        ("a.parquet", b"no Parquet", None),
    ],
)
def test_rows_are_counted_for_the_progress_bar(
    tmp_path: Path, name: str, data: bytes, rows: int | None
) -> None:
    """The time left can be shown only if the total is known."""
    assert count_rows(_write(tmp_path / name, data), lambda: False) == rows


def test_counting_gives_up_when_it_is_told_to_or_cannot(tmp_path: Path) -> None:
    """A total is a comfort: it never holds up the end, and never fails a run."""
    source = _write(tmp_path / "ids.txt", TEXT)

    assert count_rows(source, lambda: True) is None
    assert count_rows(Source(name="-", lane="ark"), lambda: False) is None
    assert count_rows(Source(name=str(tmp_path), lane="ark"), lambda: False) is None
    assert count_rows(Source(name="nowhere.txt", lane="ark"), lambda: False) is None
