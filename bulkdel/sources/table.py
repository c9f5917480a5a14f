"""CSV and TSV: a header row, then rows with the ID in one column.

A row whose number of cells is not the header's ends the source, as everything does that leaves
in doubt where a row ends (`table_rows`): a quote was lost, and its next lines may be text of a
cell; or a comma was not quoted, and another value stands in the ID's column. A row that is
whole but holds no ID is one invalid row. Spaces and tabs around an ID are stripped and counted.
Blank lines are no rows. The header once more, as it stands where files were put one after
another, is an invalid row; another header ends the source, since its columns are others.

A table without a header has as many cells in each row as in the first one. If that has no ID in
the ID's place, by the looks of it, it is taken for a header after all, and is an invalid row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from bulkdel.errors import SourceError
from bulkdel.models import Block
from bulkdel.object_id import IdForm
from bulkdel.sources.lines import CutLine, EndDoubt, at_rest, lost_at
from bulkdel.sources.rows import RowSorter, sorted_blocks
from bulkdel.sources.source import Source
from bulkdel.sources.table_rows import Row, RowReader

_BLANKS: Final = " \t"
_DELIMITERS: Final = {"csv": ",", "tsv": "\t"}
_USUAL_DELIMITERS: Final = {";": "';'", "\t": "tab", "|": "'|'", ",": "','"}
_NUMBER: Final = re.compile(r"[0-9]+").fullmatch
_HAS_DIGITS: Final = re.compile(r"[0-9]{4}").search
"""In an ID there are some; in the name of a column hardly ever."""


def table_blocks(
    pieces: Iterable[bytes],
    source: Source,
    lanes: Mapping[str, IdForm] | None,
    end_doubt: EndDoubt = at_rest,
) -> Iterator[list[Block]]:
    """Give the IDs of a CSV or TSV source, block by block.

    Raises:
        SourceError: There is no header row, or it lacks a column; or a row cannot be told
            from the next one.
    """
    delimiter = source.delimiter or _DELIMITERS[source.row_format]
    reader = RowReader(pieces, source.label, delimiter, end_doubt)
    sorter = RowSorter(source, lanes)
    return sorted_blocks(_add_rows(reader, source, sorter), sorter)


def _add_rows(reader: RowReader, source: Source, sorter: RowSorter) -> Iterator[bool]:
    columns: _Columns | None = None
    while (row := reader.read()) is not None:
        if isinstance(row, CutLine):
            if columns is None:
                raise lost_at(source.label, row.number, row.reason)
            if row.data.strip():
                sorter.refuse(row.number, row.data, row.reason)
        elif row.data.strip(b" \r"):
            first = columns is None
            if columns is None:
                columns = _Columns(row, source)
            if not first:
                columns.add(row, sorter)
            elif not source.header:
                columns.add_first(row, sorter)
        yield reader.may_wait
    if columns is None:
        raise SourceError(f"{source.label}: is empty; a header row must name the columns")


class _Columns:
    """Where the values stand in a row, by the header.

    Raises:
        SourceError: The header lacks a column, or has it twice.
    """

    def __init__(self, header: Row, source: Source) -> None:
        self._label = source.label
        self._header = source.header
        self._names = [name.strip(_BLANKS) for name in header.cells]
        if not source.header:
            self._names = [str(number) for number in range(1, len(header.cells) + 1)]
        self._first = header
        self._object_id = self._place(source.id_field)
        lane = source.provider_field
        self._lane = None if lane is None else self._place(lane)

    def add_first(self, row: Row, sorter: RowSorter) -> None:
        """Sort the ID of the first row of a table without a header, unless it is one."""
        if sorter.is_unusual(*self._values(row)):
            sorter.refuse(row.line, row.data, "a header, by the looks of it, beside --no-header")
        else:
            self.add(row, sorter)

    def add(self, row: Row, sorter: RowSorter) -> None:
        """Sort the ID of a row.

        Raises:
            SourceError: It is no row of this table.
        """
        cells = row.cells
        if len(cells) != len(self._names):
            first = "header" if self._header else "first row"
            reason = f"{len(cells)} cells; the {first} has {len(self._names)}"
            raise lost_at(self._label, row.line, reason)
        object_id, lane = self._values(row)
        if self._header and object_id in self._names and self._is_header(row):
            sorter.refuse(row.line, row.data, "the header once more")
            return
        stripped = row.is_marked or len(object_id) != len(cells[self._object_id])
        sorter.add(row.line, object_id, lane, row.data, stripped=stripped)

    def _values(self, row: Row) -> tuple[str, str | None]:
        """Return the ID of a row, and the lane that it names."""
        lane = None if self._lane is None else row.cells[self._lane].strip(_BLANKS)
        return row.cells[self._object_id].strip(_BLANKS), lane

    def _is_header(self, row: Row) -> bool:
        names = [name.strip(_BLANKS) for name in row.cells]
        if sorted(names) == sorted(self._names) and names != self._names:
            raise lost_at(self._label, row.line, "another header, with its columns elsewhere")
        return names == self._names

    def _place(self, name: str) -> int:
        if self._names.count(name) == 1:
            return self._names.index(name)
        what = "twice the column" if name in self._names else "no column"
        raise SourceError(
            f"{self._label}: {what} {name!r}; its columns are {shown_columns(self._names)}"
            f"{self._hint(name)}"
        )

    def _hint(self, name: str) -> str:
        """Say what to give where the table is cut in another way, or has no header."""
        alone = self._first.cells[0] if len(self._first.cells) == 1 else ""
        for char, shown in _USUAL_DELIMITERS.items():
            if char in alone:
                return f". Its cells are separated by {shown}, it seems: give --delimiter {shown}"
        if self._header and (_NUMBER(name) or any(map(_HAS_DIGITS, self._names))):
            return ". If its first row is no header, give --no-header and --id-field NUMBER"
        return ""


def shown_columns(names: list[str]) -> str:
    """Return the names of columns for a message, not all if they are many."""
    shown = ", ".join(repr(name[:60]) for name in names[:30])
    return shown + (f" and {len(names) - 30} more" if len(names) > 30 else "")
