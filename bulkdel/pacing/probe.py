"""A provider that takes nothing for a while: one request at a time finds out when that ends.

    refused in a row, or asked to wait ──> WindowProbe ──taken──> Window.turn
                                             │    ▲
                                             └────┘ refused: again, at the gap that costs least

Each refused probe costs a refusal, and each second between the end of the pause and the next
probe costs what could have been taken in it. Where the window that is used up is known, its
end is where the probe looks.

Not here: when a pause begins (`auto`), what its end tells (`window`).
"""

from __future__ import annotations

from math import inf, sqrt
from typing import Final

from bulkdel.models import RETRY_AFTER_MAX_S
from bulkdel.pacing.window import Window

_FIRST_S: Final = 0.05
"""The first probe comes no sooner: what ends sooner is a bucket that fills, not a pause."""
_REFUSAL_COSTS: Final = 5.0
"""A refused probe counts as much as so many requests that were not sent."""
_ROUNDED_S: Final = 0.7
"""A Retry-After in whole seconds is too long by half a second in the mean, and a way."""
_LONGEST_S: Final = 8.0
"""The longest gap: of a minute's pause, a second probe costs nobody, eight seconds do."""
_NEAR_S: Final = 0.3
"""So close to the known end of a window it is asked in thirds of that: the clock of the
server and ours are as far apart as a round trip."""


class WindowProbe:
    """One pause.

    Attributes:
        since_s: When it began.
        refused_sent_s: When the last refused probe was sent, or the pause began.
        sent_s: When the probe under way was sent, or None.
        late_accepted: Requests from before the pause that were taken after all.
        spent: The window was used up, as far as it is known.
        told: The provider named the end.
    """

    __slots__ = (
        "_due_s",
        "_ends_s",
        "_opened_s",
        "_taken",
        "late_accepted",
        "refused_sent_s",
        "sent_s",
        "since_s",
        "spent",
        "told",
    )

    def __init__(
        self,
        now_s: float,
        retry_after_s: float | None,
        *,
        first_s: float,
        window: Window,
        accepted: int,
        spent: bool,
    ) -> None:
        """Begin to wait; if ``window`` is ``spent``, its end is likely the end of the pause."""
        self.since_s = self.refused_sent_s = now_s
        self.sent_s: float | None = None
        self.late_accepted = 0
        self.told = retry_after_s is not None
        self._taken, self._opened_s = max(1, accepted - window.accepted), window.opened_s
        self.spent = spent
        self._ends_s = window.ends_s if spent else -inf
        self._due_s = now_s + _pause_s(retry_after_s, max(first_s, _FIRST_S))

    def wait_s(self, now_s: float, in_flight: int) -> float:
        """Return the seconds until the next probe; infinity while one is under way."""
        if self.sent_s is not None and in_flight:
            return inf
        return max(0.0, self._due_s - now_s)

    @property
    def opened_s(self) -> float:
        """When the provider began to take requests again, about.

        It was between the last refused probe and the one that was taken; a Retry-After is
        rounded up to a second at most, so then it was late in that time.
        """
        sent_s = self.refused_sent_s if self.sent_s is None else self.sent_s
        opened_s = (self.refused_sent_s + sent_s) / 2
        return max(opened_s, sent_s - _ROUNDED_S) if self.told else opened_s

    def is_answer_to(self, sent_s: float) -> bool:
        """Say whether an answer to a request sent at ``sent_s`` is the probe's."""
        return self.sent_s is not None and sent_s >= self.sent_s

    def asked_for(self, now_s: float, retry_after_s: float | None) -> None:
        """Note a refusal of a request from before the pause.

        The earliest end counts: each of them is rounded up.
        """
        if retry_after_s is not None:
            due_s = now_s + _pause_s(retry_after_s, 0.0)
            self._due_s = min(self._due_s, due_s) if self.told else due_s
            self.told = True

    def again(self, now_s: float, retry_after_s: float | None) -> None:
        """Note that the probe was refused, or that nobody knows."""
        sent_s = now_s if self.sent_s is None else self.sent_s
        self.refused_sent_s = sent_s
        self.sent_s = None
        due_s = max(sent_s + self._gap_s(sent_s), now_s + _FIRST_S)
        if retry_after_s is not None:
            due_s = now_s + _pause_s(retry_after_s, 0.0)
        self._due_s = due_s

    def _gap_s(self, now_s: float) -> float:
        """Return the gap that costs least: of refused probes, and of noticing the end late.

        Both cost the same where the gap is ``sqrt(2 x cost of a refusal x elapsed / rate)``.
        """
        elapsed_s = max(_FIRST_S, now_s - self.since_s)
        rate = self._taken / max(_FIRST_S, now_s - self._opened_s)  # if it ended now
        gap_s = min(_LONGEST_S, max(_FIRST_S, sqrt(2 * _REFUSAL_COSTS * elapsed_s / rate)))
        if now_s < self._ends_s - _NEAR_S:
            return min(_LONGEST_S, max(gap_s, self._ends_s - now_s))
        if now_s < self._ends_s + _NEAR_S:
            return min(gap_s, _NEAR_S / 3)
        return gap_s


def _pause_s(retry_after_s: float | None, otherwise_s: float) -> float:
    return otherwise_s if retry_after_s is None else min(retry_after_s, RETRY_AFTER_MAX_S)
