"""A key that nothing shows, and that is hidden in whatever others say.

    Secret("sk-…")  ──reveal──> the request head, and nowhere else
                    ──hide──> a text without any part of it: before the text is cut or split

What holds here, always:

1. No way to print, format, copy or store it shows the key. `reveal` is the only way to it.
2. In a text that `hide` returns no `RUN` characters of the key stand in a row, in any case: not as
   they are, nor percent-encoded, with JSON's or HTML's escapes, in base64 or in hexadecimal digits.

A part that is shorter can stand there: who cuts a key into parts of seven can show it.

Not here: which texts there are. Answers are freed of it before they are read (`models`).
"""

from __future__ import annotations

import base64
import hmac
import html
import re
from collections.abc import Callable
from typing import Final, NoReturn

RUN: Final = 8
"""Characters of a key in a row that are hidden. Fewer stand in other words by chance."""
_SHORT: Final = 4
"""A key with fewer characters than `RUN`, but so many, is hidden as a whole."""
_HINT: Final = 4
"""Characters that are looked for first: one part in each run, so that few need be looked for."""
_RUN_64: Final = 9
"""Characters of base64 that are the same whatever stands around a run: at least so many."""
_HIDDEN: Final = "[hidden]"
_UNIT: Final = re.compile(
    r"%[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[\"/\\']|&#?\w{1,8};|.", re.DOTALL
)
"""One character as it may be written."""
_CHAR: Final = re.compile(r".", re.DOTALL)
_COVERED: Final = re.compile(rb"\x01+")
_ESCAPE: Final = re.compile(r"[%\\&]")


class Secret:
    """A key.

    Args:
        text: The key itself.
    """

    __slots__ = ("_hints", "_parts", "_reveal")

    def __init__(self, text: str) -> None:
        self._reveal: Callable[[], str] = lambda: text
        self._parts, self._hints = _parts_of(text)

    def reveal(self) -> str:
        """Return the key."""
        return self._reveal()

    def hide(self, text: str) -> str:
        """Return a text without any part of the key."""
        if not self._may_be_in(text):
            return text
        covered = bytearray(len(text))
        for units in (_UNIT.finditer(text), _CHAR.finditer(text)):  # a key may look like escapes
            self._cover(covered, [(one.start(), one.end(), _meant(one.group())) for one in units])
        return _without(text, covered)

    def _cover(self, covered: bytearray, units: list[tuple[int, int, str]]) -> None:
        """Mark what is a part of the key in a text: start, end and meaning of its characters."""
        plain = "".join(char for _, _, char in units)
        for size, parts in self._parts.items():
            for at in range(len(plain) - size + 1):
                if plain[at : at + size] in parts:
                    start, end = units[at][0], units[at + size - 1][1]
                    covered[start:end] = b"\1" * (end - start)

    def _may_be_in(self, text: str) -> bool:
        """Say quickly whether there may be a part of it: in nearly every text there is none."""
        lower = text.lower()
        if any(hint in lower for hint in self._hints):
            return True
        if _ESCAPE.search(text) is None:
            return False
        plain = _UNIT.sub(lambda match: _meant(match.group()), text)
        return any(hint in plain for hint in self._hints)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Secret, str)):
            return NotImplemented
        text = other.reveal() if isinstance(other, Secret) else other
        return hmac.compare_digest(self.reveal().encode(), text.encode())

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __repr__(self) -> str:
        return "Secret([hidden])"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not to be stored")


def _parts_of(text: str) -> tuple[dict[int, frozenset[str]], tuple[str, ...]]:
    """Return what is hidden, by length, and what is looked for first, both in lower case."""
    size = min(RUN, len(text))
    if size < _SHORT:
        return {}, ()
    data = text.encode()
    # What stands before it shifts the groups of three bytes; what depends on that is left out.
    in_64 = [base64.b64encode(bytes(shift) + data).decode()[shift + 1 :] for shift in range(3)]
    in_64 = [part.rstrip("=")[:-1] for part in in_64]
    in_64 += [part.translate(str.maketrans("+/", "-_")) for part in in_64 if set("+/") & set(part)]
    size_64 = min(_RUN_64, *map(len, in_64))
    ways = [(size, [text]), (size_64, in_64), (2 * size, [data.hex()])]
    parts: dict[int, frozenset[str]] = {}
    hints: dict[str, None] = {}
    for run, forms in ways:
        lower = [form.lower() for form in forms]
        cut = {form[at : at + run] for form in lower for at in range(len(form) - run + 1)}
        parts[run] = parts.get(run, frozenset()) | cut
        step = run - _HINT + 1
        hints |= {
            form[at : at + _HINT]: None
            for form in lower
            for at in range(0, len(form) - _HINT + 1, step)
        }
    return parts, tuple(hints)


def _meant(unit: str) -> str:
    """Return the character that is written so, in lower case."""
    if len(unit) == 1:
        char = unit
    elif unit[0] == "&":
        char = html.unescape(unit)
    elif unit[0] == "%" or unit[1] in "ux":
        char = chr(int(unit[1:] if unit[0] == "%" else unit[2:], 16))
    else:
        char = unit[1]
    lower = char.lower()
    return lower if len(lower) == 1 else "\ufffd"


def _without(text: str, covered: bytearray) -> str:
    """Return a text with a mark in place of each row of characters that are covered."""
    pieces, at = list[str](), 0
    for row in _COVERED.finditer(covered):
        pieces += [text[at : row.start()], _HIDDEN]
        at = row.end()
    return "".join([*pieces, text[at:]])
