"""Guard one lane: notice what would hit every ID, before it has.

    COLD ──good answers──> FREE <──────────────┐ (through COLD again)
      │                      │                 │
      └── the answer would hit every ID, ──> HELD ──probe is good──┘
          or nothing but trouble               │
                                               └─and others fail too──> STOPPED

* **Cold**: 1 request, then 10 in flight, then free. Only good answers widen it.
* **Held** for a refused key, a stopped account or a wrong endpoint: nothing is sent until
  what is in flight has come back; then the *same* ID is asked once more, and if that is no
  better, others are (`alone`). Neither a stray 401 nor a single ID must end a run of 14 hours.
* **Held** for an outage (nothing but server errors, timeouts and lost connections from
  `TRANSIENT_IDS_MAX` different IDs in a row): one ID is asked at growing intervals, by turns a
  fresh one and one that failed, and the lane goes on by itself when the provider is back.
* **Held** for "gone" in a row (`gone`): the lane looks whether the endpoint sees objects.
* **All failed**: when the first `FAILED_FIRST_MAX` answers all are permanent failures, it is
  more likely the wrong API than the truth, unless others go well (`alone`).

Not here: waiting, sending, what an answer means. The time is an argument.
"""

from __future__ import annotations

import math
from enum import Enum, auto
from typing import Final

from bulkdel.guards.alone import OTHERS_MAX, Accusation, AloneBudget
from bulkdel.guards.gone import GoneRun
from bulkdel.guards.stop import Stop, StopCause
from bulkdel.models import RETRY_AFTER_MAX_S, Meaning, Verdict

COLD_IN_FLIGHT: Final = 10
COLD_GOOD: Final = 11
"""Good answers that open a cold lane: the first, then ten more."""
TRANSIENT_IDS_MAX: Final = 10
FAILED_FIRST_MAX: Final = 10
PROBE_FIRST_S: Final = 1.0
PROBE_GROWTH: Final = 1.5
PROBE_MAX_S: Final = 30.0
REFUSED_THROUGHOUT_MIN_S: Final = 600.0


_ADVICE: Final = {
    Meaning.KEY_REFUSED: (
        StopCause.KEY_REFUSED,
        "the provider refuses the key",
        "Check the key and its rights, then start again: the log resumes",
    ),
    Meaning.ACCOUNT: (
        StopCause.ACCOUNT,
        "the provider has stopped the account",
        "Settle the bill or raise the quota, then start again: the log resumes",
    ),
    Meaning.ENDPOINT: (
        StopCause.ENDPOINT,
        "this is not the provider's delete endpoint",
        "Check --base-url and any proxy or firewall before it, then start again: the log resumes",
    ),
}


class _Phase(Enum):
    COLD = auto()
    FREE = auto()
    HELD = auto()
    STOPPED = auto()


class LaneGuard:
    """Decides whether a lane may send, and when it must stop.

    Args:
        lane: Name of the lane, for messages.
        deleted_before: Deletions of this lane that the log already holds.
        allow_gone: Believe at once that what the provider calls gone is gone.
        outage_limit_s: Seconds of outage after which the lane stops.
        wait_long: Wait as long as a provider asks, however long.
    """

    def __init__(
        self,
        lane: str,
        *,
        deleted_before: int = 0,
        allow_gone: bool = False,
        outage_limit_s: float = 600.0,
        wait_long: bool = False,
    ) -> None:
        self.stop: Stop | None = None
        self.probe_id: str | None = None
        """The ID that must be the next one sent, if any."""
        self.gone = GoneRun(deleted_before, trusts=allow_gone)
        """How many say "gone" in a row, and what of it is believed."""
        self.is_looking = False
        """Whether it is held until somebody has looked for objects: `shown`, or `all_gone`."""
        self.doubts_failed = deleted_before == 0
        """Whether a permanent failure is not believed yet: nothing went well so far."""
        self.has_deleted = False
        """Whether something was deleted in this run: endpoint, key and account are right."""
        self.gives_up = False
        """Whether the IDs that are left are to be given up."""
        self.accusation: Accusation | None = None
        """What other IDs are being asked about, if anything."""
        self._alone = AloneBudget()
        self._lane = lane
        self._outage_limit_s = outage_limit_s
        self._wait_long = wait_long
        self.is_free = False
        """Whether nothing stands in the way; the quick question, asked for every ID."""
        self._phase = _Phase.COLD
        self._cold_good = 0
        self._transients: set[str] = set()
        self._probing = False
        self._probes = 0
        self._held_since_s = 0.0
        self._probe_at_s = 0.0
        self._probe_gap_s = 0.0
        self._held_for = ""
        self._refused_since_s: float | None = None

    @property
    def held_for(self) -> str | None:
        """Why the lane is held, in words, or None."""
        return self._held_for if self._phase is _Phase.HELD else None

    def asks_again_s(self, now_s: float) -> float:
        """Return the seconds until a lane that is held asks again; 0.0 if it is not."""
        return max(0.0, self._probe_at_s - now_s) if self._phase is _Phase.HELD else 0.0

    @property
    def wants_fresh(self) -> bool:
        """Whether the next request of an outage should be for an ID that was never sent."""
        plain = self.probe_id is None and self.accusation is None and not self.is_looking
        return self._phase is _Phase.HELD and plain and self._probes % 2 == 0

    def wait_s(self, now_s: float, in_flight: int) -> float:
        """Return 0.0 if a request may be sent, else seconds; infinity: not before an answer."""
        if self._phase is _Phase.FREE:
            return 0.0
        if self._phase is _Phase.STOPPED:
            return math.inf
        if self._phase is _Phase.HELD:
            return math.inf if in_flight else max(0.0, self._probe_at_s - now_s)
        cap = 1 if self._cold_good == 0 else COLD_IN_FLIGHT
        return 0.0 if in_flight < cap else math.inf

    def slept(self, since_s: float, now_s: float) -> None:
        """Note that the user had paused the lane: so long nobody asked, and no outage went on."""
        self._held_since_s += now_s - min(now_s, max(since_s, self._held_since_s))
        if self._refused_since_s is not None:
            self._refused_since_s += now_s - min(now_s, max(since_s, self._refused_since_s))

    def sent(self) -> None:
        """Note that a request is being sent. Needed only while the lane is not open."""
        self._probing = self._phase is _Phase.HELD
        self._probes += self._probing

    def good(self, *, deleted: bool) -> None:
        """Note an answer that shows that the lane works: deleted, or gone by name."""
        self.has_deleted = self.has_deleted or deleted
        self.doubts_failed = False
        self._refused_since_s = None
        if self._transients:
            self._transients.clear()
        if self._phase is _Phase.COLD:
            self._cold_good += 1
            if self._cold_good >= COLD_GOOD:
                self._phase = _Phase.FREE
                self.is_free = True
        elif self._phase is _Phase.HELD and self._probing:
            self.works()

    def failed(self) -> None:
        """Note a permanent failure of one ID: the endpoint works, the ID does not."""
        if self._phase is _Phase.HELD and self._probing:
            if self.accusation is None:
                self._reopen()
            else:
                self._other_failed(self.accusation)

    def refused(self, now_s: float, verdict: Verdict) -> None:
        """Note a refusal. It stops the lane if the wait is absurd or nothing else comes."""
        if self._phase is _Phase.STOPPED:
            return
        asked_s = verdict.retry_after_s or 0.0
        if asked_s > RETRY_AFTER_MAX_S and not self._wait_long:
            self._stop(
                StopCause.RETRY_AFTER,
                f"the provider asks to wait {asked_s:,.0f} s (Retry-After, or a quota that is"
                f" used up){_quote(verdict)}",
                "Start again after that time, or give --wait-long",
            )
            return
        if self._refused_since_s is None:
            self._refused_since_s = now_s
        limit_s = max(self._outage_limit_s, REFUSED_THROUGHOUT_MIN_S)
        if not self._wait_long and now_s - self._refused_since_s > limit_s:
            self._stop(
                StopCause.REFUSED,
                f"nothing but refusals for {limit_s:,.0f} s{_quote(verdict)}",
                "Check the account's limit, then start again: the log resumes",
            )
        elif self._phase is _Phase.HELD and self._probing:
            if self.accusation is None:
                self._reopen()
            else:  # it says nothing: another one is asked, later
                self._probe_later(now_s, math.inf)

    def transient(
        self,
        now_s: float,
        object_id: str,
        reason: str,
        *,
        exhausted: bool,
        none_left: bool = False,
        alone: bool = False,
    ) -> bool:
        """Note a server error or a lost answer; say whether the ID may be given up.

        ``exhausted`` says that the ID has no attempt left. It is not given up while the
        provider seems to be down: then no ID would fare better. ``none_left`` says that
        all IDs that are left are like that; then an outage that does not end and a few
        IDs that the provider cannot delete look the same, and at the end of the limit
        `gives_up` is set instead of a stop: they fail, and the next run tries them again.
        ``alone`` says that it has failed before while a fresh ID went well: that is no outage.
        """
        if self._phase is _Phase.STOPPED:
            return False
        if self._phase is _Phase.HELD:
            if self._probing:
                self._probe_failed(now_s, reason, none_left=none_left)
            return False
        if alone:
            return exhausted
        self._transients.add(object_id)
        enough = 3 if exhausted else TRANSIENT_IDS_MAX
        if len(self._transients) >= enough:
            self._hold(now_s, f"provider down: {reason}", PROBE_FIRST_S)
            return False
        return exhausted

    def asks_again(self, object_id: str) -> bool:
        """Say whether this ID was just asked once more: its next such answer accuses it."""
        return self._phase is _Phase.HELD and self._probing and self.probe_id == object_id

    def fatal(
        self, now_s: float, object_id: str, verdict: Verdict, *, ended: int, others_tell: bool
    ) -> None:
        """Note an answer that would hit every ID: key, account or endpoint.

        ``ended`` is how many IDs of the lane have ended in this run; ``others_tell`` says that
        the answer may be for this ID alone, and that asking for others can do no harm. No other
        is sent before anything went well, in this run or an earlier one of its log: a wrong key
        or address gets one ID, not four.
        """
        if self._phase is _Phase.STOPPED or (self._phase is _Phase.HELD and not self._probing):
            return
        if self.accusation is not None:
            self._other_failed(self.accusation)
            return
        cause, what, advice = _ADVICE[verdict.meaning]
        what = f"{what}{_quote(verdict)}"
        if not (self._phase is _Phase.HELD and self.probe_id is not None):
            self._hold(now_s, what, 0.0)
            self.probe_id = object_id
            return
        accusation = Accusation(cause, what, advice, object_id)
        stop = self._alone.stop(accusation, self._lane, ended)
        if stop is None and others_tell and not self.doubts_failed:
            self._accuse(now_s, accusation)
        else:
            self._end(stop or accusation.stop(self._lane))

    def no_other(self) -> None:
        """Note that no other ID is left to ask: nothing shows that the accused one is alone."""
        if self.accusation is not None:
            self._end(self.accusation.stop(self._lane))

    def look(self, now_s: float) -> None:
        """Hold the lane until somebody has looked whether the endpoint sees objects."""
        if self._phase in (_Phase.COLD, _Phase.FREE):
            self._hold(now_s, "many objects in a row are gone", 0.0)
            self.is_looking = True

    def shown(self) -> None:
        """Note that an object has shown itself: "gone" is to be believed."""
        if self.is_looking:
            self._reopen()
            self._cold_good = 1

    def works(self) -> None:
        """Note that the provider does what it should for another ID: what fails, fails alone."""
        if self._phase is _Phase.HELD and self._probing:
            if self.accusation is not None:
                self._fails_alone(self.accusation)
            else:
                self._reopen()
                self._cold_good = 1

    def all_gone(self, number: int, *, looked: str = "") -> None:
        """Stop: ``number`` IDs in a row are gone, and no object shows.

        ``looked`` says what a look for others has found.
        """
        deleted = self.gone.is_proven
        what, why = (
            (f"the last {number:,} IDs in a row", "does it still see the objects?")
            if deleted
            else (f"the first {number:,} IDs", "wrong account, region or project?")
        )
        none = "" if deleted else ", and none was deleted"
        self._stop(
            StopCause.ALL_GONE,
            f"{what} do not exist there{none}{looked}: {why}",
            "Check the key and --base-url; if they are really gone, give --allow-gone."
            " --retry-gone asks again for all that the log calls gone",
        )

    def all_failed(self, now_s: float, error: str) -> None:
        """Note that the first answers were all permanent failures: others are asked."""
        if self.accusation is not None or self._phase is _Phase.STOPPED:
            return
        what = f"the first {FAILED_FIRST_MAX} IDs all failed for good: {error}"
        advice = "Check the IDs, --provider and --base-url, then start again: the log resumes"
        self._accuse(now_s, Accusation(StopCause.ALL_FAILED, what, advice, None))

    def _accuse(self, now_s: float, accusation: Accusation) -> None:
        """Hold the lane until other IDs have shown whether it must stop."""
        self._hold(now_s, accusation.what, 0.0)
        self.probe_id = None
        self.accusation = accusation

    def _other_failed(self, accusation: Accusation) -> None:
        self._probing = False
        accusation.others += 1
        if accusation.others >= OTHERS_MAX:
            self._end(accusation.stop(self._lane))

    def _fails_alone(self, accusation: Accusation) -> None:
        """Go on without what was accused."""
        if accusation.object_id is not None:
            self._alone.note(accusation.object_id)
        self._reopen()
        self._cold_good = 1

    def _hold(self, now_s: float, why: str, first_gap_s: float) -> None:
        self._phase = _Phase.HELD
        self.is_free = False
        self._held_for = why
        self._held_since_s = now_s
        self._probe_gap_s = first_gap_s
        self._probe_at_s = now_s + first_gap_s
        self._probing = False
        self._probes = 0
        self._transients.clear()

    def _probe_failed(self, now_s: float, reason: str, *, none_left: bool) -> None:
        self._probing = False
        if now_s - self._held_since_s >= self._outage_limit_s:
            if none_left and not self.doubts_failed:
                self.gives_up = True
                return
            self._stop(
                StopCause.OUTAGE,
                f"the provider has been down for {self._outage_limit_s:,.0f} s ({reason})",
                "Start again when it is back: the log resumes"
                if not self.doubts_failed
                else "Check --base-url and the network, then start again: the log resumes",
            )
            return
        self._probe_later(now_s, self._held_since_s + self._outage_limit_s)

    def _probe_later(self, now_s: float, latest_s: float) -> None:
        self._probing = False
        self._probe_gap_s = min(PROBE_MAX_S, max(PROBE_FIRST_S, self._probe_gap_s * PROBE_GROWTH))
        self._probe_at_s = min(latest_s, now_s + self._probe_gap_s)

    def _reopen(self) -> None:
        self._phase = _Phase.COLD
        self._cold_good = 0
        self._probing = False
        self.probe_id = None
        self.accusation = None
        self.is_looking = False
        self._transients.clear()

    def _stop(self, cause: StopCause, message: str, advice: str) -> None:
        self._end(Stop(cause=cause, lane=self._lane, message=message, advice=advice))

    def _end(self, stop: Stop) -> None:
        self._phase = _Phase.STOPPED
        self.is_free = False
        self.probe_id = None
        self.accusation = None
        self.is_looking = False
        self.stop = stop


def _quote(verdict: Verdict) -> str:
    words = " ".join(part for part in (verdict.code, verdict.message) if part)
    return f" ({words})" if words else ""
