"""Exactly N requests per second, whatever the provider says.

The rate is the user's own (``--rate N``): it is kept to the request and in no second
exceeded by more than 2 % or one request. A refusal does not change it, with one
exception: when the provider refuses twice in a row and names a time, nothing is sent
before, because every request until then would be refused as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from bulkdel.models import RETRY_AFTER_MAX_S, Verdict
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.pacing.schedule import Schedule


class FixedPace:
    """Send ``rate`` requests per second.

    Args:
        rate: Requests per second, more than 0. 0.5 is one every two seconds.

    Raises:
        ValueError: ``rate`` is not a number above 0.
    """

    __slots__ = ("_refused_in_row", "_schedule")

    def __init__(self, rate: float) -> None:
        self._schedule = Schedule(_checked(rate))
        self._refused_in_row = 0

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self._schedule.rate

    def set_rate(self, rate: float) -> None:
        """Go on at another rate.

        Raises:
            ValueError: ``rate`` is not a number above 0.
        """
        self._schedule.set_rate(_checked(rate))

    @property
    def places(self) -> None:
        """None: it bounds the rate alone."""

    @property
    def budget(self) -> None:
        """None: it reads no headers."""

    def learned(self) -> LimitEstimate | None:
        """Return None: it finds nothing out."""
        return None

    def wait_s(self, now_s: float, in_flight: int) -> float:  # noqa: ARG002  # the protocol's
        """Return the seconds until the next place in the schedule."""
        return self._schedule.wait_s(now_s)

    def sent(self, now_s: float, in_flight: int) -> None:  # noqa: ARG002  # the protocol's
        """Use the next place in the schedule."""
        self._schedule.take(now_s)

    def accepted(
        self,
        now_s: float,  # noqa: ARG002  # the protocol's
        sent_s: float,  # noqa: ARG002
        in_flight: int,  # noqa: ARG002
        headers: Mapping[str, str],  # noqa: ARG002
    ) -> None:
        """Note that the provider takes requests."""
        self._refused_in_row = 0

    def refused(
        self,
        now_s: float,
        sent_s: float,  # noqa: ARG002  # the protocol's
        in_flight: int,  # noqa: ARG002
        verdict: Verdict,
        headers: Mapping[str, str],  # noqa: ARG002
    ) -> None:
        """Pause for a Retry-After, if this is not the first refusal in a row."""
        self._refused_in_row += 1
        if self._refused_in_row > 1 and verdict.retry_after_s:
            until_s = now_s + min(verdict.retry_after_s, RETRY_AFTER_MAX_S)
            self._schedule.hold(until_s, at_any_rate=True)

    def troubled(self, now_s: float, sent_s: float, in_flight: int) -> None:
        """Trouble does not change a fixed rate; the breaker of the lane sees to it."""


def _checked(rate: float) -> float:
    if not 0.0 < rate < float("inf"):
        raise ValueError(f"rate must be a number above 0, not {rate}")
    return float(rate)
