"""What a pace found out about a provider's limit: for the log, for people, for the next run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any, Final

_WORDS: Final = ("queues", "unlimited")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitEstimate:
    """A limit as far as it was found. A field that was not found is None.

    Attributes:
        rate: Requests per second that were taken without refusals, about.
        burst: Requests that were taken at once above that rate, about.
        window_s: Length of a fixed window, in seconds.
        in_flight_max: Most requests in flight that were taken, where that is the limit.
        latency_s: Median answer time of the provider when idle.
        queues: It lets requests wait in line instead of refusing them.
        unlimited: Nothing was refused up to ``rate``.
    """

    rate: float | None = None
    burst: float | None = None
    window_s: float | None = None
    in_flight_max: int | None = None
    latency_s: float | None = None
    queues: bool = False
    unlimited: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the fields that were found, rounded, for a JSON object."""
        found = {name: value for name, value in asdict(self).items() if value}
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in found.items()}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> LimitEstimate:
        """Read what `to_json` wrote. Unknown, missing and senseless fields are left out."""
        values = {
            field.name: found[field.name]
            for field in fields(cls)
            if field.name not in _WORDS and _above_zero(found.get(field.name))
        }
        if "in_flight_max" in values:
            values["in_flight_max"] = max(1, int(values["in_flight_max"]))
        return cls(**values, **{name: True for name in _WORDS if found.get(name) is True})

    def describe(self) -> str:
        """Say in a few words which limit it is."""
        if self.in_flight_max is not None:
            return f"{self.in_flight_max} in flight"
        if self.rate is None:
            return "no limit found"
        rate = f"{self.rate:.3g}" if self.rate < 1000 else f"{self.rate:.0f}"
        if self.unlimited:
            return f"no limit found up to {rate}/s"
        if self.queues:
            return f"latency knee at about {rate}/s"
        if self.window_s is not None:
            return f"window of about {self.rate * self.window_s:.0f} per {self.window_s:.0f} s"
        if self.burst is not None:
            return f"token bucket about {rate}/s, burst about {self.burst:.0f}"
        return f"about {rate}/s"


def _above_zero(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isfinite(value) and value > 0
