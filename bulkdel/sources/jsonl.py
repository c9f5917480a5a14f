"""JSON Lines: one object a line, one field of which is the ID.

The ID must be a string and is taken as it is: a number could have lost digits on its
way, and a string with spaces is not what the provider gave. Blank lines are no rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import orjson

from bulkdel.models import Block
from bulkdel.sources.lines import Lines, LongLine, long_line, long_row, split_lines
from bulkdel.sources.rows import BLOCK_IDS_MAX, RowSorter
from bulkdel.sources.source import Source

ROW_BYTES_MAX: Final = 1024 * 1024
"""Exports hold whole responses; longer than this is a damaged file."""

_BLANKS: Final = b" \t\r"
_MISSING: Final = object()


class _Field:
    """A field, found by its name or, with dots in it, by its path."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._path = name.split(".")

    def of(self, row: dict[str, object]) -> object:
        """Return its value in ``row``, or `_MISSING`."""
        value = row.get(self.name, _MISSING)
        if value is not _MISSING or len(self._path) == 1:
            return value
        value = row
        for step in self._path:
            if not isinstance(value, dict) or step not in value:
                return _MISSING
            value = value[step]
        return value


def jsonl_blocks(
    pieces: Iterable[bytes], source: Source, lanes: frozenset[str] | None
) -> Iterator[list[Block]]:
    """Give the IDs of a JSON Lines source, block by block."""
    sorter = RowSorter(source, lanes)
    id_field = _Field(source.id_field)
    lane_field = None if source.provider_field is None else _Field(source.provider_field)
    for lines in split_lines(pieces, ROW_BYTES_MAX):
        if isinstance(lines, LongLine):
            sorter.add_invalid(long_row(lines, source.name, ROW_BYTES_MAX))
            yield sorter.take()
            continue
        yield from _blocks(lines, source, sorter, id_field, lane_field)


def _blocks(
    lines: Lines, source: Source, sorter: RowSorter, id_field: _Field, lane_field: _Field | None
) -> Iterator[list[Block]]:
    for number, line in enumerate(lines.data.split(b"\n"), lines.first):
        if len(line) > ROW_BYTES_MAX:
            too_long = long_line(number, line)
            sorter.add_invalid(long_row(too_long, source.name, ROW_BYTES_MAX))
        elif row := line.strip(_BLANKS):
            _add(number, row, sorter, id_field, lane_field)
        if sorter.rows >= BLOCK_IDS_MAX:
            yield sorter.take()
    if sorter.rows:
        yield sorter.take()


def _add(
    number: int, line: bytes, sorter: RowSorter, id_field: _Field, lane_field: _Field | None
) -> None:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        sorter.refuse(number, line, f"not JSON: {exc}")
        return
    if not isinstance(row, dict):
        sorter.refuse(number, line, "not a JSON object")
        return
    object_id = id_field.of(row)
    lane = None if lane_field is None else lane_field.of(row)
    for field, value in ((id_field, object_id), (lane_field, lane)):
        if field is not None and not isinstance(value, str):
            what = "is missing" if value is _MISSING else "is not a string"
            sorter.refuse(number, line, f"the field {field.name!r} {what}")
            return
    sorter.add(number, object_id, lane, line)
