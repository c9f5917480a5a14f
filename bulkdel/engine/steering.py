"""Steer a run while it works: pause and go on, another rate or concurrency, stop.

    Order ──steer──> lanes of the run, and a line in the log: {"control":{"order":"rate","value":20.0,…}}

What holds here, always:

1. What is ordered is given to the log before it is done.
2. A pause is no silence and no outage: the lane goes on as if the time between had not been.
3. ``rate auto`` goes on from what is known of the provider's limit.
4. An order that cannot be followed changes nothing, and no line says that it was.

Not here: who may give orders, and how they come (`control`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from bulkdel.engine.run import Run
from bulkdel.engine.runner import LaneRunner
from bulkdel.errors import ConfigError


class Verb(StrEnum):
    """What can be ordered."""

    PAUSE = "pause"
    RESUME = "resume"
    RATE = "rate"
    CONCURRENCY = "concurrency"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Order:
    """One order.

    Attributes:
        verb: What is to be done.
        lane: To this lane; None for all.
        value: Requests per second (None: find the limit), or requests in flight.

    Raises:
        ConfigError: It makes no sense.
    """

    verb: Verb
    lane: str | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        whole = self.value is not None and math.isfinite(self.value) and self.value % 1 == 0
        if self.verb is Verb.CONCURRENCY and not whole:
            raise ConfigError("concurrency takes a whole number")
        if self.verb is Verb.STOP and self.lane is not None:
            raise ConfigError("stop ends the whole run; `pause LANE` keeps one lane from sending")


def steer(run: Run, order: Order, by: str) -> str:
    """Follow an order, and return what was done, in words.

    Args:
        run: The run; its lanes are at work.
        order: What is to be done.
        by: Who ordered it, for the log.

    Raises:
        ConfigError: There is no such lane, the value is out of range, or the run is ending.
    """
    lanes = _lanes(run, order)
    for lane in lanes.values():
        if order.verb is Verb.RATE:
            replace(lane.work.lane, rate=order.value)  # refuses what is out of range
        elif order.verb is Verb.CONCURRENCY and order.value is not None:
            replace(lane.work.lane, concurrency=int(order.value))
    record = {"order": order.verb.value, "lane": order.lane, "value": order.value, "by": by}
    run.note_record("control", record)
    if order.verb is Verb.STOP:
        run.drain()
        return "stopping: no more IDs are taken, what is in flight is finished"
    for lane in lanes.values():
        _follow(lane, order)
    return f"{', '.join(lanes)}: {_done(order)}"


def _lanes(run: Run, order: Order) -> dict[str, LaneRunner]:
    at_work = {name: lane for name, lane in run.lanes.items() if not lane.work.is_done}
    if not at_work:
        raise ConfigError("the run is ending")
    if order.lane is None:
        return at_work
    if order.lane not in run.lanes:
        raise ConfigError(f"there is no lane {order.lane!r}; there are {', '.join(run.lanes)}")
    if order.lane not in at_work:
        raise ConfigError(f"the lane {order.lane} has ended")
    return {order.lane: at_work[order.lane]}


def _follow(lane: LaneRunner, order: Order) -> None:
    match order.verb:
        case Verb.PAUSE:
            lane.pause()
        case Verb.RESUME:
            lane.resume()
        case Verb.RATE:
            lane.set_rate(order.value)
        case Verb.CONCURRENCY if order.value is not None:
            lane.set_concurrency(int(order.value))


def _done(order: Order) -> str:
    match order.verb:
        case Verb.PAUSE:
            return "paused; what is in flight is finished"
        case Verb.RESUME:
            return "goes on"
        case Verb.RATE if order.value is None:
            return "finds the provider's limit"
        case Verb.RATE:
            return f"{order.value:g} requests a second"
    return f"at most {order.value:g} requests in flight"
