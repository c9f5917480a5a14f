"""Turn the two dials of a lane: at each refusal, and once per tick (see `Mode`).

What holds here, always:

1. One reaction per round trip: a refusal of a request that was sent before the last
   reaction is part of the same event, and only measures.
2. A refusal is a measurement, not a reason to halve: the rate goes to what was taken.

Not here: when to ask (`auto`), what refusals tell (`evidence`), pauses (`scout`).
"""

from __future__ import annotations

from math import inf
from typing import Final

from bulkdel.models import LimitKind
from bulkdel.pacing import growth
from bulkdel.pacing.dials import Dials
from bulkdel.pacing.estimate import Latency, Meter, most_above
from bulkdel.pacing.evidence import Evidence, Mark
from bulkdel.pacing.growth import STEP, Mode
from bulkdel.pacing.knee import Knee
from bulkdel.pacing.scout import Scout, Window

_RAMP: Final = 1.5
_SEARCH: Final = 1.2
_UNPROVEN: Final = 90
_UNPROVEN_SHARE: Final = 0.006
"""Before the first refusal, in flight at most: all of it may be refused at once, so it
stays in proportion to what was accepted."""
_SLOTS_ABOVE: Final = 0.65
_SLOTS_STAY: Final = 0.2
_LARGE_CUT: Final = 0.9
_SHORT_S: Final = 1.2
_WINDOW_TURNED_S: Final = 2.0
_WINDOWS_QUIET: Final = 2.2


class Steering:
    """The dials of one lane and what turns them.

    Attributes:
        dials: The two dials.
        meter: What was answered lately; the caller counts into it.
        latency: How long answers take; the caller adds samples.
        evidence: What refusals told.
        knee: Whether the provider lets requests wait.
        mode: What the rate is doing.
        slots: Those in flight are what is limited, not the rate.
        proven: Refused at least once.
        capped: A request took the last place in flight since the last tick.
        cut_s: When it last reacted to a refusal.
        window: The long window that is running.
        reference: The rate that was refused, or that is known from elsewhere.
        burst: What a bucket held when a ramp emptied it, about; None if unknown.
        binds: What bound in the last tick: ``rate``, ``concurrency`` or ``nothing``.
    """

    def __init__(self, dials: Dials) -> None:
        self.dials = dials
        self.meter = Meter()
        self.latency = Latency()
        self.evidence = Evidence()
        self.knee = Knee()
        self.mode = Mode.RAMP
        self.slots = self.proven = self.capped = False
        self.cut_s = -inf
        self.window = Window(0.0, 0)
        self.burst: float | None = None
        self._ramp_counts: list[int] = []
        self.binds = "rate"
        self._high = self.reference = self._event_rate = 0.0
        self._short_pauses = 0
        self._paused_s = self._quiet_from_s = 0.0
        self.dials.set_cap(_UNPROVEN)

    def begin(self, now_s: float) -> None:
        """Note the first request."""
        self.meter.start(now_s)
        self.window.begin(now_s)
        self._quiet_from_s = now_s

    def cruise_at(self, rate: float, limit: float) -> None:
        """Skip the ramp: ``limit`` is known from elsewhere."""
        self.mode, self.proven = Mode.CRUISE, True
        self.dials.open()
        self.dials.set_rate(rate)
        self._high = self.reference = limit

    # -- refusals ---------------------------------------------------------------------

    def react(self, now_s: float, in_flight: int, kind: LimitKind) -> None:
        """React to the first refusal of a round trip."""
        self.cut_s, self.proven = now_s, True
        rate = self.dials.rate
        if self.mode in (Mode.RAMP, Mode.SEARCH):
            self._end_ramp() if self.mode is Mode.RAMP else self._end_search()
            self._mark(now_s)
            return
        if self.knee.active:
            self.knee.active = False
            self.dials.set_rate(self.meter.best_rate())
        top = self.meter.top_in_flight(1.0)
        self.evidence.note_in_flight(in_flight, self.meter.mean_in_flight(1.0), top)
        if self._is_slots(kind) and not self.meter.is_flood():
            self._lower_slots(in_flight)
        else:
            if self.slots:
                self.slots = False
                self.evidence.in_flight_high = 0.0
                self.dials.set_rate(self.meter.best_rate())
            self.dials.set_cap(min(self.dials.cap, max(16.0, 1.5 * top + 4.0)))
            self._lower(now_s, max(rate, self._event_rate))
        self._mark(now_s)

    def _end_ramp(self) -> None:
        rate = self.dials.rate
        self._high = self.reference = rate
        self._ramp_counts = self.meter.counts()
        taken = self.meter.accept_rate(1.0)
        self.dials.set_rate(max(1.0, min(max(taken, 0.8 * rate / _RAMP), 0.8 * rate)))
        self.dials.open()
        self.mode = Mode.CLOSE

    def _end_search(self) -> None:
        rate = self.dials.rate
        self.mode = Mode.CRUISE
        self.evidence.forget()
        self.dials.set_rate(max(min(rate, self.meter.accept_rate(1.0)), rate / 1.3))
        self._high = self.reference = self.dials.rate * (1 + STEP)

    def _is_slots(self, kind: LimitKind) -> bool:
        if kind in (LimitKind.RATE, LimitKind.BURST, LimitKind.CONCURRENCY):
            return kind is LimitKind.CONCURRENCY
        return self.evidence.in_flight_high > (_SLOTS_STAY if self.slots else _SLOTS_ABOVE)

    def _lower_slots(self, in_flight: int) -> None:
        cap = self.dials.cap if self.slots else min(self.dials.cap, in_flight)
        self.slots = True
        self.dials.set_cap(cap - 1)

    def _mark(self, now_s: float) -> None:
        usual = self.mode is Mode.CRUISE and not self.meter.is_flood()
        mark = Mark(now_s, self.meter.accepted_all, self._paused_s)
        self.evidence.mark(mark, self.meter.refused_all, usual=usual)
        self._event_rate = self.dials.rate
        self._quiet_from_s = now_s

    def _lower(self, now_s: float, before: float) -> None:
        rate, evidence = self.dials.rate, self.evidence
        mark = Mark(now_s, self.meter.accepted_all, self._paused_s)
        between = evidence.between(mark, rate)
        if evidence.limit and self._ramp_counts:
            self.burst = most_above(evidence.limit, self._ramp_counts) or None
            self._ramp_counts = []
        self.mode = Mode.CRUISE
        if self.meter.is_flood():
            taken = min(self.meter.accept_rate(1.0), between)
            self.dials.set_rate(min(rate * (1 - STEP), taken))
            self._high = self.reference = self.dials.rate
        else:
            step = STEP
            if evidence.short_windows:
                step *= min(3.0, max(1.0, evidence.cost(self.meter.refused_all) / 3))
            self._high = self.reference = min(rate, between * (1 + STEP / 2))
            self.dials.set_rate(min(rate * (1 - step), between * (1 - STEP / 2)))
        if self.dials.rate < _LARGE_CUT * before:
            self.mode = Mode.CLOSE
            evidence.limit = 0.0

    def measure_stale(self, now_s: float, row: int) -> None:
        """Note a refusal that belongs to the last event: many of them measure the limit."""
        if self.slots:
            return
        accepted, latency_s = self.meter.accepted_all, self.latency.median_s
        rate = self.evidence.measure_stale(now_s, accepted, row, latency_s)
        if rate < inf:
            self.dials.set_rate(min(self._event_rate, max(0.6 * self._event_rate, rate)))
            self._high = self.dials.rate

    def trouble(self, now_s: float) -> None:
        """Give way to a provider that fails at much: what it carries out is enough."""
        self.cut_s = now_s
        self._high = self.reference = self.dials.rate
        self.mode = Mode.CRUISE
        self.dials.set_rate(max(self.dials.rate / 2, self.meter.accept_rate(1.0)))

    # -- after a pause ----------------------------------------------------------------

    def reopened(self, now_s: float, scout: Scout) -> None:
        """Go on after a pause; if a long window began, at the rate that it allows."""
        pause_s = now_s - scout.since_s
        self._paused_s += pause_s
        self._quiet_from_s = self.cut_s = now_s
        self._event_rate = 0.0
        if pause_s < _SHORT_S:
            self._short_pauses += 1
            surprised = self.mode is Mode.CRUISE and not self.meter.is_flood()
            if surprised or self._short_pauses >= 2:
                self.evidence.short_windows = True
        self.dials.schedule.hold(now_s)
        if pause_s <= _WINDOW_TURNED_S or not self.window.turn(scout, self.meter.accepted_all - 1):
            return
        self.mode = Mode.CRUISE
        self.dials.set_rate(self.window.plan(now_s))
        self.dials.open()
        self._high = self.reference = self.dials.rate
        self.evidence.new_window()
        self.evidence.limit = self.window.size / (self.window.length_s or 1.0)

    # -- ticks ------------------------------------------------------------------------

    def tick(self, now_s: float, dt_s: float) -> None:
        """Look at the last tick of ``dt_s`` and turn the dials up where nothing speaks against."""
        fresh = self.latency.tick(now_s)
        taken = self.meter.accept_rate(1.0)
        full = taken > 0.9 * self.dials.rate
        self.binds = "concurrency" if self.capped else "rate" if full else "nothing"
        if not self.proven and not self.knee.active:
            self.dials.set_cap(max(_UNPROVEN, _UNPROVEN_SHARE * self.meter.accepted_all))
        patience = 2 if self.mode is Mode.RAMP else 3
        slow = self.knee.is_slow(self.latency, fresh=fresh, ticks=patience)
        if self.knee.active:
            self._tick_line(now_s, taken)
        elif slow:
            self.knee.begin(now_s)
            self.mode = Mode.CRUISE
            self._tick_line(now_s, taken)
        elif self.mode is Mode.RAMP:
            self._tick_ramp(dt_s)
        elif self.slots:
            grown = self.dials.rate * (1 + 0.1 * dt_s)
            self.dials.set_rate(min(grown, 1.5 * self.meter.best_rate()))
        elif self.mode is Mode.SEARCH:
            self._step_up(_SEARCH, dt_s)
        else:
            if self.capped:
                self.dials.set_cap(self.dials.cap * 1.05 + 1)
            if full:
                self._grow(now_s, dt_s)
        self.capped = False

    def _tick_ramp(self, dt_s: float) -> None:
        if self.capped:
            self.dials.set_rate(min(self.dials.rate, 1.5 * self.meter.best_rate()))
        else:
            self._step_up(_RAMP, dt_s)

    def _step_up(self, factor: float, dt_s: float) -> None:
        if self.meter.accept_rate(dt_s) > 0.7 * self.dials.rate / factor:
            self.dials.set_rate(self.dials.rate * factor)

    def _tick_line(self, now_s: float, taken: float) -> None:
        best = self.meter.best_rate()
        if self.capped and self.knee.is_none(now_s, taken, best):
            self.knee.active = False
            self.latency.reset()
            self.dials.set_rate(best)
        else:
            self.dials.set_cap(self.knee.cap(now_s, best, self.latency))
            self.dials.set_rate(1.3 * best)

    def _grow(self, now_s: float, dt_s: float) -> None:
        rate, evidence, window = self.dials.rate, self.evidence, self.window
        if window.length_s and now_s < window.opened_s + _WINDOWS_QUIET * window.length_s:
            planned = window.plan(now_s)
            self.dials.set_rate(min(rate, planned) if evidence.last else planned)
        elif self.mode is Mode.CLOSE:
            self.dials.set_rate(rate * (1 + growth.close_speed(self.latency.median_s) * dt_s))
        elif rate < 0.985 * self._high:
            self._quiet_from_s = now_s
            self.dials.set_rate(rate + (0.99 * self._high - rate) * min(1.0, dt_s / 5))
        else:
            self._cruise(now_s, dt_s)
            self._high = max(self._high, self.dials.rate)
            ratio = rate / self.reference if self.reference else 1.0
            risen = evidence.risen(now_s, self.meter.accepted_all, ratio)
            if self._is_quiet(now_s) and risen:
                self.mode = Mode.SEARCH
                self.dials.open()

    def _is_quiet(self, now_s: float) -> bool:
        rate, evidence, quiet_s = self.dials.rate, self.evidence, now_s - self._quiet_from_s
        return evidence.last is not None and growth.is_quiet(rate, evidence.per_event, quiet_s)

    def _cruise(self, now_s: float, dt_s: float) -> None:
        rate, evidence = self.dials.rate, self.evidence
        speed = growth.speed(
            rate,
            evidence.per_event,
            now_s - self._quiet_from_s,
            known=bool(evidence.limit),
            short_windows=evidence.short_windows,
        )
        grown = rate * (1 + speed * dt_s)
        if evidence.last and self._is_quiet(now_s):
            spare = growth.spare(rate, now_s - evidence.last.at_s, self.latency.median_s)
            grown = min(grown, max(rate, (evidence.limit or self.reference) + spare))
        self.dials.set_rate(grown)
