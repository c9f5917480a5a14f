"""CSV and TSV: a header row, then rows with the ID in one column.

Read strictly. A row whose number of fields is not the header's is invalid, also where
the column exists: an unquoted comma further left moves another value into it. Spaces
and tabs around an ID are stripped. Blank lines are no rows.

A field may hold at most what ``csv.field_size_limit`` says (131,072 characters unless
the program set it), and a row `ROW_BYTES_MAX`; so a quote that is never closed costs
that much of the file, named in one invalid row, and not all of it.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bulkdel.errors import SourceError
from bulkdel.models import Block, InvalidRow
from bulkdel.sources.lines import Lines, LongLine, long_line, long_row, not_utf8_row, split_lines
from bulkdel.sources.rows import BLOCK_IDS_MAX, RowSorter
from bulkdel.sources.source import Source

if TYPE_CHECKING:
    from _csv import Reader

ROW_BYTES_MAX: Final = 1024 * 1024

_BLANKS: Final = " \t"
_DIALECTS: Final = {"csv": "excel", "tsv": "excel-tab"}


class _BadLineError(Exception):
    """A line that the csv module is not to see. It gives up the row and goes on."""

    def __init__(self, row: InvalidRow) -> None:
        super().__init__(row.reason)
        self.row = row


class _Feed:
    """The lines of the source, as the csv module takes them.

    Attributes:
        number: Lines given so far.
        raw: The lines of the row that is being read.
    """

    def __init__(self, pieces: Iterable[bytes], source_name: str) -> None:
        self.number = 0
        self.raw: list[bytes] = []
        self._row_bytes = 0
        self._name = source_name
        self._lines = split_lines(pieces, ROW_BYTES_MAX)
        self._ready: deque[bytes | LongLine] = deque()

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if not self._ready:
            lines = next(self._lines)
            self._ready.extend(lines.data.split(b"\n") if isinstance(lines, Lines) else [lines])
        line = self._ready.popleft()
        self.number += 1
        if isinstance(line, LongLine) or len(line) > ROW_BYTES_MAX:
            too_long = line if isinstance(line, LongLine) else long_line(self.number, line)
            raise _BadLineError(long_row(too_long, self._name, ROW_BYTES_MAX))
        self.raw.append(line)
        self._row_bytes += len(line)
        if self._row_bytes > ROW_BYTES_MAX:
            whole = long_line(self.number - len(self.raw) + 1, self.row)
            raise _BadLineError(long_row(whole, self._name, ROW_BYTES_MAX))
        try:
            return line.decode("utf-8") + "\n"
        except UnicodeDecodeError as exc:
            raise _BadLineError(not_utf8_row(line, self._name, self.number, exc)) from exc

    @property
    def row(self) -> bytes:
        """The bytes of the row that was read last."""
        return b"\n".join(self.raw)

    @property
    def empty(self) -> bool:
        """Whether the next line has to be waited for."""
        return not self._ready

    def begin_row(self) -> None:
        """Forget the lines of the row before."""
        self.raw.clear()
        self._row_bytes = 0


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the values stand in a row."""

    count: int
    object_id: int
    lane: int | None


def table_blocks(
    pieces: Iterable[bytes], source: Source, lanes: frozenset[str] | None
) -> Iterator[list[Block]]:
    """Give the IDs of a CSV or TSV source, block by block.

    Raises:
        SourceError: There is no header row, or it lacks a column.
    """
    feed = _Feed(pieces, source.name)
    reader = csv.reader(feed, _DIALECTS[source.row_format], strict=True)
    columns = _columns(_header(reader, feed, source.label), source)
    sorter = RowSorter(source, lanes)
    while _add_row(reader, feed, columns, sorter):
        # Rows that are there are given before more is waited for: pipes may be slow.
        if sorter.rows and (feed.empty or sorter.rows >= BLOCK_IDS_MAX):
            yield sorter.take()
    if sorter.rows:
        yield sorter.take()


def _header(reader: Reader, feed: _Feed, label: str) -> list[str]:
    try:
        names = next((names for names in reader if names), [])
    except (csv.Error, _BadLineError) as exc:
        raise SourceError(f"{label}, line {feed.number}: no header row: {exc}") from exc
    if not names:
        raise SourceError(f"{label}: is empty; a header row must name the columns")
    return [name.strip(_BLANKS) for name in names]


def _columns(names: list[str], source: Source) -> _Columns:
    lane = source.provider_field
    return _Columns(
        len(names),
        _column(names, source.id_field, source.label),
        None if lane is None else _column(names, lane, source.label),
    )


def _column(names: list[str], name: str, label: str) -> int:
    if names.count(name) == 1:
        return names.index(name)
    what = "twice the column" if name in names else "no column"
    raise SourceError(f"{label}: {what} {name!r}; its columns are {shown_columns(names)}")


def shown_columns(names: list[str]) -> str:
    """Return the names of columns for a message, not all if they are many."""
    shown = ", ".join(repr(name[:60]) for name in names[:30])
    return shown + (f" and {len(names) - 30} more" if len(names) > 30 else "")


def _add_row(reader: Reader, feed: _Feed, columns: _Columns, sorter: RowSorter) -> bool:
    """Read one row. Return False at the end."""
    feed.begin_row()
    line = feed.number + 1
    try:
        fields = next(reader)
    except StopIteration:
        return False
    except _BadLineError as exc:
        sorter.add_invalid(exc.row)
        return True
    except csv.Error as exc:
        sorter.refuse(line, feed.row, str(exc))
        return True
    if not fields:
        return True
    if len(fields) != columns.count:
        sorter.refuse(line, feed.row, f"{len(fields)} fields; the header has {columns.count}")
        return True
    object_id = fields[columns.object_id].strip(_BLANKS)
    lane = None if columns.lane is None else fields[columns.lane].strip(_BLANKS)
    sorter.add(line, object_id, lane, feed.row if columns.lane is not None else b"")
    return True
