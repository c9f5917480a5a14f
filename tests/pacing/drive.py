"""Drive a pace against a server that is drawn, in virtual time, as a lane does.

    pace ──may I send?──> Drive ──way──> server ──way──> Drive ──answer──> pace

It starts with one request, then ten; IDs that were refused go first once their wait is over;
wake-ups come up to a millisecond late. An event is a tuple on a heap: some 300,000 of them a
second, several times as many as the real lane carries, which a judge of hundreds of draws
needs; `tests.pacing.real_lane` is the check that the real lane does the same.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from bulkdel.models import Meaning, Verdict
from tests.pacing.baselines import WorkersPace
from tests.pacing.draws import Draw

RUN_S: Final = 180
_LONGEST_S: Final = 300
_PROBATION: Final = 10
_ARRIVES, _ACCEPTED, _REFUSED, _LOST, _TIMER = range(5)
_LATE_S: Final = 0.001
SERVICE_REFUSED_S: Final = 0.0005
TIMEOUT_S: Final = 3.0
LOST: Final = -2.0
"""A server that says so gives no answer; the request is given up after `TIMEOUT_S`."""
_NO_HEADERS: Final[dict[str, str]] = {}
_Event = tuple[float, int, float, int, int]


class Drive:
    """One lane, one server and the way between, as a heap of events.

    Attributes:
        took: Requests taken by the server, by second.
        refused: Refusals by the server, by second.
        requests: All that were sent.
    """

    def __init__(
        self, pace: Any, drawn: Draw, *, dry_s: Sequence[tuple[float, float]] = ()
    ) -> None:
        """Build one; there are no IDs from one time to another in ``dry_s``."""
        self.pace, self.drawn = pace, drawn
        self.took = [0] * _LONGEST_S
        self.refused = [0] * _LONGEST_S
        self.requests = 0
        self._random = Random(drawn.seed)
        self._events: list[_Event] = []
        self._room: list[tuple[float, int]] = []
        self._verdicts: dict[float, Verdict] = {}
        self._in_flight = self._accepted = 0
        self._places = 1
        self._dry_s = dry_s
        self._timer_s = math.inf

    def run(self, until_s: float = RUN_S) -> Drive:
        """Work until ``until_s``."""
        events, pop, admit = self._events, heapq.heappop, self.drawn.server.admit
        if not events:
            self._pump(0.0)
        while events and events[0][0] < until_s:
            now_s, kind, sent_s, flight, refusals = pop(events)
            if kind == _ARRIVES:
                self._arrive(now_s, admit(now_s), sent_s, flight, refusals)
                continue
            if kind != _TIMER:
                self._settle(now_s, kind, sent_s, flight, refusals)
            elif now_s < self._timer_s:
                continue
            else:
                self._timer_s = math.inf
            self._pump(now_s)
        return self

    def _arrive(
        self, now_s: float, service_s: float, sent_s: float, flight: int, refusals: int
    ) -> None:
        """Let the server take a request, lose it or refuse it."""
        if service_s >= 0.0:
            self.took[int(now_s)] += 1
            self._at(now_s + service_s + self._way_s(), _ACCEPTED, sent_s, flight, 0)
        elif service_s == LOST:
            self._at(now_s + TIMEOUT_S, _LOST, sent_s, flight, refusals)
        else:
            self.refused[int(now_s)] += 1
            self._refuse(now_s, sent_s, flight, refusals)

    def _settle(self, now_s: float, kind: int, sent_s: float, flight: int, refusals: int) -> None:
        """Tell the pace of an answer, or that there was none."""
        if kind == _REFUSED:
            self._settle_refusal(now_s, sent_s, flight, refusals)
            return
        self._in_flight -= 1
        if kind == _LOST:
            self.pace.troubled(now_s, sent_s, flight)
            heapq.heappush(self._room, (now_s, refusals))
            return
        self._accepted += 1
        if self._accepted <= _PROBATION:
            self._places = self.drawn.concurrency if self._accepted == _PROBATION else _PROBATION
        self.pace.accepted(now_s, sent_s, flight, _NO_HEADERS)

    def _at(self, at_s: float, kind: int, sent_s: float, flight: int, refusals: int) -> None:
        heapq.heappush(self._events, (at_s, kind, sent_s, flight, refusals))

    def _way_s(self) -> float:
        drawn, random = self.drawn, self._random.random
        way_s = drawn.rtt_s / 2 * (1.0 + drawn.jitter * (2.0 * random() - 1.0))
        if drawn.tail and random() < drawn.tail:
            way_s *= 3.0 + 7.0 * random()
        return way_s

    def _refuse(self, now_s: float, sent_s: float, flight: int, refusals: int) -> None:
        """Send a refusal on its way; the number of those of its ID tells the rest."""
        retry_s = 0
        if self.drawn.says_retry:
            retry_s = max(1, math.ceil(self.drawn.server.retry_s(now_s)))
        code = refusals + 1 + 100_000 * retry_s
        self._at(now_s + SERVICE_REFUSED_S + self._way_s(), _REFUSED, sent_s, flight, code)

    def _settle_refusal(self, now_s: float, sent_s: float, flight: int, code: int) -> None:
        self._in_flight -= 1
        retry_s, refusals = divmod(code, 100_000)
        verdict = self._verdicts.get(retry_s)
        if verdict is None:
            verdict = Verdict(Meaning.REFUSED, retry_after_s=float(retry_s) or None)
            self._verdicts[retry_s] = verdict
        self.pace.refused(now_s, sent_s, flight, verdict, _NO_HEADERS)
        back_s = self._random.random() * min(30.0, 0.5 * 2.0 ** min(10, refusals - 1))
        heapq.heappush(self._room, (now_s + max(float(retry_s), back_s), refusals))

    def _pump(self, now_s: float) -> None:
        """Send all that may be sent now, and set the timer for the next."""
        pace, room = self.pace, self._room
        if self._dry_s and (full_s := self._has_ids_from(now_s)) > now_s:
            self._wake(full_s)
            return
        while self._in_flight < self._places:
            wait_s = pace.wait_s(now_s, self._in_flight)
            if wait_s > 0.0:
                if wait_s < math.inf:
                    self._wake(now_s + wait_s)
                return
            if room and room[0][0] <= now_s:
                refusals = heapq.heappop(room)[1]
            elif self._may_begin():
                refusals = 0
            else:
                self._wake(room[0][0])
                return
            self._in_flight += 1
            self.requests += 1
            pace.sent(now_s, self._in_flight)
            self._at(now_s + self._way_s(), _ARRIVES, now_s, self._in_flight, refusals)

    def _has_ids_from(self, now_s: float) -> float:
        return next((to_s for from_s, to_s in self._dry_s if from_s <= now_s < to_s), now_s)

    def _may_begin(self) -> bool:
        waiting = len(self._room)
        if isinstance(self.pace, WorkersPace):
            return self._in_flight + waiting < self.pace.places
        return waiting < 4 * self.drawn.concurrency

    def _wake(self, at_s: float) -> None:
        if at_s < self._timer_s:
            self._timer_s = at_s
            self._at(at_s + _LATE_S * self._random.random(), _TIMER, 0.0, 0, 0)
