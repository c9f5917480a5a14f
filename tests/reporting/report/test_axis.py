"""The time of the charts: what is busy lies in one column, what is not is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bulkdel.reporting.report.axis import COLUMNS_MAX, GAP_S, Columns

STRETCHES = st.lists(
    st.tuples(st.integers(1, 4 * 10**9), st.integers(0, 10**6)).map(lambda s: (s[0], s[0] + s[1])),
    max_size=100,
)


@given(STRETCHES, st.sampled_from([1, 4, 1024]))
def test_every_busy_second_lies_in_one_column(busy: list[tuple[int, int]], least_s: int) -> None:
    """And there are few columns, whatever is between the stretches."""
    columns = Columns(busy, least_s)

    axis = columns.axis()
    assert len(columns) == len(axis.begins) == len(axis.spans_s)
    assert len(columns) <= COLUMNS_MAX + len(axis.cuts) + 1
    assert len(axis.cuts) < 60
    assert axis.width_s % least_s == 0
    for begin, end in busy:
        assert columns.at(begin) is not None
        shares = dict(columns.over(begin, end))
        assert abs(sum(shares.values()) - 1) < 1e-6
    assert all(0 < span <= axis.width_s for span in axis.spans_s)
    assert all(cut.left_out_s > GAP_S for cut in axis.cuts)


def test_a_pause_of_a_night_is_cut_and_one_of_a_minute_is_not() -> None:
    """A chart shows work, and where a person would ask what happened."""
    columns = Columns([(1000, 1060), (1120, 1180), (50_000, 50_060)], 1)

    assert [cut.left_out_s for cut in columns.axis().cuts] == [50_000 - 1180]
    assert columns.at(1090) is not None
    assert columns.at(20_000) is None
    assert columns.at(10) is None
