"""Strict readers of their own: which IDs does a file name, until it cannot be followed?

They share nothing with the package, go byte by byte and care for nothing but being plain. What
the package sends must be what they say: of a file that is damaged, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

BOM: Final = b"\xef\xbb\xbf"
ID: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9!$&()*+,\-.:<=>@\[\]^_{|}~]{1,2048}").fullmatch

FOREIGN: Final = (
    *(b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xff\xfe", b"\xfe\xff"),
    *(b"\xfd7zXZ\0", b"BZh91AY&SY", b"PK\x03\x04", b"PAR1\x15"),
)
"""What begins like one of these is refused as a whole."""

_QUOTE: Final = ord('"')
_NEWLINE: Final = ord("\n")


def named_ids(data: bytes, row_format: str, id_field: str, *, at_rest: bool) -> list[str]:
    """Return the IDs that ``data`` names, in their order.

    Args:
        data: What is read, decompressed.
        row_format: ``text``, ``jsonl``, ``csv`` or ``tsv``.
        id_field: The field or column of the ID.
        at_rest: A last line without its end is whole.
    """
    if data.startswith(FOREIGN):
        return []
    data = data.removeprefix(BOM)
    if row_format == "text":
        found: Iterator[object] = _text(data, at_rest)
    elif row_format == "jsonl":
        found = _jsonl(data, id_field.split("."), at_rest)
    else:
        found = _table(data, id_field, ord("," if row_format == "csv" else "\t"), at_rest)
    return [object_id for object_id in found if isinstance(object_id, str) and ID(object_id)]


def _lines(data: bytes, at_rest: bool) -> list[bytes]:
    *lines, last = data.split(b"\n")
    return [*lines, last] if at_rest else lines


def _text(data: bytes, at_rest: bool) -> Iterator[str]:
    for line in _lines(data, at_rest):
        if len(line) <= 4096:
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                continue
            yield re.sub(r"\A[ \t\r\ufeff]+|[ \t\r\ufeff]+\Z", "", text)


# -- JSON Lines


def _jsonl(data: bytes, path: list[str], at_rest: bool) -> Iterator[object]:
    for line in _lines(data, at_rest):
        row = line.strip(b" \t\r").removeprefix(BOM)
        try:
            value = json.loads(
                row.decode("utf-8"), object_pairs_hook=_Pairs, parse_int=str, parse_float=str
            )
        except (ValueError, RecursionError):
            if not _closes(row):
                return
            continue
        for step in path:
            values = value.of(step) if isinstance(value, _Pairs) else []
            value = values[0] if len(values) == 1 else None
        yield value


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it is written, with every name that it has."""

    def of(self, name: str) -> list[Any]:
        return [value for each, value in self if each == name]


def _closes(row: bytes) -> bool:
    depth = 0
    in_string = escaped = False
    for byte in row:
        if escaped:
            escaped = False
        elif byte == ord("\\"):
            escaped = True
        elif byte == _QUOTE:
            in_string = not in_string
        elif not in_string:
            depth += (byte in b"{[") - (byte in b"}]")
            if depth < 0:
                return False
    return depth == 0 and not in_string


# -- tables


def _table(data: bytes, column: str, delimiter: int, at_rest: bool) -> Iterator[object]:
    names: list[str] = []
    for cells in _rows(data, delimiter, at_rest):
        row = [cell.strip(" \t") for cell in cells]
        if not names:
            if row.count(column) != 1:
                return
            names = row
        elif len(row) != len(names) or (sorted(row) == sorted(names) and row != names):
            return
        elif row != names:
            yield row[names.index(column)]


def _rows(data: bytes, delimiter: int, at_rest: bool) -> Iterator[list[str]]:
    """Yield the cells of each row that is not blank, until one is in doubt."""
    if at_rest and data and not data.endswith(b"\n"):
        data += b"\n"
    at = 0
    while (end := _row_end(data, at)) is not None:
        row = data[at:end].removeprefix(BOM).removesuffix(b"\r")
        at = end + 1
        try:
            row.decode("utf-8")
        except UnicodeDecodeError:
            return
        if b"\0" in row:
            return
        cells = _cells(row, delimiter)
        if cells is None:
            return
        if row.strip(b" \r"):
            yield cells


def _row_end(data: bytes, start: int) -> int | None:
    in_quotes = False
    for at in range(start, len(data)):
        if data[at] == _QUOTE:
            in_quotes = not in_quotes
        elif data[at] == _NEWLINE and not in_quotes:
            return at
    return None


def _cells(row: bytes, delimiter: int) -> list[str] | None:
    """Return the cells of a row, or None if a quote or a carriage return is out of place."""
    cells = []
    at = 0
    while True:
        cell = bytearray()
        if row[at : at + 1] == b'"':
            at += 1
            while row[at : at + 1] != b'"' or row[at + 1 : at + 2] == b'"':
                if at >= len(row):
                    return None
                at += row[at] == _QUOTE
                cell.append(row[at])
                at += 1
            at += 1
        else:
            while at < len(row) and row[at] != delimiter:
                if row[at] in b'"\r':
                    return None
                cell.append(row[at])
                at += 1
        cells.append(cell.decode())
        if at == len(row):
            return cells
        if row[at] != delimiter:
            return None
        at += 1
