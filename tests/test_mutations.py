"""The planted faults of `mutations` still fit the engine; `.ci/run` sees that each is caught."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.mutations import MUTATIONS, ROOT, Mutation


def test_there_are_many_and_each_has_its_name() -> None:
    """A list that shrank would still be all caught."""
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 30


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_planted_fault_fits_and_is_python(mutation: Mutation, tmp_path: Path) -> None:
    """A patch that no longer fits would prove nothing; who changes the engine mends it too."""
    (tmp_path / mutation.file).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "bulkdel" / mutation.file, tmp_path / mutation.file)
    before = (tmp_path / mutation.file).read_text(encoding="utf-8")

    mutation.plant(tmp_path)

    after = (tmp_path / mutation.file).read_text(encoding="utf-8")
    assert after != before
    compile(after, mutation.file, "exec")
    assert all((ROOT / "tests" / part).exists() for part in mutation.tests if part.endswith(".py"))
