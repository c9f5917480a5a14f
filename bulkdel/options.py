"""What the library takes beside the IDs, checked before anything is done.

    Options --checked--> Given    every option there, with what counts for those not given

An option that nobody knows, or of another type, is refused with what to give: what is lost in
silence may have been a limit. A key is never shown.

Not here: whether the values are in range (`settings`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import Final, TypedDict, cast

from bulkdel.engine.edge import Edge
from bulkdel.errors import ConfigError
from bulkdel.providers import Provider
from bulkdel.secret import Secret
from bulkdel.settings import DEFAULT_DURABILITY, DEFAULT_OUTAGE_LIMIT_S, Lane


class Options(TypedDict, total=False):
    """What `delete_ids` and `open_deletion` take beside the IDs.

    Attributes:
        provider: Name of the provider, and after a colon of what is deleted there unless it is
            responses: ``ark``, ``fireworks``, ``openai:responses``.
        api_key: The account's key.
        any_id: Send also what does not look like an ID of the provider (`Lane.any_id`).
        lane: Instead of ``provider``, ``api_key`` and ``any_id``: all settings of the account.
        lanes: Instead of ``lane``, for several accounts: then the IDs are a mapping, from the name
            of each lane to its IDs.
        log: Path of the result log; an existing one is resumed. Without one, nothing can
            be resumed.
        done_logs: Other result logs, also compressed ones: what is done there is skipped.
        durability: When log lines are forced to the disk: ``full``, ``normal`` (default)
            or ``off``.
        seal: Seal the log by SHA-256 as it is written; see ``bulkdel check``.
        max_delete: Stop before deletion N + 1, counted over the whole log.
        max_failures: Stop when more than so many IDs failed; a count, or a share like "2%".
        retry_failed: Try again the IDs that the log says failed for good.
        retry_gone: Ask again for the IDs that the log says are gone.
        allow_gone: Believe that what the provider calls gone is gone, however many.
        wait_long: Wait as long as the provider asks, however long.
        outage_limit_s: Seconds of outage after which it stops; 600 by default.
        max_duration_s: Seconds after which it takes no more IDs, and finishes what is in flight.
        edge: For tests: fakes of the network, the disk and the clock.
    """

    provider: str
    api_key: str | Secret
    any_id: bool
    lane: Lane
    lanes: Sequence[Lane]
    log: str | PathLike[str]
    done_logs: Sequence[Path]
    durability: str
    seal: bool
    max_delete: int
    max_failures: int | str
    retry_failed: bool
    retry_gone: bool
    allow_gone: bool
    wait_long: bool
    outage_limit_s: float
    max_duration_s: float
    edge: Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """`Options` with what counts for those that are not given."""

    provider: str | None = None
    api_key: str | Secret | None = field(default=None, repr=False)
    any_id: bool | None = None
    lane: Lane | None = None
    lanes: Sequence[Lane] | None = None
    log: str | PathLike[str] | None = None
    done_logs: Sequence[Path] = ()
    durability: str = DEFAULT_DURABILITY
    seal: bool = False
    max_delete: int | None = None
    max_failures: int | str | None = None
    retry_failed: bool = False
    retry_gone: bool = False
    allow_gone: bool = False
    wait_long: bool = False
    outage_limit_s: float = DEFAULT_OUTAGE_LIMIT_S
    max_duration_s: float | None = None
    edge: Edge | None = None


def hide_key(options: Options) -> None:
    """Put the key into what shows nothing of it: tracebacks show the variables of a frame."""
    if isinstance(key := options.get("api_key"), str):
        options["api_key"] = Secret(key)


def checked(options: Options) -> Given:
    """Return the options with those that were not given.

    Raises:
        ConfigError: One is not known, or of another type; with what to give.
    """
    _check_names(options)
    _check_types(options)
    return Given(**options)


def _check_names(options: Mapping[str, object]) -> None:
    """Refuse an option that nobody knows: what is lost in silence may have been a limit."""
    known = [each.name for each in fields(Given)]
    of_lane = [each.name for each in fields(Lane)]
    for name in options:
        if name in known:
            continue
        if name in of_lane:
            raise ConfigError(
                f"{name} is a setting of a lane: give"
                f" lane=bulkdel.Lane(provider=..., api_key=..., {name}=...)"
            )
        close = get_close_matches(name, [*known, *of_lane], n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ConfigError(f"there is no option {name!r}{hint} (options: {', '.join(known)})")


def _check_types(options: Mapping[str, object]) -> None:
    """Refuse what is of another type than `Options` says, in words that say what to give.

    A key is never shown.
    """
    if isinstance(options.get("provider"), Provider):
        raise ConfigError(
            'provider takes a name, as provider="ark"; an object goes into'
            " lane=bulkdel.Lane(provider=..., api_key=...)"
        )
    for name, value in options.items():
        types, words = _TYPES[name]
        fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
        if not fits or (name in _OF_SEVERAL and isinstance(value, str)):
            raise ConfigError(f"{name} must be {words}, not {type(value).__name__}")
    for name, (kinds, words) in _OF_SEVERAL.items():
        for each in cast("Sequence[object]", options.get(name) or ()):
            if not isinstance(each, kinds):
                raise ConfigError(f"{name} must be {words}; one is {type(each).__name__}")


_FLAG: Final = ((bool,), "True or False")
_ONE_PATH: Final = (str, PathLike)
_LANES: Final = "a list of bulkdel.Lane objects"
_PATHS: Final = "a list of paths"

_TYPES: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "provider": ((str,), "a name"),
    "api_key": ((str, Secret), "a text"),
    "any_id": _FLAG,
    "lane": ((Lane, NoneType), "a bulkdel.Lane"),
    "lanes": ((Sequence, NoneType), _LANES),
    "log": ((*_ONE_PATH, NoneType), "a path"),
    "done_logs": ((Sequence,), _PATHS),
    "durability": ((str,), "full, normal or off"),
    "seal": _FLAG,
    "max_delete": ((int, NoneType), "a whole number"),
    "max_failures": ((int, str, NoneType), 'a whole number, or a share like "2%"'),
    "retry_failed": _FLAG,
    "retry_gone": _FLAG,
    "allow_gone": _FLAG,
    "wait_long": _FLAG,
    "outage_limit_s": ((int, float), "a number of seconds"),
    "max_duration_s": ((int, float, NoneType), "a number of seconds"),
    "edge": ((Edge, NoneType), "an Edge"),
}
"""What each option is. None is the same as not given, where it says nothing else: no limit, no log."""

_OF_SEVERAL: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "lanes": ((Lane,), _LANES),
    "done_logs": (_ONE_PATH, _PATHS),
}
"""Of those that are several, what each one is."""
