"""How fast a lane may go: the decisions, without the waiting.

A `Pace` is a small state machine that takes the time as an argument. `lane` asks it
before every request and tells it of every answer; `runner` does the waiting.

    fixed.py        exactly N per second
    auto.py         find the provider's hidden limit and stay just under it: takes the answers,
                    shuts the lane while nothing is taken, ticks
    leave.py        the same, with a share of it left free for others
    choose.py       which of them a lane gets

    controller.py   turns the two limits, at each refusal and each tick: ramp, approach, cruise, search
    limits.py       the two limits: requests per second, requests in flight
    schedule.py     the timetable of a rate
    growth.py       how fast the rate grows while nothing is refused
    evidence.py     what refusals tell of the limit
    window.py       a limit counted over a long time: so many in so many seconds
    probe.py        a pause, and the single requests that find its end
    penalty.py      a pause that is the price of many refusals, not a window's end
    knee.py         a provider that lets requests wait instead of refusing them
    meter.py        what was answered lately: rates, shares, latency
    headers.py      what a provider tells of its limit in headers
    estimate.py     what was found out, for the log and the next run

Times are seconds on any clock that only goes forward.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from bulkdel.models import Verdict
from bulkdel.pacing.auto import AutoPace
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.pacing.headers import Budget

__all__ = ["AutoPace", "Pace"]


class Pace(Protocol):
    """When the next request of one lane may be sent."""

    def wait_s(self, now_s: float, in_flight: int) -> float:
        """Return 0.0 if a request may be sent now, else seconds until it is worth asking again.

        Infinity means: not before an answer has come. Asking changes nothing.
        """
        ...

    def sent(self, now_s: float, in_flight: int) -> None:
        """Note that a request is being sent now; ``in_flight`` counts it."""
        ...

    def accepted(
        self, now_s: float, sent_s: float, in_flight: int, headers: Mapping[str, str]
    ) -> None:
        """Note an answer that was no refusal and no trouble, to a request sent at ``sent_s``.

        ``in_flight`` is the number that were in flight when it was sent, itself included.
        """
        ...

    def refused(
        self,
        now_s: float,
        sent_s: float,
        in_flight: int,
        verdict: Verdict,
        headers: Mapping[str, str],
    ) -> None:
        """Note a refusal (429 or its like)."""
        ...

    def troubled(self, now_s: float, sent_s: float, in_flight: int) -> None:
        """Note a server error, or that no answer came."""
        ...

    @property
    def rate(self) -> float:
        """Requests per second it aims at now; infinity when nothing binds."""
        ...

    @property
    def budget(self) -> Budget | None:
        """What is left of a quota of an hour or a day, or None if nothing tells."""
        ...

    def learned(self) -> LimitEstimate | None:
        """Return what was found out about the provider's limit, or None."""
        ...
