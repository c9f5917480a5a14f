"""Turn the two limits of a lane: at each refusal, and once per tick.

    RAMP ──refused──> APPROACH ──refused──> CRUISE <──> SEARCH
    half as much      some % a second       1 % less    a fifth more per tick, after more
    again per tick    up from what          at each     was taken than the limit gives
                      was taken             refusal
                                              │ ▲
                        silence, far above    │ │ a pause of seconds, then one is taken:
                        what was refused      ▼ │ so many in so long (`window`)
                                            WINDOW: the rate that uses each span of its
                                            length up, and no more

Beside them `slots` (those in flight are what is limited) and `knee` (the provider lets
requests wait and refuses none). `auto` shuts the lane while nothing is taken.

What holds here, always:

1. One reaction per round trip: a refusal of a request that was sent before the last
   reaction is part of the same event, and only measures.
2. A refusal is a measurement, not a reason to halve: the rate goes to what was taken
   between two refusals, and never down by more than half at once.
3. No state is a trap: whatever is believed, after some seconds in which all was used and
   nothing refused the rate grows, and ever faster (`growth.silent_speed`). Only a window
   that is known to hold so many is used up before it is doubted.

Not here: when to ask (`auto`), what refusals tell (`evidence`), pauses (`probe`).
"""

from __future__ import annotations

from math import inf
from typing import Final

from bulkdel.models import LimitKind
from bulkdel.pacing import growth
from bulkdel.pacing.evidence import Evidence, Mark
from bulkdel.pacing.growth import STEP, Mode
from bulkdel.pacing.knee import Knee
from bulkdel.pacing.limits import Limits
from bulkdel.pacing.meter import Latency, Meter, most_above, span_s
from bulkdel.pacing.penalty import Penalty
from bulkdel.pacing.probe import WindowProbe
from bulkdel.pacing.window import Window

_RAMP: Final = 1.5
"""The rate grows by half per tick: from 10 to 1,000 a second in 12 ticks, and what is above
the limit when the first refusal returns is a third of it."""
_MET: Final = 0.85
"""Where so much of the rate is taken, it is not the places that bind: timers are 1 ms late
now and then, and what is caught up uses all places for a moment."""
_SEARCH: Final = 1.2
"""A limit that has risen is followed so: slower than a ramp, because something is known."""
_UNPROVEN: Final = 32.0
_UNPROVEN_MOST: Final = 140.0
_UNPROVEN_SHARE: Final = 0.25
_UNPROVEN_LATER: Final = 0.017
"""Before the first refusal, in flight at most: all of it may be refused at once, so it
stays in proportion to what was accepted: a quarter of it up to 140 (with less, a far provider
that limits nothing gets less than half of 256 places after 20 s), then a sixtieth."""
_SLOTS_ABOVE: Final = 0.65
_SLOTS_STAY: Final = 0.2
"""Those in flight are what is limited if they are so far up at refusals (`Evidence`), and
until they are that far down: two figures, so that it does not flip at each refusal."""
_SLOTS_SPEED: Final = 0.1
"""Where places bind, the rate only has to stay out of their way: a tenth more a second."""
_LARGE_CUT: Final = 0.9
"""A rate that fell by more has lost the limit: it approaches it again."""
_SETTLING_S: Final = 0.1
"""What is refused so soon after a large cut was refused for what came before it: a window that is
used up says nothing of the rate that it finds."""
_REACTION_S: Final = 0.25
"""A tick: what is sent before a reaction shows, beside the round trip."""
_STRIDE: Final = 4.0
"""At most so much more per tick, however long the tick was: where answers are seconds apart."""
_FAR_ABOVE: Final = 1.5
"""So far above what was refused last, nothing that was known of those in flight holds."""
_TRICKLE: Final = 0.3
"""A window that is used up still gets this share of its rate: it may have room all the same,
and a log that slides gives back what was taken then."""
_EARLY: Final = 0.1
_LANDING: Final = 0.5
"""A window about to be used up before the last tenth of its time: half its rate, so that few
are in flight at the end; in the last tenth, its rate."""
_OPEN_LEAST_S: Final = 0.3
"""What was taken is measured over this long at least, also just after a pause."""
_WINDOW_RUSH: Final = 3.0
_OVERSHOOT: Final = 0.05
"""In silence a window is used up sooner than it refills, to see whether it ends where it
should: three times as fast, or as fast as leaves a twentieth of it to be in flight then."""
_DISBELIEF_S: Final = 40.0
"""After so long a silence a window is doubted that has not been used up yet."""
_SLOW: Final = 1.0
"""One that gives less than this a second is doubted as soon as the rate grows at all: a refusal is
one of few, and to wait for the end of a wrong guess would take minutes."""
_SLOTS_LEAST: Final = 1.0
"""Where places bind, a lull does not lower the rate below this: one a second is no load."""
_SHORT_S: Final = 1.2
"""A shorter pause is one of a window of a second or two."""
_WINDOW_TURNED_S: Final = 2.0
"""A shorter pause tells nothing of a long window."""
_WINDOWS_QUIET: Final = 2.2
"""After so many of its lengths without a refusal a window's rate is no longer the most."""
_FLOODED_MOST: Final = 0.7
"""What a fraction of a second has measured lowers the rate to this share of it at most: at the
end of a short window less and less is taken, and that is no measure."""
_AFTER_PENALTY: Final = 0.95
"""After a penalty the rate begins so far below the limit, or below half the rate if none is known."""
_UNUSED_MOST: Final = 0.1
"""If more of the time went unused, because IDs or places were missing, silence says nothing."""


class Controller:
    """The limits of one lane and what turns them.

    Attributes:
        limits: The two limits.
        meter: What was answered lately; the caller counts into it.
        latency: How long answers take; the caller adds samples.
        evidence: What refusals told.
        penalty: Whether pauses follow on refusals.
        knee: Whether the provider lets requests wait.
        mode: What the rate is doing.
        slots: Those in flight are what is limited, not the rate.
        proven: Refused at least once.
        capped: A request took the last place in flight since the last tick.
        cut_s: When it last reacted to a refusal.
        window: The long window that is running.
        reference: The rate that was refused, or that is known from elsewhere.
        burst: What a bucket held when a ramp emptied it, about; None if unknown.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.meter = Meter()
        self.latency = Latency()
        self.evidence = Evidence()
        self.penalty = Penalty(self.meter)
        self.knee = Knee()
        self.mode = Mode.RAMP
        self.slots = self.proven = self.capped = False
        self.cut_s = -inf
        self.window = Window(0.0, 0)
        self.burst: float | None = None
        self._ramp_counts: list[int] = []
        self._high = self.reference = self._event_rate = 0.0
        self._short_pauses = 0
        self._began_rate = 0.0
        self._overshot = False
        self._paused_s = self._quiet_from_s = 0.0
        self._silent_s = self._lost_s = 0.0
        self._flood_s = self._opened_s = self._fell_s = -inf
        self.limits.set_cap(_UNPROVEN)

    def begin(self, now_s: float) -> None:
        """Note the first request."""
        self.meter.start(now_s)
        self.window.begin(now_s)
        self._quiet_from_s = now_s

    def cruise_at(self, rate: float, limit: float) -> None:
        """Skip the ramp: ``limit`` is known from elsewhere."""
        self.mode, self.proven = Mode.CRUISE, True
        self.limits.open()
        self.limits.set_rate(rate)
        self._high = self.reference = limit

    # -- refusals ---------------------------------------------------------------------

    def react(self, now_s: float, in_flight: int, kind: LimitKind) -> None:
        """React to the first refusal of a round trip."""
        self.cut_s, self.proven = now_s, True
        rate = self.limits.rate
        if self.mode in (Mode.RAMP, Mode.SEARCH):
            ramped = self.mode is Mode.RAMP
            self._end_ramp(now_s) if ramped else self._end_search(now_s)
            self._mark(now_s, ramped=ramped)
            return
        if self.knee.active:
            self.knee.active = False
            self.limits.set_rate(self.meter.best_rate())
        top = self.meter.top_in_flight(1.0)
        self.evidence.note_in_flight(in_flight, self.meter.mean_in_flight(1.0), top)
        if self._is_slots(kind) and not self._is_flood(now_s):
            self._lower_slots(in_flight)
        else:
            if self.slots:
                self.slots = False
                self.evidence.in_flight_high = 0.0
                self.limits.set_rate(self.meter.best_rate())
            self.limits.set_cap(min(self.limits.cap, max(16.0, 1.5 * top + 4.0)))
            accepted = self.meter.accepted_all
            if self.window.length_s and self.window.speaks_against(now_s, accepted, self.meter):
                self.window.forget()
            self._lower(now_s, max(rate, self._event_rate))
        self._mark(now_s)

    def _is_flood(self, now_s: float) -> bool:
        """Say whether much was refused since the rate was last lowered for that."""
        since_s = max(self._flood_s, self._opened_s)
        return self.meter.is_flood(min(span_s(self.limits.rate), now_s - since_s))

    def _taken(self, now_s: float) -> float:
        """Return the accept rate of the last second or so, pauses aside."""
        open_s = max(_OPEN_LEAST_S, now_s - self._opened_s)
        return self.meter.accept_rate(min(span_s(self.limits.rate), open_s))

    def _end_ramp(self, now_s: float) -> None:
        rate = self.limits.rate
        self._high = self.reference = rate
        self._ramp_counts = self.meter.counts()
        taken = self._taken(now_s)
        self.limits.set_rate(max(1.0, min(max(taken, 0.8 * rate / _RAMP), 0.8 * rate)))
        self.limits.open()
        self.mode = Mode.APPROACH

    def _end_search(self, now_s: float) -> None:
        rate = self.limits.rate
        self.mode = Mode.CRUISE
        self.evidence.forget()
        self.limits.set_rate(max(min(rate, self._taken(now_s)), rate / 1.3))
        self._high = self.reference = self.limits.rate * (1 + STEP)

    def _is_slots(self, kind: LimitKind) -> bool:
        if kind in (LimitKind.RATE, LimitKind.BURST, LimitKind.CONCURRENCY):
            return kind is LimitKind.CONCURRENCY
        return self.evidence.in_flight_high > (_SLOTS_STAY if self.slots else _SLOTS_ABOVE)

    def _lower_slots(self, in_flight: int) -> None:
        cap = self.limits.cap if self.slots else min(self.limits.cap, in_flight)
        self.slots = True
        self.limits.set_cap(cap - 1)

    def _mark(self, now_s: float, *, ramped: bool = False) -> None:
        usual = self.mode is Mode.CRUISE and not self._is_flood(now_s)
        mark = Mark(now_s, self.meter.accepted_all, self._paused_s)
        if self.evidence.mark(mark, self.meter.refused_all, usual=usual):
            self._began_rate = self.limits.rate
            self._overshot = (
                ramped or self._silent_s > growth.PATIENCE_S or self.penalty.caution > 1.0
            )
        self._event_rate = self.limits.rate
        self._quiet_from_s = now_s
        self._silent_s = 0.0

    def _lower(self, now_s: float, before: float) -> None:
        rate, evidence = self.limits.rate, self.evidence
        mark = Mark(now_s, self.meter.accepted_all, self._paused_s)
        if self.window.length_s:
            self._keep_in_window(now_s)
            return
        known = evidence.limit
        between = evidence.between(mark, rate)
        if self._overshot:
            flooded = evidence.flooded(mark, self.meter.refused_all)
            between = min(between, max(flooded, _FLOODED_MOST * self._began_rate))
        if self._silent_s > growth.PATIENCE_S and evidence.last is not None:
            since = evidence.last
            found = (mark.accepted - since.accepted) / (now_s - since.at_s)
            between = min(between, max(found, rate / 2))
        if evidence.limit and self._ramp_counts:
            self.burst = most_above(evidence.limit, self._ramp_counts) or None
            self._ramp_counts = []
        settling = now_s < self._fell_s + _SETTLING_S
        self.mode = Mode.APPROACH if settling else Mode.CRUISE
        if self._is_flood(now_s) and now_s >= self._opened_s + _OPEN_LEAST_S:
            self._flood_s = now_s
            taken = min(self._taken(now_s), between)
            self.limits.set_rate(min(rate * (1 - STEP), taken))
            self._high = self.reference = self.limits.rate
        else:
            step = STEP
            if evidence.short_windows:
                step *= min(3.0, max(1.0, evidence.cost(self.meter.refused_all) / 3))
            self._high = self.reference = min(rate, between * (1 + STEP / 2))
            self.limits.set_rate(min(rate * (1 - step), between * (1 - STEP / 2)))
        self.limits.set_rate(max(self.limits.rate, rate / 2))  # less is no measure, but a lull
        self._high = self.reference = max(self._high, self.limits.rate)
        if self.limits.rate < _LARGE_CUT * before:
            self.mode = Mode.APPROACH
            self._fell_s = now_s
            if evidence.limit == known:  # of before it fell
                evidence.limit = 0.0

    def _keep_in_window(self, now_s: float) -> None:
        """Lower the rate to what the window has room for: its limit itself is known."""
        self.mode = Mode.CRUISE
        self._high = self.reference = self.window.rate
        self.limits.set_rate(min(self.limits.rate * (1 - STEP), self._room_rate(now_s)))

    def _room_rate(self, now_s: float) -> float:
        """Return the rate of the next seconds if any span of the window's length holds its size."""
        window, meter = self.window, self.meter
        ahead_s = max(0.5, 2.0 * self.latency.median_s)
        room = window.room(now_s + ahead_s, meter.accepted_all, meter)
        return max(_TRICKLE * window.rate, room / ahead_s)

    def measure_stale(self, now_s: float, row: int) -> None:
        """Note a refusal that belongs to the last event: many of them measure the limit."""
        if self.slots or self.window.length_s:
            return
        accepted, latency_s = self.meter.accepted_all, self.latency.median_s
        rate = self.evidence.measure_stale(now_s, accepted, row, latency_s)
        if rate < inf:
            self.limits.set_rate(min(self._event_rate, max(0.6 * self._event_rate, rate)))
            self._high = self.limits.rate

    def trouble(self, now_s: float) -> None:
        """Give way to a provider that fails at much: what it carries out is enough."""
        self.cut_s = now_s
        self._high = self.reference = self.limits.rate
        self.mode = Mode.CRUISE
        self.limits.set_rate(max(self.limits.rate / 2, self._taken(now_s)))

    # -- after a pause ----------------------------------------------------------------

    def reopened(self, now_s: float, probe: WindowProbe) -> None:
        """Go on after a pause; if a long window began, at the rate that it allows."""
        pause_s = now_s - probe.since_s
        self.penalty.reopened()
        self._paused_s += pause_s
        self._quiet_from_s = self.cut_s = self._opened_s = now_s
        self._event_rate = self._silent_s = 0.0
        if pause_s < _SHORT_S and not self.window.length_s:
            self._short_pauses += 1
            surprised = self.mode is Mode.CRUISE and not self._is_flood(now_s)
            if surprised or self._short_pauses >= 2:
                self.evidence.short_windows = True
        self.limits.schedule.hold(now_s)
        if pause_s <= _WINDOW_TURNED_S:
            return
        opened_s = probe.opened_s
        if not self.window.turn(opened_s, opened_s - probe.since_s, self.meter, spent=probe.spent):
            return
        if self.penalty.is_one(self.window.size):
            self._go_on_careful()
            return
        self.mode = Mode.CRUISE
        self.limits.set_rate(self.window.plan(now_s))
        self.limits.open()
        self._high = self.reference = self.limits.rate
        self.evidence.new_window()
        self.evidence.limit = self.window.rate

    def _go_on_careful(self) -> None:
        """Go on near the rate from before the pause, with fewer refusals than before."""
        limit, rate = self.evidence.limit, self.limits.rate
        self.window.forget()
        self.mode = Mode.CRUISE if limit else Mode.APPROACH
        self._high = self.reference = min(rate, limit) if limit else rate / 2
        self.limits.set_rate(_AFTER_PENALTY * self._high)
        self.limits.open()
        self.evidence.new_window()
        self.evidence.limit = limit

    # -- ticks ------------------------------------------------------------------------

    def tick(self, now_s: float, dt_s: float, passed_s: float) -> None:
        """Look at the last tick and turn the limits up where nothing speaks against it.

        ``dt_s`` is the time since the last tick, two ticks at most, and ``passed_s`` all of
        it: where answers are rare, ticks are.
        """
        fresh = self.latency.tick(now_s)
        taken = self._taken(now_s)
        full = taken > 0.9 * self.limits.rate
        used = self._note_use(passed_s)
        self._drop_window_exceeded(now_s)
        self._open_unproven()
        if self._is_queue(now_s, fresh=fresh):
            self._tick_queue(now_s, taken)
        elif self.mode is Mode.RAMP:
            self._tick_ramp(dt_s)
        elif self.slots:
            self._tick_slots(dt_s, passed_s)
        elif self.mode is Mode.SEARCH:
            before = self.limits.rate
            self._step_up(_SEARCH, dt_s)
            if used:  # where ticks are shorter than gaps, that is all that grows
                self._grow_for_silence(now_s, before, passed_s)
        else:
            self._tick_limit(now_s, dt_s, passed_s, full=full, used=used)
        self.capped = False

    def _note_use(self, passed_s: float) -> bool:
        """Say whether all that was allowed since the last tick was sent; silence counts then."""
        lost_s = self.limits.schedule.lost_s
        used: bool = lost_s - self._lost_s < _UNUSED_MOST * passed_s
        used = used or (self.slots and self.capped)
        self._lost_s = lost_s
        if used:
            self._silent_s += passed_s
        return used

    def _drop_window_exceeded(self, now_s: float) -> None:
        """Forget a window that gave more than it can hold: the limit is another one."""
        if not self.window.is_exceeded(now_s, self.meter.accepted_all):
            return
        self.window.forget()
        self.evidence.limit = 0.0
        if self.mode is Mode.CRUISE:
            self.mode = Mode.SEARCH

    def _open_unproven(self) -> None:
        """Before the first refusal, let those in flight grow with what was accepted."""
        if not self.proven and not self.knee.active:
            accepted = self.meter.accepted_all
            early = min(_UNPROVEN_MOST, _UNPROVEN_SHARE * accepted)
            self.limits.set_cap(max(_UNPROVEN, early, _UNPROVEN_LATER * accepted))

    def _is_queue(self, now_s: float, *, fresh: bool) -> bool:
        """Say whether the provider lets requests wait, now or from now on."""
        patience = 2 if self.mode is Mode.RAMP else 3
        slow = self.knee.is_slow(self.latency, fresh=fresh, ticks=patience)
        if slow and not self.knee.active:
            self.knee.begin(now_s)
            self.mode = Mode.CRUISE
        return self.knee.active

    def _tick_slots(self, dt_s: float, passed_s: float) -> None:
        """Let places and rate grow; in silence beyond what was ever taken, or it were a trap."""
        speed = growth.silent_speed(self._silent_s)
        if self.capped:
            self.limits.set_cap(self.limits.cap * (1 + speed * dt_s))
        rate = self.limits.rate
        usual = min(rate * (1 + _SLOTS_SPEED * dt_s), 1.5 * self.meter.best_rate())
        usual = max(usual, min(rate, _SLOTS_LEAST))
        binds = speed and rate * self.latency.median_s < 2.0 * self.limits.cap  # not the places
        silent = rate * min(_STRIDE, 1 + speed * passed_s) if binds else 0.0
        self.limits.set_rate(max(usual, silent))

    def _tick_limit(
        self, now_s: float, dt_s: float, passed_s: float, *, full: bool, used: bool
    ) -> None:
        if self.capped:
            self.limits.set_cap(self.limits.cap * 1.05 + 1)
        before = self.limits.rate
        self._land(now_s)
        if full or used:
            self._grow(now_s, dt_s, passed_s)
        if used:
            self._grow_for_silence(now_s, before, passed_s)

    def _tick_ramp(self, dt_s: float) -> None:
        best = 1.5 * self.meter.best_rate()
        if not self.capped:
            self._step_up(_RAMP, dt_s)
        elif self.limits.is_open and self.meter.accept_rate(dt_s) > _MET * self.limits.rate:
            self.limits.set_rate(min(_RAMP * self.limits.rate, best))
        else:
            self.limits.set_rate(min(self.limits.rate, best))

    def _step_up(self, factor: float, dt_s: float) -> None:
        if self.meter.accept_rate(dt_s) > 0.7 * self.limits.rate / factor:
            self.limits.set_rate(self.limits.rate * factor)

    def _tick_queue(self, now_s: float, taken: float) -> None:
        best = self.meter.best_rate()
        if self.capped and self.knee.is_none(now_s, taken, best):
            self.knee.active = False
            self.latency.reset()
            self.limits.set_rate(best)
        else:
            self.limits.set_cap(self.knee.cap(now_s, best, self.latency))
            self.limits.set_rate(1.3 * best)

    def _grow(self, now_s: float, dt_s: float, passed_s: float) -> None:
        rate, evidence, window = self.limits.rate, self.evidence, self.window
        if self._is_landing(now_s):
            return
        if window.length_s and evidence.last:
            grown = rate * min(_STRIDE, 1.0 + passed_s)
            self.limits.set_rate(min(grown, window.plan(now_s), self._room_rate(now_s)))
        elif window.length_s and now_s < window.opened_s + _WINDOWS_QUIET * window.length_s:
            planned = window.plan(now_s)
            self.limits.set_rate(min(rate, planned) if evidence.last else planned)
        elif self.mode is Mode.APPROACH:
            speed = growth.approach_speed(rate, self.latency.median_s) / self.penalty.caution
            self.limits.set_rate(rate * (1 + speed * dt_s))
        elif rate < 0.985 * self._high:
            self._quiet_from_s = now_s
            self.limits.set_rate(rate + (0.99 * self._high - rate) * min(1.0, dt_s / 5))
        else:
            self._cruise(now_s, dt_s)
            self._high = max(self._high, self.limits.rate)
            ratio = rate / self.reference if self.reference else 1.0
            risen = evidence.risen(now_s, self.meter.accepted_all, ratio)
            if self._is_quiet(now_s) and risen:
                self.mode = Mode.SEARCH
                self.limits.open()

    def _grow_for_silence(self, now_s: float, rate: float, passed_s: float) -> None:
        """Let the rate, ``rate`` at the tick before, grow at least as silence asks for."""
        speed = growth.silent_speed(self._silent_s)
        if not speed:
            return
        grown = rate * min(_STRIDE, 1 + speed * passed_s)
        window = self.window
        if self._is_landing(now_s):
            return
        if window.is_first(now_s) and self._believes():
            safe = _OVERSHOOT * window.size / (_REACTION_S + 2.5 * self.latency.median_s)
            grown = min(grown, max(_WINDOW_RUSH * window.rate, safe))
        if grown > self.limits.rate:
            self.limits.set_rate(grown)
            self._high = max(self._high, grown)
            if grown > _FAR_ABOVE * self.reference:
                self.limits.open()

    def _believes(self) -> bool:
        """Say whether the silence so far leaves the window that is running believable."""
        patience_s = growth.PATIENCE_S if self.window.rate < _SLOW else _DISBELIEF_S
        return self._silent_s < patience_s

    def _is_landing(self, now_s: float) -> bool:
        """Say whether the window that is running will be used up before a reaction shows."""
        window, meter = self.window, self.meter
        if not self._believes():
            return False
        soon = self.limits.rate * (_REACTION_S + 2.5 * self.latency.median_s)
        return window.is_first(now_s) and window.is_spent(now_s, meter.accepted_all, meter, soon)

    def _land(self, now_s: float) -> None:
        """Meet the end of a window slowly: all that is in flight then is refused."""
        if self._is_landing(now_s):
            window = self.window
            early = window.ends_s - now_s > _EARLY * (window.length_s or 0.0)
            share = _LANDING if early else 1.0
            self.limits.set_rate(min(self.limits.rate, share * window.rate))

    def _is_quiet(self, now_s: float) -> bool:
        rate, evidence, quiet_s = self.limits.rate, self.evidence, now_s - self._quiet_from_s
        return evidence.last is not None and growth.is_quiet(
            rate, self.penalty.caution * evidence.per_event, quiet_s
        )

    def _cruise(self, now_s: float, dt_s: float) -> None:
        rate, evidence = self.limits.rate, self.evidence
        speed = growth.speed(
            rate,
            self.penalty.caution * evidence.per_event,
            now_s - self._quiet_from_s,
            known=bool(evidence.limit),
            short_windows=evidence.short_windows,
        )
        grown = rate * (1 + speed * dt_s)
        if evidence.last and self._is_quiet(now_s):
            spare = growth.spare(rate, now_s - evidence.last.at_s, self.latency.median_s)
            grown = min(grown, max(rate, (evidence.limit or self.reference) + spare))
        self.limits.set_rate(grown)
