"""Choose the pace that a lane's settings ask for."""

from __future__ import annotations

from bulkdel.pacing.auto import AutoPace
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.pacing.fixed import FixedPace
from bulkdel.pacing.leave import LeavingPace
from bulkdel.settings import Lane

OwnPace = FixedPace | LeavingPace | AutoPace
"""The paces there are: each also says how many it lets be in flight (`places`)."""


def make_pace(lane: Lane, learned: LimitEstimate | None = None) -> OwnPace:
    """Return the pace of ``lane``: exactly ``rate``, or the provider's limit, or a share of it.

    ``learned`` is what an earlier run found: then the search starts from there.
    """
    if lane.rate is not None:
        return FixedPace(lane.rate)
    if lane.left_share:
        return LeavingPace(
            lane.left_share, concurrency=lane.concurrency, rate_max=lane.ceiling, learned=learned
        )
    return AutoPace(concurrency=lane.concurrency, rate_max=lane.ceiling, learned=learned)
