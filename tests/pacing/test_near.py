"""A provider on the same machine: an answer comes back sooner than anything can be measured."""

from __future__ import annotations

import pytest

from bulkdel.pacing import AutoPace
from tests.pacing.draws import Draw
from tests.pacing.drive import Drive
from tests.pacing.limits import WeightedWindows

LIMIT = 200.0
WINDOW_S = 2.0
NEAR_S = 0.0003


@pytest.mark.parametrize("phase_s", [0.0, 0.5, 1.0, 1.5])
@pytest.mark.parametrize("rtt_s", [NEAR_S, 0.02])
def test_a_burst_of_refusals_is_no_measure_of_the_limit(rtt_s: float, phase_s: float) -> None:
    """As haproxy's ``http_req_rate``, which counts what it refuses: the rate fell to a tenth."""
    server = WeightedWindows(round(LIMIT * WINDOW_S), WINDOW_S, phase_s, counts_refused=True)
    drawn = Draw("near", 0, server, rtt_s, 0.2, 0.0, 64, says_retry=False)

    drive = Drive(AutoPace(concurrency=64), drawn).run(80.0)

    assert sum(drive.took[20:80]) >= 0.95 * LIMIT * 60
    assert sum(drive.refused) <= 0.02 * drive.requests
