"""Opening and reading sources: files, pipes, compression, Parquet, iterables, totals."""

from __future__ import annotations

import gzip
import importlib
import io
import os
import sys
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from itertools import chain, count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdel.errors import ConfigError, SourceError
from bulkdel.models import Block, InvalidRow
from bulkdel.object_id import invalid_reason
from bulkdel.sources import Source, SourceReader, check_ids, count_rows, from_iterable, open_source
from bulkdel.sources.compression import decompress
from bulkdel.sources.text import text_blocks

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


def _zstd_frame(data: bytes) -> bytes:
    try:
        packed = importlib.import_module("compression.zstd").compress(data)
    except ImportError:
        packed = pytest.importorskip("zstandard").ZstdCompressor().compress(data)
    assert isinstance(packed, bytes)
    return packed


@cache
def _packed_with(suffix: str, data: bytes) -> bytes:
    return gzip.compress(data) if suffix == ".gz" else _zstd_frame(data)


compressions = pytest.mark.parametrize("suffix", [".gz", ".zst"])
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot wait for a pipe")


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


@compressions
def test_compressed_files_are_read_by_their_name(tmp_path: Path, suffix: str) -> None:
    """Also of several members, which is what appending to such a file gives."""
    data = _packed_with(suffix, TEXT[:100]) + _packed_with(suffix, TEXT[100:])

    assert _read_ids(open_source(_write(tmp_path / f"ids.txt{suffix}", data))) == IDS


def test_gzip_may_be_padded_with_zeros(tmp_path: Path) -> None:
    """Tapes and block devices leave zeros; gzip ignores them too."""
    source = _write(tmp_path / "ids.gz", gzip.compress(TEXT) + b"\0" * 1000)

    assert _read_ids(open_source(source)) == IDS


@compressions
@pytest.mark.parametrize("data", [b"resp_1\nresp_2\n", b""])
def test_what_is_not_compressed_is_refused_at_once(
    tmp_path: Path, suffix: str, data: bytes
) -> None:
    """A wrong name is said before anything is sent."""
    if suffix == ".zst":
        _zstd_frame(b"")  # skips if nothing can read it

    with pytest.raises(SourceError, match=r"is not (gzip|zstd) data|ends in the middle"):
        open_source(_write(tmp_path / f"ids.txt{suffix}", data))


@compressions
@given(at=st.integers(1, 2000))
def test_compressed_data_cut_off_give_no_half_id(suffix: str, at: int) -> None:
    """A download that broke off must not end in an ID that names another object."""
    whole = _packed_with(suffix, TEXT)
    pieces = decompress([whole[:-at]], "gzip" if suffix == ".gz" else "zstd", "x")
    seen: list[str] = []

    def read() -> None:
        for blocks in text_blocks(pieces, Source(name="x", lane="ark"), "ark"):
            seen.extend(object_id for block in blocks for object_id in block.ids)

    with pytest.raises(SourceError, match=r"x: the (gzip|zstd) data ends in the middle"):
        read()
    assert seen == IDS[: len(seen)]


def test_damaged_gzip_is_not_taken_for_its_end(tmp_path: Path) -> None:
    """Its checksum is believed: a wrong bit would be a wrong ID."""
    data = bytearray(gzip.compress(TEXT))
    data[-6] ^= 1
    reader = open_source(_write(tmp_path / "ids.gz", bytes(data)))

    with pytest.raises(SourceError, match=r"ids.gz: is damaged after [\d,]+ bytes gzip data"):
        _read_ids(reader)


@compressions
def test_well_compressed_data_take_bounded_memory(suffix: str) -> None:
    """A few kilobytes can hold a gigabyte."""
    packed = _packed_with(suffix, bytes(64_000_000))

    sizes = [
        len(piece) for piece in decompress([packed], "gzip" if suffix == ".gz" else "zstd", "x")
    ]

    assert sum(sizes) == 64_000_000
    assert max(sizes) <= 17_000_000


@pytest.mark.parametrize(
    ("name", "modules", "extra"),
    [
        ("ids.zst", ["compression.zstd", "zstandard"], r"pip install 'bulkdel\[zstd\]'"),
        ("ids.parquet", ["pyarrow", "pyarrow.parquet"], r"pip install 'bulkdel\[parquet\]'"),
    ],
)
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, modules: list[str], extra: str
) -> None:
    """Not everyone needs these; who does is told the one line that helps."""
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(SourceError, match=extra):
        open_source(_write(tmp_path / name, b"x"))


@pytest.fixture
def pipe() -> Iterator[tuple[int, Any]]:
    """A pipe: where to write, and the file to read as stdin."""
    read_fd, write_fd = os.pipe()
    with os.fdopen(read_fd, "rb") as file:
        yield write_fd, file


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


def _parquet_bytes(columns: dict[str, Any]) -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file, row_group_size=7_000)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary"])
def test_the_id_column_of_a_parquet_file(tmp_path: Path, kind: str) -> None:
    """Data people keep IDs in Parquet; strings come in several types there."""
    pyarrow = pytest.importorskip("pyarrow")
    ids = pyarrow.array(IDS)
    ids = ids.dictionary_encode() if kind == "dictionary" else ids.cast(kind)
    source = _write(tmp_path / "a.parquet", _parquet_bytes({"n": list(range(20_000)), "id": ids}))

    assert _read_ids(open_source(source)) == IDS
    assert count_rows(source, lambda: False) == 20_000


def test_parquet_is_read_from_a_pipe_and_from_gzip(tmp_path: Path, pipe: tuple[int, Any]) -> None:
    """Every source takes every format, though Parquet is read from its end."""
    data = _parquet_bytes({"id": ["resp_1", "resp_2"]})
    write_fd, file = pipe
    os.write(write_fd, data)
    os.close(write_fd)
    stdin = open_source(Source(name="-", lane="ark", format="parquet"), stdin=file)

    packed = open_source(_write(tmp_path / "a.parquet.gz", gzip.compress(data)))

    assert _read_ids(stdin) == _read_ids(packed) == ["resp_1", "resp_2"]


def test_parquet_rows_that_are_no_ids_are_named(tmp_path: Path) -> None:
    """A null or a damaged value is reported with its row."""
    source = _write(tmp_path / "a.parquet", _parquet_bytes({"id": ["ok", None, "a b", "ok"]}))

    [block] = _read_blocks(open_source(source))

    assert block.ids == ["ok", "ok"]
    assert [(row.line, row.text) for row in block.invalid] == [(2, "None"), (3, "a b")]


def test_parquet_rows_name_their_lane(tmp_path: Path) -> None:
    """The lane column works in Parquet as in every other format."""
    data = _parquet_bytes({"to": ["ark", "x", None, "ark"], "id": ["a", "b", "c", "d"]})
    (tmp_path / "a.parquet").write_bytes(data)
    source = Source(name=str(tmp_path / "a.parquet"), provider_field="to")

    [first, second] = _read_blocks(open_source(source, lanes=frozenset({"ark"})))

    assert first == Block("ark", ["a", "d"])
    assert [(row.line, row.text) for row in second.invalid] == [(2, "x b"), (3, "None c")]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"ID": ["a"], "x": ["b"]}, "no column 'id'; its columns are 'ID', 'x'"),
        ({"id": [1]}, "the column 'id' holds int64, not strings"),
        ({}, "is not Parquet data"),
    ],
)
def test_parquet_without_the_column_is_refused_at_once(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    """A wrong file or column is said before anything is sent, with what there is."""
    data = _parquet_bytes(columns)
    source = _write(tmp_path / "a.parquet", data if columns else b"resp_1\n")

    with pytest.raises(SourceError, match=message):
        open_source(source)


def test_an_iterable_may_be_endless() -> None:
    """A generator over a database is read as far as it is needed, in small blocks."""
    reader = from_iterable((f"resp_{n}" for n in count()), "ark")

    first, second = reader.read(), reader.read()

    assert first == [Block("ark", [f"resp_{n}" for n in range(1000)])]
    assert second == [Block("ark", [f"resp_{n}" for n in range(1000, 2000)])]


def test_elements_that_are_no_ids_are_named_by_their_place() -> None:
    """A None in a list is reported, not turned into an ID of four letters."""
    [block] = from_iterable(["a", None, 7, "b c", "d"], "ark").read() or []

    assert block.ids == ["a", "d"]
    assert block.invalid == [
        InvalidRow("None", "<ids>", 2, "the ID is not a string but NoneType"),
        InvalidRow("7", "<ids>", 3, "the ID is not a string but int"),
        InvalidRow("b c", "<ids>", 4, "the ID holds white space (U+0020)"),
    ]


@pytest.mark.parametrize("ids", ["resp_1", b"resp_1"])
def test_one_string_is_not_taken_apart(ids: Any) -> None:
    """``delete_ids("resp_1")`` is a slip; its letters are no IDs."""
    with pytest.raises(ConfigError, match="must be an iterable of IDs"):
        from_iterable(ids, "ark")


def test_an_interrupt_reaches_a_slow_iterable() -> None:
    """A block is not waited for to its end."""

    def ids() -> Iterator[str]:
        for number in count():
            if number == 10:
                reader.interrupt()
            yield f"resp_{number}"

    reader = from_iterable(ids(), "ark")

    assert reader.read() is None
    reader.close()


@given(st.lists(st.one_of(st.text(max_size=5), st.none(), st.integers()), max_size=20))
def test_what_is_checked_at_once_is_what_one_by_one_would_give(texts: list[object]) -> None:
    """The quick check is about speed only."""
    ids, invalid = check_ids(texts, 1, "x")

    good = [t for t in texts if isinstance(t, str) and invalid_reason(t) is None]
    assert ids == good
    bad = [n for n, t in enumerate(texts, 1) if not isinstance(t, str) or invalid_reason(t)]
    assert [row.line for row in invalid] == bad
    for row in invalid:
        row.text.encode("utf-8")  # a lone surrogate could not be written to the log


@pytest.mark.parametrize(
    "object_id", ["a" * 1024, "a" * 1025, ".", "..", "...", "resp_1\nresp_2", "é", ""]
)
def test_the_quick_check_knows_the_limits(object_id: str) -> None:
    """Likewise at the limits, which random text seldom meets."""
    texts = ["resp_1", object_id, "resp_2"]

    ids, invalid = check_ids(texts, 5, "x")

    reason = invalid_reason(object_id)
    assert ids == ([*texts] if reason is None else ["resp_1", "resp_2"])
    assert [(row.line, row.reason) for row in invalid] == ([] if reason is None else [(6, reason)])


@pytest.mark.parametrize(
    ("name", "data", "rows"),
    [
        ("a.txt", b"", 0),
        ("a.txt", b"resp_1", 1),
        ("a.txt", b"resp_1\nresp_2\n", 2),
        ("a.jsonl", b"{}\n" * 300_000, 300_000),
        ("a.csv", b"id\nresp_1\n", 1),
        ("a.csv", b"", 0),
        ("a.txt.gz", gzip.compress(b"resp_1\n"), None),
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


@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(1, 50))
def test_gzip_members_are_read_however_they_arrive(parts: list[bytes], step: int) -> None:
    """Members and pieces have nothing to do with one another."""
    packed = b"".join(gzip.compress(part) for part in parts) or gzip.compress(b"")
    pieces = [packed[at : at + step] for at in range(0, len(packed), step)]

    assert b"".join(decompress(pieces, "gzip", "x")) == b"".join(parts)


def test_raw_deflate_is_not_gzip() -> None:
    """Only what carries a checksum is believed."""
    with pytest.raises(SourceError, match="x: is not gzip data"):
        list(decompress([zlib.compress(TEXT)], "gzip", "x"))
