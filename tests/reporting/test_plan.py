"""What the user confirms: the survey counts what a run would do, and sends nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bulkdel.object_id import RESPONSE_ID
from bulkdel.providers import get
from bulkdel.reporting.plan import SAMPLES_MAX, survey
from bulkdel.result_log.index import Index
from bulkdel.settings import Lane
from bulkdel.sources import NO_LANE, Source, SourceReader, open_source
from tests.support.log_samples import line, load

ARK = Lane(provider=get("ark"), api_key="k")
FIREWORKS = Lane(provider=get("fireworks"), api_key="k")


Reading = Callable[..., SourceReader]


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    """Open a source that holds a text; all are closed at the end."""
    with ExitStack() as stack:

        def open_text(name: str, text: str, **settings: Any) -> SourceReader:
            path = tmp_path / name
            path.write_text(text)
            lane = None if "provider_field" in settings else "ark"
            source = Source(name=str(path), lane=lane, **settings)
            lanes = {"ark": RESPONSE_ID, "fireworks": RESPONSE_ID}
            reader = open_source(source, lanes=lanes, stdin=io.BytesIO())
            stack.callback(reader.close)
            return reader

        yield open_text


def test_counts_what_would_be_sent_and_what_would_not(tmp_path: Path, reading: Reading) -> None:
    """Each row is in exactly one count, so that the confirmation adds up like the summary."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(
        line("resp_done")
        + line("resp_failed", "failed", retryable=False)
        + line("resp_again", "failed", retryable=True)
    )
    rows = ["resp_1", "resp_done", "resp_failed", "resp_again", "resp_1", "a b", "..", "file-1"]
    index, _ = load(log)

    found = survey([reading("ids.txt", "\n".join(rows))], [ARK], index)

    here = found["ark"]
    assert here.read == 8
    assert here.to_send == 3
    assert here.skipped == 2
    assert here.duplicates == 1
    assert here.invalid == 2
    assert here.read == here.to_send + here.skipped + here.duplicates + here.invalid
    assert here.first_ids == ["resp_1", "resp_again", "file-1"]
    assert [(row.line, row.text) for row in here.invalid_rows] == [(6, "a b"), (7, "..")]
    assert (here.unusual, here.unusual_ids) == (1, ["file-1"])


def test_failed_ids_count_when_they_are_to_be_tried_again(tmp_path: Path, reading: Reading) -> None:
    """The confirmation of `--retry-failed` must show what it is about to send."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(line("resp_failed", "failed", retryable=False))
    index, _ = load(log, retry_failed=True)

    found = survey([reading("ids.txt", "resp_failed\n")], [ARK], index)

    assert found["ark"].to_send == 1


def test_a_duplicate_in_another_source_is_one(reading: Reading) -> None:
    """Exports overlap; the same ID is deleted once."""
    readers = [reading(name, "resp_1\nresp_2\n") for name in ("a.txt", "b.txt")]

    found = survey(readers, [ARK], Index())

    assert (found["ark"].to_send, found["ark"].duplicates) == (2, 2)


def test_rows_of_no_lane_are_shown_apart(reading: Reading) -> None:
    """Rows of a provider without a key must not vanish."""
    rows = [
        {"id": f"resp_{n}", "provider": name} for n, name in enumerate(["ark", "nobody", "ark"])
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)

    found = survey(
        [reading("rows.jsonl", text, provider_field="provider")],
        [ARK, FIREWORKS],
        Index(),
    )

    assert found["ark"].to_send == 2
    assert found["fireworks"].read == 0
    assert found[NO_LANE].invalid == 1
    assert "nobody" in found[NO_LANE].invalid_rows[0].reason


def test_keeps_a_few_examples_of_millions(reading: Reading) -> None:
    """Memory must not grow with the number of unusual or invalid rows."""
    text = "".join(f"file-{n}\na b {n}\n" for n in range(5000))

    here = survey([reading("ids.txt", text)], [ARK], Index())["ark"]

    assert here.unusual == here.invalid == 5000
    assert len(here.unusual_ids) == len(here.invalid_rows) == len(here.first_ids) == SAMPLES_MAX


def test_can_be_ended_early(reading: Reading) -> None:
    """Ctrl-C must not wait for the end of a file of ten million IDs."""
    found = survey([reading("ids.txt", "resp_1\n")], [ARK], Index(), stop=lambda: True)

    assert found["ark"].read == 0


def test_it_says_when_the_objects_were_made(reading: Reading) -> None:
    """Whoever has taken last year's file by mistake sees it before anything is sent."""
    tail = "a" * 38
    rows = [f"resp_02{1_764_000_000_000 + n * 1000}{tail}" for n in (5, 1, 9)]
    rows += [f"resp_02{0:013}{tail}", "resp_1"]

    found = survey([reading("ids.txt", "\n".join(rows))], [ARK], Index())

    assert (found["ark"].oldest_s, found["ark"].newest_s) == (1_764_000_001, 1_764_000_009)
