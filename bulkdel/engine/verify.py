"""Ask whether what a log calls gone is really gone: a GET of each ID, under the lane's pace.

    IDs ──> Verifier ──GET──> present │ absent │ unknown ──> findings

What holds here, always:

1. Nothing is deleted.
2. "Absent" is said only on the provider's known words for a missing object, or on a 404 that a path
   that cannot exist is not answered with. At a wrong address all would be absent.
3. What cannot be told is unknown, and counted: it proves nothing.

Not here: which IDs are asked for (`cli.verify`), what an answer means (`providers`).
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Final, NamedTuple

import anyio

from bulkdel.engine.asking import Asker
from bulkdel.errors import BulkdelError, TransportError
from bulkdel.models import Answer, Meaning, Verdict
from bulkdel.pacing import Pace
from bulkdel.providers import Operation, likeness
from bulkdel.providers.rules import NOT_FOUND
from bulkdel.retry import RetryPolicy
from bulkdel.settings import Lane
from bulkdel.transport import Transport

BARRED_MAX: Final = 10
"""So many answers in a row that the key, the account or the address is refused end it."""
CONFIDENCE: Final = 0.95

FINDINGS_SUFFIX: Final = ".verify.jsonl"
"""Behind the name of a log: where findings go."""


class Found(StrEnum):
    """What became of an object."""

    PRESENT = "present"
    """It is still there."""
    ABSENT = "absent"
    UNKNOWN = "unknown"
    """Nobody can tell."""


class Finding(NamedTuple):
    """What a GET has found.

    Attributes:
        object_id: The ID.
        found: What became of the object.
        status: HTTP status of the answer, or None if there was none.
        why: Where it is unknown: the provider's or our own words.
    """

    object_id: str
    found: Found
    status: int | None
    why: str | None = None


class VerifyError(BulkdelError):
    """The lane cannot be asked."""


Opener = Callable[[Lane, Operation], AbstractAsyncContextManager[Transport]]


class Verifier:
    """Asks for the objects of one lane.

    Args:
        lane: Whose objects; its resource must have a GET.
        opener: Opens a transport.
        pace: How fast.
        retry: When to ask again.
        clock: Seconds, only going forward.
        rng: Where the path that cannot exist comes from.

    Raises:
        VerifyError: Such objects cannot be asked for.
    """

    def __init__(
        self,
        lane: Lane,
        *,
        opener: Opener,
        pace: Pace,
        retry: RetryPolicy,
        clock: Callable[[], float] = anyio.current_time,
        rng: random.Random | None = None,
    ) -> None:
        if lane.resource.get is None:
            raise VerifyError(f"lane {lane.name}: no way to look at these objects is known")
        self.counts: Counter[Found] = Counter()
        self._lane = lane
        self._get: Operation = lane.resource.get
        self._open = opener
        self._asker = Asker(pace, retry, clock)
        self._rng = rng or random.Random()  # noqa: S311 - a made-up path, no secret
        self._no_path: likeness.Said | None = None
        self._barred = 0
        self._why = ""

    async def run(self, ids: Iterable[str], tell: Callable[[Finding], None]) -> None:
        """Ask for each ID, ``concurrency`` at once.

        Raises:
            VerifyError: The key, the account or the address is refused again and again.
        """
        each = iter(ids)
        async with (
            self._open(self._lane, self._get) as transport,
            anyio.create_task_group() as workers,
        ):
            for _ in range(self._lane.concurrency):
                workers.start_soon(self._work, each, transport, tell)
        if self._barred >= BARRED_MAX:
            raise VerifyError(f"lane {self._lane.name}: {self._why}")

    async def _work(
        self, ids: Iterator[str], transport: Transport, tell: Callable[[Finding], None]
    ) -> None:
        for object_id in ids:
            finding = await self._find(object_id, transport)
            self.counts[finding.found] += 1
            tell(finding)
            if self._barred >= BARRED_MAX:
                return

    async def _find(self, object_id: str, transport: Transport) -> Finding:
        secret, judge = self._lane.secret, self._get.judge

        async def send() -> Answer:
            return (await transport.send(object_id)).without(secret)

        asked = await self._asker.ask(send, lambda answer: judge(object_id, answer))
        if asked.gave_up:
            status = None if asked.answer is None else asked.answer.status
            return Finding(object_id, Found.UNKNOWN, status, asked.verdict.message)
        return await self._told(object_id, *asked)

    async def _told(self, object_id: str, verdict: Verdict, answer: Answer | None) -> Finding:
        status = None if answer is None else answer.status
        if verdict.meaning is Meaning.PRESENT or verdict.meaning is Meaning.GONE:
            self._barred = 0
            found = Found.PRESENT if verdict.meaning is Meaning.PRESENT else Found.ABSENT
            return Finding(object_id, found, status)
        if answer is not None and status in NOT_FOUND and await self._is_object(object_id, answer):
            self._barred = 0
            return Finding(object_id, Found.ABSENT, status)
        if verdict.meaning.is_fatal:
            self._barred += 1
            self._why = verdict.message or f"HTTP {status}"
        return Finding(object_id, Found.UNKNOWN, status, verdict.message)

    async def _is_object(self, object_id: str, answer: Answer) -> bool:
        """Say whether a 404 speaks of an object: a path that cannot exist is answered otherwise."""
        if self._no_path is None:
            elsewhere = likeness.impossible_path(self._get, self._rng)
            try:
                async with self._open(self._lane, elsewhere) as transport:
                    other = await transport.send(object_id)
            except TransportError:
                return False
            self._no_path = likeness.said(object_id, elsewhere, other)
        return likeness.said(object_id, self._get, answer) != self._no_path


def most_present(asked: int, present: int) -> float:
    """Return the largest share that may be present at 95 % confidence, if the sample was random.

    With none found that is ``1 - 0.05 ** (1 / n)``, about three in ``n``; else by Wilson's interval.
    """
    if not asked:
        return 1.0
    if not present:
        return float(1.0 - (1.0 - CONFIDENCE) ** (1.0 / asked))
    z, share = 1.645, present / asked
    middle = share + z * z / (2 * asked)
    spread = z * math.sqrt(share * (1 - share) / asked + z * z / (4 * asked * asked))
    return min(1.0, (middle + spread) / (1 + z * z / asked))
