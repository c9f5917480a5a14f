"""What the tests of the result log share: results of every kind, and lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from bulkdel.models import Outcome, Result
from bulkdel.result_log.encode import result_line
from bulkdel.result_log.index import Index
from bulkdel.result_log.reader import LineState, LogFacts

IN_FOLDER = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
"""For property tests that write the same file again and again."""

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
RESULTS = st.builds(
    Result,
    object_id=TEXTS,
    lane=st.sampled_from(["ark", "fireworks", "ä"]),
    outcome=st.sampled_from(Outcome),
    status=st.none() | st.integers(100, 599),
    attempts=st.integers(0, 20),
    at_s=st.floats(0, 4e9),
    ms=st.floats(0, 1e6),
    retryable=st.booleans(),
    after_unknown=st.booleans(),
    code=st.none() | TEXTS,
    error=st.none() | TEXTS,
    line=st.none() | st.integers(1, 2**63),
)


def state_of(result: Result) -> LineState:
    """Return what the line of ``result`` says."""
    if result.outcome is Outcome.FAILED and result.retryable:
        return LineState.RETRYABLE
    return LineState[result.outcome.name]


def line(object_id: str = "resp_1", outcome: str = "deleted", **fields: Any) -> bytes:
    """Return a usual line."""
    usual = {"status": 200, "attempts": 1, "at": "2026-11-22T00:40:12.123Z", "ms": 84}
    entry = {"id": object_id, "lane": "ark", "outcome": outcome, **usual, **fields}
    return orjson.dumps(entry) + b"\n"


def write_log(path: Path, *results: Result) -> Path:
    """Write a log of ``results``, as they are written by a run."""
    path.write_bytes(b"".join(map(result_line, results)))
    return path


def load(path: Path, *, retry_failed: bool = False) -> tuple[Index, LogFacts]:
    """Return an index of one log, and the log's facts."""
    index = Index(retry_failed=retry_failed)
    return index, index.read(path)
