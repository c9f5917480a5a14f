"""What refusals tell of the limit behind them.

A refused request says that at this instant the bucket is empty or the window is used
up. So what was taken from one refusal to the next is what the limit gave, and the rate
follows by a division (BBR finds a policer the same way: Linux, net/ipv4/tcp_bbr.c).
Where it does not hold, and what is done:

* over more than `GAP_MAX_S` a bucket may have run over meanwhile: only a lower bound;
* in short windows (137 per second) what is left over is lost, so the count is a lower
  bound too, and only a large difference is believed.

Not here: what is done to the limits (`controller`).
"""

from __future__ import annotations

from math import inf
from typing import Final, NamedTuple

GAP_MIN_S: Final = 0.3
GAP_SURE_S: Final = 2.0
GAP_MAX_S: Final = 8.0
_FEW: Final = 10
_ABOVE: Final = 1.08
_ROW: Final = 5
_STALE_LEAST: Final = 6
_SURE: Final = 15
_MANY: Final = 60
_NEAR: Final = 0.05
_EPISODE_GAP_S: Final = 0.25
_FLOODED_LEAST: Final = 8
_FLOODED_SHARE: Final = 0.15
_PLACE_GAIN: Final = 0.2
_EVENT_GAIN: Final = 0.2
_EVENT_MOST: Final = 5.0


class Mark(NamedTuple):
    """An instant: the time, all accepted until then, all time paused until then."""

    at_s: float
    accepted: int
    paused_s: float


class Evidence:
    """What the refusals so far amount to.

    Attributes:
        limit: The limit in requests per second, 0.0 while it is not known.
        last: The last refusal that was reacted to.
        per_event: Refusals that one reaction costs, about.
        in_flight_high: How far up those in flight were at refusals, from 0 (as many as
            usual: the rate is what is limited) to 1 (as many as ever: those in flight
            are).
        short_windows: Refusals come in a row and end at once: windows of about a second.
    """

    __slots__ = (
        "_anchor",
        "_began",
        "_began_refused",
        "_refused",
        "_stale",
        "in_flight_high",
        "last",
        "limit",
        "per_event",
        "short_windows",
    )

    def __init__(self) -> None:
        self.limit = 0.0
        self.last: Mark | None = None
        self.per_event = 1.0
        self.in_flight_high = 0.0
        self.short_windows = False
        self._anchor: Mark | None = None
        self._began: Mark | None = None
        self._began_refused = 0
        self._refused = self._stale = 0

    def forget(self) -> None:
        """Measure anew: the limit is another one now."""
        self.limit = 0.0
        self._anchor = None

    def new_window(self) -> None:
        """Measure anew: a long window began, and nothing is left of the last one."""
        self.last = self._anchor = None
        self.short_windows = False

    def mark(self, mark: Mark, refused: int, *, usual: bool) -> bool:
        """Note a refusal that is reacted to; say whether it is the first of many that follow.

        ``usual`` says that nothing special goes on.
        """
        if usual:
            cost = min(_EVENT_MOST, refused - self._refused)
            self.per_event += _EVENT_GAIN * (cost - self.per_event)
        self._refused, self._stale = refused, 0
        begins = self.last is None or mark.at_s > self.last.at_s + _EPISODE_GAP_S
        if begins:
            self._began, self._began_refused = mark, refused
        self.last = mark
        if self._anchor is None:
            self._anchor = mark
        return begins

    def cost(self, refused: int) -> int:
        """Return the refusals since the last one that was reacted to."""
        return refused - self._refused

    def note_in_flight(self, in_flight: int, mean: float, top: int) -> None:
        """Note how many were in flight at a refusal, against those accepted lately."""
        height = (in_flight - mean) / max(1.0, top - mean)
        self.in_flight_high += _PLACE_GAIN * (height - self.in_flight_high)

    def measure_stale(self, now_s: float, accepted: int, row: int, latency_s: float) -> float:
        """Note a refusal that belongs to the last event; infinity if it says nothing.

        Many of them among acceptances measure an empty bucket before the round trip is
        over. In a row they are no measure: a window is used up.
        """
        if self.last is None or self._stale < 0:
            return inf
        self._stale = self._stale + 1 if row < _ROW else -1
        span_s, taken = now_s - self.last.at_s, accepted - self.last.accepted
        enough = span_s >= max(0.15, 0.3 * latency_s) and taken >= 8
        return taken / span_s if self._stale > _STALE_LEAST and enough else inf

    def flooded(self, mark: Mark, refused: int) -> float:
        """Return the rate taken since refusals began that do not end; infinity if they do.

        While a good part is refused the bucket stays empty, so a fraction of a second measures it.
        Some providers shut out who is refused too often, so there is no time for more.
        """
        if self._began is None or self.last is None:
            return inf
        if mark.at_s > self.last.at_s + _EPISODE_GAP_S:
            return inf
        span_s, taken = mark.at_s - self._began.at_s, mark.accepted - self._began.accepted
        lost = refused - self._began_refused
        if min(lost, taken) < _FLOODED_LEAST or lost < _FLOODED_SHARE * (lost + taken):
            return inf
        return taken / span_s

    def between(self, mark: Mark, rate: float) -> float:
        """Return the rate taken from refusal to refusal; infinity if it says nothing."""
        if self._anchor is None:
            return inf
        gap_s = mark.at_s - self._anchor.at_s
        paused_s = mark.paused_s - self._anchor.paused_s
        active_s = gap_s - paused_s
        taken = mark.accepted - self._anchor.accepted
        if self.short_windows:
            return self._between_windows(taken, gap_s, rate)
        if active_s < GAP_MIN_S or taken < _FEW:
            return inf
        sure_s, most_s = max(GAP_SURE_S, _SURE / rate), max(GAP_MAX_S, _MANY / rate)
        if active_s > sure_s:
            self._anchor = None
        if active_s > most_s:
            return self._after_long(taken / active_s, rate)
        if active_s > sure_s and not paused_s and taken >= _SURE:
            self._learn(taken / active_s)
        # Paused, a bucket saved some of the time, nobody knows how much: the mean. Two
        # more, because answers overtake one another and a low figure costs throughput.
        likely = taken + min(2.0, 0.05 * taken)
        return 0.5 * (likely / active_s + likely / gap_s)

    def _between_windows(self, taken: int, gap_s: float, rate: float) -> float:
        if gap_s <= 0.5 or taken < _FEW:
            return inf
        self._anchor = None
        found = taken / gap_s
        return found * 1.03 if gap_s < 2.5 and found * 1.12 < rate else inf

    def _after_long(self, found: float, rate: float) -> float:
        if not self.limit:
            self.limit = 0.5 * (found + rate)
            return inf
        self.limit = max(found, min(self.limit, rate))
        return self.limit

    def _learn(self, found: float) -> None:
        near = abs(found - self.limit) < _NEAR * found
        self.limit = 0.5 * (self.limit + found) if near else found

    def risen(self, now_s: float, accepted: int, above: float) -> bool:
        """Say whether more was taken since the last refusal than the limit gives.

        ``above`` is the rate over the one that was refused last: in short windows
        nothing is saved up, and it alone tells.
        """
        if self.short_windows and above > _ABOVE:
            return True
        if not self.limit or self.last is None:
            return False
        taken = accepted - self.last.accepted
        return taken - self.limit * (now_s - self.last.at_s) > 8 + 0.012 * taken
