"""A table of a TOML file: its values by type, and errors that say where they are.

    Table.text("base_url")  -->  the text, or: bulkdel.toml, line 4: [providers.acme] base_url …

Python's reader of TOML keeps no lines, so the line of a key is searched for when something is wrong with it;
where it cannot be told, it is left out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from bulkdel.errors import ConfigError

_HEAD: Final = re.compile(r"\s*(\[[^\[\]]+\])\s*(?:#.*)?$").match
_KEY: Final = re.compile(
    r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*="
).match
_MISSING: Final = object()


class Table:
    """One table, and where it stands.

    Keys are read with ``-`` and ``_`` alike: flags are written with the one, fields with the other.
    """

    def __init__(
        self, file: str, text: str, values: Mapping[str, Any], path: tuple[str, ...]
    ) -> None:
        self._file, self._text, self._path = file, text, path
        self._names = {name.replace("-", "_"): name for name in values}
        self._values = values

    @classmethod
    def read(cls, file: str, text: str) -> Table:
        """Read a whole file.

        Raises:
            ConfigError: It is not TOML.
        """
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as exc:
            raise ConfigError(f"{file}: {exc}") from exc
        return cls(file, text, values, ())

    def __contains__(self, key: str) -> bool:
        return key in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def _get(self, key: str) -> Any:
        name = self._names.get(key, key)
        return self._values.get(name, _MISSING)

    def check_keys(self, known: Iterable[str]) -> None:
        """Refuse a key that is not known: what is forgotten in silence may have been a limit."""
        names = list(known)
        for key, name in self._names.items():
            if key not in names:
                close = get_close_matches(key, names, n=1)
                hint = f" Did you mean {close[0]}?" if close else ""
                raise self.wrong(
                    name, f"there is no such key; known are: {', '.join(names)}.{hint}"
                )

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; without a default it must be there."""
        value = self._get(key)
        if value is _MISSING and default is not None:
            return default
        if not isinstance(value, str) or (not value and default is None):
            raise self.wrong(key, 'it must be a text, as "…"' + self._not(value))
        return value

    def scalar(self, key: str) -> str:
        """Return a text or a number as it would be typed."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise self.wrong(key, "it must be a text or a number" + self._not(value))
        return str(value)

    def scalars(self, key: str) -> list[str]:
        """Return several of them, or one, as they would be typed."""
        value = self._get(key)
        if not isinstance(value, list):
            return [self.scalar(key)]
        if any(isinstance(each, bool) or not isinstance(each, (str, int, float)) for each in value):
            raise self.wrong(key, "it must be a list of texts or numbers")
        return [str(each) for each in value]

    def texts(self, key: str) -> list[str]:
        """Return a list of texts; none if it is not there."""
        value = self._get(key)
        if value is _MISSING:
            return []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.wrong(key, 'it must be a list of texts, as ["…"]' + self._not(value))
        return value

    def number(self, key: str, default: float | None = None) -> float | None:
        """Return a number, or the default."""
        value = self._get(key)
        if value is _MISSING:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.wrong(key, "it must be a number" + self._not(value))
        return float(value)

    def whole(self, key: str, default: int, most: int) -> int:
        """Return a whole number from 1 to ``most``, or the default."""
        value = self._get(key)
        if value is _MISSING:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise self.wrong(
                key, f"it must be a whole number from 1 to {most:,}" + self._not(value)
            )
        return value

    def flag(self, key: str) -> bool:
        """Return true or false."""
        value = self._get(key)
        if not isinstance(value, bool):
            raise self.wrong(key, "it must be true or false" + self._not(value))
        return value

    def values(self, key: str) -> dict[str, object]:
        """Return a table as it is."""
        self.table(key)
        found: dict[str, object] = self._get(key)
        return found

    def is_table(self, key: str) -> bool:
        """Say whether a key has a table."""
        return isinstance(self._get(key), dict)

    def table(self, key: str) -> Table:
        """Return the table of a key."""
        value = self._get(key)
        if not isinstance(value, dict):
            raise self.wrong(key, f"it must be a table, as [{'.'.join([*self._path, key])}]")
        return Table(self._file, self._text, value, (*self._path, self._names.get(key, key)))

    def tables(self, key: str) -> list[Table]:
        """Return a list of tables; none if it is not there."""
        value = self._get(key)
        if value is _MISSING:
            return []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.wrong(key, 'it must be a list of tables, as [{ text = "…" }]')
        path = (*self._path, self._names[key])
        return [Table(self._file, self._text, each, path) for each in value]

    def tables_in(self, key: str) -> list[tuple[str, Table]]:
        """Return the tables in the table of a key, by their names; none if it is not there."""
        if key not in self:
            return []
        table = self.table(key)
        return [(name, table.table(name)) for name in table]

    def where(self, key: str) -> str | None:
        """Return where a key stands, for people; None if it does not."""
        if key not in self:
            return None
        path = (*self._path, self._names[key])
        line = _line(self._text, path)
        return f"{self._file}{'' if line is None else f', line {line}'}: [{'.'.join(self._path)}] {path[-1]}"

    def wrong(self, key: str | None, why: str) -> ConfigError:
        """Return the error for a key, or for the table itself."""
        path = self._path if key is None else (*self._path, self._names.get(key, key))
        line = _line(self._text, path)
        where = f"{self._file}{'' if line is None else f', line {line}'}"
        table = f"[{'.'.join(self._path)}] " if self._path else ""
        return ConfigError(
            f"{where}: {table}{path[-1] if key is not None else ''}: {why}".replace(" :", ":")
        )

    @staticmethod
    def _not(value: object) -> str:
        """Return what it is instead. A text is not shown: it may be a key in the wrong place."""
        if value is _MISSING:
            return "; it is missing"
        return "" if isinstance(value, str) else f", not {type(value).__name__}"


def _line(text: str, path: tuple[str, ...]) -> int | None:
    """Return the line where a key or a table is, if it can be told; the first is 1."""
    head: tuple[str, ...] = ()
    nearest = None
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _HEAD(line):
            head = _keys(found[1])
        elif found := _KEY(line):
            whole = (*head, *_keys(f"{found[1]} = 0"))
            if whole[: len(path)] == path:
                return number
            if path[: len(whole)] == whole:  # an inline table that has it
                nearest = number
            continue
        else:
            continue
        if head == path or (nearest is None and head and head == path[: len(head)]):
            nearest = number
            if head == path:
                return number
    return nearest


def _keys(text: str) -> tuple[str, ...]:
    """Return the keys of a line, as ``[a."b.c"]`` or ``a.b = 0``."""
    try:
        values: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ()
    found = []
    while isinstance(values, dict) and values:
        name, values = next(iter(values.items()))
        found.append(name)
    return tuple(found)
