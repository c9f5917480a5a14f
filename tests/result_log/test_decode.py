"""What a line says: the regex and the JSON parser agree on every one."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkdel.models import Outcome, Result
from bulkdel.result_log.decode import LINE, parse_block, parse_lines
from bulkdel.result_log.encode import result_line
from tests.support.log_samples import RESULTS, line, state_of

SHAPES = [
    lambda entry: orjson.dumps(entry),
    lambda entry: json.dumps(entry).encode(),
    lambda entry: json.dumps(entry, ensure_ascii=False).encode(),
    lambda entry: orjson.dumps(dict(reversed(entry.items()))),
    lambda entry: b" " + orjson.dumps(entry) + b"\r",
]


@pytest.mark.parametrize("shape", SHAPES)
@settings(deadline=None)
@given(result=RESULTS)
def test_every_way_to_write_a_line_reads_the_same(shape: Any, result: Result) -> None:
    """Another tool may have rewritten the log; escapes and key order change nothing."""
    written = shape(orjson.loads(result_line(result))) + b"\n"

    lines = parse_block(written)

    assert lines.others == []
    assert lines.ids == [result.object_id.encode()]
    assert lines.lanes == [result.lane.encode()]
    assert lines.words == [state_of(result).name.lower().encode()]


EDITS = st.lists(
    st.tuples(
        st.integers(0, 600),
        st.integers(0, 40),
        st.binary(max_size=3)
        | st.sampled_from(
            [b'"', b"\\", b"\n", b"\0", b"{", b"}", b',"id":"x"', b'","lane":"', b"0"]
        ),
    ),
    max_size=4,
)


@settings(max_examples=400, deadline=None)
@given(results=st.lists(RESULTS, min_size=1, max_size=4), edits=EDITS)
def test_the_regex_never_reads_what_orjson_does_not(
    results: list[Result], edits: list[tuple[int, int, bytes]]
) -> None:
    """The fast path must be right on damaged lines too: cut, continued, overwritten."""
    log = b"".join(map(result_line, results))
    for place, length, data in edits:
        log = log[:place] + data + log[place + length :]
    log = log.removesuffix(b"\n") + b"\n"

    fast = parse_block(log)

    assert fast == parse_lines(log.split(b"\n")[:-1])


def test_the_last_of_two_equal_keys_counts_as_in_json() -> None:
    """The regex must not stop reading where JSON does not."""
    text = line()[:-2] + b',"id":"resp_2"}\n'

    assert parse_block(text).ids == [b"resp_2"]


def test_what_the_log_writes_for_a_deletion_is_taken_without_a_parser() -> None:
    """Were the shape of a line changed in one place only, a resume would take twice as long."""
    deleted = result_line(Result("resp_1", "ark", Outcome.DELETED, status=200, attempts=1))
    gone = result_line(
        Result("é/=", "ark", Outcome.GONE, status=404, after_unknown=True, code="NotFound")
    )

    for written in (deleted, gone):
        found = LINE.fullmatch(written)
        assert found is not None
        assert found[4] is None
