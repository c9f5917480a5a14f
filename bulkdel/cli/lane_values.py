"""``[LANE=]VALUE``: a setting for every lane, or for one of them.

What holds here, always:

1. A lane's own value counts before one for all; of several, the last one. What a configuration
   file says (`config_file`) counts where nothing was typed.
2. What stands before the first ``=`` is a lane only if it can be the name of one. Else it belongs
   to the value: URLs have ``=`` in them.
3. A wrong value is refused as the arguments are read, with its flag and what it may be.

Not here: whether the run has that lane, and which values are in range (`lanes`, `settings`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import click
from click.shell_completion import CompletionItem

from bulkdel.cli.completion import lane_names
from bulkdel.cli.fields import OwnType
from bulkdel.errors import ConfigError
from bulkdel.providers import PROVIDERS, find

_Value = TypeVar("_Value")
_Default = TypeVar("_Default")
_Value_co = TypeVar("_Value_co", covariant=True)


@dataclass(frozen=True, slots=True)
class ForLane(Generic[_Value_co]):
    """A value, and whose it is.

    Attributes:
        value: The value.
        lane: The lane's name; None for every lane that has no value of its own.
        in_file: It stands in the configuration file.
        text: As it was typed.
    """

    value: _Value_co
    lane: str | None = None
    in_file: bool = False
    text: str = field(default="", compare=False, repr=False)


class PerLane(OwnType, Generic[_Value]):
    """The click type of ``[LANE=]VALUE``.

    Args:
        word: How the help calls the value: ``N`` makes the metavar ``[LANE=]N``.
        read: Reads the value; a ValueError says what it must be.
    """

    def __init__(self, word: str, read: Callable[[str], _Value]) -> None:
        self.name = f"[LANE=]{word}"  # in upper case it is the metavar, in every click
        self.read_value = read

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> ForLane[_Value]:
        """Split off the lane and read the rest, or refuse it."""
        lane, equals, rest = value.partition("=")
        try:
            if equals and (is_lane(lane) or lane.partition(":")[0] in PROVIDERS):
                find(lane)  # says which resources there are
                return ForLane(self.read_value(rest), lane, text=value)
            return ForLane(self.read_value(value), text=value)
        except (ConfigError, ValueError) as exc:
            self.fail(str(exc), param, ctx)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Return the lanes that begin so, for ``LANE=``."""
        return [CompletionItem(f"{lane}=") for lane in lane_names() if lane.startswith(incomplete)]


def value_for(lane: str, given: Iterable[ForLane[_Value]], default: _Default) -> _Value | _Default:
    """Return the value that counts for a lane: what is typed counts before what a file says."""
    values = list(given)
    for in_file in (False, True):
        layer = [each for each in values if each.in_file is in_file]
        own = [each for each in layer if each.lane == lane]
        counting = own or [each for each in layer if each.lane is None]
        if counting:
            return counting[-1].value
    return default


def is_lane(name: str) -> bool:
    """Say whether this can be a lane's name."""
    try:
        find(name)
    except ConfigError:
        return False
    return True


def headers_for(lane: str, given: Iterable[ForLane[tuple[str, str]]]) -> dict[str, str]:
    """Return the headers of a lane: those for all lanes, over them its own; a file's are below."""
    return dict({name.lower(): (name, value) for name, value in _upward(lane, given)}.values())


def header(text: str) -> tuple[str, str]:
    """Read ``NAME: VALUE``.

    Raises:
        ValueError: It is no header. The value is not shown: it may be a secret.
    """
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not value.strip():
        raise ValueError("must be a header, as 'OpenAI-Project: proj_1'")
    return name.strip(), value.strip()


def params_for(lane: str, given: Iterable[ForLane[tuple[str, str]]]) -> dict[str, str]:
    """Return whose objects a lane deletes: what is said for all, over it its own; a file's is below."""
    return dict(_upward(lane, given))


def _upward(lane: str, given: Iterable[ForLane[_Value]]) -> Iterator[_Value]:
    """Yield the values for a lane; one that comes later counts before those before it."""
    mine = [each for each in given if each.lane in (None, lane)]
    mine.sort(key=lambda each: (not each.in_file, each.lane is not None))
    return (each.value for each in mine)


def param(text: str) -> tuple[str, str]:
    """Read ``NAME=ID``.

    Raises:
        ValueError: It is none.
    """
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise ValueError(f"must be a name and an ID, as vector_store_id=vs_1, not {text!r}")
    return name, value


def whole(text: str) -> int:
    """Read a whole number.

    Raises:
        ValueError: It is none.
    """
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"must be a whole number, not {text!r}") from None


def share(text: str) -> float:
    """Read ``N%``, or ``none``, as a share.

    Raises:
        ValueError: It is neither.
    """
    if text == "none":
        return 0.0
    number, percent, rest = text.partition("%")
    try:
        if percent and not rest:
            return float(number) / 100
    except ValueError:
        pass
    raise ValueError(f"must be a share like 10%, or 'none', not {text!r}")


def number_or(word: str) -> Callable[[str], float | None]:
    """Return a reader of numbers for which ``word`` is None."""

    def read(text: str) -> float | None:
        if text == word:
            return None
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"must be a number or {word!r}, not {text!r}") from None

    return read
