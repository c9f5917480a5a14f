r"""Cut bytes into lines, whatever the borders of the pieces they come in.

    pieces --> without_mark --> split_lines --> Lines     whole lines, many at once
                                            --> LongLine  one that was too long to hold
                                            --> CutLine   the last, which may be half a line

A line ends with ``\n``. The last one of a file at rest may lack it; of a pipe, or of a file
that still grows, what has no end may be half of an ID, and so the ID of another object.
What a line too long holds is read and forgotten, but for its head and a digest, so that
memory stays flat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from bulkdel.errors import SourceError
from bulkdel.models import InvalidRow
from bulkdel.sources.rows import DIGEST_BYTES, invalid_row, shown_long

BOM: Final = b"\xef\xbb\xbf"

EndDoubt = Callable[[], str | None]
"""Asked when a source ends: why a last line without its end may be half a line; None if it
is whole."""


def at_rest() -> str | None:
    """Be the `EndDoubt` of what is whole."""
    return None


# What a file may begin with that is not UTF-8 text. None of them can begin a row of
# text, and with each of them every row would be wrong: better said once, and early.
_GZIP: Final = "gzip data; let the name end in .gz, or give the format as text.gz or the like"
_ZSTD: Final = "zstd data; let the name end in .zst, or give the format as text.zst or the like"
_UTF16: Final = "UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)"
_FOREIGN: Final = {
    b"\x1f\x8b": _GZIP,
    b"\x28\xb5\x2f\xfd": _ZSTD,
    b"\xff\xfe": _UTF16,
    b"\xfe\xff": _UTF16,
    b"\xfd7zXZ\0": "xz data; decompress it (xz -dc) into a pipe",
    b"BZh91AY&SY": "bzip2 data; decompress it (bzip2 -dc) into a pipe",
    b"PK\x03\x04": "a zip archive or an Excel workbook; save it as CSV or as text",
    b"PAR1\x15": "Parquet; let the name end in .parquet, or give the format",
}


@dataclass(frozen=True, slots=True)
class Lines:
    r"""Whole lines, one after another.

    Attributes:
        first: Number of the first of them in the source, from 1.
        count: How many they are.
        data: Their bytes, with ``\n`` between them and not at the end.
    """

    first: int
    count: int
    data: bytes


class LineDigest:
    """What is noted of a line while it is passed over."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=DIGEST_BYTES)

    def update(self, data: bytes) -> None:
        """Take more bytes of the line."""
        self._hash.update(data)

    def hexdigest(self) -> str:
        """Return a digest of all of it."""
        return self._hash.hexdigest()


@dataclass(frozen=True, slots=True)
class LongLine:
    """A line longer than the limit.

    Attributes:
        number: Its number in the source, from 1.
        head: At least as many of its first bytes as the limit.
        digest: What was noted of all of it.
    """

    number: int
    head: bytes
    digest: LineDigest


@dataclass(frozen=True, slots=True)
class CutLine:
    """The last line, without its end, where that may still have come or been lost.

    Attributes:
        number: Its number in the source, from 1.
        data: Its bytes.
        reason: Why it cannot be believed.
    """

    number: int
    data: bytes
    reason: str


def long_line(number: int, data: bytes, digest: LineDigest | None = None) -> LongLine:
    """Return the `LongLine` of a line that is in memory."""
    digest = digest or LineDigest()
    digest.update(data)
    return LongLine(number, data, digest)


def long_row(line: LongLine, source_name: str, bytes_max: int) -> InvalidRow:
    """Return the `InvalidRow` of a line longer than ``bytes_max``."""
    return InvalidRow(
        shown_long(line.head, line.digest.hexdigest()),
        source_name,
        line.number,
        f"the line has more than {bytes_max:,} bytes",
    )


def lost_at(label: str, line: int, reason: str) -> SourceError:
    """Return the error of a source that cannot be followed from ``line`` on.

    Where one record ends and the next begins is not known any more, so what looks like a
    row further down may be text inside another one.
    """
    return SourceError(f"{label}, line {line}: {reason}; nothing from there on was read")


def not_utf8_row(data: bytes, source_name: str, line: int, exc: UnicodeDecodeError) -> InvalidRow:
    """Return the `InvalidRow` of a line that is not UTF-8."""
    return invalid_row(data, source_name, line, f"not UTF-8: byte {exc.start + 1} of the row")


def without_mark(pieces: Iterable[bytes], label: str) -> Iterator[bytes]:
    """Take a byte order mark off the start.

    Raises:
        SourceError: It begins like something that is no UTF-8 text.
    """
    pieces = iter(pieces)
    head = b""
    for piece in pieces:
        head += piece
        if not any(len(head) < len(m) and m.startswith(head) for m in (BOM, *_FOREIGN)):
            break
    for mark, what in _FOREIGN.items():
        if head.startswith(mark):
            raise SourceError(f"{label}: this is {what}")
    head = head.removeprefix(BOM)
    if head:
        yield head
    yield from pieces


def split_lines(
    pieces: Iterable[bytes],
    bytes_max: int,
    end_doubt: EndDoubt = at_rest,
    new_digest: Callable[[], LineDigest] = LineDigest,
) -> Iterator[Lines | LongLine | CutLine]:
    """Cut ``pieces`` into lines.

    Args:
        pieces: The bytes of the source.
        bytes_max: Longest line that must be held. A longer one that lies within one
            piece may still come as one of `Lines`: look at its length.
        end_doubt: Asked if the last line has no end.
        new_digest: Makes what notes a line that is too long.
    """
    number = 1
    held: list[bytes] = []  # The start of a line whose end has not come yet.
    held_bytes = 0
    passed: LongLine | None = None  # Set while the rest of a line too long is passed over.
    for piece in pieces:
        if passed is not None:
            end = piece.find(b"\n")
            passed.digest.update(piece if end < 0 else piece[:end])
            if end < 0:
                continue
            yield passed
            number += 1
            passed = None
            piece = piece[end + 1 :]
        end = piece.rfind(b"\n")
        if end >= 0:
            held.append(piece[:end])
            lines = _lines(number, held)
            yield lines
            number += lines.count
            held, held_bytes = [], 0
            piece = piece[end + 1 :]
        held.append(piece)
        held_bytes += len(piece)
        if held_bytes > bytes_max:
            passed = long_line(number, b"".join(held), new_digest())
            held, held_bytes = [], 0
    if passed is not None:
        yield passed
    elif held_bytes:
        reason = end_doubt()
        yield _lines(number, held) if reason is None else CutLine(number, b"".join(held), reason)


def _lines(first: int, parts: list[bytes]) -> Lines:
    data = parts[0] if len(parts) == 1 else b"".join(parts)
    return Lines(first, data.count(b"\n") + 1, data)
