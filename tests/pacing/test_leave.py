"""A share of a limit is left to others, who feel it; what is free is followed."""

from __future__ import annotations

from random import Random

import pytest

from bulkdel.models import Meaning, Verdict
from bulkdel.pacing.auto import AutoPace
from bulkdel.pacing.choose import make_pace
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.pacing.leave import LeavingPace
from bulkdel.providers import get
from bulkdel.settings import Lane
from tests.pacing.draws import Draw
from tests.pacing.drive import Drive
from tests.pacing.limits import REFUSED, Bucket, SharedBucket, Slots

SEEDS = range(8)
FROM_S = 30


class Others(SharedBucket):
    """A bucket that others use, too; their refusals count from `FROM_S` on."""

    sent = refused = 0

    def admit(self, now_s: float) -> float:
        while self._next_s < now_s:
            answered = Bucket.admit(self, self._next_s)
            if self._next_s >= FROM_S:
                self.sent += 1
                self.refused += answered == REFUSED
            self._next_s += self._random.expovariate(self._others(self._next_s))
        return Bucket.admit(self, now_s)


def shares(rate: float, leave: float) -> tuple[float, float]:
    """Return what others were refused, and what we used of what they left; the mean of seeds."""
    refused = used = 0.0
    for seed in SEEDS:
        server = Others(rate, rate / 2, 0.3, 40, seed)
        drawn = Draw("others", seed, server, 0.05, 0.2, 0.0, 256, False)
        pace = LeavingPace(leave, concurrency=256) if leave else AutoPace(concurrency=256)
        drive = Drive(pace, drawn).run()
        refused += server.refused / server.sent
        used += sum(drive.took[FROM_S:180]) / sum(map(server.limit, range(FROM_S, 180)))
    return refused / len(SEEDS), used / len(SEEDS)


@pytest.mark.parametrize("rate", [20, 100, 1000])
def test_others_are_refused_a_third_as_often_and_most_of_the_rest_is_used(rate: float) -> None:
    """Their load swings by a third; a tenth is left to them."""
    without, _ = shares(rate, 0.0)
    with_it, used = shares(rate, 0.1)

    assert with_it < without / 2.5
    assert used > 0.75


def test_where_no_limit_shows_nothing_is_left() -> None:
    """There is nothing to share."""
    drawn = Draw("free", 0, Bucket(1e6, 1e6), 0.02, 0.0, 0.0, 64, False)

    drive = Drive(LeavingPace(0.5, concurrency=64, rate_max=200), drawn).run(60)

    assert sum(drive.took[30:60]) > 0.97 * 200 * 30


def test_a_limit_that_rises_is_followed() -> None:
    """What others free is used within minutes, less the share."""
    server = Bucket(50, 10, [(60.0, 200.0)])
    drawn = Draw("risen", 0, server, 0.02, 0.0, 0.0, 64, False)

    drive = Drive(LeavingPace(0.2, concurrency=64), drawn).run(180)

    assert sum(drive.took[150:180]) > 0.7 * 200 * 30


def test_a_limit_that_falls_is_noticed_while_it_leaves() -> None:
    """Two refusals are enough; it does not go on for the rest of the minute."""
    server = Bucket(200, 10, [(60.0, 50.0)])
    drawn = Draw("fallen", 0, server, 0.02, 0.0, 0.0, 64, False)

    drive = Drive(LeavingPace(0.2, concurrency=64), drawn).run(180)

    refused = sum(drive.refused[60:180])
    assert refused < 0.1 * sum(drive.took[60:180])
    assert sum(drive.took[90:180]) > 0.7 * 50 * 90


def test_of_places_a_share_is_left_too() -> None:
    """Where so many at once are allowed, others need places, not time."""
    drawn = Draw("slots", 0, Slots(40, 0.2, 0), 0.02, 0.0, 0.0, 256, False)
    pace = LeavingPace(0.25, concurrency=256, learned=LimitEstimate(rate=180, in_flight_max=40))

    drive = Drive(pace, drawn).run(120)

    assert sum(drive.took[30:60]) < 0.85 * 180 * 30
    assert sum(drive.took[30:60]) > 0.5 * 180 * 30


@pytest.mark.parametrize("seed", range(30))
def test_it_stands_still_for_no_history(seed: int) -> None:
    """Random answers at random times: it always sends again within the wait that was asked."""
    random, pace, now_s = Random(seed), LeavingPace(random_share(seed), concurrency=8), 0.0
    for _ in range(3000):
        wait_s = pace.wait_s(now_s, 0)
        assert wait_s <= 400.0
        now_s += wait_s + random.expovariate(20)
        pace.sent(now_s, 1)
        kind = random.random()
        if kind < 0.05:
            asked_s = random.choice((None, None, 3.0, 60.0))
            verdict = Verdict(Meaning.REFUSED, retry_after_s=asked_s)
            pace.refused(now_s + 0.02, now_s, 1, verdict, {})
        elif kind < 0.1:
            pace.troubled(now_s + 0.02, now_s, 1)
        else:
            pace.accepted(now_s + 0.02, now_s, 1, {})
        assert pace.rate > 0


def random_share(seed: int) -> float:
    """Return a share to leave."""
    return Random(seed).choice((0.05, 0.1, 0.5, 0.9))


def test_who_shares_a_limit_by_its_documents_leaves_some_by_itself() -> None:
    """Fireworks' limit is that of the user's own inference; a rate of one's own is exact."""
    assert isinstance(make_pace(Lane(provider=get("fireworks"), api_key="key")), LeavingPace)
    assert isinstance(make_pace(Lane(provider=get("ark"), api_key="key")), AutoPace)
    assert isinstance(make_pace(Lane(provider=get("fireworks"), api_key="key", leave=0)), AutoPace)
    assert isinstance(make_pace(Lane(provider=get("ark"), api_key="key", leave=0.3)), LeavingPace)
