"""Leave a share of a limit free, for who shares it: the user's own inference.

    MEASURE ──the limit is found──> LEAVE: so much less than was found
       ▲                              │
       └──after a while, or refused───┘

How much of a shared limit is free is seen only where it ends. So the pace goes up to it for some
seconds of each minute, and stays below it for the rest.

What holds here, always:

1. While it leaves, it sends at ``(1 - share)`` of what it found, and no more is in flight either
   where that is the limit.
2. Two refusals while it leaves say that less is free than was found: it measures at once.
3. Nothing is left where no limit shows: there is nothing to share.

Not here: how a limit is found (`auto`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Final

from bulkdel.models import RETRY_AFTER_MAX_S, Verdict
from bulkdel.pacing.auto import AutoPace
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.pacing.headers import Budget
from bulkdel.pacing.limits import RATE_MIN
from bulkdel.pacing.schedule import Schedule

LEAVE_S: Final = 50.0
MEASURE_S: Final = 10.0
"""Of each minute ten seconds are enough to meet a limit that is about where it was; others may
find less free meanwhile, so it should not be more."""
_SETTLED_S: Final = 2.0
_FOUND_S: Final = 10.0
"""So long after the first refusal what was found counts: where it was known before, and where not."""
_BELOW: Final = 0.9
_RISEN: Final = 1.2
_RISING_S: Final = 30.0
"""Where so much more is taken than was known, or what was known is not reached, measuring goes on
for so long."""
_REFUSALS: Final = 2
_FREE_RATE: Final = 2.0
"""Where places are the limit, so many times the rate that they allow."""


class LeavingPace:
    """The pace of one lane that shares its limit with others.

    Args:
        share: What is left free, of what was found free: above 0, below 1.
        concurrency: Most requests in flight.
        rate_max: Most requests per second; None if there is none.
        learned: What an earlier run found.
    """

    def __init__(
        self,
        share: float,
        *,
        concurrency: int,
        rate_max: float | None = None,
        learned: LimitEstimate | None = None,
    ) -> None:
        self._share = share
        self._concurrency, self._rate_max = concurrency, rate_max
        self._known = learned
        self._finder = self._new_finder(learned)
        self._leaving: Schedule | None = None
        self._places = concurrency
        self._since_s: float | None = None
        self._refused_s = inf
        self._refusals = 0

    def _new_finder(self, learned: LimitEstimate | None) -> AutoPace:
        return AutoPace(concurrency=self._concurrency, rate_max=self._rate_max, learned=learned)

    # -- the protocol -----------------------------------------------------------------

    @property
    def rate(self) -> float:
        """Requests per second it aims at now."""
        return self._finder.rate if self._leaving is None else self._leaving.rate

    @property
    def places(self) -> int:
        """Most requests in flight that it allows now."""
        return self._finder.places if self._leaving is None else self._places

    @property
    def budget(self) -> Budget | None:
        """What is left of a quota of an hour or a day, if the headers tell."""
        return self._finder.budget

    def learned(self) -> LimitEstimate | None:
        """Return what was found, all of it."""
        return self._known if self._leaving is not None else self._finder.learned() or self._known

    def wait_s(self, now_s: float, in_flight: int) -> float:
        """Return 0.0 if a request may be sent now, else when to ask again."""
        if self._leaving is None:
            return self._finder.wait_s(now_s, in_flight)
        if in_flight >= self._places:
            return inf
        return self._leaving.wait_s(now_s)

    def sent(self, now_s: float, in_flight: int) -> None:
        """Note that a request is being sent."""
        if self._since_s is None:
            self._since_s = now_s
        if self._leaving is not None:
            self._leaving.take(now_s)
            if now_s >= self._since_s + LEAVE_S:
                self._measure(now_s, self._known)
        else:
            self._finder.sent(now_s, in_flight)

    def accepted(
        self, now_s: float, sent_s: float, in_flight: int, headers: Mapping[str, str]
    ) -> None:
        """Note an answer that was no refusal and no trouble."""
        if self._leaving is None:
            self._finder.accepted(now_s, sent_s, in_flight, headers)
            if self._is_found(now_s):
                self._leave(now_s)

    def refused(
        self,
        now_s: float,
        sent_s: float,
        in_flight: int,
        verdict: Verdict,
        headers: Mapping[str, str],
    ) -> None:
        """Note a refusal."""
        if self._leaving is None:
            self._refused_s = min(self._refused_s, now_s)
            self._finder.refused(now_s, sent_s, in_flight, verdict, headers)
            return
        self._refusals += 1
        if self._refusals < _REFUSALS:
            return
        rate = self._leaving.rate
        self._measure(now_s, replace(self._known, rate=rate) if self._known else None)
        if verdict.retry_after_s:
            asked_s = min(verdict.retry_after_s, RETRY_AFTER_MAX_S)
            self._finder.refused(
                now_s, now_s, in_flight, replace(verdict, retry_after_s=asked_s), headers
            )

    def troubled(self, now_s: float, sent_s: float, in_flight: int) -> None:
        """Note a server error, or that no answer came."""
        if self._leaving is None:
            self._finder.troubled(now_s, sent_s, in_flight)

    # -- by turns ---------------------------------------------------------------------

    def _is_found(self, now_s: float) -> bool:
        """Say whether what is known of the limit now is worth leaving a share of."""
        since_s = self._since_s or 0.0
        if not self._finder.is_settled:
            return False
        was_known = self._known is not None and not self._known.unlimited
        if now_s >= self._refused_s + (_SETTLED_S if was_known else _FOUND_S):
            return True
        if not was_known or self._known is None or now_s < since_s + MEASURE_S:
            return False
        known = self._known.rate or inf
        if _BELOW * known <= self._finder.rate <= _RISEN * known:
            return True
        return now_s >= since_s + _RISING_S

    def _leave(self, now_s: float) -> None:
        found = self._finder.learned()
        if found is None or found.unlimited or not found.rate:
            return
        self._known = found
        kept = 1.0 - self._share
        self._places = self._concurrency
        rate = found.rate if self._rate_max is None else min(found.rate, self._rate_max)
        if found.in_flight_max is not None:  # the places are what is shared
            self._places = max(1, int(kept * found.in_flight_max))
            if found.latency_s:  # the rate is to stay out of their way
                rate = max(rate, _FREE_RATE * self._places / found.latency_s)
        else:
            rate *= kept
        self._leaving = Schedule(max(RATE_MIN, rate))
        self._leaving.hold(now_s)
        self._since_s, self._refusals = now_s, 0

    def _measure(self, now_s: float, learned: LimitEstimate | None) -> None:
        self._finder = self._new_finder(learned)
        self._leaving = None
        self._since_s, self._refused_s = now_s, inf
