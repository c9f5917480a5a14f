"""Before the first request of a long job one sees how far it is with reading its log."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bulkdel.cli.log_reading import LogReading
from bulkdel.engine.resume import read_logs
from bulkdel.providers import get
from bulkdel.settings import Lane, RunSettings
from tests.support.seeds import seeds

LINE = '{"id":"resp_%d","lane":"openai","outcome":"deleted","status":200,"attempts":1}\n'


def test_it_says_percent_and_time_left_and_not_too_often(tmp_path: Path) -> None:
    """A reading of half a second says nothing."""
    log = tmp_path / "log"
    log.write_bytes(b"x" * 1000)
    now_s, told = 0.0, list[str]()
    reading = LogReading([tmp_path / "none", log], clock=lambda: now_s, tell=told.append)
    for step in range(1, 101):
        now_s = step / 10
        reading(step * 10)

    assert told[0] == f"Reading {log} to resume: 10 %, about 9.0 s left"
    assert len(told) == 5
    reading(5000)
    now_s += 10
    reading(5000)
    assert told[-1].endswith("100 %")


@pytest.mark.parametrize("seed", seeds(3))
def test_all_logs_are_counted_together(seed: int, tmp_path: Path) -> None:
    """It never goes back, and ends at the whole."""
    dice, sizes = random.Random(seed), 0
    paths = [tmp_path / name for name in ("done1", "done2", "own")]
    for number, path in enumerate(paths):
        path.write_text("".join(LINE % (number * 10**6 + n) for n in range(dice.randrange(9000))))
        sizes += path.stat().st_size
    lane = Lane(provider=get("openai"), api_key="k")
    read: list[int] = []

    read_logs(RunSettings(lanes=[lane], log=paths[2], done_logs=paths[:2]), on_read=read.append)

    assert read == sorted(read)
    assert read[-1] == sizes
