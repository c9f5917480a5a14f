"""Find a provider's hidden limit and stay just under it.

Two dials: the rate at which requests start, and how many may be in flight. A refusal is
a measurement, not a reason to halve:

    ramp     the rate grows by half per step, until the first refusal or slower answers
    close    from below the limit it grows by 8 % a second until refused again
    cruise   each acceptance raises the dial that binds by a little, each refusal lowers it
             by 1 %: the share of refusals settles where we want it, whatever the limit is
    shut     nothing is taken any more (a window is used up): one scout at a time

What holds here, always:

1. One reaction per round trip: a refusal of a request that was sent before the last
   reaction says nothing new.
2. The rate never exceeds ``rate_max``, nor the in-flight dial ``concurrency``.
3. An answer costs additions; everything else is done once per tick of 0.25 s or 1.5 round
   trips.

Not here: waiting, retries, Retry-After of a single ID (`lane`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from math import inf
from typing import Final

from bulkdel.models import LimitKind, Verdict
from bulkdel.pacing.estimate import Latency, Meter
from bulkdel.pacing.learned import Learned
from bulkdel.pacing.schedule import Schedule
from bulkdel.pacing.scout import Scout, Window

STEP: Final = 0.01
"""A refusal lowers the dial by this share."""
REFUSED_SHARE: Final = 0.005
"""The share of refusals to settle at."""
RATE_MIN: Final = 0.05
RATE_FIRST: Final = 10.0
TICK_S: Final = 0.25
ROW_SHUT: Final = 6
LATE_S: Final = 0.005
UNPROVEN: Final = 100


class Mode(StrEnum):
    """What the controller is doing."""

    RAMP = "ramp"
    CLOSE = "close"
    CRUISE = "cruise"
    SEARCH = "search"


class AutoPace:
    """The pace of one lane."""

    def __init__(
        self,
        *,
        concurrency: int,
        rate_max: float | None = None,
        learned: Learned | None = None,
        rate_first: float = RATE_FIRST,
    ) -> None:
        self._concurrency = concurrency
        self._rate_max = rate_max if rate_max is not None else inf
        self._meter = Meter()
        self._latency = Latency()
        self._mode = Mode.RAMP
        self._cap = float(concurrency)
        self._cap_n = concurrency
        self._slots = False
        self._queue = False
        self._scout: Scout | None = None
        self._window: Window | None = None
        self._row = 0
        self._capped = False
        self._flat = 0
        self._d_prev = 0.0
        self._hi = 0.0
        self._cut_s = -inf
        self._event: tuple[float, int, float] | None = None
        self._anchor: tuple[float, int, float] | None = None
        self._flight: tuple[int, float] | None = None
        self._paused_s = 0.0
        self._base_s = 0.0
        self._quiet_s = 0.0
        self._tick_s = 0.0
        self._probe_s = inf
        self._burst = 0.0
        self._place = 0.0
        self._choppy = False
        self._ref = self._hi
        self._per_event = 1.0
        self._refused_then = 0
        self._proven = self._mode is not Mode.RAMP
        self._limit = 0.0
        self.log: list[tuple[float, str, float, int]] = []
        rate = rate_first
        if learned is not None and learned.rate:
            rate = 0.985 * learned.rate
            self._mode = Mode.CRUISE
            self._hi = learned.rate
            if learned.in_flight_max:
                self._cap = float(learned.in_flight_max)
                self._slots = True
                self._set_cap()
        self._r = min(rate, self._rate_max)
        self._schedule = Schedule(self._r)
        self._set_rate(self._r)
        if self._mode is Mode.RAMP:
            self._cap = float(min(concurrency, UNPROVEN))
            self._set_cap()

    # ------------------------------------------------------------ protocol
    @property
    def rate(self) -> float:
        return self._r

    def wait_s(self, now_s: float, in_flight: int) -> float:
        if self._scout is not None:
            return self._scout.wait_s(now_s, in_flight)
        if in_flight >= self._cap_n:
            return inf
        return self._schedule.wait_s(now_s)

    def sent(self, now_s: float, in_flight: int) -> None:
        if self._window is None:
            self._start(now_s)
        if self._scout is not None:
            self._scout.sent_s = now_s
        self._schedule.take(now_s)
        if in_flight >= self._cap_n:
            self._capped = True

    def accepted(
        self, now_s: float, sent_s: float, in_flight: int, headers: Mapping[str, str]
    ) -> None:
        meter = self._meter
        if now_s >= meter.end_s:
            self._roll(now_s)
        meter.accepted += 1
        meter.flight += in_flight
        if in_flight > meter.top:
            meter.top = in_flight
        samples = self._latency.samples
        if len(samples) < 48:
            samples.append(now_s - sent_s)
        self._row = 0
        if self._slots and in_flight >= self._cap_n - 1:
            self._cap = min(float(self._concurrency), self._cap + REFUSED_SHARE / max(1.0, self._per_event))
            self._set_cap()
        if self._scout is not None:
            self._accepted_while_shut(now_s, sent_s)

    def refused(
        self,
        now_s: float,
        sent_s: float,
        in_flight: int,
        verdict: Verdict,
        headers: Mapping[str, str],
    ) -> None:
        if now_s >= self._meter.end_s:
            self._roll(now_s)
        self._meter.refused += 1
        self._row += 1
        retry_s = verdict.retry_after_s
        scout = self._scout
        if scout is not None:
            if scout.sent_s is not None and sent_s >= scout.sent_s:
                scout.again(now_s, retry_s)
            else:
                scout.asked_for(now_s, retry_s if retry_s and retry_s > 2.0 else None)
            return
        if sent_s >= self._cut_s:
            self._react(now_s, in_flight, verdict.limit)
        else:
            self._stale(now_s)
        if self._row >= ROW_SHUT or (retry_s is not None and retry_s > 2.0):
            if self._mode is Mode.CRUISE and not self._dropped():
                self._choppy = True
            self._scout = Scout(now_s, retry_s, 2 / self._r)
            self._note(now_s, "shut")

    def troubled(self, now_s: float, sent_s: float, in_flight: int) -> None:
        if now_s >= self._meter.end_s:
            self._roll(now_s)
        self._meter.troubled += 1
        if self._scout is not None and self._scout.sent_s is not None and sent_s >= self._scout.sent_s:
            self._scout.again(now_s, None)

    # ------------------------------------------------------------ helpers
    def _note(self, now_s: float, what: str) -> None:
        self.log.append((round(now_s, 2), what, round(self._r, 1), self._cap_n))

    def _start(self, now_s: float) -> None:
        self._window = Window(now_s, 0)
        self._meter.start(now_s)
        self._tick_s = self._base_s = now_s

    def _set_rate(self, rate: float) -> None:
        self._r = max(RATE_MIN, min(rate, self._rate_max))
        self._schedule.set_rate(self._r, max(1 / self._r, LATE_S))

    def _set_cap(self) -> None:
        self._cap_n = max(1, int(self._cap))

    def _roll(self, now_s: float) -> None:
        self._meter.roll(now_s)
        if now_s - self._tick_s >= max(TICK_S, 1.5 * self._latency.median_s):
            dt_s = min(now_s - self._tick_s, 2 * max(TICK_S, 1.5 * self._latency.median_s))
            self._tick_s = now_s
            self._tick(now_s, dt_s)

    # ------------------------------------------------------------ shut
    def _accepted_while_shut(self, now_s: float, sent_s: float) -> None:
        scout = self._scout
        assert scout is not None
        if scout.sent_s is None or sent_s < scout.sent_s:
            scout.late_accepted += 1
            if scout.late_accepted >= 3:
                self._scout = None
            return
        self._scout = None
        pause_s = now_s - scout.since_s
        self._paused_s += pause_s
        self._base_s = now_s
        self._cut_s = now_s
        self._schedule.hold(now_s)
        if pause_s > 2.0 and self._window is not None:
            rate = self._window.turn(scout, self._meter.accepted_all - 1)
            if rate is not None:
                self._set_rate(self._window.plan(now_s))
                self._limit = rate
                self._mode = Mode.CRUISE
                self._hi = self._r
                self._quiet_s = 2.2 * (self._window.length_s or 0)
                self._cap = float(self._concurrency)
                self._set_cap()
                self._event = self._anchor = None
                self._choppy = False
        self._note(now_s, "reopen")

    # ------------------------------------------------------------ refusals
    def _react(self, now_s: float, in_flight: int, kind: LimitKind) -> None:
        self._cut_s = now_s
        top = self._meter.top_in_flight(1.0)
        self._proven = True
        if self._mode is Mode.SEARCH:
            self._mode = Mode.CRUISE
            self._limit = 0.0
            self._anchor = None
            self._set_rate(max(min(self._r, self._meter.accept_rate(1.0)), self._r / 1.3))
            self._hi = self._ref = self._r * (1 + STEP)
            self._mark(now_s, "found")
            return
        if self._mode is Mode.RAMP:
            self._hi = self._r
            d = self._meter.accept_rate(1.0)
            self._set_rate(max(1.0, min(max(d, 0.8 * self._r / 1.5), self._r / 1.25)))
            self._mode = Mode.CLOSE
            self._cap = float(self._concurrency)
            self._set_cap()
            self._mark(now_s, "ramp!")
            return
        if self._queue:
            self._queue = False
            self._set_rate(self._meter.best_rate())
        mean = self._meter.mean_in_flight(1.0)
        self._place += 0.2 * ((in_flight - mean) / max(1.0, top - mean) - self._place)
        if self._is_slots(kind) and not self._dropped():
            if not self._slots:
                self._slots = True
                self._cap = max(1.0, min(self._cap, float(in_flight)))
            self._cap = max(1.0, self._cap - 1)
            self._set_cap()
            self._mark(now_s, "slots!")
            return
        if self._slots:
            self._slots = False
            self._place = 0.0
            self._set_rate(self._meter.best_rate())
        self._cap = min(self._cap, max(16.0, 1.5 * top + 4.0))
        self._set_cap()
        self._lower(now_s)
        self._mark(now_s, "event")

    def _stale(self, now_s: float) -> None:
        """A refusal of a request from before the last reaction: many of them measure the limit."""
        if self._flight is None or self._event is None or self._slots:
            return
        if self._row >= 5:
            self._flight = None
            return
        count, rate = self._flight
        self._flight = (count + 1, rate)
        at_s, n0, _ = self._event
        span_s, n = now_s - at_s, self._meter.accepted_all - n0
        if count >= 6 and span_s >= max(0.15, 0.3 * self._latency.median_s) and n >= 8:
            self._set_rate(max(0.6 * rate, min(rate, n / span_s)))
            self._hi = self._r

    def _is_slots(self, kind: LimitKind) -> bool:
        if kind in (LimitKind.RATE, LimitKind.BURST):
            return False
        return kind is LimitKind.CONCURRENCY or self._place > (0.2 if self._slots else 0.65)

    def _dropped(self) -> bool:
        accepted, refused, _ = self._meter.recent(1.0)
        return refused >= 5 and refused > 0.15 * (refused + accepted)

    def _mark(self, now_s: float, what: str) -> None:
        refused = self._meter.refused_all
        if what in ("event", "slots!") and self._mode is Mode.CRUISE and not self._dropped():
            self._per_event += 0.2 * (min(5.0, refused - self._refused_then) - self._per_event)
        self._refused_then = refused
        self._flight = (0, self._r)
        self._event = (now_s, self._meter.accepted_all, self._paused_s)
        if self._anchor is None:
            self._anchor = self._event
        self._base_s = now_s
        self._note(now_s, what)

    def _lower(self, now_s: float) -> None:
        before = max(self._r, self._flight[1] if self._flight else 0.0)
        self._lower2(now_s)
        if self._r < 0.9 * before:
            self._mode = Mode.CLOSE
            self._limit = 0.0

    def _lower2(self, now_s: float) -> None:
        if self._dropped():
            rate = min(self._meter.accept_rate(1.0), self._between(now_s))
            self._set_rate(min(self._r * (1 - STEP), rate))
            self._hi = self._r
            self._mode = Mode.CRUISE
            return
        self._mode = Mode.CRUISE
        between = self._between(now_s)
        self._hi = self._ref = min(self._r, between * (1 + STEP / 2))
        step = STEP
        if self._choppy:
            step *= min(3.0, max(1.0, (self._meter.refused_all - self._refused_then) / 3))
        self._set_rate(min(self._r * (1 - step), between * (1 - STEP / 2)))

    def _between(self, now_s: float) -> float:
        """Return the rate taken from refusal to refusal: of a bucket, exactly its rate."""
        if self._anchor is None:
            return inf
        at_s, n0, paused_s = self._anchor
        paused_s = self._paused_s - paused_s
        active_s = now_s - at_s - paused_s
        n = self._meter.accepted_all - n0
        if self._choppy:
            gap_s = now_s - at_s
            if gap_s > 0.5:
                self._anchor = None
            found = n / gap_s if 0.5 < gap_s < 2.5 else inf
            return found * 1.03 if found * 1.12 < self._r else inf
        if active_s < 0.3 or n < 10:
            return inf
        if active_s > 8.0:
            self._anchor = None
            found = n / active_s
            if not self._limit:
                self._limit = 0.5 * (found + self._r)
                return inf
            self._limit = max(found, min(self._limit, self._r))
            return self._limit
        if active_s > 2.0:
            self._anchor = None
            if not paused_s and n >= 20:
                found = n / active_s
                near = abs(found - self._limit) < 0.05 * found
                self._limit = 0.5 * (self._limit + found) if near else found
        n += 2
        return 0.5 * (n / active_s + n / (now_s - at_s))

    # ------------------------------------------------------------ ticks
    def _tick(self, now_s: float, dt_s: float) -> None:
        fresh = self._latency.tick(now_s)
        if self._scout is not None:
            return
        lat = self._latency
        knee = fresh and lat.median_s > 1.8 * lat.base_s
        self._flat = self._flat + 1 if knee else 0 if fresh else self._flat
        d1 = self._meter.accept_rate(1.0)
        if not self._proven and not self._queue:
            limit = max(UNPROVEN, 0.008 * self._meter.accepted_all)
            self._cap = min(float(self._concurrency), limit)
            self._set_cap()
        if self._queue:
            self._tick_queue(now_s)
        elif self._flat >= (2 if self._mode is Mode.RAMP else 3):
            self._queue = True
            self._mode = Mode.CRUISE
            self._probe_s = now_s + 20.0
            self._tick_queue(now_s)
            self._note(now_s, "knee")
        elif self._mode is Mode.RAMP:
            self._tick_ramp(dt_s)
        elif self._slots:
            self._set_rate(min(self._r * (1 + 0.1 * dt_s), 1.5 * self._meter.best_rate()))
        elif self._mode is Mode.SEARCH:
            if self._meter.accept_rate(dt_s) > 0.7 * self._r / 1.2:
                self._set_rate(self._r * 1.2)
        else:
            if self._capped:
                self._cap = min(float(self._concurrency), self._cap * 1.05 + 1)
                self._set_cap()
            if d1 > 0.9 * self._r:
                self._grow(now_s, dt_s)
        self._capped = False

    def _tick_ramp(self, dt_s: float) -> None:
        if self._capped:
            self._set_rate(min(self._r, 1.5 * self._meter.best_rate()))
        elif self._meter.accept_rate(dt_s) > 0.7 * self._r / 1.5:
            self._set_rate(self._r * 1.5)

    def _tick_queue(self, now_s: float) -> None:
        lat = self._latency
        best = self._meter.best_rate()
        if self._capped and self._meter.accept_rate(1.0) < 0.6 * best and now_s < self._probe_s:
            self._queue = False
            lat.reset()
            self._set_rate(best)
            self._note(now_s, "no queue")
            return
        gain = 1.6
        if now_s >= self._probe_s:
            gain = 1.0
            if now_s >= self._probe_s + 2 * lat.median_s:
                self._probe_s = now_s + 30.0
        self._cap = min(float(self._concurrency), max(4.0, gain * best * lat.base_s + 2))
        self._set_cap()
        self._set_rate(1.3 * best)

    def _grow(self, now_s: float, dt_s: float) -> None:
        r = self._r
        if self._mode is Mode.CLOSE:
            self._set_rate(r * (1 + (0.05 if self._latency.median_s > 0.3 else 0.08) * dt_s))
            return
        window = self._window
        if self._quiet_s and window is not None and now_s < window.opened_s + self._quiet_s:
            self._set_rate(min(r, window.plan(now_s)))
            return
        if r < 0.985 * self._hi:
            self._set_rate(r + (0.99 * self._hi - r) * min(1.0, dt_s / 5))
            self._base_s = now_s
            return
        p = REFUSED_SHARE / max(1.0, self._per_event)
        expected_s = max(2.0, 1 / (p * r))
        quiet_s = now_s - self._base_s - 1.5 * expected_s
        speed = STEP * p * r
        if not self._limit and not self._choppy:
            speed = max(speed, 0.015)
        if quiet_s > 0 and self._event is not None:
            speed = max(speed, min(0.015 if self._choppy else 0.1, speed * 2 ** (4 * quiet_s / expected_s)))
            spare = REFUSED_SHARE * r * (now_s - self._event[0]) / (2 * self._latency.median_s + 0.05)
            self._set_rate(min(r * (1 + speed * dt_s), max(r, (self._limit or self._ref) + spare)))
            if self._risen(now_s):
                self._mode = Mode.SEARCH
                self._cap = float(self._concurrency)
                self._set_cap()
                self._note(now_s, "search")
        else:
            self._set_rate(r * (1 + speed * dt_s))
        self._hi = max(self._hi, self._r)

    def _risen(self, now_s: float) -> bool:
        """Say whether more was taken since the last refusal than the limit allowed."""
        if not self._limit or self._event is None:
            return False
        at_s, n0, _ = self._event
        n = self._meter.accepted_all - n0
        return n - self._limit * (now_s - at_s) > 8 + 0.012 * n
