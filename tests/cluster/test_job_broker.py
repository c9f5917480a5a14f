"""What counts over all workers of a job: places of --max-delete, failures, fences."""

from __future__ import annotations

from random import Random

import pytest

from bulkdel.cluster.broker import LEASE_MAX_S
from bulkdel.cluster.job_broker import JobBroker
from bulkdel.cluster.messages import Renewal, Report
from bulkdel.guards import StopCause
from bulkdel.models import Counts
from bulkdel.settings import RunSettings
from tests.cluster.many import a_lane


def _broker(*, used: int = 0, quiet_s: float = 0.0, **options: object) -> JobBroker:
    settings = RunSettings(lanes=[a_lane(rate=100.0)], **options)  # type: ignore[arg-type]
    return JobBroker(settings, name="b", learned={}, deletes_used=used, quiet_s=quiet_s)


def _call(part: int, epoch: int = 1, **said: object) -> Renewal:
    values: dict[str, object] = {"lanes": {}, "worker": f"w{part}-{epoch}"} | said
    return Renewal(part=part, epoch=epoch, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_lent_and_used_is_never_more_than_the_user_allows(seed: int) -> None:
    """--max-delete is kept whoever dies, also when the broker does: each place is one deletion at most."""
    random = Random(seed)
    most, before = random.randrange(1, 400), random.randrange(0, 30)
    broker = _broker(max_delete=most, used=before)
    parts = random.randrange(1, 9)
    epoch, used, lent = [1] * parts, [0] * parts, [0] * parts
    logged = before
    for step in range(600):
        now_s = 10.0 + 0.1 * step
        part = random.randrange(parts)
        what = random.random()
        if what < 0.03:  # it dies: what it has used is in its log, or was lost on its way there
            logged += used[part]
            epoch[part], used[part], lent[part] = epoch[part] + 1, 0, 0
        elif (
            what < 0.04
        ):  # the broker dies, and counts the logs; the workers go on with what they have
            in_logs = logged + sum(used)
            broker = _broker(max_delete=most, used=in_logs, quiet_s=now_s + LEASE_MAX_S)
        used[part] += random.randrange(0, lent[part] - used[part] + 1)
        call = _call(
            part,
            epoch[part],
            deletes_wanted=random.randrange(0, 70),
            deletes_used=used[part],
            deletes_held=lent[part],
        )
        lent[part] = max(lent[part], broker.renew(call, now_s).deletes)

        assert logged + sum(lent) <= max(most, before)


def test_all_places_are_used_before_the_job_stops() -> None:
    """A place that nobody can use would be a deletion too few."""
    broker = _broker(max_delete=50)
    used = [0, 0]
    for step in range(200):
        part = step % 2
        call = _call(part, deletes_wanted=64, deletes_used=used[part])
        grant = broker.renew(call, 0.1 * step)
        used[part] = max(used[part], grant.deletes)

    assert sum(used) == 50
    assert grant.stop is not None
    assert grant.stop.cause is StopCause.MAX_DELETE
    assert grant.drain


def test_a_worker_that_was_replaced_is_fenced() -> None:
    """It comes back from a cut, and its part is another's: it must not go on."""
    broker = _broker()
    broker.renew(_call(3, 1), 0.0)
    broker.renew(_call(3, 2), 10.0)

    assert broker.renew(_call(3, 1), 11.0).fenced
    assert not broker.renew(_call(3, 2), 12.0).fenced
    assert not broker.renew(_call(4, 1), 12.0).fenced


def test_failures_are_counted_over_all_workers() -> None:
    """Each of ten workers with five failures stays below what all of them must not exceed."""
    broker = _broker(max_failures=20)
    grants = [
        broker.renew(_call(part, lanes={"openai": Report(counts=Counts(read=9, failed=5))}), 1.0)
        for part in range(5)
    ]

    assert [grant.drain for grant in grants] == [False, False, False, False, True]
    assert broker.stops[0].cause is StopCause.MAX_FAILURES


def test_counts_of_parts_that_are_done_stay() -> None:
    """Progress must not fall back when a worker ends, or when a new broker begins."""
    broker = _broker()
    report = Report(counts=Counts(read=10, deleted=10, requests=11))
    broker.renew(_call(0, lanes={"openai": report}, ended=True), 1.0)
    assert broker.snapshot()["openai"].counts.deleted == 10

    for each in (broker, _broker()):
        each.settle([0], {"openai": report.counts})
        assert each.snapshot()["openai"].counts.deleted == 10
