"""Where a record ends: what stands inside one, or may be half of one, is never an ID."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkdel.errors import SourceError
from bulkdel.models import InvalidRow
from bulkdel.sources import Source, SourceReader, open_source

MIB = 1 << 20

# In what follows, resp_KEEP stands in the text of a cell or of a string, or behind the damage.


class Read:
    """What a source gave until its end."""

    def __init__(self, reader: SourceReader) -> None:
        self.ids: list[str] = []
        self.invalid: list[InvalidRow] = []
        self.error = ""
        try:
            while (blocks := reader.read()) is not None:
                for block in blocks:
                    self.ids += block.ids
                    self.invalid += block.invalid
        except SourceError as exc:
            self.error = str(exc)
        reader.close()


@pytest.fixture
def read_file(tmp_path: Path) -> Callable[[str, bytes], Read]:
    """Read a file of that format and content."""

    def read(row_format: str, data: bytes) -> Read:
        path = tmp_path / "ids"
        path.write_bytes(data)
        return Read(open_source(Source(name=str(path), lane="ark", format=row_format)))

    return read


@pytest.fixture
def pipe() -> Iterator[tuple[int, Any]]:
    """A pipe: where to write, and the file to read as stdin."""
    read_fd, write_fd = os.pipe()
    with os.fdopen(read_fd, "rb") as file:
        yield write_fd, file


# -- tables

LOST = {
    "byte": (b'x,"a\xff\nresp_KEEP,\nb"', "not UTF-8: byte 5 of the row"),
    "quote": (b'x,"a "b\nresp_KEEP,\nb"', "a quote in cell 2 is neither doubled nor at an end"),
    "quote lost": (b'x,a "b" c\nresp_KEEP,\n"', "a quote in cell 2 is neither doubled nor"),
    "cells": (b'resp_KEEP\nmore",\n', "1 cells; the header has 2"),
    "never closed": (b'x,"text\nresp_KEEP,', "a quote is not closed up to the end"),
    "NUL": (b'x,"a\0\nresp_KEEP,\n"', "the row holds a NUL"),
    "zeros": (bytes(4096) + b"\nresp_KEEP,", "the row holds a NUL"),
    "carriage return": (b"x,a\rresp_KEEP,", "a carriage return that ends no line"),
    "comma": (b"Smith, J,resp_KEEP", "3 cells; the header has 2"),
    "cut row": (b"x", "1 cells; the header has 2"),
    "another header": (b"note,id\nresp_KEEP,x", "another header, with its columns elsewhere"),
    "long row": (b'x,"' + b"text\nresp_KEEP,\n" * (MIB // 16) + b'"', "more than 1,048,576 bytes"),
    "long line": (b'x,"' + b"y" * MIB + b'\nresp_KEEP,\n"', "more than 1,048,576 bytes"),
    "many cells": (b'x,"' + b'a\n","' * 300_000, "more than 1,048,576 bytes"),
}


@pytest.mark.parametrize("row_format", ["csv", "tsv"])
@pytest.mark.parametrize("fault", LOST)
def test_a_table_ends_where_it_cannot_be_followed(
    read_file: Callable[[str, bytes], Read], row_format: str, fault: str
) -> None:
    """Behind it, a line may be text of a cell; deleting what it says would be for ever."""
    row, reason = LOST[fault]
    data = b"id,note\nresp_1,\nresp_2,x\n" + row + b"\nresp_KEEP,x\n" * 3
    if row_format == "tsv":
        data = data.replace(b",", b"\t")

    found = read_file(row_format, data)

    assert found.ids == ["resp_1", "resp_2"]
    assert "ids, line 4: " in found.error
    assert reason in found.error
    assert found.error.endswith("; nothing from there on was read")


def test_an_unclosed_quote_takes_no_id_behind_it(read_file: Callable[[str, bytes], Read]) -> None:
    """It used to cost one row, and begin again in the middle of the cell."""
    rows = b"".join(b"resp_%06d\n" % number for number in range(50_000))

    found = read_file("csv", b'id\nresp_1\n"resp_2\n' + rows)

    assert found.ids == ["resp_1"]
    assert ", line 3: a quote is not closed up to the end" in found.error


@pytest.mark.parametrize("chars", [100, 131_071, 131_073, 900_000])
def test_the_text_of_a_long_cell_is_no_row(
    read_file: Callable[[str, bytes], Read], chars: int
) -> None:
    """A cell may be as long as a row; whole answers of a model stand in exports."""
    text = ("as I said:\nresp_KEEP,x\n" * (chars // 20 + 1))[:chars]

    found = read_file("csv", f'id,note\nresp_1,"{text}"\nresp_2,"""{text}"""\n'.encode())

    assert (found.ids, found.invalid, found.error) == (["resp_1", "resp_2"], [], "")


# -- JSON Lines


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'{"id":"a","text":"line\n{"id":"resp_KEEP"}\n"}', "is not closed where the line ends"),
        (b'{"id":"a","text":"\\\\\\"\n{"id":"resp_KEEP"}\n"}', "is not closed"),
        (b'[\n{"id":"resp_KEEP"}\n]', "is not closed"),
        (b'{"list":[\n{"id":"resp_KEEP"}\n]}', "is not closed"),
        (b'}\n{"id":"resp_KEEP"}', "is not closed"),
        (b'{"id":"a","x":"' + b"y" * MIB + b'\n{"id":"resp_KEEP"}\n"}', "is not closed"),
        (b'{"id":"a","x":{"' + b'y":"' * MIB + b'\n{"id":"resp_KEEP"}\n"}}', "is not closed"),
    ],
    ids=["string", "escapes", "array", "list", "closing", "long string", "long"],
)
def test_json_lines_end_where_a_row_is_not_closed(
    read_file: Callable[[str, bytes], Read], row: bytes, reason: str
) -> None:
    """Some programs write line breaks into strings, or print pretty: the record goes on."""
    good = b'{"id":"resp_1"}\n'

    found = read_file("jsonl", good + row + b'\n{"id":"resp_KEEP"}\n')

    assert (found.ids, found.invalid) == (["resp_1"], [])
    assert ", line 2: a JSON value " in found.error
    assert reason in found.error


@pytest.mark.parametrize(
    "row",
    [
        b'{"id":"a",}',
        b'{"id":"a\xff"}',
        b'{"id":"\\q"}',
        b"nonsense",
        b'{"id":"a"}{"id":"b"}',
        b'{"id":"a"}\0',
        b'{"text":"} ] { [ \\" \\\\","id":a}',
        b'{"id":"' + b"y" * MIB + b'"}',
    ],
    ids=range(8),
)
def test_a_damaged_json_row_that_is_closed_is_one_invalid_row(
    read_file: Callable[[str, bytes], Read], row: bytes
) -> None:
    """JSON has no line breaks inside strings: where all is closed, the next line is a row."""
    good = b'{"id":"resp_1"}\n'

    found = read_file("jsonl", good + row + b"\n" + good)

    assert (found.ids, found.error) == (["resp_1", "resp_1"], "")
    assert [row.line for row in found.invalid] == [2]


# -- the end

ENDS = [
    ("text", b"resp_1\nresp_2", ["resp_1", "resp_2"]),
    ("text", b"resp_1", ["resp_1"]),
    ("jsonl", b'{"id":"resp_1"}\n{"id":"resp_2"}', ["resp_1", "resp_2"]),
    ("csv", b"id\nresp_1\nresp_2", ["resp_1", "resp_2"]),
    ("tsv", b"n\tid\n1\tresp_1\n2\tresp_2", ["resp_1", "resp_2"]),
]


@pytest.mark.parametrize(("row_format", "data", "ids"), ENDS)
def test_a_file_at_rest_may_lack_its_last_line_end(
    read_file: Callable[[str, bytes], Read], row_format: str, data: bytes, ids: list[str]
) -> None:
    """Editors and spreadsheets leave it out."""
    found = read_file(row_format, data)

    assert (found.ids, found.invalid, found.error) == (ids, [], "")


@pytest.mark.parametrize(("row_format", "data", "ids"), ENDS)
def test_half_a_line_of_a_pipe_is_no_id(
    pipe: tuple[int, Any], row_format: str, data: bytes, ids: list[str]
) -> None:
    """A producer that dies looks like one that is done: `resp_1` may be half of `resp_123`."""
    write_fd, file = pipe
    os.write(write_fd, data)
    os.close(write_fd)

    found = Read(open_source(Source(name="-", lane="ark", format=row_format), stdin=file))

    assert (found.ids, found.error) == (ids[:-1], "")
    [row] = found.invalid
    assert row.reason == "the line has no end: what came through the pipe may be cut off"
    assert row.line == data.count(b"\n") + 1


@pytest.mark.parametrize(("row_format", "data", "ids"), ENDS)
def test_a_whole_line_of_a_pipe_is_one(
    pipe: tuple[int, Any], row_format: str, data: bytes, ids: list[str]
) -> None:
    """With its end, the last line is like the others."""
    write_fd, file = pipe
    os.write(write_fd, data + b"\n")
    os.close(write_fd)

    found = Read(open_source(Source(name="-", lane="ark", format=row_format), stdin=file))

    assert (found.ids, found.invalid, found.error) == (ids, [], "")


@pytest.mark.parametrize("data", [b"", b"# a comment", b"resp_1\n  \t", b"resp_1\n# done"])
def test_what_is_no_row_may_end_a_pipe(pipe: tuple[int, Any], data: bytes) -> None:
    """Blanks and comments hold no ID, whole or half."""
    write_fd, file = pipe
    os.write(write_fd, data)
    os.close(write_fd)

    found = Read(open_source(Source(name="-", lane="ark"), stdin=file))

    assert (found.invalid, found.error) == ([], "")


@pytest.mark.parametrize(("row_format", "data"), [("csv", b"i"), ("csv", b'id\n"resp_1\nresp_2')])
def test_a_table_of_a_pipe_that_breaks_off_in_a_row_says_so(
    pipe: tuple[int, Any], row_format: str, data: bytes
) -> None:
    """The header may be cut, too; and what a quote has opened is no row."""
    write_fd, file = pipe
    os.write(write_fd, data)
    os.close(write_fd)

    found = Read(open_source(Source(name="-", lane="ark", format=row_format), stdin=file))

    assert (found.ids, found.invalid) == ([], [])
    assert "the line has no end" in found.error


@pytest.mark.parametrize(("row_format", "data", "ids"), ENDS[:1] + ENDS[2:])
def test_the_last_line_of_a_file_that_grows_is_doubted(
    tmp_path: Path, row_format: str, data: bytes, ids: list[str]
) -> None:
    """`export > ids.txt &`: what has no end may be half of an ID that is being written."""
    path = tmp_path / "ids"
    padding = b"\n" * 5000  # so that opening, which looks into a source, does not reach its end
    path.write_bytes(data[: data.index(b"\n") + 1] + padding + data[data.index(b"\n") + 1 :])
    reader = open_source(Source(name=str(path), lane="ark", format=row_format))
    before = path.stat()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))  # somebody writes

    found = Read(reader)

    assert (found.ids, found.error) == (ids[:-1], "")
    [row] = found.invalid
    assert row.reason == "the line has no end, and the file has changed while it was read"


def test_a_line_that_is_finished_while_it_is_read_is_whole(tmp_path: Path) -> None:
    """What has grown to its end in time is an ID, in full length."""
    path = tmp_path / "ids"
    path.write_bytes(b"resp_1\n" + b"\n" * 5000 + b"resp_2")
    reader = open_source(Source(name=str(path), lane="ark"))
    with path.open("ab") as file:
        file.write(b"34\n")

    found = Read(reader)

    assert (found.ids, found.invalid) == (["resp_1", "resp_234"], [])
