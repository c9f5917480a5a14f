"""The engine under fault: thousands of small worlds in which everything goes wrong.

Each seed makes a world (`simulation`) and starts the engine in it until nothing is left to
do. After every process and at the end the promises 1 to 6 of ARCHITECTURE.md are checked.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.simulate import simulate, try_seed, try_seeds

SEEDS = 1000
PART = 125


@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_promises_hold_under_fault(first: int) -> None:
    """Answers lost, late, refused, cut; outages; kills at any step; a disk that fails; a log cut.

    A failure prints its seed and the line that runs it alone.
    """
    jobs = min(4, os.cpu_count() or 1)

    happened, failures = try_seeds(range(first, first + PART), jobs, failures_max=3)

    assert not failures, "\n\n".join(failures)
    assert happened["kills"] > PART / 2
    assert happened["disk_errors"] > PART / 10
    assert happened["rescues"] > PART / 20
    assert happened["compared"] > 0
    assert happened["orders"] > PART
    for cause in ("all_gone", "endpoint", "key_refused", "max_delete", "log"):
        assert happened[f"stopped: {cause}"] > 0, cause


@pytest.mark.parametrize("seed", [3, 7, 9])
def test_a_seed_makes_the_same_world_again(seed: int) -> None:
    """A failure that cannot be repeated is hard to mend."""
    assert simulate(seed) == simulate(seed)


def test_a_failure_names_its_seed() -> None:
    """A thousand seeds run at once; one line must say which failed, and how to see it."""
    happened, failure = try_seed(-1)

    assert not happened
    assert failure is not None
    assert "seed -1 (alone: python tests/simulation/simulate.py --seeds 1 --from -1)" in failure
