"""The lines of the log: whole, readable, and the same by the fast way as by the usual one."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from bulkdel.log_line import deleted_line, result_line, utc
from bulkdel.models import Outcome, Result

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(IDS, IDS, st.floats(0, 4e9), st.floats(0, 1e6))
def test_the_line_of_a_deleted_id_is_the_same_by_both_ways(
    object_id: str, lane: str, at_s: float, ms: float
) -> None:
    """The fast way is for nearly every line: a difference would be in the only evidence."""
    result = Result(object_id, lane, Outcome.DELETED, status=200, attempts=1, at_s=at_s, ms=ms)
    lane_json = orjson.dumps(lane).decode()

    assert deleted_line(object_id, lane_json, at_s, ms) == result_line(result)


@given(st.text(), st.text())
def test_a_result_is_one_line_of_json_whatever_it_says(object_id: str, error: str) -> None:
    """Lone surrogates, quotes, newlines: no text from outside may break or lose a line."""
    result = Result(object_id, "ark", Outcome.FAILED, error=error, retryable=True)

    line = result_line(result)

    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert orjson.loads(line)["outcome"] == "failed"


def test_id_lane_and_outcome_come_first() -> None:
    """A log is indexed by its first three fields without a JSON parser."""
    line = result_line(Result("resp_1", "ark", Outcome.GONE, status=404, attempts=2, ms=3.4))

    assert line.startswith(b'{"id":"resp_1","lane":"ark","outcome":"gone","status":404,')


def test_times_are_utc_with_milliseconds() -> None:
    """Half a millisecond below a second must not become second 60 or 1000 ms."""
    assert utc(1_763_772_012.123) == "2025-11-22T00:40:12.123Z"
    assert utc(1_763_772_011.9996) == "2025-11-22T00:40:12.000Z"
