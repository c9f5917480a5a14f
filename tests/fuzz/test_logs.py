"""A damaged log, records of another shape, odd answers: a word, a result or a stop, never a crash."""

from __future__ import annotations

import pytest

from tests.fuzz.answers import AnswerFuzzer
from tests.fuzz.logs import LogFuzzer


@pytest.mark.parametrize("first", range(0, 800, 100))
def test_damaged_logs_are_read_or_refused(first: int) -> None:
    """By every command that reads one, and by a run that resumes it; a second one sends nothing."""
    fuzzer = LogFuzzer()
    for seed in range(first, first + 100):
        try:
            fuzzer.try_seed(seed)
        except Exception as exc:
            raise AssertionError(f"python -m tests.fuzz.logs --seconds 0 --from {seed}") from exc

    for what in ("explain: read", "resume: finished", "resume: refused"):  # no empty promise
        assert fuzzer.counts[what]


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_damaged_answers_end_in_a_result_or_a_stop(first: int) -> None:
    """Whatever body, status and headers come, at any provider."""
    fuzzer = AnswerFuzzer()
    for seed in range(first, first + 100):
        try:
            fuzzer.try_seed(seed)
        except Exception as exc:
            raise AssertionError(f"python -m tests.fuzz.answers --seconds 0 --from {seed}") from exc

    for what in ("runs finished", "runs stopped"):
        assert fuzzer.counts[what]
