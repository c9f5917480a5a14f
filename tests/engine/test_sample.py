"""Some IDs are kept to the last, from all parts of the input, and none is lost or sent twice."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from bulkdel.engine.queue import LaneQueue
from bulkdel.engine.sample import PLACES, Sample
from tests.support.engine_fakes import in_virtual_time
from tests.support.seeds import seeds


@pytest.mark.parametrize("seed", seeds(6))
@in_virtual_time
async def test_each_id_comes_out_once_whatever_is_kept(seed: int) -> None:
    """Blocks of any size, some IDs dropped, some shown by a look, in any order."""
    dice = random.Random(seed)
    queue = LaneQueue()
    put, out, number = list[str](), list[str](), 0
    for _ in range(60):
        if queue.has_room and dice.random() < 0.7:
            size = dice.choice((1, 50, 200, 1000, 3000))
            block = [f"resp_{number + place}" for place in range(size)]
            number += size
            put += block
            await queue.put(block)
        seen = queue.some(20)
        assert len(seen) == len(set(seen)) <= 20
        if seen and dice.random() < 0.3:
            queue.keep(dice.choice(seen))
        if seen and dice.random() < 0.3:
            dropped = dice.choice(seen)
            assert queue.drop(dropped)
            out.append(dropped)
        for _ in range(dice.choice((0, 10, 2000, 10_000))):
            taken = queue.take_apart() if dice.random() < 0.01 else queue.take()
            if taken is None:
                break
            out.append(taken)
    while (taken := queue.take()) is not None:
        out.append(taken)

    assert queue.is_empty
    assert sorted(out) == sorted(put)


@pytest.mark.parametrize("seed", seeds(6))
def test_what_is_kept_is_from_all_parts_of_the_input(seed: int) -> None:
    """Not from the first block alone: what is gone stands together."""
    dice = random.Random(seed)
    sample, came, largest = Sample(), 0, dice.choice((1000, 20_000))
    for _ in range(dice.randrange(40, 300)):
        size = dice.randrange(200, largest)
        given = sample.exchange([str(came + place) for place in range(size)])
        assert abs(len(given) - size) <= PLACES
        came += size

    places = sorted(int(one) / came for one in sample.ids())
    assert len(places) == PLACES
    assert max(after - before for before, after in pairwise([0.0, *places, 1.0])) < 0.6


def test_what_a_look_has_shown_is_asked_first_and_taken_last() -> None:
    """It is the best witness there is."""
    sample = Sample()
    sample.exchange([str(one) for one in range(1000)])
    sample.show("shown")

    assert sample.ids()[0] == "shown"
    taken = []
    while sample:
        taken.append(sample.take())
    assert taken[-1] == "shown"
    assert len(taken) == PLACES + 1
