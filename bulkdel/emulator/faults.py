"""What may go wrong between a client and a provider, and when.

A `FaultRule` is one row of a table: which fault, to what share of the requests, in which
span of requests or seconds. All the stories a test wants are such rows:

    1 % of answers are 500                       FaultRule(Fault.ERROR, share=0.01)
    one stray 401, at the 500th request          FaultRule(Fault.KEY_REFUSED, first=500, last=500)
    the key is withdrawn after 1,000 requests    FaultRule(Fault.KEY_REFUSED, first=1001)
    nobody answers from second 60 to 120         FaultRule(Fault.DROP, from_s=60, until_s=120)

Drawn from a seed, in the order in which requests arrive: one client that sends one request
after another meets the same faults each time. Not here: what a fault looks like on the
wire (`dialects`, `server`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulkdel.errors import ConfigError


class Fault(StrEnum):
    """What one request meets instead of its answer."""

    # Answered before the object is touched.
    ERROR = "error"
    """500 in the provider's shape."""
    OVERLOADED = "overloaded"
    """503 in the provider's shape."""
    NOT_IMPLEMENTED = "not_implemented"
    """501: no such operation."""
    KEY_REFUSED = "key_refused"
    """401, as for a wrong key."""
    FORBIDDEN = "forbidden"
    """403: the key lacks the right."""
    UNPAID = "unpaid"
    """Ark 403 AccountOverdueError, Fireworks 402, OpenAI 429 credit_balance_exhausted."""
    QUOTA = "quota"
    """Ark 429 QuotaExceeded, Fireworks 412, OpenAI 429 organization_spend_limit_exceeded."""
    REFUSED = "refused"
    """429 out of turn, whatever the limit."""
    BUSY = "busy"
    """Ark 403 OperationDenied.InvalidState; 409 elsewhere."""
    REJECTED = "rejected"
    """The request does not pass the provider's validation: Fireworks 422, 400 elsewhere."""
    NO_ROUTE = "no_route"
    """404 as for a mistyped base URL."""
    NO_METHOD = "no_method"
    """405 as for a server that cannot delete."""
    NOT_DELETED = "not_deleted"
    """200 with ``"deleted": false`` (Fireworks: another message); the object stays."""
    REDIRECT = "redirect"
    """307 to another path."""
    PROXY_ERROR = "proxy_error"
    """502 with a proxy's HTML page."""
    PROXY_PAGE = "proxy_page"
    """200 with a proxy's HTML page."""
    DROP = "drop"
    """The connection is cut instead of an answer; the object stays."""
    HANG = "hang"
    """No answer, ever; the object stays."""

    # The object is deleted, and then something happens to the answer.
    ERROR_AFTER = "error_after"
    """500, although the object was deleted."""
    DROP_AFTER = "drop_after"
    """The connection is cut instead of an answer."""
    CUT_AFTER = "cut_after"
    """The connection is cut in the middle of the body."""
    HANG_AFTER = "hang_after"
    """No answer, ever."""
    EMPTY = "empty"
    """200 without a body."""
    TRUNCATED = "truncated"
    """200 with half of the JSON, and a Content-Length that fits it."""
    OTHER_ID = "other_id"
    """200 that names another ID (Fireworks names none: the plain answer)."""
    HUGE = "huge"
    """200 with a body of 10 MB, valid JSON."""
    ENDLESS = "endless"
    """200 with a body that never ends."""

    @property
    def acts(self) -> bool:
        """Whether the object is deleted nevertheless."""
        return self in _ACTS


_ACTS: Final = frozenset(
    {
        Fault.ERROR_AFTER,
        Fault.DROP_AFTER,
        Fault.CUT_AFTER,
        Fault.HANG_AFTER,
        Fault.EMPTY,
        Fault.TRUNCATED,
        Fault.OTHER_ID,
        Fault.HUGE,
        Fault.ENDLESS,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """One row of the table: a fault, how often, and when.

    Attributes:
        fault: What happens.
        share: Share of the requests in the span that meet it, 0 to 1.
        first: First request of the span, from 1, counted over all deletions of the account.
        last: Last request of the span, or None for no end.
        from_s: Start of the span in seconds since the account's first deletion.
        until_s: End of the span.

    Raises:
        ConfigError: A value is out of range.
    """

    fault: Fault
    share: float = 1.0
    first: int = 1
    last: int | None = None
    from_s: float = 0.0
    until_s: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ConfigError(f"share must be 0 to 1, not {self.share}")
        if self.first < 1 or (self.last is not None and self.last < self.first):
            raise ConfigError(f"requests {self.first} to {self.last} are no span")
        if not 0 <= self.from_s < self.until_s:
            raise ConfigError(f"seconds {self.from_s} to {self.until_s} are no span")

    def holds(self, request: int, now_s: float) -> bool:
        """Return whether the request with this number lies in the span."""
        return (
            self.first <= request
            and (self.last is None or request <= self.last)
            and self.from_s <= now_s < self.until_s
        )


class FaultPlan:
    """The table of one account, and the dice."""

    __slots__ = ("_rng", "_rules")

    def __init__(self, rules: Iterable[FaultRule], seed: str) -> None:
        self._rules = tuple(rule for rule in rules if rule.share > 0)
        self._rng = random.Random(seed)  # noqa: S311 - repeatable, not secret

    def draw(self, request: int, now_s: float) -> Fault | None:
        """Return the fault of one request, or None.

        The shares of the rules that hold add up; what is over 1 is never drawn.
        """
        if not self._rules:
            return None
        drawn = self._rng.random()
        for rule in self._rules:
            if rule.holds(request, now_s):
                if drawn < rule.share:
                    return rule.fault
                drawn -= rule.share
        return None
