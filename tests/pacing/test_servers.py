"""The pace finds each kind of hidden limit, uses it and is hardly refused.

figures    the servers, what is asked, and the misses that are known
event_lane  the lane, as a heap of events: every server, round trip and seed
real_lane   a whole run in virtual time, with its tasks: every server
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

import pytest

from benchmarks.virtual.figures import (
    CASES,
    LANE_CASES,
    LANE_MISSES,
    MISSES,
    RUN_S,
    SERVERS,
    WARM_CASES,
    Asked,
    Case,
    asked,
    check,
)
from benchmarks.virtual.lane import Lane
from benchmarks.virtual.servers import Slots, TokenBucket
from bulkdel import State
from bulkdel.pacing.auto import AutoPace
from bulkdel.pacing.estimate import LimitEstimate
from tests.pacing.real_lane import LaneRun, run_lane, run_lanes
from tests.pacing.real_lane import measure as measure_lane


@cache
def measure(case: Case) -> tuple[list[Asked], LimitEstimate | None]:
    """Run a case; return its figures and what the next run may start with."""
    learned = None
    if case.start == "warm":
        _, before = measure(case._replace(start="cold"))
        assert before is not None
        learned = LimitEstimate.from_json(before.to_json())
    server = SERVERS[case.name](case.seed)
    pace = AutoPace(concurrency=256, learned=learned)
    lane = Lane(pace, server, rtt_s=case.rtt_ms / 1000, seed=case.seed, cold=learned is None)
    return list(asked(case, server, lane.run(RUN_S))), pace.learned()


def every(cases: list[Case], start: str) -> list[Case]:
    """Return ``cases``, and those of other seeds that are known to miss."""
    others = [miss.case for miss in MISSES if miss.start == start]
    return list(dict.fromkeys([*cases, *others]))


@pytest.mark.parametrize("case", every(CASES, "cold"), ids=str)
def test_finds_a_hidden_limit_and_sits_just_under_it(case: Case) -> None:
    """A million IDs take as long as the limit demands, and no longer."""
    check(case, measure(case)[0], MISSES)


@pytest.mark.parametrize("case", every(WARM_CASES, "warm"), ids=str)
def test_starts_warm_with_what_was_learned(case: Case) -> None:
    """A resumed run does not pay for the ramp again."""
    check(case, measure(case)[0], MISSES)


@pytest.fixture(scope="module")
def lane_runs() -> Iterator[Mapping[Case, Future[LaneRun]]]:
    """Run every case of the lane itself, on two processes: they take 2 s each."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield {case: pool.submit(measure_lane, case) for case in LANE_CASES}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", LANE_CASES, ids=str)
def test_the_lane_itself_reaches_the_figures(
    case: Case, lane_runs: Mapping[Case, Future[LaneRun]]
) -> None:
    """The pace is worth what the lane makes of it; and nothing is lost on the way."""
    _, _, figures = lane_runs[case].result()

    check(case, figures, LANE_MISSES)


def test_every_id_ends_deleted() -> None:
    """An ID that was refused again and again is as due as the others."""
    for server in (TokenBucket(137, 20, retry_after=True), Slots(20, 0.15)):
        ran = run_lane(server, 0.08, 0, 3600, ids_max=2000)

        assert ran.state is State.FINISHED
        assert ran.figures.refused > 0
        assert ran.counts.deleted == 2000


def test_a_lane_that_is_always_refused_slows_no_other() -> None:
    """Lanes are accounts: what one provider refuses is no other's business."""

    def servers() -> list[TokenBucket]:
        return [TokenBucket(rate, 20) for rate in (137, 60, 20)]

    alone = run_lanes(servers(), 0.08, 0, 60)
    beside = run_lanes([*servers(), TokenBucket(0.001, 0.5)], 0.08, 0, 60)

    assert beside[-1].counts.refused == beside[-1].counts.requests > 0
    assert [ran.figures for ran in beside[:-1]] == [ran.figures for ran in alone]
