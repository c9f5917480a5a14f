"""How fast a lane may go: the decisions, without the waiting.

A `Pace` is a small state machine that takes the time as an argument. `lane` asks it
before every request, tells it of every answer, and does the waiting itself.

    fixed.py   exactly N per second, anchored to a schedule
    auto.py    find the provider's hidden limit and stay just under it

Times are seconds on any clock that only goes forward.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from bulkdel.models import Verdict
from bulkdel.pacing.auto import AutoPace
from bulkdel.pacing.learned import Learned

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

    def learned(self) -> Learned | None:
        """Return what was found out about the provider's limit, or None."""
        ...
