"""JSON: one array, whose elements are the rows.

    bytes --> Elements --> one element, with the line where it begins

An element is cut out by its quotes and brackets alone, and read only when it is whole, so that
memory stays flat however long the array is. What holds here, always:

1. Where anything is not as it should be, the source ends: an element that is not JSON, another
   character between two than one comma, one over 1 MiB, an array that is not closed. In JSON
   Lines a line break ends a row whatever is wrong with it; here nothing does, and what looks
   like the next element may be text inside this one.
2. Elements that stand before are whole, and are given first.

Not here: what a row is (`jsonl`).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from typing import Final, TypeVar

from bulkdel.errors import SourceError
from bulkdel.sources.lines import lost_at

ELEMENT_BYTES_MAX: Final = 1024 * 1024
"""A longer one is a bracket or a quote that is not closed, far more often than a row."""

_SPACE: Final = b" \t\r\n"
_NOT_SPACE: Final = re.compile(rb"[^ \t\r\n]")
_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],"]', re.DOTALL)
"""A whole string, what gives a value its structure, or the quote of a string not whole yet."""

_T = TypeVar("_T")
_Steps = Generator[tuple[int, bytes] | None, None, _T]


class Elements:
    """The elements of one array.

    Args:
        pieces: The bytes, from their beginning.
        label: Name of the source, for messages.
    """

    def __init__(self, pieces: Iterable[bytes], label: str) -> None:
        self._pieces = iter(pieces)
        self._label = label
        self._held = b""
        self._at = 0
        self._line = 1

    def __iter__(self) -> Iterator[tuple[int, bytes] | None]:
        """Yield each element with the line where it begins; None before more must be read.

        Raises:
            SourceError: It cannot be told where an element ends, or whether there are more.
        """
        yield from self._skip(b"[")
        if (yield from self._next()) != b"]":
            yield from self._one()
            while (yield from self._next()) == b",":
                yield from self._skip(b",")
                yield from self._one()
        yield from self._skip(b"]")
        if (yield from self._next()):
            raise self._lost("something follows after the end of the array")

    def _one(self) -> _Steps[None]:
        """Yield the next element."""
        yield from self._next()
        depth, scan = 0, self._at
        while True:
            for token in _TOKENS.finditer(self._held, scan):
                word, scan = token.group(), token.end()
                if word == b'"':
                    scan = token.start()
                    break
                if depth == 0 and word in (b",", b"]", b"}"):  # what comes after it
                    self._check_length(token.start())
                    yield self._line, self._take(token.start()).rstrip(_SPACE)
                    return
                depth += (word in (b"{", b"[")) - (word in (b"}", b"]"))
            else:
                scan = len(self._held)
            self._check_length(len(self._held))
            scan -= self._at  # what is held will begin here
            yield None
            if not self._more():
                raise self._lost("the array is not closed where the source ends")

    def _check_length(self, end: int) -> None:
        """Refuse an element that reaches to ``end`` or beyond, however its bytes have come."""
        if end - self._at > ELEMENT_BYTES_MAX:
            raise self._lost(
                f"an element has more than {ELEMENT_BYTES_MAX:,} bytes"
                " (is a quote or a bracket not closed?)"
            )

    def _next(self) -> _Steps[bytes]:
        """Skip what is blank; return the next character without taking it, none at the end."""
        while True:
            found = _NOT_SPACE.search(self._held, self._at)
            self._take(len(self._held) if found is None else found.start())
            if found is not None:
                return found.group()
            yield None
            if not self._more():
                return b""

    def _skip(self, char: bytes) -> _Steps[None]:
        found = yield from self._next()
        if found != char:
            what = repr(found.decode("utf-8", "backslashreplace")) if found else "the end"
            raise self._lost(f"{what} where {char.decode()!r} should be")
        self._at += 1

    def _take(self, end: int) -> bytes:
        taken = self._held[self._at : end]
        self._line += taken.count(b"\n")
        self._at = end
        return taken

    def _more(self) -> bool:
        piece = next(self._pieces, None)
        self._held = self._held[self._at :] + (piece or b"")
        self._at = 0
        return piece is not None

    def _lost(self, reason: str) -> SourceError:
        return lost_at(self._label, self._line, reason)
