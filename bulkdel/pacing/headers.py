"""What a provider tells of its limit in the headers of every answer.

Three families are read: ``x-ratelimit-{limit,remaining,reset}``, with or without
``-requests`` (OpenAI: https://platform.openai.com/docs/guides/rate-limits), the same
without ``x-``, and ``RateLimit`` with ``RateLimit-Policy``
(https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/).

The same words mean two things, and which one shows only over time: ``reset`` is either
the time until a window ends, then the end stands still; or the time until a bucket is
full again (OpenAI), then the end moves along with us and ``used / reset`` is the rate.

A quota that is renewed after more than `BUDGET_S`, of an hour or a day, is a budget and not
a pace: how fast it may be used up, it does not say, and spread over the rest of a day a job
of seconds would take hours. It is shown, and when it is used up the lane stops or waits.

Not here: whether to believe it (`auto` does until refused nevertheless).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bulkdel.models import RETRY_AFTER_MAX_S

BUDGET_S: Final = RETRY_AFTER_MAX_S
"""A quota that is renewed later is a budget: so long nobody waits without being asked."""
_FAMILIES: Final = (
    ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
)
_RESET_MAX_S: Final = 100_000.0
"""More is a date or a daily quota, and no pace follows from either."""
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_PARAMETER: Final = re.compile(r";\s*([a-z]+)\s*=\s*(\d+)")
_SAFE: Final = 0.996
_LAST_PART: Final = 0.2
_LEVEL: Final = 0.5
_SAMPLES: Final = 12
_SAMPLES_LEAST: Final = 2
_USED_LEAST: Final = 9.0
"""Tokens are told in whole ones: fewer that are missing say too little."""
_ROUNDED_S: Final = 20.0
"""A time to full in whole seconds is too coarse below this."""


@dataclass(frozen=True, slots=True)
class Quota:
    """One answer's word: ``remaining`` of ``limit`` requests, and ``reset_s``."""

    limit: float
    remaining: float
    reset_s: float


@dataclass(frozen=True, slots=True)
class Budget:
    """A quota of an hour or a day.

    Attributes:
        left: Requests that are left of it.
        renewed_at_s: When it is renewed, on the clock of our sending.
    """

    left: int
    renewed_at_s: float


def spent_for_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until a budget is renewed of which nothing is left, or None."""
    quota = read_quota(headers)
    if quota is None or quota.remaining >= 1 or quota.reset_s <= BUDGET_S:
        return None
    return quota.reset_s


def read_quota(headers: Mapping[str, str]) -> Quota | None:
    """Return what ``headers`` tell, or None if nothing or nothing that makes sense."""
    for limit, remaining, reset in _FAMILIES:
        if (left := headers.get(remaining)) is not None:
            return _quota(headers.get(limit), left, headers.get(reset))
    if (told := headers.get("ratelimit")) is not None:
        now = dict(_PARAMETER.findall(told))
        policy = dict(_PARAMETER.findall(headers.get("ratelimit-policy", "")))
        return _quota(policy.get("q"), now.get("r"), now.get("t"))
    return None


def _quota(limit: str | None, remaining: str | None, reset: str | None) -> Quota | None:
    try:
        quota = Quota(float(limit or ""), float(remaining or ""), _seconds(reset or ""))
    except ValueError:
        return None
    sound = 0 < quota.limit < 1e9 and 0 <= quota.remaining <= quota.limit
    return quota if sound and 0 <= quota.reset_s < _RESET_MAX_S else None


def _seconds(text: str) -> float:
    """Read ``12ms``, ``6m0s``, ``1.5`` or ``59``.

    Raises:
        ValueError: It is none of these.
    """
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        raise ValueError(text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


class AdvertisedQuota:
    """The rate that the headers ask for.

    Attributes:
        rate: Requests per second to send at, or None while it is not clear.
        limit: What the limit itself is, per second, or None.
        window_s: Length of the window, or None if it is a bucket or not yet clear.
        burst: Size of the bucket, or None if it is a window or not yet clear.
        low: Less than half of the limit is left.
        budget: What is told of is not a pace but a budget, of which so much is left.
    """

    __slots__ = (
        "_began_s",
        "_end_s",
        "_first_end_s",
        "_rates",
        "budget",
        "burst",
        "limit",
        "low",
        "rate",
        "window_s",
    )

    def __init__(self) -> None:
        self.rate: float | None = None
        self.limit: float | None = None
        self.window_s: float | None = None
        self.burst: float | None = None
        self.low = False
        self.budget: Budget | None = None
        self._began_s = self._first_end_s = self._end_s = 0.0
        self._rates: list[float] = []

    def note(self, quota: Quota, now_s: float, latency_s: float) -> None:
        """Take in one answer, which was written half a ``latency_s`` ago.

        Once a budget, always one: the last minutes of a day are no short window.
        """
        if quota.reset_s > BUDGET_S or self.budget is not None:
            self.budget = Budget(int(quota.remaining), now_s + quota.reset_s)
            self.rate = None
            self.low = False
            return
        self.low = quota.remaining < _LEVEL * quota.limit
        written_s = now_s - latency_s / 2
        end_s = written_s + quota.reset_s
        if not self._began_s or (self.burst is None and end_s > self._end_s + 1.5):
            self._begin(quota, now_s, end_s)
        self._end_s = min(self._end_s, end_s)  # each is rounded up: the earliest is right
        passed_s = now_s - self._began_s
        if passed_s > 1.0 and end_s - self._first_end_s > 0.6 * passed_s:
            self.burst, self.window_s = quota.limit, None
        if self.burst is not None or passed_s < 1.0:
            self._note_bucket(quota)
        else:
            self._note_window(quota, self._end_s - written_s)

    def _begin(self, quota: Quota, now_s: float, end_s: float) -> None:
        """A window begins, or the first answer came."""
        if self._began_s:
            self.window_s = round(quota.reset_s) or quota.reset_s
        self._began_s, self._first_end_s, self._end_s = now_s, end_s, end_s
        self._rates.clear()

    def _note_window(self, quota: Quota, left_s: float) -> None:
        """Plan what is left of a window; its last part is too short to plan anew."""
        if left_s > max(1.5, _LAST_PART * (self.window_s or 0.0)):
            self.rate = max(0.05, _SAFE * quota.remaining / left_s)
        if self.window_s:
            self.limit = quota.limit / self.window_s

    def _note_bucket(self, quota: Quota) -> None:
        used = quota.limit - quota.remaining - 0.5  # whole tokens: half of one is lost
        rounded = quota.reset_s == int(quota.reset_s) and quota.reset_s < _ROUNDED_S
        if used < _USED_LEAST or quota.reset_s <= 0 or rounded:
            return
        self._rates.append(used / quota.reset_s)
        if len(self._rates) > _SAMPLES:
            del self._rates[0]
        if self.burst is None or len(self._rates) < _SAMPLES_LEAST:
            return
        self.limit = sorted(self._rates)[len(self._rates) // 2]
        level = quota.remaining / quota.limit
        self.rate = self.limit * (1.0 + 0.1 * (level - _LEVEL))
