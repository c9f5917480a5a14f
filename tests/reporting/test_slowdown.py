"""A lane that has become slow says so, once, and says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bulkdel.engine.bottleneck import Bound
from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.models import Counts
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.reporting.slowdown import Slowdown

WINDOW = LimitEstimate(rate=100.0, window_s=60.0)


def lane(ended: float, bound_s: Mapping[str, float], refused: float = 0.0) -> LaneSnapshot:
    """Return a lane that has come so far."""
    counts = Counts(deleted=round(ended), requests=round(ended + refused), refused=round(refused))
    return LaneSnapshot(
        lane="ark",
        counts=counts,
        in_flight=1,
        waiting=0,
        waiting_s=0.0,
        rate=1.0,
        next_place_s=0.0,
        budget_left=None,
        budget_renewed_s=0.0,
        learned=WINDOW,
        asks_again_s=0.0,
        ended=False,
        held_for=None,
        stop=None,
        bound_s=bound_s,
    )


def warnings(
    ended: Callable[[float], float],
    until_s: float,
    bound: Bound = Bound.RATE,
    refused: Callable[[float], float] = lambda _: 0.0,
) -> list[tuple[float, str]]:
    """Return what is said of a lane, and when, whose results are a function of the time."""
    slowdown, said = Slowdown(0.0), []
    for step in range(round(until_s * 4)):
        now_s = step / 4
        warning = slowdown.note(now_s, lane(ended(now_s), {bound.value: now_s}, refused(now_s)))
        if warning is not None:
            said.append((now_s, warning))
    return said


def falling(now_s: float) -> float:
    """100/s for ten minutes, then one a second."""
    return 100 * min(now_s, 600) + max(0.0, now_s - 600)


def test_a_lane_that_goes_slow_for_two_minutes_says_so_once() -> None:
    """A job of four hours that takes three weeks must not look like any other."""
    [(at_s, warning)] = warnings(falling, 7200)

    assert 600 + 60 < at_s <= 600 + 120 + 5
    assert warning.startswith("ark: ")
    assert "100/s before: the provider's limit is lower now" in warning
    assert "window of about 6000 per 60 s" in warning


def test_a_window_used_up_in_its_first_seconds_is_no_slowdown() -> None:
    """Nor is a burst at the start a height to fall from."""

    def bursts(now_s: float) -> float:
        window, in_it_s = divmod(now_s, 60.0)
        return 6000 * window + min(6000.0, 1000 * in_it_s)

    assert warnings(bursts, 3600) == []
    assert warnings(lambda now_s: min(6000.0, 900 * now_s) + 100 * now_s, 3600) == []


def test_each_slowdown_warns_again_after_the_lane_has_recovered() -> None:
    """The second one is news."""

    def swinging(now_s: float) -> float:
        hours, in_it_s = divmod(now_s, 3600.0)
        return hours * 180_000 + 100 * min(in_it_s, 1800.0)

    assert len(warnings(swinging, 4 * 3600)) == 4


def test_refusals_hint_at_another_user_of_the_account() -> None:
    """A pace that is alone at a limit is refused less."""
    [(_, warning)] = warnings(falling, 900, refused=lambda now_s: max(0.0, 20 * (now_s - 600)))

    assert "does something else use the account?" in warning


def test_the_end_of_a_run_is_no_slowdown() -> None:
    """Only IDs that wait for another attempt are left then."""
    assert warnings(falling, 7200, Bound.RETRY) == []


def test_what_bound_it_is_the_reason() -> None:
    """A slow disk is mended elsewhere than a slow provider."""
    [(_, warning)] = warnings(falling, 900, Bound.LOG)

    assert warning.endswith("the disk of the log is slow")
