"""When results came: each counts once, whatever the width of the bins, in memory that stays small."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from unittest.mock import patch

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from bulkdel.models import Outcome, Result
from bulkdel.result_log import timeline
from bulkdel.result_log.encode import result_line
from bulkdel.result_log.timeline import OUTCOMES, Timeline, percentile_ms
from tests.support.log_samples import RESULTS, line

SENT = st.builds(
    Result,
    object_id=st.text('abc"\\', max_size=5),
    lane=st.sampled_from(["ark", "fireworks"]),
    outcome=st.sampled_from([Outcome.DELETED, Outcome.GONE, Outcome.FAILED]),
    status=st.sampled_from([None, 200, 503]),
    attempts=st.integers(1, 5),
    at_s=st.floats(1, 4e9),
    ms=st.floats(0, 1e6),
    error=st.none() | st.text('",:{}outcome', max_size=20),
)


def written_s(result: Result) -> int:
    """Return the second that stands in the log: the milliseconds there are rounded."""
    at = datetime.fromisoformat(orjson.loads(result_line(result))["at"])
    return int(at.timestamp())


def counts(read: Timeline) -> Counter[tuple[str, str]]:
    """Return the results by lane and outcome, over all time."""
    found: Counter[tuple[str, str]] = Counter()
    for moment in read.moments():
        for outcome, count in zip(OUTCOMES, moment.counts, strict=True):
            found[moment.lane, outcome.decode()] += count
    return +found


@given(st.lists(SENT, max_size=60), st.sampled_from([1, 2, 7, 4096]))
def test_every_result_counts_once_in_the_bin_of_its_time(results: list[Result], most: int) -> None:
    """However few bins there may be: then they are longer."""
    with patch.object(timeline, "CELLS_MAX", max(most, 2)):
        read = Timeline()
        for result in results:
            read.add(result_line(result))
        moments = list(read.moments())

    assert counts(read) == Counter((each.lane, each.outcome.value) for each in results)
    for moment in moments:
        inside = [
            each
            for each in results
            if each.lane == moment.lane
            and moment.begin_s <= written_s(each) < moment.begin_s + read.width_s
        ]
        assert sum(moment.counts) == len(inside) == int(moment.latency.sum())
    assert len(moments) <= max(most, 2)


@given(st.lists(RESULTS, max_size=30))
def test_any_log_is_read_and_nothing_counts_that_was_not_sent(results: list[Result]) -> None:
    """What a regex does not take is left out; it never counts for something else."""
    read = Timeline()
    read.add(b"".join(map(result_line, results)))

    all_of_it = Counter((each.lane, each.outcome.value) for each in results)
    assert not counts(read) - all_of_it


def test_a_row_that_was_not_sent_and_a_time_that_is_none_do_not_count() -> None:
    """Nor does what only looks like a result inside an error's words."""
    read = Timeline()
    words = '"lane":"x","outcome":"deleted","status":200,"attempts":1,"at":"2026-11-22T00:40:12Z","ms":1'
    read.add(
        line(outcome="invalid")
        + line(at="yesterday, at about noon")
        + line(at="2026-13-45T99:99:99Z")
    )
    read.add(line(outcome="failed", error=words))

    assert counts(read) == {("ark", "failed"): 1}


def test_answer_times_are_kept_to_within_three_percent() -> None:
    """p50 and p99 of a report are those of the log."""
    rng = np.random.default_rng(7)
    for scale in (3, 80, 2_000, 50_000):
        times = rng.lognormal(np.log(scale), 0.5, 5_000).astype(int)
        read = Timeline()
        read.add(b"".join(line(f"r{n}", ms=int(ms)) for n, ms in enumerate(times)))
        whole = sum(moment.latency for moment in read.moments())
        for share in (0.5, 0.9, 0.99):
            exact = float(np.quantile(times, share))
            found = percentile_ms(np.asarray(whole), share)
            assert found is not None
            assert abs(found - exact) <= max(0.031 * exact, 1.0), (scale, share)
    assert percentile_ms(np.zeros(240, np.int64), 0.5) is None
