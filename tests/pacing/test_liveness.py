"""The pace is never trapped: whatever happened, a limit that rises is found and used.

Some of the histories of `histories`; `python -m tests.nightly --only histories` tries more.
"""

from __future__ import annotations

import pytest

from tests.pacing.histories import growths, share_found


@pytest.mark.parametrize("seed", range(24))
def test_a_limit_a_hundred_times_as_high_is_used_within_a_minute(seed: int) -> None:
    """Whatever the pace believes, a job of hours must not become one of weeks."""
    assert share_found(seed) >= 0.9


@pytest.mark.parametrize("seed", range(210, 213))
def test_the_rate_doubles_every_twenty_seconds_while_nothing_is_refused(seed: int) -> None:
    """Growth must not be in proportion to a rate that is wrongly low."""
    assert all(growth >= 2 for growth in growths(seed))
