"""A lane at one instant, made up: what is not said is as in a lane that works."""

from __future__ import annotations

from typing import Any

from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.models import Counts


def snapshot(**given: Any) -> LaneSnapshot:
    """Return a snapshot with these fields."""
    usual: dict[str, Any] = {
        "lane": "openai",
        "counts": Counts(),
        "in_flight": 0,
        "waiting": 0,
        "waiting_s": 0.0,
        "rate": 10.0,
        "next_place_s": 0.0,
        "budget_left": None,
        "budget_renewed_s": 0.0,
        "learned": None,
        "held_for": None,
        "asks_again_s": 0.0,
        "ended": False,
        "stop": None,
        "bound_s": {},
    }
    return LaneSnapshot(**{**usual, **given})
