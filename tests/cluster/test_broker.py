"""One limit, lent to many workers: it is used as by a single machine, and never exceeded."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable

import pytest

from benchmarks.virtual.servers import FixedWindow, Reply, Server, TokenBucket
from bulkdel.cluster.broker import LEASE_MAX_S, SILENT_S, LaneBroker
from bulkdel.cluster.leased import ClockOffset
from bulkdel.cluster.messages import Report
from bulkdel.guards import Stop, StopCause
from tests.cluster.many import Many, Worker, a_lane

FOUND_S = 30
"""By then a limit is found."""


class _Open(FixedWindow):
    """A server without a limit, that takes its time."""

    def __init__(self, takes_s: float = 0.2) -> None:
        super().__init__(1 << 60, 1.0)
        self._takes_s = takes_s

    def service_s(self, now_s: float, random: object) -> float:  # noqa: ARG002
        return self._takes_s


class _WrongKey(_Open):
    """A server that takes nothing."""

    def admit(self, now_s: float, in_flight: int) -> Reply:  # noqa: ARG002
        return Reply(accepted=False)


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize(
    ("make", "from_s", "to_s", "refused_most"),
    [
        (lambda: TokenBucket(20, 5), FOUND_S, 120, 0.01),
        (lambda: TokenBucket(100, 10), FOUND_S, 90, 0.01),
        (lambda: FixedWindow(100, 1.0), FOUND_S, 90, 0.012),
        # A single machine has 1.25 % of its requests refused by this one: its end has to be asked for.
        (lambda: FixedWindow(600, 60.0), 60, 240, 0.016),
    ],
    ids=["bucket", "fast bucket", "window", "long window"],
)
def test_a_limit_is_used_as_by_a_single_machine(
    make: Callable[[], Server], from_s: int, to_s: int, refused_most: float, workers: int
) -> None:
    """What is shared is lost to nobody, and no more of it is asked for than there is."""
    many = Many(make(), workers).run(to_s)

    assert many.used(from_s, to_s) >= 0.97
    assert many.refused_share(from_s) <= refused_most


def test_a_thousand_workers_share_one_limit() -> None:
    """However many there are, their calls stay within what one actor answers.

    Each sends one request in two seconds, so the broker hears late: of 30 seeds .95 was used in
    the mean and 1.2 % refused, where one machine reaches .99 and 0.5 %.
    """
    used = refused = 0.0
    for seed in range(6):
        lane = a_lane(concurrency=1000)
        many = Many(TokenBucket(500, 50), 1000, lane=lane, seed=seed).run(30)
        used += many.used(15, 30) / 6
        refused += many.refused_share(15) / 6
        assert many.calls / 30 <= 2500

    assert used >= 0.93
    assert refused <= 0.02


def test_the_share_of_idle_workers_goes_to_the_others_within_a_second() -> None:
    """A worker at the end of its part, or whose source is slow, must not slow the job."""
    many = Many(TokenBucket(100, 10), 4).run(40)
    for worker in many.workers[1:]:
        worker.has_ids = False
    many.run(60)

    assert many.used(41, 60) >= 0.97
    for worker in many.workers:
        worker.has_ids = True
    took = [worker.took for worker in many.workers]
    many.run(70)
    shares = [worker.took - before for worker, before in zip(many.workers, took, strict=True)]
    assert min(shares) > 0.5 * max(shares)


def _most_in_a_second(starts: list[float]) -> int:
    starts = sorted(starts)
    return max(bisect_left(starts, start + 1.0) - place for place, start in enumerate(starts))


@pytest.mark.parametrize("rate", [3.0, 40.0, 300.0])
def test_the_users_rate_is_never_exceeded_whatever_dies(rate: float) -> None:
    """Also while the broker is dead, and when another one begins: what was lent runs out first."""
    many = Many(_Open(0.01), 8, lane=a_lane(rate=rate)).run(10)
    for number in range(8):
        many.kill_broker(0.05 + 0.4 * (number % 3))
        many.workers[number].cut_off = number % 2 == 0
        many.run(many.now_s + 5)

    most = rate * 1.04 + 2
    assert _most_in_a_second(many.starts) <= most
    assert len(many.starts) <= rate * many.now_s + 2
    assert len(many.starts) >= 0.4 * rate * many.now_s


def test_the_users_rate_is_kept_while_nothing_dies() -> None:
    """What is not used is lost time."""
    many = Many(_Open(0.01), 8, lane=a_lane(rate=50.0)).run(60)

    assert len(many.starts) >= 0.98 * 50 * 59


def test_who_hears_nothing_sends_nothing() -> None:
    """A node that is cut off must pause by itself; the others go on with all of the limit."""
    many = Many(TokenBucket(50, 5), 3).run(40)
    lost = many.workers[0]
    lost.cut_off = True
    many.run(40 + LEASE_MAX_S)
    took = lost.took + lost.in_flight

    many.run(60)

    assert lost.took == took
    assert many.used(42, 60) >= 0.97


@pytest.mark.parametrize("workers", [1, 3, 20])
def test_never_more_in_flight_than_asked_for(workers: int) -> None:
    """The places are those of the lane, however many share them, and they are used."""
    many = Many(_Open(0.5), workers, lane=a_lane(concurrency=8), rtt_s=0.02).run(40)

    assert many.most_flying <= 8
    taken = sum(many.took[second] for second in range(20, 40)) / 20
    assert taken >= 0.6 * 8 / 0.52


def test_only_one_worker_asks_until_the_endpoint_is_known_to_work() -> None:
    """A wrong key or address gets one worker's ID, not one of each."""
    many = Many(_WrongKey(), 16)
    many.run(5)

    assert sum(bool(worker.sent) for worker in many.workers) == 1


def _asked(broker: LaneBroker, name: str, now_s: float, **said: object) -> int:
    report = Report(wants=None, **said)  # type: ignore[arg-type]
    return len(broker.renew(name, report, now_s).slots)


def test_the_first_workers_turn_goes_on_when_it_dies() -> None:
    """Else a dead worker would hold the lane for ever."""
    broker = LaneBroker(a_lane(rate=100.0))

    assert _asked(broker, "a", 0.0)
    assert not _asked(broker, "b", 0.1)
    assert _asked(broker, "b", 0.1 + SILENT_S + 1.0)


def test_a_stop_of_one_worker_stops_all_but_an_outage_of_its_own() -> None:
    """A key that is refused is refused for all; a node without network is alone."""
    for cause, others in ((StopCause.KEY_REFUSED, False), (StopCause.OUTAGE, True)):
        broker = LaneBroker(a_lane(rate=100.0))
        _asked(broker, "a", 0.0, works=True)
        _asked(broker, "b", 0.1, accepted=[(0.05, 0.0, 1)])

        broker.renew("a", Report(stop=Stop(cause, "openai", "it is so", "Mend it")), 1.0)

        assert bool(_asked(broker, "b", 1.1)) is others


def test_a_lost_call_does_not_hold_a_pause_for_ever() -> None:
    """A slot that never arrived must not count as a probe that is under way."""
    many = Many(FixedWindow(50, 5.0), 1).run(20)
    many.workers[0].loses_answers = True
    many.run(21)
    many.workers[0].loses_answers = False
    many.run(60)

    assert many.used(30, 60) >= 0.8


def test_a_slot_is_never_used_too_early() -> None:
    """However far apart two clocks are, and however long an answer was under way."""
    offset = ClockOffset()
    assert offset.most_s == math.inf

    offset.note(100.0, 1105.0)  # 5 s too long, for all anybody knows
    offset.note(101.0, 1101.003)
    offset.note(102.0, 1104.0)

    assert 1000.0 <= offset.most_s <= 1000.004
    assert isinstance(Worker("w", 0.0).pace.wait_s(0.0, 0), float)
