"""How fast the rate grows while nothing is refused. Pure functions.

Up-down weighting sets the speed: if each acceptance raises the rate by ``STEP * share``
and each refusal lowers it by ``STEP``, refusals settle at ``share`` of all requests,
whatever the limit is (a weighted staircase, Kaernbach 1991).

When refusals stay away for longer than that explains, the limit may have risen. Growth
then doubles, but not beyond what a refusal may cost: what goes out above the limit
within the time that a reaction takes is refused.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

STEP: Final = 0.01
"""A refusal lowers the rate by this share."""
REFUSED_SHARE: Final = 0.005
"""The share of refusals to settle at; 1 % is the most we allow ourselves."""
_SPEED_MAX: Final = 0.1
_SPEED_MAX_SHORT: Final = 0.015
"""In short windows all that is above the limit for a second is refused."""
_SPEED_UNKNOWN: Final = 0.015
_UNKNOWN_STEP: Final = 0.001
"""While no limit is known: a second, and for each request."""
_QUIET: Final = 1.1
"""So many usual intervals without a refusal, and the limit may have risen. With 1.5 a rise
costs a second more to find; with 1.0 false alarms take refusals at 0.5 s round trips to 1 %."""
_DOUBLINGS: Final = 6.0
"""Growth doubles so often per usual interval from then on; `spare` bounds what it risks."""
_REACTION_S: Final = 0.05
PATIENCE_S: Final = 14.0
"""After so long without a refusal the rate grows whatever is known, and ever faster."""
_PATIENT_SPEED: Final = 0.12
_FASTER_S: Final = 6.0
_MOST_SPEED: Final = 0.7
"""With these three the rate has doubled 20 s after the last refusal, and is a hundred times
as high after 33 s; more than a doubling a second could not be followed by answers."""
_APPROACH_SPEED: Final = 0.08
_APPROACH_SPEED_FAR: Final = 0.05
_APPROACH_STEP: Final = 0.004
_FAR_S: Final = 0.3


class Mode(StrEnum):
    """What the rate is doing; the states of `controller`."""

    RAMP = "ramp"
    """It grows by half per tick, until the first refusal or slower answers."""
    APPROACH = "approach"
    """After a large cut: some per cent a second, until refused again."""
    CRUISE = "cruise"
    """At the limit: each acceptance raises it by a little, each refusal lowers it by 1 %."""
    SEARCH = "search"
    """More is taken than the limit gave, it has risen: a fifth more per tick."""


def approach_speed(rate: float, latency_s: float) -> float:
    """Return the growth per second of `Mode.APPROACH`: less where a refusal takes long to come.

    And where few requests are sent: each may raise the rate by so much only.
    """
    fast = _APPROACH_SPEED if latency_s < _FAR_S else _APPROACH_SPEED_FAR
    return min(fast, _APPROACH_STEP * rate)


def share_per_event(per_event: float) -> float:
    """Return the share of requests that may be an event that costs ``per_event`` refusals."""
    return REFUSED_SHARE / max(1.0, per_event)


def expected_s(rate: float, per_event: float) -> float:
    """Return the seconds between two refusals when all is as it was."""
    return max(2.0, 1.0 / (share_per_event(per_event) * rate))


def is_quiet(rate: float, per_event: float, quiet_s: float) -> bool:
    """Say whether ``quiet_s`` without a refusal is longer than it usually takes."""
    return quiet_s > _QUIET * expected_s(rate, per_event)


def speed(
    rate: float, per_event: float, quiet_s: float, *, known: bool, short_windows: bool
) -> float:
    """Return the growth per second as a share of the rate.

    Args:
        rate: The rate now.
        per_event: Refusals that one reaction costs.
        quiet_s: Seconds at the limit without a refusal.
        known: The limit was measured before.
        short_windows: It is counted in short windows.
    """
    usual = STEP * share_per_event(per_event) * rate
    if not known and not short_windows:
        usual = max(usual, min(_SPEED_UNKNOWN, _UNKNOWN_STEP * rate))
    interval_s = expected_s(rate, per_event)
    over_s = quiet_s - _QUIET * interval_s
    if over_s <= 0:
        return usual
    doubled: float = usual * 2.0 ** min(30.0, _DOUBLINGS * over_s / interval_s)
    return max(usual, min(doubled, _SPEED_MAX_SHORT if short_windows else _SPEED_MAX))


def spare(rate: float, since_s: float, latency_s: float) -> float:
    """Return how far above the known limit a refusal would still cost its share only."""
    return REFUSED_SHARE * rate * since_s / (2.0 * latency_s + _REACTION_S)


def silent_speed(silent_s: float) -> float:
    """Return the growth per second after ``silent_s`` in which all was used and none refused.

    The law that no state is a trap: whatever the estimate says, silence disproves it.
    """
    over_s = silent_s - PATIENCE_S
    if over_s <= 0.0:
        return 0.0
    faster: float = _PATIENT_SPEED * 2.0 ** min(30.0, over_s / _FASTER_S)
    return min(_MOST_SPEED, faster)
