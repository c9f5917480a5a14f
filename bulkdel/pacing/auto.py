"""Find a provider's hidden limit and stay just under it.

    answers ──> AutoPace ──counts──> Meter, Latency ──tick──> Controller ──> Limits
                   │  refusals ─────────────────────────────────┘
                   └─ shut: nothing is taken, a window is used up: one probe at a time

What holds here, always:

1. The rate never exceeds ``rate_max``, nor those in flight ``concurrency``.
2. An answer costs some additions; everything else is done once per tick, of 0.25 s or
   1.5 round trips, whichever is longer.
3. Every decision follows from its arguments: no clock, no randomness.

Not here: how the limits turn (`controller`), what refusals tell (`evidence`), headers
(`headers`); the Retry-After of a single ID (`lane`), waiting (`runner`).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Final

from bulkdel.models import LimitKind, Verdict
from bulkdel.pacing import growth
from bulkdel.pacing.controller import Controller
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.pacing.growth import STEP, Mode
from bulkdel.pacing.headers import AdvertisedQuota, Budget, read_quota
from bulkdel.pacing.limits import Limits
from bulkdel.pacing.meter import Latency
from bulkdel.pacing.probe import WindowProbe

RATE_FIRST: Final = 10.0
_TICK_S: Final = 0.25
_IN_A_ROW: Final = 6
"""So many refusals with nothing taken in between: shut. At a bucket that refuses half,
as after a ramp, that happens once in 64 refusals."""
_ASKED_S: Final = 2.0
"""A longer Retry-After shuts the lane at once; a shorter one only holds its ID."""
_LATE_ACCEPTED: Final = 3
"""So many taken after it seemed shut: it is not."""
_DOUBTS_MAX: Final = 4
_DOUBT_S: Final = 5.0
_DISTRUST_S: Final = 30.0
"""After so many refusals, each within so long of the last, that the headers did not
foresee, they are not believed for so long."""


class AutoPace:
    """The pace of one lane that finds the limit by itself.

    Args:
        concurrency: Most requests in flight.
        rate_max: Most requests per second: the provider's documented limit, never
            exceeded; None if there is none.
        learned: What an earlier run found, for a warm start; None ramps.
        rate_first: Requests per second that a ramp begins with.
    """

    def __init__(
        self,
        *,
        concurrency: int,
        rate_max: float | None = None,
        learned: LimitEstimate | None = None,
        rate_first: float = RATE_FIRST,
    ) -> None:
        self._limits = Limits(rate_first, rate_max=rate_max, concurrency=concurrency)
        self._controller = Controller(self._limits)
        self._meter = self._controller.meter
        self._latency = self._controller.latency
        self._quota = AdvertisedQuota()
        self._told_after_s = -inf
        self._following = False
        self._doubts, self._doubted_s = 0, -inf
        self._probe: WindowProbe | None = None
        self._row = 0
        self._tick_s: float | None = None
        self._headers_due = True
        if learned is not None and learned.rate:
            self._start_warm(learned.rate, learned)

    def _start_warm(self, rate: float, estimate: LimitEstimate) -> None:
        controller = self._controller
        if estimate.latency_s:
            self._latency.expect(estimate.latency_s)
        if estimate.unlimited:  # ramp on from there
            self._limits.set_rate(rate)
            self._limits.set_cap(max(self._limits.cap, 1.5 * rate * self._latency.median_s))
            return
        controller.cruise_at(rate, rate)
        if estimate.in_flight_max:
            controller.slots = True
            self._limits.set_cap(estimate.in_flight_max)
        elif estimate.window_s is not None:
            controller.window.expect(estimate.window_s, rate)
        elif estimate.queues:
            controller.knee.begin(0.0)
        else:
            self._limits.set_rate(rate * (1 - STEP / 2))

    # -- the protocol -----------------------------------------------------------------

    @property
    def rate(self) -> float:
        """Requests per second it aims at now."""
        return self._limits.rate

    @property
    def places(self) -> int:
        """Most requests in flight that it allows now."""
        return self._limits.places

    @property
    def budget(self) -> Budget | None:
        """What is left of a quota of an hour or a day, if the headers tell."""
        return self._quota.budget

    @property
    def is_settled(self) -> bool:
        """Whether it has met a limit, or was told of one, and is just below it."""
        controller = self._controller
        return self._probe is None and controller.proven and controller.mode is Mode.CRUISE

    def wait_s(self, now_s: float, in_flight: int) -> float:
        """Return 0.0 if a request may be sent now, else when to ask again."""
        if self._probe is not None:
            return self._probe.wait_s(now_s, in_flight)
        if in_flight >= self._limits.places:
            return inf
        return self._limits.schedule.wait_s(now_s)

    def sent(self, now_s: float, in_flight: int) -> None:
        """Note that a request is being sent."""
        if self._tick_s is None:
            self._begin(now_s)
        if self._probe is not None:
            self._probe.sent_s = now_s
        self._limits.schedule.take(now_s)
        if in_flight >= self._limits.places:
            self._controller.capped = True

    def accepted(
        self, now_s: float, sent_s: float, in_flight: int, headers: Mapping[str, str]
    ) -> None:
        """Note an answer that was no refusal and no trouble."""
        meter = self._meter
        if now_s >= meter.end_s:
            self._roll(now_s)
        meter.accepted += 1
        meter.flight += in_flight
        if in_flight > meter.top:
            meter.top = in_flight
        samples = self._latency.samples
        if len(samples) < Latency.samples_max:
            samples.append(now_s - sent_s)
        self._row = 0
        if self._headers_due:
            self._read(headers, now_s)
        if self._controller.slots and in_flight >= self._limits.places - 1:
            share = growth.share_per_event(self._controller.evidence.per_event)
            self._limits.set_cap(self._limits.cap + share)
        if self._probe is not None:
            self._accepted_while_shut(now_s, sent_s, self._probe)

    def refused(
        self,
        now_s: float,
        sent_s: float,
        in_flight: int,
        verdict: Verdict,
        headers: Mapping[str, str],  # noqa: ARG002  # the protocol's
    ) -> None:
        """Note a refusal, and react if it is the first of its round trip."""
        if now_s >= self._meter.end_s:
            self._roll(now_s)
        self._meter.refused += 1
        self._row += 1
        asked_s = verdict.retry_after_s
        long_s = asked_s if asked_s is not None and asked_s > _ASKED_S else None
        if self._probe is not None:
            if self._probe.is_answer_to(sent_s):
                self._probe.again(now_s, asked_s)
            else:
                self._probe.asked_for(now_s, long_s)
            return
        if sent_s >= self._controller.cut_s:
            self._refused_anew(now_s, in_flight, verdict.limit)
        else:
            self._controller.measure_stale(now_s, self._row)
        window = self._controller.window
        spent = window.is_spent(now_s, self._meter.accepted_all, self._meter)
        if self._row >= (2 if spent else _IN_A_ROW) or long_s is not None:
            self._shut(now_s, asked_s, spent=spent)

    def _shut(self, now_s: float, asked_s: float | None, *, spent: bool) -> None:
        """Send nothing but one probe at a time from now on."""
        self._controller.penalty.pausing(self._latency.median_s)
        self._probe = WindowProbe(
            now_s,
            asked_s,
            first_s=2.0 / self._limits.rate,
            window=self._controller.window,
            accepted=self._meter.accepted_all,
            spent=spent,
        )

    def troubled(self, now_s: float, sent_s: float, in_flight: int) -> None:  # noqa: ARG002
        """Note a server error, or that no answer came: it says nothing of the rate.

        Unless much fails: then the provider gets no more than it carries out.
        """
        if now_s >= self._meter.end_s:
            self._roll(now_s)
        self._meter.troubled += 1
        if self._probe is not None and self._probe.is_answer_to(sent_s):
            self._probe.again(now_s, None)
        if sent_s >= self._controller.cut_s and self._meter.is_trouble():
            self._controller.trouble(now_s)

    # -- in between -------------------------------------------------------------------

    def _begin(self, now_s: float) -> None:
        self._tick_s = now_s
        self._controller.begin(now_s)

    def _roll(self, now_s: float) -> None:
        """End a slot of the meter, and a tick if it is time."""
        if self._tick_s is None:  # answers to requests of an earlier pace
            self._begin(now_s)
            return
        self._meter.roll(now_s)
        self._headers_due = True
        tick_s = max(_TICK_S, 1.5 * self._latency.median_s)
        passed_s = now_s - self._tick_s
        if passed_s >= tick_s:
            self._tick_s = now_s
            if self._probe is None:
                self._controller.tick(now_s, min(passed_s, 2 * tick_s), passed_s)
                self._follow_headers(now_s)

    def _refused_anew(self, now_s: float, in_flight: int, kind: LimitKind) -> None:
        """React to the first refusal of a round trip; headers may err now and then."""
        if self._following:
            self._controller.cut_s = now_s
            self._doubts = self._doubts + 1 if now_s < self._doubted_s + _DOUBT_S else 1
            self._doubted_s = now_s
            if self._doubts < _DOUBTS_MAX:
                return
            self._following = False
            self._told_after_s = now_s + _DISTRUST_S
        self._controller.react(now_s, in_flight, kind)

    def _accepted_while_shut(self, now_s: float, sent_s: float, probe: WindowProbe) -> None:
        if probe.is_answer_to(sent_s):
            self._probe = None
            self._controller.reopened(now_s, probe)
            return
        probe.late_accepted += 1
        if probe.late_accepted >= _LATE_ACCEPTED:
            self._probe = None

    def _read(self, headers: Mapping[str, str], now_s: float) -> None:
        """Read the headers of one answer per slot."""
        self._headers_due = False
        quota = read_quota(headers)
        if quota is not None:
            self._quota.note(quota, now_s, self._latency.median_s)

    def _follow_headers(self, now_s: float) -> None:
        """Send at the rate that the headers ask for, unless they were wrong lately."""
        rate, controller = self._quota.rate, self._controller
        if controller.mode is Mode.RAMP and self._quota.low and rate is None:
            controller.cruise_at(self._meter.accept_rate(0.5), self._limits.rate)
        if rate is None or now_s < self._told_after_s:
            return
        if controller.mode is Mode.RAMP and self._limits.rate < rate:
            return
        controller.cruise_at(rate, rate)
        self._following = True

    # -- what was found ---------------------------------------------------------------

    def learned(self) -> LimitEstimate | None:
        """Return what is worth knowing next time, or None if nothing was found."""
        controller, told = self._controller, self._quota
        window, limit = controller.window, controller.evidence.limit
        rate = told.limit or limit
        by_window = window.length_s or controller.evidence.short_windows or controller.slots
        if window.length_s and not told.limit:
            rate = window.size / window.length_s
        elif controller.knee.active or controller.slots or not controller.proven:
            rate = self._meter.best_rate()
        elif not rate:
            rate = max(self._limits.rate, controller.reference)
        if not rate:
            return None
        return LimitEstimate(
            rate=rate,
            burst=told.burst or (None if by_window else controller.burst),
            window_s=told.window_s or window.length_s,
            in_flight_max=self._limits.places if controller.slots else None,
            latency_s=self._latency.base_s,
            queues=controller.knee.active,
            unlimited=not controller.proven and not controller.knee.active and not told.limit,
        )
