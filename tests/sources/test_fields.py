"""Sources with fields, JSON Lines and CSV: which value is the ID, and of which lane."""

from __future__ import annotations

import csv
import io
from itertools import chain, pairwise
from pathlib import Path

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkdel.errors import SourceError
from bulkdel.models import Block, InvalidRow
from bulkdel.object_id import STRICT
from bulkdel.sources import NO_LANE, Source, open_source
from bulkdel.sources.jsonl import ROW_BYTES_MAX, jsonl_blocks
from bulkdel.sources.table import table_blocks

LANES = {"ark": STRICT, "fireworks": STRICT}


def _read_blocks(data: bytes, source: Source) -> list[list[Block]]:
    reader = open_source(source, lanes=LANES, stdin=io.BytesIO(data))
    found = []
    while (blocks := reader.read()) is not None:
        found.append(blocks)
    return found


def _read_rows(
    data: bytes, row_format: str, id_field: str = "id"
) -> tuple[list[str], list[tuple[int, str]]]:
    source = Source(name="-", lane="ark", format=row_format, id_field=id_field)
    blocks = [block for found in _read_blocks(data, source) for block in found]
    assert {block.lane for block in blocks} <= {"ark"}
    ids = [object_id for block in blocks for object_id in block.ids]
    return ids, [(row.line, row.reason) for block in blocks for row in block.invalid]


@pytest.mark.parametrize(
    ("data", "id_field", "ids"),
    [
        (b'{"id":"resp_1"}\n{"id":"resp_2","x":[1]}', "id", ["resp_1", "resp_2"]),
        (b'\xef\xbb\xbf{"id":"resp_1"}\r\n\r\n \n{"id":"resp_2"}\r\n', "id", ["resp_1", "resp_2"]),
        (b'{"response":{"id":"resp_1"},"id":"other"}', "response.id", ["resp_1"]),
        (b'{"response.id":"resp_1","response":{"id":"other"}}', "response.id", ["resp_1"]),
        (b'{"a":{"b":{"c":"resp_1"}}}', "a.b.c", ["resp_1"]),
        (b'{"id":"resp\\u005f1"}', "id", ["resp_1"]),
        (b'{"x":"\\u0069","id":"resp_1"}', "id", ["resp_1"]),
        (b'{"x":[{"id":"other"}],"id":"resp_1"}', "id", ["resp_1"]),
        (b'{"x":{"id":"a","id":"b"},"id":"resp_1","x":1}', "id", ["resp_1"]),
        (b'{"x":12345678901234567890123,"id":"resp_1","y":{"id":2}}', "id", ["resp_1"]),
        (b'{"id":"resp_1"}\n\xef\xbb\xbf{"id":"resp_2"}', "id", ["resp_1", "resp_2"]),
    ],
)
def test_the_id_of_a_json_row(data: bytes, id_field: str, ids: list[str]) -> None:
    """Exports have the ID at different depths; the wrong one would delete another object."""
    assert _read_rows(data, "jsonl", id_field) == (ids, [])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'{"response":{"id":"a"} "b"}', "not JSON: "),
        (b'{"response":{"id":"a\tb"}}', "not JSON: "),
        (b'{"id":"\xff"}', "not JSON: "),
        (b'"resp_1"', "not a JSON object"),
        (b'["id"]', "not a JSON object"),
        (b"{}", "the field 'response.id' is missing"),
        (b'{"response":"id"}', "the field 'response.id' is missing"),
        (b'{"response":{"id":17}}', "the field 'response.id' is not a string"),
        (b'{"response":{"id":null}}', "the field 'response.id' is not a string"),
        (b'{"response":{"id":""}}', "the ID is empty"),
        (b'{"response":{"id":" resp_1"}}', "the ID holds U+0020 SPACE at place 1"),
        (b'{"response":{"id":"a\\nb"}}', "the ID holds U+000A (a control character) at place 2"),
        (b'{"response":{"id":"a","id":"b"}}', "the field 'response.id' comes twice"),
        (b'{"response":{"id":"a","\\u0069d":"b"}}', "the field 'response.id' comes twice"),
        (b'{"response":{"id":"a","\\u0069d":"a"}}', "the field 'response.id' comes twice"),
        (b'{"response":{"id":"a"},"response":{"id":"b"}}', "the field 'response.id' comes twice"),
        (b'{"response.id":"a","response.id":"b"}', "the field 'response.id' comes twice"),
    ],
)
def test_a_json_row_without_an_id_is_named_and_the_rest_is_read(row: bytes, reason: str) -> None:
    """A damaged row is reported with its line, not guessed at."""
    good = b'{"response":{"id":"ok"}}\n'

    ids, invalid = _read_rows(good + row + b"\n" + good, "jsonl", "response.id")

    assert ids == ["ok", "ok"]
    assert [line for line, _ in invalid] == [2]
    assert invalid[0][1].startswith(reason)


def test_a_lane_named_twice_is_no_lane() -> None:
    """Whose object is meant is left open; so it is nobody's."""
    source = Source(name="-", format="jsonl", provider_field="to")

    [[block]] = _read_blocks(b'{"id":"a","to":"ark","to":"fireworks"}\n', source)

    assert (block.lane, block.ids) == (NO_LANE, [])
    assert block.invalid[0].reason == "the field 'to' comes twice"


def test_a_json_row_may_be_as_long_as_a_response_but_not_longer() -> None:
    """Rows hold whole responses; a file without newlines must not fill the memory."""
    fits = orjson.dumps({"id": "fits", "x": "y" * (ROW_BYTES_MAX - 20)})
    too_long = orjson.dumps({"id": "long", "x": "y" * ROW_BYTES_MAX})

    ids, invalid = _read_rows(b"\n".join([fits, too_long, fits]), "jsonl")

    assert ids == ["fits", "fits"]
    assert invalid == [(2, "the line has more than 1,048,576 bytes")]


@pytest.mark.parametrize(
    ("data", "row_format", "ids"),
    [
        (b"id\nresp_1\nresp_2", "csv", ["resp_1", "resp_2"]),
        (b"\xef\xbb\xbfid,name\r\nresp_1,x\r\n\r\nresp_2,\r\n", "csv", ["resp_1", "resp_2"]),
        (b'\n"name","id"\n"a, b","resp_1"\n"a ""b""\nc", resp_2 \n', "csv", ["resp_1", "resp_2"]),
        (b"name\t id\nx, y\tresp_1\n", "tsv", ["resp_1"]),
        (b"id,name\n", "csv", []),
    ],
)
def test_the_id_column_of_a_table(data: bytes, row_format: str, ids: list[str]) -> None:
    """Spreadsheets quote and pad in their own ways; the ID must come out as it is."""
    assert _read_rows(data, row_format) == (ids, [])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"x,", "the ID is empty"),
        (b"x,a b", "the ID holds U+0020 SPACE at place 2"),
        (b'x,"a\nb"', "the ID holds U+000A (a control character) at place 2"),
        (b"x,a\xef\xbb\xbf", "the ID holds U+FEFF ZERO WIDTH NO-BREAK SPACE at place 2"),
        (b"x," + b"y" * 200_000, "the ID has 200,000 bytes; the most is 2,048"),
        (b"name,id", "the header once more"),
        (b'"name", id', "the header once more"),
    ],
)
def test_a_table_row_without_an_id_is_named_and_the_rest_is_read(row: bytes, reason: str) -> None:
    """Where each row ends is known, so one that holds no ID harms no other."""
    ids, invalid = _read_rows(b"name,id\nx,ok\n" + row + b"\nx,ok\n", "csv")

    assert ids == ["ok", "ok"]
    assert invalid == [(3, reason)]


def test_table_rows_are_numbered_by_the_line_they_begin_in() -> None:
    """Quoted line breaks count, so that an editor finds the row."""
    data = b'name,id\n"a\nb\nc",ok\nx,a b\n"a\nb",c d\n'

    assert [line for line, _ in _read_rows(data, "csv")[1]] == [5, 6]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"name,ID\nx,resp_1\n", "no column 'id'; its columns are 'name', 'ID'"),
        (b"id,id\n", "twice the column 'id'"),
        (b"id;name\n", "its columns are 'id;name'. .*: give --delimiter ';'"),
        (b"id\tname\n", "give --delimiter tab"),
        (b"resp_0217,1\n", "If its first row is no header, give --no-header"),
        (b"", "is empty; a header row must name the columns"),
        (b"id\xff\n", "line 1: not UTF-8: byte 3 of the row"),
    ],
)
def test_a_table_without_the_column_is_refused_at_once(
    tmp_path: Path, data: bytes, message: str
) -> None:
    """A wrong file or field name is said before anything is sent, with what there is."""
    path = tmp_path / "ids.csv"
    path.write_bytes(data)

    with pytest.raises(SourceError, match=message):
        open_source(Source(name=str(path), lane="ark"))


@pytest.mark.parametrize(
    ("row_format", "data"),
    [
        (
            "jsonl",
            b"""{"id":"a","to":"ark"}\n{"id":"f","to":"fireworks"}\n{"id":"n","to":"nobody"}
                {"id":"e","to":""}\n{"id":"b b","to":"ark"}\n""",
        ),
        ("csv", b"id,to\na,ark\nf,fireworks\nn,nobody\ne,\nb b,ark\n"),
    ],
)
def test_rows_name_their_lane(row_format: str, data: bytes) -> None:
    """An ID goes to the account its row names, and to none if that does not exist."""
    source = Source(name="-", format=row_format, provider_field="to")

    blocks = {block.lane: block for found in _read_blocks(data, source) for block in found}

    assert blocks["ark"].ids == ["a"]
    assert [row.text for row in blocks["ark"].invalid] == ["b b"]
    assert blocks["fireworks"].ids == ["f"]
    assert blocks[NO_LANE].ids == []
    reasons = [row.reason for row in blocks[NO_LANE].invalid]
    assert reasons == ["there is no lane 'nobody'", "there is no lane ''"]


def test_a_row_without_a_lane_shows_the_row_and_not_its_id() -> None:
    """The log marks its text as never to be sent; that must not meet the ID itself."""
    source = Source(name="-", format="jsonl", provider_field="to")
    row = b'{"id":"resp_1","to":"typo"}'

    [[block]] = _read_blocks(row, source)

    assert block == Block(
        NO_LANE, [], [InvalidRow(row.decode(), "-", 1, "there is no lane 'typo'")]
    )


@given(st.lists(st.text(min_size=1, max_size=12), max_size=20))
def test_every_json_row_is_an_id_or_invalid(texts: list[str]) -> None:
    """Whatever the IDs hold, none is lost, and none is changed on its way."""
    data = b"\n".join(orjson.dumps({"id": text}) for text in texts)
    source = Source(name="-", lane="ark", format="jsonl")

    blocks = [b for found in jsonl_blocks([data] if data else [], source, None) for b in found]

    ids = [object_id for block in blocks for object_id in block.ids]
    invalid = [row for block in blocks for row in block.invalid]
    assert ids == [text for text in texts if STRICT.invalid_reason(text) is None]
    assert len(ids) + len(invalid) == len(texts)


@given(st.binary(max_size=120), st.lists(st.integers(0, 120), max_size=5), st.booleans())
@example(b'a\n"b', [1, 3, 4], True)
@example(b'{"id":"a"}\n{"', [5, 11], False)
def test_any_bytes_can_be_read_however_they_arrive(
    data: bytes, cuts: list[int], table: bool
) -> None:
    """Damaged files end in invalid rows or a `SourceError`, never in a crash or in other IDs."""
    borders = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    pieces = [data[a:b] for a, b in pairwise(borders)]
    source = Source(name="-", lane="ark", format="csv" if table else "jsonl")
    header = [b"id\n"] if table else []
    read = table_blocks if table else jsonl_blocks

    def found(parts: list[bytes]) -> tuple[list[str], list[InvalidRow], str]:
        ids, invalid, error = [], [], ""
        try:
            for block in chain.from_iterable(read(header + parts, source, None)):
                ids += block.ids
                invalid += block.invalid
        except SourceError as exc:
            error = str(exc)
        return ids, invalid, error

    assert found(pieces) == found([data] if data else [])


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10),
        min_size=2,
        max_size=2,
    )
)
@example(["id", "x"])
@example(["x", "id"])
def test_csv_reads_back_what_the_csv_module_writes(texts: list[str]) -> None:
    """Quoting of any kind gives the same ID again, or says that it is none."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["id", "other"], texts])
    source = Source(name="-", lane="ark", format="csv")

    blocks = [b for f in table_blocks([text.getvalue().encode()], source, None) for b in f]

    [object_id] = [i for b in blocks for i in b.ids] + [r.text for b in blocks for r in b.invalid]
    stripped = texts[0].strip(" \t")
    assert object_id == stripped
