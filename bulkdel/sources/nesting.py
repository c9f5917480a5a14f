"""Follow the quotes and brackets of a line that should be one JSON value.

JSON knows no line break inside a string, and JSON Lines none inside a row. A program that
writes one anyway (raw line breaks in strings, pretty printing) leaves a line whose record goes
on in the next ones; there, what looks like a row is text or a part of that record. Such a line
is not *closed*: a string or a bracket stays open, or one is closed that was never opened.

Only the structure is followed, in pieces of any size; the line is not parsed.
"""

from __future__ import annotations

import re
from typing import Final

_ESCAPED: Final = re.compile(rb"\\.", re.DOTALL).sub
_OPENING: Final = b"{["
_NO_BRACKETS: Final = bytes(sorted(set(range(256)) - set(b"{}[]")))


class Nesting:
    """Where a line stands after the bytes that it was given."""

    def __init__(self) -> None:
        self._in_string = False
        self._depth = 0
        self._depth_min = 0
        self._after_backslash = False

    @property
    def is_closed(self) -> bool:
        """Whether all that was opened is closed, and no more than that."""
        return not self._in_string and self._depth == self._depth_min == 0

    def update(self, data: bytes) -> None:
        """Take more bytes of the line."""
        if not data:
            return
        data = _ESCAPED(b"", data[self._after_backslash :])
        self._after_backslash = data.endswith(b"\\")
        for number, part in enumerate(data.split(b'"')):
            if number:
                self._in_string = not self._in_string
            if not self._in_string:
                self._follow(part.translate(None, _NO_BRACKETS))

    def _follow(self, brackets: bytes) -> None:
        for bracket in brackets:
            self._depth += 1 if bracket in _OPENING else -1
            self._depth_min = min(self._depth_min, self._depth)
