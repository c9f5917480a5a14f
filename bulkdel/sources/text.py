r"""Text: one ID a line.

A line break ends an ID whatever is wrong with it, so a damaged line is one invalid row and the
next line can be believed. Spaces, tabs and carriage returns around an ID are stripped and
counted, so that aligned columns work, and so is a byte order mark, which is left at the start
of a line where files were put one after another. Blank lines, and lines whose first other
character is ``#``, are no rows. Everything else on a line is the ID.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from bulkdel.errors import SourceError
from bulkdel.models import Block, InvalidRow
from bulkdel.object_id import STRICT, IdForm
from bulkdel.sources.lines import (
    BOM,
    CutLine,
    EndDoubt,
    Lines,
    LongLine,
    at_rest,
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
_NO_TEXT: Final = {
    b"{": "is JSON, it seems: give --format jsonl",
    b"[": "is a JSON array, it seems: give --format json",
    b'"': "has quotes, as CSV has: give --format csv, and if no header stands first,"
    " --no-header --id-field 1",
}


def text_blocks(
    pieces: Iterable[bytes],
    source: Source,
    lane: str,
    form: IdForm = STRICT,
    end_doubt: EndDoubt = at_rest,
) -> Iterator[list[Block]]:
    """Give the IDs of a text source, block by block.

    Raises:
        SourceError: The format was taken from the name, and the first row looks like
            another one. Every row of it might pass for an ID.
    """
    guessed = source.format is None
    for lines in split_lines(pieces, LINE_BYTES_MAX, end_doubt):
        if guessed and (row := _first_row(lines)):
            guessed = False
            _check_is_text(row, source.label)
        rows = _Rows(source.name, form)
        rows.add(lines)
        yield from cut_into_blocks(lane, rows.ids, rows.invalid, rows.stripped)


def _first_row(lines: Lines | LongLine | CutLine) -> bytes | None:
    data = lines.head if isinstance(lines, LongLine) else lines.data
    for line in data.split(b"\n"):
        row = strip_ends(line)
        if row and not row.startswith(b"#"):
            return row
    return None


def _check_is_text(row: bytes, label: str) -> None:
    looks_like = _NO_TEXT.get(row[:1])
    if looks_like is not None:
        raise SourceError(
            f"{label}: {looks_like} (or --format text, if these are IDs as they stand)"
        )


def strip_ends(line: bytes) -> bytes:
    """Take blanks and byte order marks off both ends of a line."""
    while True:
        row = line.strip(_BLANKS).removeprefix(BOM).removesuffix(BOM)
        if row == line:
            return row
        line = row


class _Rows:
    """The rows of some lines, sorted.

    Attributes:
        ids: What may be sent.
        invalid: What may not.
        stripped: IDs around which something was taken off.
    """

    def __init__(self, source_name: str, form: IdForm) -> None:
        self.ids: list[str] = []
        self.invalid: list[InvalidRow] = []
        self.stripped = 0
        self._name = source_name
        self._form = form

    def add(self, lines: Lines | LongLine | CutLine) -> None:
        """Sort some lines."""
        if isinstance(lines, LongLine):
            self._refuse_long(lines)
        elif isinstance(lines, CutLine):
            row = strip_ends(lines.data)
            if row and not row.startswith(b"#"):
                self.invalid.append(invalid_row(row, self._name, lines.number, lines.reason))
        else:
            data = lines.data
            if b"\r" in data:
                data = data.replace(b"\r\n", b"\n").removesuffix(b"\r")
            ids = plain_ids(data, self._form)
            if ids is not None:
                self.ids = ids
                return
            for number, line in enumerate(lines.data.split(b"\n"), lines.first):
                self._add_line(number, line)

    def _add_line(self, number: int, line: bytes) -> None:
        if len(line) > LINE_BYTES_MAX:
            self._refuse_long(long_line(number, line))
            return
        row = strip_ends(line)
        if not row or row.startswith(b"#"):
            return
        try:
            text = row.decode("utf-8")
        except UnicodeDecodeError as exc:
            self.invalid.append(not_utf8_row(row, self._name, number, exc))
            return
        reason = self._form.invalid_reason(text)
        if reason is None:
            self.ids.append(text)
            self.stripped += row != line.removesuffix(b"\r")
        else:
            self.invalid.append(invalid_row(row, self._name, number, reason))

    def _refuse_long(self, line: LongLine) -> None:
        if not strip_ends(line.head[:LINE_BYTES_MAX]).startswith(b"#"):  # a long comment
            self.invalid.append(long_row(line, self._name, LINE_BYTES_MAX))
