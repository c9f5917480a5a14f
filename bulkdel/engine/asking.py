"""Ask for something beside a run: under a pace, again where it helps, one way for all.

    send() ──answer──> judge ──> pace told ──> refused or transient? wait, again │ else the answer

What holds here, always:

1. The pace is told of every answer, and of every one that did not come.
2. What asks again is `retry` alone: so often, so late.

Not here: what is asked (`listing`, `verify`), the deletions of a run (`lane`).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import anyio

from bulkdel.errors import EndpointError, TransportError
from bulkdel.models import Answer, Meaning, Verdict
from bulkdel.pacing import Pace
from bulkdel.retry import RetryPolicy

_AGAIN: Final = (Meaning.REFUSED, Meaning.TRANSIENT)
_LOOK_S: Final = 0.1


class Asked(NamedTuple):
    """What came of it.

    Attributes:
        verdict: What the last answer means; of a refusal or an error it is the last one allowed.
        answer: The last answer, or None if there was none.
    """

    verdict: Verdict
    answer: Answer | None

    @property
    def gave_up(self) -> bool:
        """Whether nothing but refusals and errors came."""
        return self.verdict.meaning in _AGAIN


class Asker:
    """Asks, for any number of tasks.

    Args:
        pace: How fast.
        retry: When to ask again.
        clock: Seconds, only going forward.

    Attributes:
        requests: Requests sent.
        refused: How many of them were refused for being too many.
    """

    def __init__(
        self, pace: Pace, retry: RetryPolicy, clock: Callable[[], float] = anyio.current_time
    ) -> None:
        self.requests = 0
        self.refused = 0
        self._pace = pace
        self._retry = retry
        self._clock = clock
        self._turn = anyio.Lock()
        self._in_flight = 0

    async def ask(
        self, send: Callable[[], Awaitable[Answer]], judge: Callable[[Answer], Verdict]
    ) -> Asked:
        """Ask until something comes that is no refusal and no error, as often as `retry` allows."""
        transients = refusals = 0
        while True:
            asked = await self._once(send, judge)
            if not asked.gave_up:
                return asked
            meaning = asked.verdict.meaning
            refusals += meaning is Meaning.REFUSED
            transients += meaning is Meaning.TRANSIENT
            wait_s = self._retry.wait_s(asked.verdict, transients=transients, refusals=refusals)
            if wait_s is None:
                return asked
            await anyio.sleep(wait_s)

    async def _once(
        self, send: Callable[[], Awaitable[Answer]], judge: Callable[[Answer], Verdict]
    ) -> Asked:
        async with self._turn:
            while (wait_s := self._pace.wait_s(self._clock(), self._in_flight)) > 0.0:  # noqa: ASYNC110
                await anyio.sleep(_LOOK_S if wait_s == math.inf else wait_s)
            sent_s = self._clock()
            self._in_flight += 1
            self.requests += 1
            in_flight = self._in_flight
            self._pace.sent(sent_s, in_flight)
        try:
            answer = await send()
        except TransportError as exc:
            self._pace.troubled(self._clock(), sent_s, in_flight)
            fatal = isinstance(exc, EndpointError)
            meaning = Meaning.ENDPOINT if fatal else Meaning.TRANSIENT
            return Asked(Verdict(meaning, message=str(exc)), None)
        finally:
            self._in_flight -= 1
        verdict = judge(answer)
        now_s = self._clock()
        if verdict.meaning is Meaning.REFUSED:
            self.refused += 1
            self._pace.refused(now_s, sent_s, in_flight, verdict, answer.headers)
        elif verdict.meaning is Meaning.TRANSIENT:
            self._pace.troubled(now_s, sent_s, in_flight)
        else:
            self._pace.accepted(now_s, sent_s, in_flight, answer.headers)
        return Asked(verdict, answer)
