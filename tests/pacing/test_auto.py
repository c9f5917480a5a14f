"""The pace that finds the limit: its bounds, its memory, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import pytest

from benchmarks.virtual.lane import Lane as EventLane
from benchmarks.virtual.servers import FixedWindow, HeaderBucket, Queue, Server, Slots, TokenBucket
from bulkdel.models import LimitKind, Meaning, Verdict
from bulkdel.pacing.auto import AutoPace
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.pacing.headers import Quota, read_quota
from bulkdel.pacing.schedule import peak

NO_HEADERS: Mapping[str, str] = {}
REFUSED = Verdict(Meaning.REFUSED)


def cruising(rate: float = 100.0) -> AutoPace:
    """Return a pace that has sent one request and knows the limit."""
    pace = AutoPace(concurrency=50, learned=LimitEstimate(rate=rate, latency_s=0.05))
    pace.sent(0.0, 1)
    return pace


@pytest.mark.parametrize("rate_max", [0.5, 20.0, 80.0, 333.0])
def test_never_exceeds_the_documented_limit(rate_max: float) -> None:
    """The default ceiling is a promise to the provider, even when nothing is refused."""
    pace = AutoPace(concurrency=256, rate_max=rate_max)
    server = TokenBucket(10_000, 10_000)

    figures = EventLane(pace, server, rtt_s=0.0, late_s=0.003).run(60)

    assert max(figures.took.values()) <= peak(rate_max) + 1  # answers take no whole second
    assert figures.used(server, 20, 60) * 10_000 >= 0.97 * rate_max


def test_never_has_more_in_flight_than_allowed() -> None:
    """The concurrency is the user's; the pace may use less of it, not more."""
    pace = AutoPace(concurrency=5)

    waits = [pace.wait_s(0.0, in_flight) for in_flight in range(8)]

    assert waits[:5] == [0.0] * 5
    assert waits[5:] == [inf] * 3


def test_one_refusal_is_one_reaction_per_round_trip() -> None:
    """All that was in flight is refused at once: that is one event, not thirty."""
    pace = cruising()
    before = pace.rate

    for number in range(4):
        pace.accepted(0.5, 0.4, 3, NO_HEADERS)
        pace.refused(0.5 + number / 1000, 0.4, 3, REFUSED, NO_HEADERS)

    assert before > pace.rate >= 0.98 * before


def test_refusals_in_a_row_leave_one_scout() -> None:
    """A closed provider gets one question at a time, and then nothing until it answers."""
    pace = cruising()

    for number in range(6):
        pace.refused(0.5 + number / 1000, 0.4, 3, REFUSED, NO_HEADERS)

    wait_s = pace.wait_s(0.505, 3)
    assert 0 < wait_s < 1
    pace.sent(1.0, 1)
    assert pace.wait_s(1.0, 1) == inf
    pace.accepted(1.1, 1.0, 1, NO_HEADERS)
    assert pace.wait_s(1.2, 0) < 0.1


def test_a_lost_scout_does_not_hang_the_lane() -> None:
    """The probe's answer may never come: the lane must go on asking."""
    pace = cruising()
    for number in range(6):
        pace.refused(0.5 + number / 1000, 0.4, 3, REFUSED, NO_HEADERS)
    pace.sent(1.0, 1)

    pace.troubled(31.0, 1.0, 1)

    assert pace.wait_s(33.0, 0) == 0.0


def test_a_long_retry_after_shuts_the_lane_but_not_for_more_than_five_minutes() -> None:
    """Longer ones are for a person to decide about."""
    pace = cruising()

    pace.refused(0.5, 0.4, 3, Verdict(Meaning.REFUSED, retry_after_s=86_400.0), NO_HEADERS)

    assert pace.wait_s(0.5, 0) == pytest.approx(300)


def test_a_provider_that_names_concurrency_is_believed() -> None:
    """Ark's code tells that it is not the rate: the other limit is turned."""
    pace = cruising()
    rate = pace.rate

    verdict = Verdict(Meaning.REFUSED, limit=LimitKind.CONCURRENCY)
    pace.refused(0.5, 0.4, 20, verdict, NO_HEADERS)

    assert pace.rate >= rate
    assert pace.wait_s(1.0, 19) == inf
    assert pace.wait_s(1.0, 18) == 0.0


def test_gives_way_when_much_fails() -> None:
    """A provider in trouble is not helped by more requests."""
    pace = cruising()

    for number in range(10):
        pace.troubled(0.5 + number / 100, 0.4, 10)

    assert pace.rate == pytest.approx(100 / 2, rel=0.01)


def test_answers_to_an_earlier_pace_do_no_harm() -> None:
    """The rate may be changed while running: old requests are answered to the new pace."""
    pace = AutoPace(concurrency=5)

    pace.accepted(1000.0, 999.0, 3, NO_HEADERS)
    pace.refused(1000.1, 999.0, 3, REFUSED, NO_HEADERS)

    assert pace.wait_s(1001.0, 0) == 0.0


def test_says_what_limit_it_found() -> None:
    """`explain` tells the user why the run took as long as it did."""
    found = {}
    servers: dict[str, Server] = {
        "bucket": TokenBucket(137, 137),
        "window": FixedWindow(8220, 60),
        "slots": Slots(20, 0.15),
        "line": Queue(14, 0.1),
        "headers": HeaderBucket(137, 137),
        "none": TokenBucket(10**6, 10**6),
    }
    for name, server in servers.items():
        pace = AutoPace(concurrency=64)
        EventLane(pace, server, rtt_s=0.02).run(100)
        learned = pace.learned()
        found[name] = "no limit found" if learned is None else learned.describe()

    assert found["bucket"].startswith("token bucket about 137/s, burst about 1")
    assert found["window"].startswith("window of about 82")
    assert found["slots"] in ("19 in flight", "20 in flight", "21 in flight")
    assert found["line"].startswith("latency knee at about 14")
    assert found["headers"] == "token bucket about 137/s, burst about 137"
    assert found["none"].startswith("no limit found up to ")


def test_what_was_learned_survives_the_log() -> None:
    """A resume reads it back from JSON that a person may have edited."""
    estimate = LimitEstimate(rate=136.9, burst=20, in_flight_max=7, queues=True)
    edited = {"rate": float("nan"), "burst": "20", "window_s": True, "new": 1, "in_flight_max": 3.7}

    assert LimitEstimate.from_json(estimate.to_json()) == estimate
    assert LimitEstimate.from_json({"rate": -1}) == LimitEstimate()
    assert LimitEstimate.from_json(edited) == LimitEstimate(in_flight_max=3)


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        (
            {
                "x-ratelimit-limit-requests": "5000",
                "x-ratelimit-remaining-requests": "4999",
                "x-ratelimit-reset-requests": "12ms",
            },
            Quota(5000, 4999, 0.012),
        ),
        (
            {
                "x-ratelimit-limit": "60",
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": "6m0.5s",
            },
            Quota(60, 0, 360.5),
        ),
        (
            {"ratelimit-policy": '"default";q=100;w=10', "ratelimit": '"default";r=50;t=5'},
            Quota(100, 50, 5),
        ),
        ({"x-ratelimit-remaining": "5"}, None),
        (
            {"x-ratelimit-limit": "5", "x-ratelimit-remaining": "9", "x-ratelimit-reset": "1"},
            None,
        ),
        (
            {
                "x-ratelimit-limit": "5",
                "x-ratelimit-remaining": "1",
                "x-ratelimit-reset": "1795000000",
            },
            None,
        ),
        ({"x-ratelimit-limit": "5", "x-ratelimit-remaining": "1", "x-ratelimit-reset": "?"}, None),
        ({}, None),
    ],
)
def test_reads_the_headers_that_providers_send(
    headers: dict[str, str], quota: Quota | None
) -> None:
    """What makes no sense is no limit: a wrong one would cost hours."""
    assert read_quota(headers) == quota
