"""The fixed rate is kept: never above in any second, never much below, on late timers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from random import Random

import pytest

from bulkdel.models import Meaning, Verdict
from bulkdel.pacing.fixed import FixedPace
from bulkdel.pacing.schedule import peak

REFUSED_60_S = Verdict(Meaning.REFUSED, retry_after_s=60.0)


def sends(pace: FixedPace, until_s: float, late_s: Callable[[], float]) -> list[float]:
    """Send whenever the pace allows, on timers that fire ``late_s()`` late."""
    now_s, times = 0.0, []
    while now_s < until_s:
        wait_s = pace.wait_s(now_s, 1)
        if wait_s == 0.0:
            pace.sent(now_s, 1)
            times.append(now_s)
        else:
            now_s += wait_s + late_s()
    return times


def most_in_a_second(times: list[float]) -> int:
    """Count the requests in the fullest window of one second."""
    return max(bisect_left(times, t + 1.0) - i for i, t in enumerate(times))


@pytest.mark.parametrize("rate", [0.5, 1, 20, 20.99, 80, 99, 137, 1000, 5000])
def test_keeps_the_rate_with_late_timers(rate: float) -> None:
    """A user's limit is theirs: neither exceeded nor left unused."""
    random = Random(1)
    seconds = 60.0 if rate < 1000 else 10.0

    times = sends(FixedPace(rate), seconds, lambda: random.uniform(0.001, 0.005))

    assert len(times) >= 0.99 * rate * seconds - 1
    assert most_in_a_second(times) <= peak(rate)


@pytest.mark.parametrize("rate", [1, 7, 20, 49, 99, 137, 1000, 20_000])
def test_peak_is_two_percent_or_one_above_a_whole_rate(rate: int) -> None:
    """The promise for `--rate N`, in figures."""
    assert rate + 1 <= peak(rate) + 0.02 * rate
    assert peak(rate) <= rate + max(1, 0.02 * rate)


@pytest.mark.parametrize("rate", [20, 137, 2000])
def test_no_burst_follows_a_stall(rate: int) -> None:
    """A laptop that slept must not send what it missed all at once."""
    stalls = iter([0.0] * 50 + [10.0] + [0.0] * 10**6)

    times = sends(FixedPace(rate), 20.0, lambda: next(stalls))

    assert most_in_a_second(times) <= peak(rate)


def test_a_new_rate_counts_from_the_next_request_on() -> None:
    """The rate can be changed while running, down as well as up."""
    pace = FixedPace(1)
    pace.sent(0.0, 1)

    pace.set_rate(10)

    assert pace.wait_s(0.0, 1) == pytest.approx(0.1)
    assert pace.rate == 10


def test_one_refusal_changes_nothing_two_wait_as_long_as_asked() -> None:
    """A closed provider is left alone; one refused ID is no closed provider."""
    pace = FixedPace(10)
    pace.sent(0.0, 1)

    pace.refused(0.2, 0.0, 1, REFUSED_60_S, {})
    assert pace.wait_s(0.2, 0) == 0.0

    pace.refused(0.3, 0.0, 1, REFUSED_60_S, {})
    assert pace.wait_s(0.3, 0) == pytest.approx(60.0)


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
def test_refuses_a_rate_that_is_none(rate: float) -> None:
    """Zero would hang the lane without a word."""
    with pytest.raises(ValueError, match="rate must be"):
        FixedPace(rate)
