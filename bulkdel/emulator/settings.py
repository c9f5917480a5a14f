"""What an emulator serves: one account at each provider, its limit and its faults."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from bulkdel.emulator.ark import ARK
from bulkdel.emulator.dialects import Dialect
from bulkdel.emulator.faults import FaultRule
from bulkdel.emulator.fireworks import FIREWORKS
from bulkdel.emulator.limits import Limit
from bulkdel.emulator.litellm import LITELLM
from bulkdel.emulator.objects import COLLECTIONS, listed_responses
from bulkdel.emulator.openai import OPENAI
from bulkdel.errors import ConfigError

DIALECTS: Final[Mapping[str, Dialect]] = {
    dialect.name: dialect
    for dialect in (ARK, listed_responses(FIREWORKS), OPENAI, LITELLM, *COLLECTIONS)
}
"""What can be emulated, by the name of its lane: a bare provider's are its responses."""

RetryAfter = Literal["seconds", "date", "ms"]
"""How a refusal says when to come back: ``Retry-After`` in whole seconds or as an HTTP
date (whole seconds too), or ``retry-after-ms``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """One account at one provider.

    Attributes:
        ids: The objects it holds at the start.
        key: Its key; with any other one a request is answered 401.
        limit: Limit on its deletions, or None. The emulator works on a copy.
        in_flight_max: Most deletions it carries out at once, or None; those above it are
            refused. Refused ones hold no place.
        retry_after: How a refusal says when to come back; None for not at all.
        latency_s: Seconds from the request to every answer. Whether it is refused is
            decided when it arrives, the deletion happens just before the answer.
        faults: What goes wrong; see `faults`.
        missing: What it says of an object that does not exist, ``{id}`` in the ID's place,
            instead of the words that are known of its provider.

    Raises:
        ConfigError: A value is out of range.
    """

    ids: Sequence[str] = field(default=(), repr=False)
    key: str = field(default="test-key", repr=False)
    limit: Limit | None = None
    in_flight_max: int | None = None
    retry_after: RetryAfter | None = None
    latency_s: float = 0.0
    faults: Sequence[FaultRule] = ()
    missing: str | None = None

    def __post_init__(self) -> None:
        if not self.key:
            raise ConfigError("the key of an emulated account must not be empty")
        if not (math.isfinite(self.latency_s) and self.latency_s >= 0):
            raise ConfigError(f"latency_s must be >= 0, not {self.latency_s}")
        if self.in_flight_max is not None and self.in_flight_max < 1:
            raise ConfigError(f"in_flight_max must be >= 1, not {self.in_flight_max}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSettings:
    """What one emulator serves.

    Attributes:
        accounts: Settings by name of the provider; a provider without has an empty account.
        seed: Seed of the faults' dice.

    Raises:
        ConfigError: No such provider.
    """

    accounts: Mapping[str, AccountSettings] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in self.accounts:
            if name not in DIALECTS:
                raise ConfigError(f"no provider {name!r}; there are {', '.join(DIALECTS)}")
