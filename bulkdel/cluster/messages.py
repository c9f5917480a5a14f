"""What workers and the broker say to one another: plain values that can be sent.

    worker ──Renewal (a Report a lane)──> broker ──Grant (a Lease a lane)──> worker

All times are seconds on the broker's clock; a worker turns them into its own (`leased`).
No key is in any of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bulkdel.guards import Stop
from bulkdel.models import Counts, Verdict
from bulkdel.pacing.estimate import LimitEstimate

DELETES_AT_ONCE: Final = 64
"""Places of ``--max-delete`` that a worker wants and gets at once, at most: others need some, too."""

Sent = tuple[float, float, int]
"""One request: when it was sent, when its permission was granted, how many were in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one worker has to say of one lane since its last report.

    Attributes:
        accepted: Requests with an answer that was no refusal and no trouble.
        refused: Refused ones, with what the answer says.
        troubled: Those with a server error, or without an answer.
        used: Permissions that were used.
        expired: Permissions that ran out unused.
        in_flight: Requests that have no answer yet.
        wants: Most permissions it can use until the next report; None for as many as there are.
        capped: It had IDs and permissions, but no place in flight.
        works: Its guard has seen that the endpoint does what it should.
        headers: Header fields of its newest answer that may tell of a quota.
        counts: What has happened to the IDs of its part so far.
        waiting: IDs that wait for another attempt.
        waiting_s: Seconds until the last of them may be sent again.
        held_for: Why its guard holds the lane, or None.
        bound_s: Where its time has gone, in seconds.
        stop: Why its guard has stopped the lane, or None.
    """

    accepted: Sequence[Sent] = ()
    refused: Sequence[tuple[Sent, Verdict]] = ()
    troubled: Sequence[Sent] = ()
    used: int = 0
    expired: int = 0
    in_flight: int = 0
    wants: int | None = 0
    capped: bool = False
    works: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    waiting: int = 0
    waiting_s: float = 0.0
    held_for: str | None = None
    bound_s: Mapping[str, float] = field(default_factory=dict)
    stop: Stop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What one worker may do in one lane until it is told anew.

    Attributes:
        slots: When it may send: one request each.
        late_s: How long after its time a slot may still be used.
        places: Most requests that it may have in flight.
        rate: Requests per second of the whole lane.
        learned: What is known of the provider's limit.
        stop: Why the lane has stopped, or None.
    """

    slots: Sequence[float] = ()
    late_s: float = 0.0
    places: int = 0
    rate: float = 0.0
    learned: LimitEstimate | None = None
    stop: Stop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """One call of a worker.

    Attributes:
        worker: Who calls.
        part: The part of the job that it works.
        epoch: Of the log that it writes.
        lanes: Its reports, by lane.
        deletes_wanted: Further places of ``--max-delete`` that it can use.
        deletes_used: Places that have become deletions, in all.
        deletes_held: Places that it was lent, in all: a new broker has to know.
        ended: It has nothing more to do with this part; what it holds is free.
    """

    worker: str
    part: int
    epoch: int
    lanes: Mapping[str, Report]
    deletes_wanted: int = 0
    deletes_used: int = 0
    deletes_held: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the broker answers.

    Attributes:
        broker: Which broker it is: a new one has another clock.
        now_s: When it answered.
        renew_s: Seconds after which it wants to hear again.
        lanes: The leases, by lane.
        deletes: Places of ``--max-delete`` that the worker has for its part, in all.
        stop: Why the whole job stops, or None.
        drain: Take no more IDs: the user has ended the job.
        fenced: Another worker has this part: send and write nothing more.
    """

    broker: str
    now_s: float
    renew_s: float
    lanes: Mapping[str, Lease]
    deletes: int = 0
    stop: Stop | None = None
    drain: bool = False
    fenced: bool = False
