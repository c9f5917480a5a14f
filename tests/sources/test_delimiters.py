"""Tables cut in another way, and tables without a header."""

from __future__ import annotations

import io
from typing import Any

import pytest

from bulkdel.errors import SourceError
from bulkdel.object_id import RESPONSE_ID, IdForm
from bulkdel.sources import Source, open_source


def read(
    data: bytes, form: IdForm = RESPONSE_ID, **settings: Any
) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the IDs, and lines and reasons of the others."""
    source = Source(**({"name": "-", "lane": "ark", "format": "csv"} | settings))
    reader = open_source(source, lanes={"ark": form}, stdin=io.BytesIO(data))
    ids, invalid = [], []
    while (blocks := reader.read()) is not None:
        for block in blocks:
            ids += block.ids
            invalid += [(row.line, row.reason) for row in block.invalid]
    return ids, invalid


@pytest.mark.parametrize("delimiter", [";", "|", "\t", " ", ",", "^"])
def test_any_character_that_no_id_holds_separates(delimiter: str) -> None:
    """Quoted cells may hold it, and line breaks."""
    rows = [["when", "id"], [f'"a{delimiter}\n""b"', "resp_1"], ["", '"resp_2"']]
    data = "".join(delimiter.join(row) + "\n" for row in rows).encode()

    assert read(data, delimiter=delimiter) == (["resp_1", "resp_2"], [])


def test_a_table_without_a_header_names_its_columns_by_number() -> None:
    """The first row is a row like the others."""
    data = b"1,resp_1\n2,resp_2\n"

    assert read(data, header=False, id_field="2") == (["resp_1", "resp_2"], [])


def test_a_header_beside_no_header_is_not_sent() -> None:
    """The name of a column is no ID, whatever was said."""
    ids, invalid = read(b"n,id\n1,resp_1\n", header=False, id_field="2")

    assert ids == ["resp_1"]
    assert invalid == [(1, "a header, by the looks of it, beside --no-header")]


def test_any_id_goes_before_looks() -> None:
    """Who sends unusual IDs has some in the first row, too."""
    ids, _ = read(b"id\nother\n", RESPONSE_ID.widened(), header=False, id_field="1")

    assert ids == ["id", "other"]


def test_a_column_that_is_not_there_is_refused() -> None:
    """Counted from the first row."""
    with pytest.raises(SourceError, match="no column '3'; its columns are '1', '2'"):
        read(b"1,resp_1\n", header=False, id_field="3")


def test_a_row_with_another_number_of_cells_ends_it() -> None:
    """As in any table: a quote may have been lost."""
    with pytest.raises(SourceError, match="line 2: 3 cells; the first row has 2"):
        read(b"1,resp_1\n2,resp_2,x\n", header=False, id_field="2")
