"""Each fault that `mutations` plants in the engine makes some test fail.

All of them take as long as a third of all other tests. So a part of them is planted here, another
one whenever the package changes; `python -m tests.nightly --only faults` plants all.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import pytest

from tests.mutations import MUTATIONS, ROOT, judge, judge_all

PARTS: Final = 4
"""Of so many parts one is planted."""


def test_there_are_many_and_each_has_its_name() -> None:
    """A list that shrank would still be all caught."""
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 30


@pytest.mark.parametrize("name", ["take no lock", "count a place in flight twice"])
def test_without_a_fault_the_same_tests_pass(name: str) -> None:
    """Else a copy in which nothing works would catch every fault."""
    [mutation] = [mutation for mutation in MUTATIONS if mutation.name == name]

    assert judge(mutation, plant=False) == "MISSED"


def test_every_patch_fits() -> None:
    """Who changes the engine mends the patches, too."""
    assert [each.name for each in MUTATIONS if not each.fits(ROOT / "bulkdel")] == []


def test_every_planted_fault_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that pass whatever the engine does prove nothing."""
    package = blake2b(digest_size=8)
    for path in sorted((ROOT / "bulkdel").rglob("*.py")):
        package.update(path.read_bytes())
    part = int.from_bytes(package.digest(), "big") % PARTS

    bad = judge_all(MUTATIONS[part::PARTS])

    assert bad == 0, capsys.readouterr().out
