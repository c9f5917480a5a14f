"""What a line says of a lane is never lost to a narrow terminal, and never wider than it."""

from __future__ import annotations

import random
import re

import pytest

from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.guards import Stop, StopCause
from bulkdel.models import Counts
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.reporting.pauses import PAUSE_S, Pauses
from bulkdel.reporting.state_line import bar_line, pieces
from tests.support.snapshots import snapshot

CAUSES = (
    "provider down: no whole answer within 30 s",
    "the provider refuses the key (invalid_api_key Incorrect API key provided)",
    "many objects in a row are gone",
)


def drawn(dice: random.Random) -> tuple[LaneSnapshot, int | None, float, float | None]:
    """Return a lane, the total, the rate and the time left."""
    size = 10 ** dice.randint(0, 7)
    counts = Counts(
        read=size,
        deleted=dice.randint(0, size),
        failed=dice.choice((0, 0, 3, 12_345)),
        refused=dice.choice((0, 7, 123_456)),
    )
    lane = snapshot(
        lane=dice.choice(("ark", "openai:files-eu", "fireworks:responses-account-of-the-team")),
        counts=counts,
        in_flight=dice.choice((0, 5, 128, 4096)),
        waiting=dice.choice((0, 3, 5000)),
        next_place_s=dice.choice((0.0, 0.0, 31.0)),
        learned=dice.choice((None, LimitEstimate(rate=100, window_s=60))),
        held_for=dice.choice((None, None, *CAUSES)),
        ended=dice.random() < 0.1,
        budget_left=dice.choice((None, 8999)),
    )
    total = dice.choice((None, size, 3 * size))
    return lane, total, 10 ** dice.uniform(-1, 4), dice.choice((None, 5.0, 4000.0, 1e6))


@pytest.mark.parametrize("width", [79, 80, 90, 100, 119, 120, 150, 200])
def test_at_every_width_what_counts_is_there(width: int) -> None:
    """Seeded: a lane that stands for ten minutes looked like one that works, at 80 columns."""
    for seed in range(200):
        lane, total, per_s, eta_s = drawn(random.Random(seed))

        line = bar_line(lane, total, per_s, eta_s, width=width, name_width=len(lane.lane))

        assert len(line) <= width, (seed, line)
        assert (f"{lane.counts.failed:,} failed" in line) == (lane.counts.failed > 0), (seed, line)
        assert ("in flight" in line) != lane.ended, (seed, line)
        if lane.ended:
            assert re.search(r"done|ended early", line), (seed, line)
        elif lane.held_for is not None:
            assert f"PAUSED: {lane.held_for[:9]}" in line, (seed, line)
        elif lane.next_place_s:
            assert re.search(r"used up|refused, asks", line), (seed, line)
        elif eta_s is not None:
            assert re.search(r"ETA (\d|\d\d:)", line), (seed, line)


def test_with_room_all_is_there_and_the_bar_gets_the_rest() -> None:
    """State before figures, and a bar as long as there is room for, up to thirty cells."""
    lane = snapshot(
        counts=Counts(read=605, deleted=303, refused=2), in_flight=3, waiting=1, budget_left=9
    )

    wide = bar_line(lane, 606, 10.0, 20.0, width=150, name_width=9)
    usual = bar_line(lane, 606, 10.0, 20.0, width=79, name_width=9)

    assert wide == (
        f"openai     50%|{'█' * 15:30}| 303/606, ETA 00:20, 10.0/s, 3 in flight, 2 refused,"
        " 1 waiting, quota: 9 left, renewed in 00:00"
    )
    assert usual == ("openai     50% 303/606, ETA 00:20, 10.0/s, 3 in flight, 2 refused, 1 waiting")


@pytest.mark.parametrize("width", [20, 30, 45])
def test_a_terminal_that_is_far_too_narrow_gets_what_fits(width: int) -> None:
    """No line wraps, and none is an error."""
    for seed in range(100):
        lane, total, per_s, eta_s = drawn(random.Random(seed))
        assert len(bar_line(lane, total, per_s, eta_s, width=width, name_width=40)) <= width


def test_the_state_comes_first() -> None:
    """It is what a person looks for."""
    for seed in range(200):
        lane, _, per_s, eta_s = drawn(random.Random(seed))
        first = pieces(lane, per_s, eta_s)[0].text
        assert re.match(r"PAUSED|limit used|refused, asks|ETA|done|ended early|\d", first), first


def test_a_pause_is_told_once_with_its_end() -> None:
    """Neither a stray refusal nor a window of a minute is worth a line; an outage is."""
    pauses, told = Pauses(), []
    for second in range(200):
        held = CAUSES[0] if second == 5 or 20 <= second < 80 else None
        wait_s = 50.0 if 90 <= second < 140 else 0.0
        lane = snapshot(held_for=held, asks_again_s=9.0 if held else 0.0, next_place_s=wait_s)
        told.append(pauses.note(second, 1e9 + second, lane))

    assert [number for number, line in enumerate(told) if line] == [20 + PAUSE_S, 80]
    assert re.fullmatch(rf"openai paused: {CAUSES[0]}; asks again at \d\d:\d\d:\d\d", str(told[22]))
    assert told[80] == "openai goes on, after 60 s"


def test_a_long_wait_is_told_once_with_its_end() -> None:
    """The provider asks to wait for five minutes: until when?"""
    pauses, told = Pauses(), []
    for second in range(400):
        wait_s = max(0.0, 310.0 - second) if second >= 10 else 0.0
        told.append(pauses.note(second, 1e9 + second, snapshot(next_place_s=wait_s)))

    assert [number for number, line in enumerate(told) if line] == [12, 310]
    assert re.search(r"asks to wait until \d\d:\d\d:\d\d$", str(told[12]))


def test_a_lane_that_stops_says_so_at_once() -> None:
    """The others may go on for days."""
    stop = Stop(StopCause.KEY_REFUSED, "openai", "the provider refuses the key", "Check it")
    pauses = Pauses()

    lines = [pauses.note(second, 1e9, snapshot(stop=stop)) for second in range(3)]

    assert lines == ["openai stopped: the provider refuses the key", None, None]
