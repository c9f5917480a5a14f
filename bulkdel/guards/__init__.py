"""When to stop. What would hit every ID stops or pauses a lane and burns none.

    lane_guard.py   one lane: start small, key refused, wrong endpoint, all gone, outage
    budgets.py      the whole run: most deletions, most failures

All of it is pure: the time is an argument, and the lane acts on what it says.
"""

from bulkdel.guards.budgets import DeleteBudget, FailureBudget, parse_max_failures
from bulkdel.guards.lane_guard import LaneGuard, Stop, StopCause

__all__ = [
    "DeleteBudget",
    "FailureBudget",
    "LaneGuard",
    "Stop",
    "StopCause",
    "parse_max_failures",
]
