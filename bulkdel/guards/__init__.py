"""When to stop. What would hit every ID stops or pauses a lane and burns none.

    lane_guard.py   one lane: start small, key refused, wrong endpoint, outage
    gone.py         too many "gone" in a row
    alone.py        one ID alone, or every ID? others are asked
    budgets.py      the whole run: most deletions, most failures
    stop.py         why it stopped, and what to do

All of it is pure: the time is an argument, and the lane acts on what it says.
"""

from bulkdel.guards.budgets import DeleteBudget, FailureBudget, parse_max_failures
from bulkdel.guards.gone import GoneRun
from bulkdel.guards.lane_guard import LaneGuard
from bulkdel.guards.stop import Stop, StopCause

__all__ = [
    "DeleteBudget",
    "FailureBudget",
    "GoneRun",
    "LaneGuard",
    "Stop",
    "StopCause",
    "parse_max_failures",
]
