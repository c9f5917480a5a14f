"""One result as one line of the log: the fields and their order are promised."""

from __future__ import annotations

import orjson

from bulkdel.models import Outcome, Result
from bulkdel.result_log.encode import result_line, utc


def test_a_line_has_its_fields_in_the_order_that_is_promised() -> None:
    """Logs are indexed by the place of their fields, by us and by others."""
    deleted = Result("resp_1", "ark", Outcome.DELETED, 200, 1, at_s=1795308012.123, ms=84.4)
    failed = Result(
        'a"b', "ark", Outcome.FAILED, 500, 5, 0.0, 31, retryable=True, code="C", error="e"
    )
    gone = Result("b", "ark", Outcome.GONE, 404, 2, 0.0, 31, evidence="compared", code="C")
    invalid = Result("..", "ark", Outcome.INVALID, at_s=0.5, error="why", source="ids.txt", line=3)

    assert result_line(deleted) == (
        b'{"id":"resp_1","lane":"ark","outcome":"deleted","status":200,"attempts":1,'
        b'"at":"2026-11-22T00:40:12.123Z","ms":84}\n'
    )
    assert result_line(failed) == (
        b'{"id":"a\\"b","lane":"ark","outcome":"failed","status":500,"attempts":5,'
        b'"at":"1970-01-01T00:00:00.000Z","ms":31,"retryable":true,"code":"C","error":"e"}\n'
    )
    assert result_line(gone) == (
        b'{"id":"b","lane":"ark","outcome":"gone","status":404,"attempts":2,'
        b'"at":"1970-01-01T00:00:00.000Z","ms":31,"evidence":"compared","code":"C"}\n'
    )
    assert result_line(invalid) == (
        b'{"id":"..","lane":"ark","outcome":"invalid","at":"1970-01-01T00:00:00.500Z",'
        b'"error":"why","source":"ids.txt","line":3}\n'
    )


def test_a_lone_surrogate_costs_no_line() -> None:
    """UTF-8 cannot carry it, but a result is never lost for the sake of its text."""
    line = result_line(Result("a", "ark", Outcome.FAILED, 400, 1, error="bad \ud800"))

    assert orjson.loads(line)["error"] == "bad \\ud800"


def test_times_are_rounded_into_the_next_second() -> None:
    """``12.9996`` is ``13.000``, not ``12.1000``."""
    assert utc(12.9996) == "1970-01-01T00:00:13.000Z"
    assert utc(12.9994) == "1970-01-01T00:00:12.999Z"
