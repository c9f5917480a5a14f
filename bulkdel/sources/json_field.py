r"""A field of a JSON row, found by its name or by its path, and only if it is there once.

JSON lets an object name a field twice; programs then take the first, the last, or none. A row
that names two IDs says of neither that it is to be deleted. The parser that is fast keeps the
last one without a word, so a row is looked at once more where the name stands in it more than
once, or may stand in it with letters escaped (``"\u0069d"`` is ``"id"``).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Final

import orjson

MISSING: Final = object()

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_\-]+").fullmatch


class JsonField:
    """A field: ``name`` itself, or else, with dots in it, the path that it describes.

    Attributes:
        name: As the user gave it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._path = name.split(".")
        names = {name, *self._path}
        self._quoted = [orjson.dumps(each) for each in names]
        self._escaped = _escape_of_any(names)

    def of(self, row: dict[str, object]) -> object:
        """Return its value in ``row``, or `MISSING`."""
        value = row.get(self.name, MISSING)
        if value is not MISSING or len(self._path) == 1:
            return value
        value = row
        for step in self._path:
            if not isinstance(value, dict) or step not in value:
                return MISSING
            value = value[step]
        return value

    def may_come_twice(self, line: bytes) -> bool:
        """Say whether ``line`` needs to be asked `comes_twice`. A no is certain."""
        if any(line.count(quoted) > 1 for quoted in self._quoted):
            return True
        return b"\\" in line and self._escaped.search(line) is not None

    def comes_twice(self, line: bytes) -> bool:
        """Say whether an object on the way to the field names it, or the way, twice.

        Raises:
            RecursionError: The row is nested too deeply to look at.
        """
        row: object = _DECODER.decode(line.decode("utf-8"))
        if _is_twice(self.name, row):
            return True
        for step in self._path:
            if _is_twice(step, row):
                return True
            row = row.get(step) if isinstance(row, dict) else None
        return False


class _Doubled(dict[str, object]):
    """An object that names a field more than once; ``twice`` has those names."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        counts = Counter(name for name, _ in pairs)
        self.twice = {name for name, count in counts.items() if count > 1}


def _is_twice(name: str, value: object) -> bool:
    return isinstance(value, _Doubled) and name in value.twice


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Doubled(pairs)


# Numbers are left as they are written: of one with 5,000 digits Python would make an error.
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_int=str, parse_float=str)


def _escape_of_any(names: set[str]) -> re.Pattern[bytes]:
    """Return what finds an escape that could stand for a character of one of ``names``."""
    if not all(map(_PLAIN_NAME, {step for name in names for step in name.split(".")})):
        return re.compile(rb"\\")  # They may be escaped in other ways, too.
    codes = "|".join(sorted({f"{ord(char):04x}" for name in names for char in name}))
    return re.compile(rb"(?i)\\u(?:" + codes.encode() + rb")")
