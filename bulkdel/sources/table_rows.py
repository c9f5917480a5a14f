"""Cut a table into rows, and rows into cells, as RFC 4180 has it and not more leniently.

    lines --> RowReader.read --> Row

A quoted cell may hold line breaks, and what looks like rows there is text. So where a row ends
is known only as long as every quote before it is where it should be. With the first row that
cannot be told for sure the table ends (`SourceError`): too long, not UTF-8, with a NUL, with a
quote that is neither doubled nor at an end of its cell, or never closed. To begin again in the
next line could mean to begin inside a cell, and to take its text for rows.

The csv module is not used: it takes quotes inside a cell without quotes for text, and after an
error it begins again in the middle of the row.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from bulkdel.sources.lines import BOM, CutLine, EndDoubt, Lines, LongLine, lost_at, split_lines

ROW_BYTES_MAX: Final = 1024 * 1024
"""A longer row is a quote that is not closed, far more often than a row."""

_TOO_LONG: Final = f"the row has more than {ROW_BYTES_MAX:,} bytes (is a quote not closed?)"

# One cell and what ends it. No group gives back what it took, so the time is linear.
_QUOTED: Final = r'"([^"]*+(?:""[^"]*+)*+)"'


@cache
def _cell(delimiter: str) -> Callable[[str, int], re.Match[str] | None]:
    """Return what matches the cell at a place and what ends it."""
    end = re.escape(delimiter)
    return re.compile(rf'(?:{_QUOTED}|([^"\r\n{end}]*+))({end}|\Z)').match


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Attributes:
        line: Number of the line in which it begins, from 1.
        data: Its bytes.
        cells: Its cells, quotes taken off.
        is_marked: A byte order mark was taken off its start: files were put one after
            another.
    """

    line: int
    data: bytes
    cells: list[str]
    is_marked: bool


class RowReader:
    """The rows of a table, one by one."""

    def __init__(
        self, pieces: Iterable[bytes], label: str, delimiter: str, end_doubt: EndDoubt
    ) -> None:
        self._label = label
        self._delimiter = delimiter
        self._lines = split_lines(pieces, ROW_BYTES_MAX, end_doubt)
        self._ready: deque[bytes] = deque()
        self._number = 0  # of the last line taken

    @property
    def may_wait(self) -> bool:
        """Whether the next row is not here yet."""
        return not self._ready

    def read(self) -> Row | CutLine | None:
        """Return the next row, or None at the end.

        Raises:
            SourceError: It cannot be told where the row ends, or which cells it has.
        """
        first = self._number + 1
        parts: list[bytes] = []
        row_bytes = -1  # line breaks between the lines count
        quotes = 0
        while (line := self._next_line()) is not None:
            if isinstance(line, CutLine) and not parts:
                return line
            if not isinstance(line, bytes):
                reason = _TOO_LONG if isinstance(line, LongLine) else line.reason
                raise lost_at(self._label, first, reason)
            parts.append(line)
            row_bytes += 1 + len(line)
            quotes += line.count(b'"')
            if row_bytes > ROW_BYTES_MAX:
                raise lost_at(self._label, first, _TOO_LONG)
            if quotes % 2 == 0:  # each cell has two, and two for each that it holds
                return self._row(first, b"\n".join(parts))
        if parts:
            raise lost_at(self._label, first, "a quote is not closed up to the end")
        return None

    def _next_line(self) -> bytes | LongLine | CutLine | None:
        if not self._ready:
            lines = next(self._lines, None)
            if not isinstance(lines, Lines):
                return lines
            self._ready.extend(lines.data.split(b"\n"))
        self._number += 1
        return self._ready.popleft()

    def _row(self, number: int, data: bytes) -> Row:
        is_marked = data.startswith(BOM)
        if is_marked:
            data = data.removeprefix(BOM)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as exc:
            reason = f"not UTF-8: byte {exc.start + 1} of the row (iconv converts files)"
            raise lost_at(self._label, number, reason) from exc
        found = cells(text.removesuffix("\r"), self._delimiter)
        if isinstance(found, str):
            raise lost_at(self._label, number, found)
        return Row(number, data, found, is_marked)


def cells(row: str, delimiter: str) -> list[str] | str:
    """Return the cells of a row, or say what is wrong with it."""
    if "\0" in row:
        return "the row holds a NUL"
    if '"' not in row:
        if "\r" in row:
            return "the row holds a carriage return that ends no line"
        return row.split(delimiter)
    found: list[str] = []
    at, match = 0, _cell(delimiter)
    while (cell := match(row, at)) is not None:
        quoted, plain, end = cell.groups()
        found.append(plain if quoted is None else quoted.replace('""', '"'))
        if not end:
            return found
        at = cell.end()
    return f"a quote in cell {len(found) + 1} is neither doubled nor at an end of the cell"
