"""The promises 1 to 6 of ARCHITECTURE.md, checked against a simulated world.

check          after every process: the log, the summary, what was sent
check_repeats  what is to be sent again is explained by a kill or a lost answer
check_end      when nothing is left to do: every ID has one last word, and it is true
"""

from __future__ import annotations

import math
from collections import Counter

from bulkdel.engine.steering import Verb
from bulkdel.models import Counts, Outcome, State
from bulkdel.pacing.schedule import peak
from bulkdel.result_log.writer import GROUP_S, SYNC_S
from bulkdel.settings import Durability
from tests.simulation.disk import LogSeen
from tests.simulation.process import Process
from tests.simulation.world import BLOCKING_MAX_S, INVALID_IDS, PROCESSES_MAX, LaneWorld, Scenario
from tests.support.engine_fakes import most_in_a_second


def check(process: Process, after: LogSeen, had: dict[str, set[str]], unseen: int) -> None:
    """Check what holds after every process, however it ended.

    ``had`` are the deletions of the processes before it, ``unseen`` how many of them no log could
    hold: the process was killed, or its disk failed.
    """
    assert not process.wrong, process.wrong[:5]
    assert process.killed or process.disk is None or process.disk.closed, "the log is left open"
    if not process.killed and process.error is None and after.lines == process.before.lines:
        check_nothing_began(process)
        return
    written = after.last_run if len(after.lines) > len(process.before.lines) else []
    if len(after.lines) > len(process.before.lines) and "run" not in str(after.lines):
        written = after.lines
    given = [result for _, result in process.results]
    assert [(line["lane"], line["id"]) for line in written] == [
        (result.lane, result.object_id) for result in given[: len(written)]
    ], "the log is not what was told, in its order"
    for line, result in zip(written, given, strict=False):
        assert line["outcome"] == result.outcome.value
    if process.killed:
        check_lost(process, len(written))
    else:
        check_summary(process, after, len(written))
    for name, world in process.scenario.lanes.items():
        check_lane(process, name, world)
    ours = sum(
        len(world.account.deleted - had[name]) for name, world in process.scenario.lanes.items()
    )
    if process.max_delete is not None:
        before = sum(map(len, had.values())) - unseen
        assert ours <= max(0, process.max_delete - before), "max-delete passed"


def unseen(process: Process, after: LogSeen, had: dict[str, set[str]]) -> int:
    """Return how many deletions of a process nobody can know of, since it was killed or cut off."""
    if not process.killed and process.error is None:
        return 0
    return sum(
        (name, object_id) not in after.done
        for name, world in process.scenario.lanes.items()
        for object_id in world.account.deleted - had[name]
    )


def check_nothing_began(process: Process) -> None:
    """Only who is drained while the log is read leaves it as it was; nothing was sent."""
    assert not any(transport.sent for transport in process.transports.values())
    assert process.summary is not None
    assert process.summary.state is State.INTERRUPTED
    assert process.summary.counts == Counts()


def check_lost(process: Process, written: int) -> None:
    """Of a killed process, only the newest lines may be missing."""
    lag_s = GROUP_S + 5 * BLOCKING_MAX_S
    if process.power_cut:
        lag_s += {Durability.FULL: 0.0, Durability.NORMAL: SYNC_S + GROUP_S}.get(
            process.scenario.durability, math.inf
        )
    lost = process.results[written:]
    late = [result for at_s, result in lost if at_s < process.killed_s - lag_s]
    assert not late, f"lines lost that should have been on disk: {late[:3]}"


def check_repeats(
    process: Process, after: LogSeen, before: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Deleted but not logged, so to be sent again: only what was in flight or not yet on disk.

    Returns lane and ID of all of them; ``before`` are those of the earlier processes.
    """
    unlogged = {
        (name, object_id)
        for name, world in process.scenario.lanes.items()
        for object_id in world.account.deleted
    } - after.done
    explained = before | process.open_ids
    explained |= {(result.lane, result.object_id) for _, result in process.results}
    explained |= {
        (name, told.object_id)
        for name, world in process.scenario.lanes.items()
        for told in world.account.told
        if told.leaves_open
    }
    assert unlogged <= explained, f"forgotten: {unlogged - explained}"
    return unlogged


def check_summary(process: Process, after: LogSeen, written: int) -> None:
    """The summary adds up, and says what really happened."""
    summary, results = process.summary, [result for _, result in process.results]
    assert summary is not None
    lost = len(results) - written
    if process.error is not None:
        assert process.error.lines_lost == lost, (process.error.lines_lost, lost)
    else:
        assert process.disk is not None
        assert not process.disk.failed, "an error of the disk was not told"
        assert lost == 0, f"{lost} lines are missing"
        end = after.lines[-1]["end"]
        assert end["state"] == summary.state
        assert end["deleted"] == summary.counts.deleted
    assert summary.counts == sum(summary.lanes.values(), Counts())
    for name, world in process.scenario.lanes.items():
        counts, transport = summary.lanes[name], process.transports[name]
        of_lane = Counter(result.outcome for result in results if result.lane == name)
        found = [counts.deleted, counts.gone, counts.failed, counts.invalid]
        assert found == [of_lane[outcome] for outcome in Outcome], name
        assert counts.requests == len(transport.sent) + len(transport.asked)
        assert transport.refusals <= counts.refused
        assert counts.refused <= transport.refusals + len(transport.asked)
        assert counts.pending >= 0
        assert counts.read <= len(world.rows)
        if summary.state is State.FINISHED:
            assert counts.read == len(world.rows)
            assert counts.pending == 0
            seen = {row for row in world.rows if row not in INVALID_IDS}
            fresh = {one for one in seen if (name, one) not in process.before.done}
            assert counts.deleted + counts.gone + counts.failed == len(fresh)


def check_lane(process: Process, name: str, world: LaneWorld) -> None:
    """What a lane has sent stays within what the user allowed."""
    transport = process.transports[name]
    orders = {verb: [order for order in process.steered if order.verb is verb] for verb in Verb}
    places = [int(order.value or 0) for order in orders[Verb.CONCURRENCY]]
    assert transport.in_flight_most <= max(world.lane.concurrency, *places, 0)
    rates = [order.value for order in orders[Verb.RATE] if order.lane in (None, name)]
    fixed = [rate for rate in (world.lane.rate, *rates) if rate is not None]
    if len(fixed) == 1 + len(rates):
        times_s = [time_s for time_s, _ in transport.sent]
        assert most_in_a_second(times_s) <= peak(max(fixed)), "faster than --rate"
    if not process.killed and process.error is None:
        check_told(process, name, world)


def check_told(process: Process, name: str, world: LaneWorld) -> None:
    """An answer that ends an ID is a result, unless it was doubted."""
    results = {result.object_id: result for _, result in process.results if result.lane == name}
    words = {told.word for told in world.account.told}
    had_deletion = any(
        line.get("lane") == name and line.get("outcome") == "deleted"
        for line in process.before.lines
    )
    for told in world.account.told:
        if told.object_id in results or told.word not in ("deleted", "gone", "failed"):
            continue
        doubted_gone = told.word == "gone" and (
            "deleted" not in words or world.account.unread  # it may not have been found out
        )
        # "Gone" that is doubted itself vouches for no failure.
        vouched = "deleted" in words or any(
            result.outcome is Outcome.GONE for result in results.values()
        )
        doubted_failed = told.word == "failed" and not had_deletion and not vouched
        assert doubted_gone or doubted_failed, f"an answer was lost: {told}"


def check_end(scenario: Scenario, after: LogSeen) -> None:
    """At the end every ID has one last word, and it is the truth."""
    last = {
        (line["lane"], line["id"]): line["outcome"]
        for line in after.lines
        if "id" in line and line["outcome"] != "invalid"
    }
    invalid = Counter(
        (line["lane"], line["line"]) for line in after.lines if line.get("outcome") == "invalid"
    )
    assert set(last) == {(name, one) for name, of in scenario.lanes.items() for one in of.ids}
    assert all(count == 1 for count in invalid.values()), invalid
    for (name, object_id), outcome in last.items():
        account = scenario.lanes[name].account
        assert object_id not in account.present, f"{object_id} is still there: {outcome}"
        assert (outcome == "failed") == (object_id in account.bad)
        if outcome == "deleted":
            assert object_id in account.deleted
    calm = Process(scenario, PROCESSES_MAX, allow_gone=True)
    calm.run()
    assert not any(of.sent for of in calm.transports.values()), "sent when all was done"
    assert calm.summary is not None
    assert calm.summary.state is State.FINISHED
