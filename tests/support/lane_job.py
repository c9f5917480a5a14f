"""A job for one lane on a scripted network: what the tests of a lane share."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import orjson

from bulkdel import Lane, Result, Summary, delete_ids
from bulkdel.models import Answer
from bulkdel.providers import get
from tests.support.engine_fakes import (
    FakeTransport,
    deleted,
    edge,
    failing,
)


def lane(**settings: Any) -> Lane:
    """Return a lane at a fixed rate that does not bind, unless told."""
    values: dict[str, Any] = {"rate": 10_000, "concurrency": 20} | settings
    return Lane(provider=get("openai"), api_key="key", **values)


def ids(count: int, first: int = 0) -> list[str]:
    """Return IDs."""
    return [f"resp_{number}" for number in range(first, first + count)]


def key_refused() -> Answer:
    """Return a 401."""
    return failing(401, "Incorrect API key provided")


class Job:
    """Deletes IDs at a fake provider and keeps what came of it."""

    def __init__(
        self,
        answering: Callable[[str, int], Any] = lambda object_id, _: deleted(object_id),
        *,
        delay_s: float = 0.02,
        **settings: Any,
    ) -> None:
        self.transport = FakeTransport(answering, delay_s)
        self.results: list[Result] = []
        self.lane = lane(**settings)
        self.began_s = 0.0
        self.took_s = 0.0

    async def delete(self, the_ids: Iterable[str] | AsyncIterable[str], **options: Any) -> Summary:
        """Delete and check what holds for every run."""
        self.began_s = anyio.current_time()
        sent, results = self._requests, len(self.results)
        summary = await delete_ids(
            the_ids,
            lane=self.lane,
            on_result=self.results.append,
            edge=edge(self.transport),
            **options,
        )
        self.took_s = anyio.current_time() - self.began_s
        counts = summary.counts
        assert counts.pending >= 0
        assert counts.ended == len(self.results) - results
        assert counts.requests == self._requests - sent
        assert self.transport.in_flight == 0
        assert self.transport.in_flight_most <= self.lane.concurrency
        return summary

    @property
    def _requests(self) -> int:
        return len(self.transport.sent) + len(self.transport.asked)

    @property
    def times_s(self) -> list[float]:
        """When requests were sent, from the beginning of the last run on."""
        return [time_s - self.began_s for time_s, _ in self.transport.sent]


def outcomes(log: Path) -> dict[str, str]:
    """Return the last outcome of each ID of a log."""
    lines = map(orjson.loads, log.read_bytes().splitlines())
    return {line["id"]: line["outcome"] for line in lines if "id" in line}
