"""Fakes of what the engine touches, in virtual time: its network, its clock, its threads.

    in_virtual_time  runs an async test on trio's clock that jumps: hours take milliseconds
    FakeTransport    answers by a function; keeps what was sent when, and how many at once
    edge             puts them in the places of the real ones

Not here: a world in which things go wrong by themselves (`simulation`).
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import anyio
import anyio.lowlevel
from trio.testing import MockClock

from bulkdel.engine.edge import Edge
from bulkdel.models import Answer
from bulkdel.providers import Operation
from bulkdel.settings import Lane
from bulkdel.transport import Gate, Transport

P = ParamSpec("P")
T = TypeVar("T")

WALL_S = 1_795_000_000.0
"""The wall clock when virtual time begins."""
HOURS_MAX = 12
"""Virtual hours after which a test has hung."""


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test on a clock that jumps to the next thing that happens."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main() -> None:
            with anyio.fail_after(HOURS_MAX * 3600):
                await test(*args, **kwargs)

        clock = MockClock(autojump_threshold=0)
        anyio.run(main, backend="trio", backend_options={"clock": clock})

    return run


async def in_turn(func: Callable[..., T], /, *args: object) -> T:
    """Run blocking work here, letting other tasks run first, as a thread would."""
    await anyio.lowlevel.checkpoint()
    return func(*args)


def wall_clock() -> float:
    """Return virtual seconds since 1970."""
    return WALL_S + anyio.current_time()


def answer(status: int, body: object = None, **headers: str) -> Answer:
    """Return an answer; a body that is not bytes is JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, raw, fields, received_s=wall_clock())


def deleted(object_id: str) -> Answer:
    """Return what OpenAI and Ark confirm a deletion with."""
    return answer(200, {"id": object_id, "object": "response", "deleted": True})


def gone(object_id: str) -> Answer:
    """Return what OpenAI says of an object that does not exist."""
    message = f"Response with id '{object_id}' not found."
    return answer(404, {"error": {"message": message, "type": "invalid_request_error"}})


def failing(status: int, message: str = "trouble", code: str | None = None) -> Answer:
    """Return an error."""
    return answer(status, {"error": {"message": message, "code": code, "type": ""}})


def refusing(**headers: str) -> Answer:
    """Return a refusal."""
    return answer(429, {"error": {"message": "Rate limit reached", "type": "requests"}}, **headers)


Answering = Callable[[str, int], Awaitable[Answer] | Answer]
"""Answers one request: the ID, and how often it was sent, this time included."""

Asking = Callable[[Operation, str], Answer]
"""Answers a request of an inquiry: the operation, and the ID."""


@dataclass(slots=True, eq=False)
class FakeTransport:
    """The network of one lane: every request is answered by ``answering``.

    Attributes:
        answering: What comes back, or is raised.
        delay_s: Seconds until then.
        asking: What comes back for the requests of an inquiry; without it, what comes back
            for a first deletion.
        asked: Those requests: method, path and ID.
        sent: When which ID was sent.
        times: How often each ID was sent.
        in_flight: Requests that are open.
        in_flight_most: The most that ever were.
        refusals: Answers with a 429.
        connecting: Seconds until the connection for a request stands, by its number; none at all
            if it is not given.
        gate: Asked before a request counts as sent.
    """

    answering: Answering = lambda object_id, _: deleted(object_id)
    delay_s: float = 0.02
    asking: Asking | None = None
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    sent: list[tuple[float, str]] = field(default_factory=list)
    times: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    in_flight_most: int = 0
    refusals: int = 0
    connecting: Callable[[int], float] | None = None
    connected: int = 0
    gate: Gate | None = None

    @property
    def ids(self) -> list[str]:
        """The IDs in the order in which they were sent."""
        return [object_id for _, object_id in self.sent]

    async def send(self, object_id: str) -> Answer:
        """Answer after the delay."""
        late = False
        if self.connecting is not None:
            self.connected += 1
            connecting_s = self.connecting(self.connected)
            late = connecting_s > 0.0
            await anyio.sleep(connecting_s)
        while self.gate is not None and not self.gate.may_write(late=late):
            await self.gate.wait()
            late = True
        self.sent.append((anyio.current_time(), object_id))
        self.times[object_id] += 1
        number = self.times[object_id]
        self.in_flight += 1
        self.in_flight_most = max(self.in_flight, self.in_flight_most)
        try:
            await anyio.sleep(self.delay_s)
            answering = self.answering(object_id, number)
            answered = answering if isinstance(answering, Answer) else await answering
            self.refusals += answered.status == 429
            return answered
        finally:
            self.in_flight -= 1


@dataclass(slots=True, eq=False)
class AskingTransport:
    """What is opened for a request of an inquiry, beside the transport of the deletions."""

    transport: FakeTransport
    operation: Operation
    gate: Gate | None = None

    async def send(self, object_id: str) -> Answer:
        """Answer after the delay."""
        fake, operation = self.transport, self.operation
        fake.asked.append((operation.method, operation.path, object_id))
        await anyio.sleep(fake.delay_s)
        if fake.asking is not None:
            return fake.asking(operation, object_id)
        answered = fake.answering(object_id, 1)
        return answered if isinstance(answered, Answer) else await answered


def edge(*transports: FakeTransport, **lanes: FakeTransport) -> Edge:
    """Return the edge of a run: one transport for its only lane, or one for each by name."""
    working: set[str] = set()

    def opener(lane: Lane, operation: Operation) -> AbstractAsyncContextManager[Transport]:
        transport = lanes[lane.name] if lanes else transports[0]
        asks = lane.name in working
        working.add(lane.name)

        @asynccontextmanager
        async def opened() -> AsyncIterator[Transport]:
            yield AskingTransport(transport, operation) if asks else transport

        return opened()

    return Edge(transport=opener, run_blocking=in_turn, wall_clock=wall_clock, seed=1)


def most_in_a_second(times_s: list[float]) -> int:
    """Count the requests in the fullest window of one second."""
    most, first = 0, 0
    for number, time_s in enumerate(times_s):
        while times_s[first] <= time_s - 1 + 1e-9:
            first += 1
        most = max(most, number - first + 1)
    return most
