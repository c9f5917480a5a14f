"""Each fault that `mutations` plants in the engine makes some test fail."""

from __future__ import annotations

import pytest

from tests.mutations import MUTATIONS, judge, judge_all


def test_there_are_many_and_each_has_its_name() -> None:
    """A list that shrank would still be all caught."""
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 30


@pytest.mark.parametrize("name", ["take no lock", "count a place in flight twice"])
def test_without_a_fault_the_same_tests_pass(name: str) -> None:
    """Else a copy in which nothing works would catch every fault."""
    [mutation] = [mutation for mutation in MUTATIONS if mutation.name == name]

    assert judge(mutation, plant=False) == "MISSED"


def test_every_planted_fault_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that pass whatever the engine does prove nothing.

    A patch that no longer fits fails, too: who changes the engine mends it.
    """
    bad = judge_all(MUTATIONS)

    assert bad == 0, capsys.readouterr().out
