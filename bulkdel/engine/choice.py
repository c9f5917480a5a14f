"""Choose objects of a list: by age, and by the values of their fields. Pure.

    parse_age("30d"), parse_date("2026-01-31"), parse_where("purpose=batch") --> Choice.fits(object)

What holds here, always: an object whose time or field is not known fits no condition on it. What
is not known to be old is not deleted for its age.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bulkdel.errors import ConfigError
from bulkdel.providers.listing import Listed, seconds

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_AGE: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])").fullmatch
_WHERE: Final = re.compile(r"([\w.\-]+)(!=|=|<|>|~)(.*)", re.DOTALL).fullmatch


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on a field.

    Attributes:
        field: Its name; ``a.b`` is the field ``b`` of ``a``.
        relation: ``=``, ``!=``, ``<``, ``>``, or ``~``: has it in it.
        value: What it is compared with; numbers as numbers.
    """

    field: str
    relation: str
    value: str

    def fits(self, each: Listed) -> bool:
        """Say whether an object fits."""
        held: object = each.fields
        for part in self.field.split("."):
            held = held.get(part) if isinstance(held, dict) else None
        if held is None:
            return False
        if self.relation in "<>":
            return self._compares(held)
        text = str(held).lower() if isinstance(held, bool) else str(held)
        if self.relation == "~":
            return self.value in text
        return (text == self.value) is (self.relation == "=")

    def _compares(self, held: object) -> bool:
        try:
            number, value = float(str(held)), float(self.value)
        except ValueError:
            return False
        return number < value if self.relation == "<" else number > value


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which objects are wanted.

    Attributes:
        before_s: Made before this time, in seconds since 1970; None for any.
        since_s: Made then or later.
        where: What their fields must be, all of it.
    """

    before_s: float | None = None
    since_s: float | None = None
    where: Sequence[Where] = ()

    def fits(self, each: Listed) -> bool:
        """Say whether an object is wanted."""
        made_s = each.created_s
        if self.before_s is not None and not (made_s is not None and made_s < self.before_s):
            return False
        if self.since_s is not None and not (made_s is not None and made_s >= self.since_s):
            return False
        return all(one.fits(each) for one in self.where)


def parse_age(text: str) -> float:
    """Read a time span like ``30d``, ``12h``, ``2w`` into seconds.

    Raises:
        ConfigError: It is none.
    """
    match = _AGE(text.strip())
    if match is None:
        raise ConfigError(f"an age is a number and a unit, as 30d, 12h or 2w, not {text!r}")
    return float(match[1]) * _UNITS[match[2]]


def parse_date(text: str) -> float:
    """Read a date, or a date and time, into seconds since 1970; in UTC unless it says otherwise.

    Raises:
        ConfigError: It is none.
    """
    moment_s = seconds(text.strip())
    if moment_s is None:
        raise ConfigError(f"a date is written 2026-01-31 or 2026-01-31T12:00:00Z, not {text!r}")
    return moment_s


def parse_where(text: str) -> Where:
    """Read ``field=value``, with ``!=``, ``<``, ``>`` or ``~`` (has it in it) for ``=``.

    Raises:
        ConfigError: It is not of that form.
    """
    match = _WHERE(text)
    if match is None:
        raise ConfigError(
            f"a condition is written field=value, with !=, <, > or ~ for =, not {text!r}"
        )
    return Where(*match.groups())
