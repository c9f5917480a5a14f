"""Whether an ID is sent again, and how long it waits: tenacity's rules, as pure functions.

tenacity decides (its stop, wait and retry strategies over a `RetryCallState`), the lane
waits: an ID that waits holds no place in flight, so tenacity's own loop, which sleeps
inside the call, is not used. Each decision builds a state of its own; none is shared
between IDs (a shared one mixes tasks: jd/tenacity#93).

Two counts are kept apart. A *refusal* (429 or its like) says nothing about the ID, so it
has a limit of its own, far above that of an attempt that went wrong.

Not here: when a whole lane should stop (`guards`), how fast it goes (`pacing`).
"""

from __future__ import annotations

import random
from typing import Final

import tenacity
from tenacity import RetryCallState
from tenacity.wait import wait_base

from bulkdel.models import RETRY_AFTER_MAX_S, Meaning, Verdict

REFUSALS_MAX: Final = 1000
"""Refusals after which one ID is given up. A lane that is refused throughout stops long
before (`guards`); this bounds an ID that alone is refused forever."""


class _FullJitter(wait_base):
    """A wait drawn evenly between zero and tenacity's exponential wait."""

    def __init__(self, first_s: float, max_s: float, rng: random.Random) -> None:
        self._bound = tenacity.wait_exponential(multiplier=first_s, max=max_s)
        self._rng = rng

    def __call__(self, retry_state: RetryCallState) -> float:
        return self._rng.uniform(0.0, self._bound(retry_state))


class _AtLeastAsAsked(wait_base):
    """The drawn wait, or the provider's Retry-After where that is longer."""

    def __init__(self, drawn: wait_base) -> None:
        self._drawn = drawn

    def __call__(self, retry_state: RetryCallState) -> float:
        outcome = retry_state.outcome
        asked_s = outcome.result().retry_after_s if outcome is not None else None
        return max(self._drawn(retry_state), min(asked_s or 0.0, RETRY_AFTER_MAX_S))


class RetryPolicy:
    """When one lane sends an ID again.

    The wait before attempt ``n + 1`` is drawn evenly between zero and
    ``wait_first_s * 2 ** (n - 1)``, capped at ``wait_max_s`` (full jitter). If the
    provider asked for a longer wait, that one counts.

    Args:
        attempts_max: Requests sent for one ID at most, refused ones not counted.
        wait_first_s: Upper bound of the first drawn wait, in seconds.
        wait_max_s: Upper bound of every drawn wait, in seconds.
        rng: Where the jitter comes from; a seeded one makes a run repeatable.
    """

    def __init__(
        self,
        *,
        attempts_max: int = 5,
        wait_first_s: float = 0.5,
        wait_max_s: float = 30.0,
        rng: random.Random | None = None,
    ) -> None:
        wait = _AtLeastAsAsked(_FullJitter(wait_first_s, wait_max_s, rng or random.Random()))  # noqa: S311 - jitter, no secret
        again = tenacity.retry_if_result(_may_succeed_later)
        self._transient = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(attempts_max), wait=wait, retry=again
        )
        self._refusal = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(REFUSALS_MAX), wait=wait, retry=again
        )

    def wait_s(self, verdict: Verdict, *, transients: int, refusals: int) -> float | None:
        """Return the seconds until the ID is sent again, or None to give it up.

        ``transients`` and ``refusals`` count its attempts so far, this one included.
        """
        refused = verdict.meaning is Meaning.REFUSED
        rules = self._refusal if refused else self._transient
        state = RetryCallState(rules, None, (), {})
        state.attempt_number = max(1, refusals if refused else transients)
        state.set_result(verdict)
        if not rules.retry(state) or rules.stop(state):
            return None
        return float(rules.wait(state)) if rules.wait is not None else 0.0


def _may_succeed_later(verdict: Verdict) -> bool:
    return verdict.meaning in (Meaning.TRANSIENT, Meaning.REFUSED)


class RetryBudget:
    """Bounds a lane's retries by its successes, so that they never multiply the load.

    It starts with `FULL`; every retry takes one, every good answer and every second give
    one back. When it is empty, retries wait; none is given up for it. The idea is that of
    botocore's and gRPC's retry quotas.
    """

    FULL: Final = 100.0

    def __init__(self) -> None:
        self._left = self.FULL
        self._at_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """Return 0.0 if a retry may be sent now, else the seconds until one may."""
        self._refill(now_s)
        return 0.0 if self._left >= 1.0 else 1.0 - self._left

    def spend(self, now_s: float) -> None:
        """Note that a retry is being sent."""
        self._refill(now_s)
        self._left -= 1.0

    def earn(self) -> None:
        """Note a good answer."""
        if self._left < self.FULL:
            self._left += 1.0

    def _refill(self, now_s: float) -> None:
        if self._at_s is not None and now_s > self._at_s:
            self._left = min(self.FULL, self._left + now_s - self._at_s)
        self._at_s = now_s
