"""A provider that shuts out who is refused too often: it is met once, and then kept away from."""

from __future__ import annotations

import pytest

from bulkdel.pacing import AutoPace
from tests.pacing.draws import Draw
from tests.pacing.drive import Drive
from tests.pacing.limits import Banning, Bucket, FixedWindow, Several

BAN_S = 15.0


@pytest.mark.parametrize(("rate", "most"), [(800, 49), (1500, 80), (4500, 150)])
def test_who_is_shut_out_for_refusals_comes_back_with_fewer(rate: float, most: int) -> None:
    """It was taken for a window, and the rate cut to a tenth; then the next overshoot was one too many."""
    server = Banning(Bucket(rate, rate * 0.3), most, BAN_S)
    drawn = Draw("ban", 0, server, 0.01, 0.2, 0.0, 64, says_retry=False)

    drive = Drive(AutoPace(concurrency=64), drawn).run(180.0)

    shut = sum(took == 0 for took in drive.took[10:180])
    assert shut <= 2 * BAN_S
    assert sum(drive.took[20:180]) > 0.85 * rate * (160 - BAN_S)


def test_a_window_behind_another_limit_is_no_ban() -> None:
    """Isolated refusals at the short limit, then a pause: that is no penalty."""
    server = Several([Bucket(100, 20), FixedWindow(3000, 60.0, 0.0)])
    drawn = Draw("two", 0, server, 0.05, 0.2, 0.0, 64, says_retry=False)

    drive = Drive(AutoPace(concurrency=64), drawn).run(180.0)

    assert sum(drive.refused) < 0.02 * drive.requests
    assert sum(drive.took[:180]) > 0.97 * 3 * 3000
