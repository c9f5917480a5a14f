"""Parquet sources: the column, its types, pipes, rows that are no IDs."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from bulkdel.errors import SourceError
from bulkdel.models import Block
from bulkdel.object_id import STRICT
from bulkdel.sources import Source, SourceReader, count_rows, open_source

IDS = [f"resp_{number * 7919 % 1_000_003:06d}" for number in range(20_000)]


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


@pytest.fixture
def pipe() -> Iterator[tuple[int, Any]]:
    """A pipe: where to write, and the file to read as stdin."""
    read_fd, write_fd = os.pipe()
    with os.fdopen(read_fd, "rb") as file:
        yield write_fd, file


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

    [first, second] = _read_blocks(open_source(source, lanes={"ark": STRICT}))

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


def test_a_field_of_a_struct(tmp_path: Path) -> None:
    """``a.b`` reaches into a struct, as it does in JSON; a column called so goes before."""
    rows = [{"b": {"id": "resp_1"}}, {"b": None}, None, {"b": {"id": "resp_4"}}]
    data = _parquet_bytes({"a": rows, "x.y": ["resp_5"] * 4})
    path = tmp_path / "ids.parquet"
    path.write_bytes(data)

    def read(id_field: str) -> tuple[list[str], int]:
        source = Source(name=str(path), lane="ark", id_field=id_field)
        blocks = _read_blocks(open_source(source))
        return [one for block in blocks for one in block.ids], sum(len(b.invalid) for b in blocks)

    assert read("a.b.id") == (["resp_1", "resp_4"], 2)
    assert read("x.y") == (["resp_5"] * 4, 0)
    for wrong, words in (
        ("a.c", "the column 'a' has no one field 'c'; there are 'b'"),
        ("a.b.id.z", "no one field 'z': it has none"),
        ("a.b", "the column 'a.b' holds struct"),
        ("b.id", "no column 'b'"),
    ):
        with pytest.raises(SourceError, match=words):
            read(wrong)
