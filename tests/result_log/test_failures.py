"""Why IDs have failed: counted by the last line of each, in memory that does not hold them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bulkdel.models import Outcome, Result
from bulkdel.result_log.failures import OTHER, REASONS_MAX, failures
from bulkdel.result_log.index import Index
from bulkdel.result_log.queries import last_lines, reason
from tests.support.log_samples import IN_FOLDER, RESULTS, write_log

FEW = st.lists(
    st.builds(
        Result,
        object_id=st.sampled_from(["a", "b", "c", "d"]),
        lane=st.sampled_from(["ark", "fireworks"]),
        outcome=st.sampled_from(Outcome),
        status=st.sampled_from([None, 500, 503]),
        retryable=st.booleans(),
        error=st.sampled_from([None, "down", "busy with a"]),
    ),
    max_size=30,
)


def read(paths: list[Path]) -> Index:
    """Return what the logs say."""
    index = Index(retry_failed=True)
    for path in paths:
        index.read(path)
    return index


@IN_FOLDER
@given(logs=st.lists(FEW | st.lists(RESULTS, max_size=10), min_size=1, max_size=3))
def test_they_are_those_of_the_last_lines(tmp_path: Path, logs: list[list[Result]]) -> None:
    """Several logs count as one; samples are last lines, and of other IDs each."""
    paths = [write_log(tmp_path / f"{number}.jsonl", *log) for number, log in enumerate(logs)]
    lines = list(last_lines(paths, "failed"))

    found = failures(read(paths), paths, samples=2)

    assert {each.reason: each.count for each in found} == Counter(map(reason, lines))
    retried = Counter(reason(line) for line in lines if line["retryable"])
    assert {each.reason: each.retryable for each in found if each.retryable} == retried
    for each in found:
        assert 1 <= len(each.samples) <= 2
        assert all(line in lines and reason(line) == each.reason for line in each.samples)
        assert len({(line["lane"], line["id"]) for line in each.samples}) == len(each.samples)


def test_reasons_without_end_are_other_ones(tmp_path: Path) -> None:
    """Words of their own for each ID would fill the memory."""
    results = [
        Result(f"id{number}", "ark", Outcome.FAILED, 500, error=f"case {number}")
        for number in range(REASONS_MAX + 500)
    ]
    path = write_log(tmp_path / "log", *results)

    found = failures(read([path]), [path])

    assert (found[0].reason, found[0].count) == (OTHER, 500)
    assert len(found) == REASONS_MAX + 1
