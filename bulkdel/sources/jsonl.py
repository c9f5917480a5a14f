"""JSON Lines: one object a line, one field of which is the ID.

The ID must be a string and is taken as it is: a number could have lost digits on its
way, and a string with spaces is not what the provider gave. Blank lines are no rows.

A line break ends a row whatever is wrong with it, since JSON has none inside its strings. So a
damaged row is one invalid row, and the next line can be believed, with one exception: where a
string or a bracket stays open (`nesting`), the record may go on, and its next lines may look
like rows. The source ends there.

The same rows as the elements of one array are JSON (`json_array`); there, a string is an ID, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import orjson

from bulkdel.errors import SourceError
from bulkdel.models import Block
from bulkdel.object_id import IdForm
from bulkdel.sources.json_array import Elements
from bulkdel.sources.json_field import MISSING, JsonField
from bulkdel.sources.lines import (
    BOM,
    CutLine,
    EndDoubt,
    LineDigest,
    LongLine,
    at_rest,
    long_line,
    long_row,
    lost_at,
    split_lines,
)
from bulkdel.sources.nesting import Nesting
from bulkdel.sources.rows import RowSorter, sorted_blocks
from bulkdel.sources.source import Source

ROW_BYTES_MAX: Final = 1024 * 1024
"""Exports hold whole responses; a longer row is not looked into."""

_BLANKS: Final = b" \t\r"
_GOES_ON: Final = (
    "a JSON value is not closed where the line ends, so its record may go on in the next lines"
    " (JSON Lines has one object a line; jq -c makes them)"
)


def jsonl_blocks(
    pieces: Iterable[bytes],
    source: Source,
    lanes: Mapping[str, IdForm] | None,
    end_doubt: EndDoubt = at_rest,
) -> Iterator[list[Block]]:
    """Give the IDs of a JSON Lines source, block by block.

    Raises:
        SourceError: A row is not closed in its line.
    """
    sorter = RowSorter(source, lanes)
    rows = _Rows(source, sorter)
    return sorted_blocks(rows.add_all(pieces, end_doubt), sorter)


def json_blocks(
    pieces: Iterable[bytes], source: Source, lanes: Mapping[str, IdForm] | None
) -> Iterator[list[Block]]:
    """Give the IDs of the elements of one JSON array, block by block.

    Raises:
        SourceError: It cannot be told where an element ends.
    """
    sorter = RowSorter(source, lanes)
    rows = _Rows(source, sorter)
    return sorted_blocks(rows.add_elements(Elements(pieces, source.label)), sorter)


class _LongLineDigest(LineDigest):
    """Notes of a long line also whether it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.nesting = Nesting()

    def update(self, data: bytes) -> None:
        super().update(data)
        self.nesting.update(data)


class _Rows:
    """Takes the lines of a source and sorts what they hold."""

    def __init__(self, source: Source, sorter: RowSorter) -> None:
        self._source = source
        self._sorter = sorter
        self._id = JsonField(source.id_field)
        lane = source.provider_field
        self._lane = None if lane is None else JsonField(lane)
        self._fields = [self._id] if self._lane is None else [self._id, self._lane]
        self._seen = False

    def add_all(self, pieces: Iterable[bytes], end_doubt: EndDoubt) -> Iterator[bool]:
        """Add one row at a time; yield whether the next one may have to be waited for."""
        for lines in split_lines(pieces, ROW_BYTES_MAX, end_doubt, _LongLineDigest):
            if isinstance(lines, LongLine):
                self._pass_over(lines)
            elif isinstance(lines, CutLine):
                if row := lines.data.strip(_BLANKS):
                    self._sorter.refuse(lines.number, row, lines.reason)
            else:
                for number, line in enumerate(lines.data.split(b"\n"), lines.first):
                    self._add_line(number, line)
                    yield False
            yield True

    def add_elements(self, elements: Iterable[tuple[int, bytes] | None]) -> Iterator[bool]:
        """Add one element at a time; yield whether the next one may have to be waited for."""
        for each in elements:
            if each is None:
                yield True
                continue
            number, element = each
            try:
                row = orjson.loads(element)
            except orjson.JSONDecodeError as exc:
                raise lost_at(self._source.label, number, f"not JSON: {exc}") from exc
            if isinstance(row, str) and self._lane is None:
                self._sorter.add(number, row, None, element)
            else:
                self._add_object(number, row, element, stripped=False)
            yield False

    def _add_line(self, number: int, line: bytes) -> None:
        if len(line) > ROW_BYTES_MAX:
            self._pass_over(long_line(number, line, _LongLineDigest()))
        elif row := line.strip(_BLANKS):
            stripped = row.startswith(BOM)  # of files that were put one after another
            self._add_row(number, row.removeprefix(BOM) if stripped else row, stripped=stripped)

    def _pass_over(self, line: LongLine) -> None:
        assert isinstance(line.digest, _LongLineDigest)  # noqa: S101 - made here
        if not line.digest.nesting.is_closed:
            raise lost_at(self._source.label, line.number, _GOES_ON)
        self._sorter.add_invalid(long_row(line, self._source.name, ROW_BYTES_MAX))

    def _add_row(self, number: int, line: bytes, *, stripped: bool) -> None:
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as exc:
            nesting = Nesting()
            nesting.update(line)
            if not nesting.is_closed:
                hint = "; of a JSON array: --format json" if line.startswith(b"[") else ""
                raise lost_at(self._source.label, number, _GOES_ON + hint) from exc
            self._sorter.refuse(number, line, f"not JSON: {exc}")
            return
        if not self._seen:
            self._check_first(row)
        self._add_object(number, row, line, stripped=stripped)

    def _check_first(self, row: object) -> None:
        """Refuse an array, and a result log: who gives one wants to go on with it, or to look at it."""
        self._seen = True
        if isinstance(row, list):
            raise SourceError(
                f"{self._source.label}: is a JSON array, it seems: give --format json"
            )
        if isinstance(row, dict) and set(row) == {"run"} and isinstance(row["run"], dict):
            raise SourceError(
                f"{self._source.label}: is a result log, not a source: --log goes on with it, --done"
                " skips what is done there, `bulkdel failed` prints its failed IDs"
            )

    def _add_object(self, number: int, row: object, line: bytes, *, stripped: bool) -> None:
        if not isinstance(row, dict):
            self._sorter.refuse(number, line, "not a JSON object")
            return
        for field in self._fields:
            reason = _reason(field, row, line)
            if reason is not None:
                self._sorter.refuse(number, line, f"the field {field.name!r} {reason}")
                return
        lane = None if self._lane is None else self._lane.of(row)
        self._sorter.add(number, self._id.of(row), lane, line, stripped=stripped)


def _reason(field: JsonField, row: dict[str, object], line: bytes) -> str | None:
    """Say why ``field`` of a row cannot be used, or None."""
    value = field.of(row)
    if not isinstance(value, str):
        return "is missing" if value is MISSING else "is not a string"
    try:
        if field.may_come_twice(line) and field.comes_twice(line):
            return "comes twice"
    except RecursionError:
        return "stands in a row that is nested too deeply"
    return None
