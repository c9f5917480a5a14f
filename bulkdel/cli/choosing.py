"""The flags that choose objects of a list, and the choice that they make.

Not here: what fits (`engine.choice`), listing (`list_job`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import click

from bulkdel.cli.fields import optional, repeated
from bulkdel.engine.choice import Choice, parse_age, parse_date, parse_where
from bulkdel.errors import ConfigError
from bulkdel.settings import Lane

if TYPE_CHECKING:
    from bulkdel.cli.delete_options import DeleteOptions


def older_than(where: str = "") -> str | None:
    """Declare ``--older-than``; ``where`` says where it counts."""
    text = f"{where}Made longer ago: 30d, 12h, 2w."
    return optional("--older-than", metavar="AGE", kind=click.STRING, help=text)


def newer_than(where: str = "") -> str | None:
    """Declare ``--newer-than``."""
    text = f"{where}Made since then."
    return optional("--newer-than", metavar="AGE", kind=click.STRING, help=text)


def before(where: str = "") -> str | None:
    """Declare ``--before``."""
    text = f"{where}Made before: 2026-01-31, in UTC."
    return optional("--before", metavar="DATE", kind=click.STRING, help=text)


def conditions(where: str = "") -> tuple[str, ...]:
    """Declare ``--where``."""
    text = f"{where}Only with this value in a field; also !=, <, > and ~ (has it in it)."
    return repeated("--where", metavar="FIELD=VALUE", kind=click.STRING, help=text)


def limit(where: str = "") -> int | None:
    """Declare ``--limit``."""
    text = f"{where}End after so many."
    return optional("--limit", metavar="N", kind=click.IntRange(1), help=text)


class Choosing(Protocol):
    """Options with these flags."""

    @property
    def older_than(self) -> str | None:
        """The age from which on."""
        ...

    @property
    def newer_than(self) -> str | None:
        """The age up to which."""
        ...

    @property
    def before(self) -> str | None:
        """The date before which they were made."""
        ...

    @property
    def where(self) -> tuple[str, ...]:
        """Conditions on fields."""
        ...

    @property
    def limit(self) -> int | None:
        """Most of them."""
        ...


def choice_of(options: Choosing, now_s: float) -> Choice:
    """Return what is wanted, with ages as of ``now_s``.

    Raises:
        ConfigError: An age, a date or a condition cannot be read.
    """
    befores = []
    if options.older_than is not None:
        befores.append(now_s - parse_age(options.older_than))
    if options.before is not None:
        befores.append(parse_date(options.before))
    return Choice(
        before_s=min(befores, default=None),
        since_s=None if options.newer_than is None else now_s - parse_age(options.newer_than),
        where=[parse_where(text) for text in options.where],
    )


def choice_by_id(options: DeleteOptions, lanes: Sequence[Lane], now_s: float) -> Choice | None:
    """Return which IDs of sources are wanted by what they say of their age; None: all of them.

    Raises:
        ConfigError: An age or a date cannot be read, or the IDs of a lane never say theirs.
    """
    ages = (options.older_than, options.newer_than, options.before)
    if options.from_list is not None or all(age is None for age in ages):
        return None
    if options.ray is not None:
        raise ConfigError("--older-than, --newer-than and --before are not possible with --ray")
    for lane in lanes:
        if lane.resource.born is None:
            raise ConfigError(
                f"lane {lane.name}: its IDs do not say how old they are, so nothing can be chosen"
                " by age; where it can be listed, --from-list chooses by the provider's own time"
            )
    return choice_of(options, now_s)


def words_of(options: Choosing) -> list[str]:
    """Return the choice as it is typed: it must be the same where a list is gone on with."""
    given = {
        "--older-than": options.older_than,
        "--newer-than": options.newer_than,
        "--before": options.before,
        "--limit": options.limit,
    }
    words = [f"{flag} {value}" for flag, value in given.items() if value is not None]
    return words + [f"--where {text}" for text in options.where]
