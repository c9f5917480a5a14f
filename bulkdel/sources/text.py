r"""Text: one ID a line.

Spaces, tabs and carriage returns around an ID are stripped, so that files from Windows
and aligned columns work. Blank lines, and lines whose first other character is ``#``,
are no rows. Everything else on a line is the ID.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from bulkdel.errors import SourceError
from bulkdel.models import Block, InvalidRow
from bulkdel.object_id import invalid_reason
from bulkdel.sources.lines import (
    Lines,
    LongLine,
    long_line,
    long_row,
    not_utf8_row,
    split_lines,
)
from bulkdel.sources.rows import cut_into_blocks, invalid_row, plain_ids
from bulkdel.sources.source import Source

LINE_BYTES_MAX: Final = 4096
"""No ID is nearly as long; longer lines are damaged files."""

_BLANKS: Final = b" \t\r"
_NO_TEXT: Final = {b"{": "JSON", b"[": "JSON", b'"': "JSON or CSV"}


def text_blocks(pieces: Iterable[bytes], source: Source, lane: str) -> Iterator[list[Block]]:
    """Give the IDs of a text source, block by block.

    Raises:
        SourceError: The format was taken from the name, and the first row looks like
            another one. Every row of it might pass for an ID.
    """
    guessed = source.format is None
    for lines in split_lines(pieces, LINE_BYTES_MAX):
        if guessed and (row := _first_row(lines)):
            guessed = False
            _check_is_text(row, source.label)
        ids, invalid = _check(lines, source.name)
        yield from cut_into_blocks(lane, ids, invalid)


def _first_row(lines: Lines | LongLine) -> bytes | None:
    data = lines.data if isinstance(lines, Lines) else lines.head
    for line in data.split(b"\n"):
        row = line.strip(_BLANKS)
        if row and not row.startswith(b"#"):
            return row
    return None


def _check_is_text(row: bytes, label: str) -> None:
    looks_like = _NO_TEXT.get(row[:1])
    if looks_like is not None:
        raise SourceError(
            f"{label}: looks like {looks_like}, but its name says text with one ID a line; "
            "give the format (text, if these are IDs)"
        )


def _check(lines: Lines | LongLine, source_name: str) -> tuple[list[str], list[InvalidRow]]:
    if isinstance(lines, LongLine):
        row = _long_row(lines, source_name)
        return [], [row] if row is not None else []
    data = lines.data
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").removesuffix(b"\r")
    ids = plain_ids(data)
    if ids is not None:
        return ids, []
    return _check_one_by_one(lines, source_name)


def _check_one_by_one(lines: Lines, source_name: str) -> tuple[list[str], list[InvalidRow]]:
    ids: list[str] = []
    invalid: list[InvalidRow] = []
    for number, line in enumerate(lines.data.split(b"\n"), lines.first):
        if len(line) > LINE_BYTES_MAX:
            too_long = _long_row(long_line(number, line), source_name)
            if too_long is not None:
                invalid.append(too_long)
            continue
        row = line.strip(_BLANKS)
        if not row or row.startswith(b"#"):
            continue
        try:
            text = row.decode("utf-8")
        except UnicodeDecodeError as exc:
            invalid.append(not_utf8_row(row, source_name, number, exc))
            continue
        reason = invalid_reason(text)
        if reason is None:
            ids.append(text)
        else:
            invalid.append(invalid_row(row, source_name, number, reason))
    return ids, invalid


def _long_row(line: LongLine, source_name: str) -> InvalidRow | None:
    if line.head[:LINE_BYTES_MAX].lstrip(_BLANKS).startswith(b"#"):
        return None  # A long comment.
    return long_row(line, source_name, LINE_BYTES_MAX)
