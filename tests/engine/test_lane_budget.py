"""A quota of an hour or a day is a budget, not a pace; when it is used up, the lane stops or waits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from bulkdel.models import Answer, State
from tests.support.engine_fakes import deleted, in_virtual_time, refusing
from tests.support.lane_job import Job, ids, outcomes

FAMILIES: dict[str, Callable[[int, int, float], dict[str, str]]] = {
    "OpenAI": lambda size, left, reset_s: {
        "x_ratelimit_limit_requests": str(size),
        "x_ratelimit_remaining_requests": str(left),
        "x_ratelimit_reset_requests": f"{reset_s / 60:.0f}m{reset_s % 60:.3f}s",
    },
    "seconds": lambda size, left, reset_s: {
        "x_ratelimit_limit": str(size),
        "x_ratelimit_remaining": str(left),
        "x_ratelimit_reset": f"{reset_s:.0f}",
    },
    "IETF draft": lambda size, left, reset_s: {
        "ratelimit": f'"day";r={left};t={reset_s:.0f}',
        "ratelimit_policy": f'"day";q={size};w=86400',
    },
}


class Quota:
    """A provider with so many requests until ``renewed_s``, then as many again.

    Args:
        family: How it tells.
        size: Requests.
        renewed_s: When it is renewed, in seconds from the first request on.
    """

    def __init__(self, family: str, size: int, renewed_s: float) -> None:
        self._headers = FAMILIES[family]
        self._size, self._left = size, size
        self._renewed_s = renewed_s
        self._began_s: float | None = None

    def __call__(self, object_id: str, _: int) -> Answer:
        """Answer a request."""
        now_s = anyio.current_time()
        if self._began_s is None:
            self._began_s = now_s
        if now_s - self._began_s >= self._renewed_s:
            self._renewed_s += 86_400.0
            self._left = self._size
        reset_s = self._began_s + self._renewed_s - now_s
        if not self._left:
            return refusing(**self._headers(self._size, 0, reset_s))
        self._left -= 1
        headers = self._headers(self._size, self._left, reset_s)
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return deleted(object_id)._replace(headers=told)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("renewed_s", [400.0, 3_000.0, 80_000.0])
@in_virtual_time
async def test_a_budget_is_no_pace(family: str, renewed_s: float) -> None:
    """600 IDs that need some seconds were spread over what was left of a day."""
    job = Job(Quota(family, 10_000, renewed_s), rate=None)

    summary = await job.delete(ids(600))

    assert summary.all_gone
    assert job.took_s < 15.0


@pytest.mark.parametrize("family", FAMILIES)
@in_virtual_time
async def test_a_budget_that_is_used_up_stops_the_lane(tmp_path: Path, family: str) -> None:
    """Without a word more would be asked for for minutes; the log resumes tomorrow."""
    log = tmp_path / "log"
    job = Job(Quota(family, 300, 50_000.0), rate=None)

    summary = await job.delete(ids(600), log=log)

    assert summary.state is State.STOPPED
    assert "quota" in str(summary.reason)
    assert summary.counts.failed == 0
    assert len(outcomes(log)) == summary.counts.deleted == 300
    assert summary.counts.requests <= 300 + 64  # those in flight when it ended


@in_virtual_time
async def test_with_wait_long_a_lane_waits_until_a_budget_is_renewed() -> None:
    """And it asks only now and then meanwhile."""
    job = Job(Quota("seconds", 300, 20_000.0), rate=None)

    summary = await job.delete(ids(500), wait_long=True)

    assert summary.all_gone
    assert 20_000.0 <= job.took_s < 20_000.0 + 400.0
    assert summary.counts.refused < 300
