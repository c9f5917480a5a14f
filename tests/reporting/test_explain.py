"""`bulkdel explain` says where the time of a run went, from the records in its log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

import bulkdel
from bulkdel.engine.bottleneck import Bound, Ledger
from bulkdel.errors import ConfigError
from bulkdel.models import Answer
from bulkdel.reporting.explain import explain
from tests.support.engine_fakes import FakeTransport, deleted, edge, in_virtual_time


def write_log(path: Path, *records: dict[str, Any]) -> Path:
    """Write a log of these records."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def pace(at_s: float, cpu_s: float = 0.0, **bound_s: float) -> dict[str, Any]:
    """Return a pace record of the lane ark."""
    return {
        "pace": {
            "lane": "ark",
            "at_s": at_s,
            "ended": 90,
            "requests": 100,
            "refused": 10,
            "limit": "about 20/s",
            "bound_s": bound_s,
            "cpu_s": cpu_s,
        }
    }


HEADER = {"run": {"at": "2026-11-22T00:00:00.000Z", "lanes": {}}}


def test_a_ledger_adds_up_to_the_time() -> None:
    """A second that is counted twice, or not at all, would make the shares a lie."""
    ledger = Ledger()
    ledger.note(Bound.INPUT, 10.0)
    ledger.note(Bound.RATE, 11.0)
    ledger.note(Bound.RATE, 12.5)
    ledger.note(Bound.BUSY, 14.0)

    assert ledger.seconds(15.0) == {"input": 1.0, "rate": 3.0, "busy": 1.0}
    assert sum(ledger.seconds(20.0).values()) == 10.0


def test_shares_are_those_of_the_newest_record(tmp_path: Path) -> None:
    """A record holds the sums since the start: adding them up would count twice."""
    log = write_log(tmp_path / "l", HEADER, pace(10, rate=9, input=1), pace(20, rate=15, input=5))

    state, [lane] = explain(log)

    assert state == "running or killed"
    assert lane.shares == {"rate": 0.75, "input": 0.25}
    assert (lane.elapsed_s, lane.requests, lane.refused, lane.limit) == (20, 100, 10, "about 20/s")


def test_it_says_when_the_limit_was_found(tmp_path: Path) -> None:
    """A window of a minute cannot be known before a minute is over."""

    def record(at_s: float, **learned: float) -> dict[str, Any]:
        whole = pace(at_s, rate=at_s)
        whole["pace"]["learned"] = learned
        return whole

    found = [record(30, rate=90, window_s=61), record(40, rate=100, window_s=60)]
    log = write_log(tmp_path / "l", HEADER, record(10), record(20, rate=80), *found)

    _, [lane] = explain(log)

    assert lane.found_s == 30


def test_only_the_newest_run_counts(tmp_path: Path) -> None:
    """Yesterday's pause must not explain today's run."""
    log = write_log(tmp_path / "l", HEADER, pace(10, pause=10), HEADER, pace(5, rate=5))

    _, [lane] = explain(log)

    assert lane.shares == {"rate": 1.0}


def test_busy_time_is_our_cpu_only_where_the_cpu_was_busy(tmp_path: Path) -> None:
    """All places in flight: either the provider is slow, or we are; the CPU clock tells."""
    log = write_log(
        tmp_path / "l", HEADER, pace(10, cpu_s=1.0, busy=10), pace(20, cpu_s=10.5, busy=20)
    )

    _, [lane] = explain(log)

    assert lane.shares == {"concurrency": 0.5, "cpu": 0.5}
    assert any("--concurrency" in advice for advice in lane.advice)
    assert any("two processes" in advice for advice in lane.advice)


def test_many_refusals_raise_the_question_who_else_uses_the_account(tmp_path: Path) -> None:
    """The pace keeps refusals below 1 %: more come from elsewhere."""
    _, [lane] = explain(write_log(tmp_path / "l", HEADER, pace(10, rate=10)))

    assert any("something else" in advice for advice in lane.advice)


def test_a_seal_behind_the_end_does_not_hide_how_the_run_ended(tmp_path: Path) -> None:
    """Of a sealed log the last line is a seal; and newer versions may write more kinds."""
    end = {"end": {"state": "completed", "lanes": {}}}
    behind: list[dict[str, Any]] = [
        {"seal": {"number": 1}},
        {"unknown": {"lane": "ark"}},
        {"later": {"state": "x"}},
    ]

    state, _ = explain(write_log(tmp_path / "l", HEADER, pace(10, rate=10), end, *behind))

    assert state == "completed"


def test_a_rate_that_was_given_by_hand_is_told(tmp_path: Path) -> None:
    """`bulkdel control LOG rate 5` counts as `--rate 5` does, and `auto` as none."""
    header = {"run": {"at": "2026-11-22T00:00:00.000Z", "lanes": {"ark": {"rate": None}}}}
    orders = [{"control": {"order": "rate", "lane": None, "value": value}} for value in (5.0, None)]

    _, [fixed] = explain(write_log(tmp_path / "a", header, orders[0], pace(10, user=10)))
    _, [found] = explain(write_log(tmp_path / "b", header, *orders, pace(10, rate=10)))

    assert fixed.limit_words == "not looked for: --rate 5 is exact"
    assert fixed.shares == {"user": 1.0}
    assert found.limit_words == "about 20/s"


def test_a_log_without_records_says_so(tmp_path: Path) -> None:
    """In its first ten seconds a run has none."""
    with pytest.raises(ConfigError, match="no pace record yet"):
        explain(write_log(tmp_path / "l", HEADER))


@in_virtual_time
async def test_a_real_run_is_explained_and_the_next_one_starts_warm(tmp_path: Path) -> None:
    """What was learned stands in the log also if the process was killed: in the records."""
    log = tmp_path / "log.jsonl"
    lane = bulkdel.Lane(provider=bulkdel.PROVIDERS["ark"], api_key="k", concurrency=8, rate_max=20)

    async def slow(object_id: str, _: int) -> Answer:
        await anyio.sleep(0.05)
        return deleted(object_id)

    await bulkdel.delete_ids(
        [f"resp_{n}" for n in range(600)], lane=lane, log=log, edge=edge(ark=FakeTransport(slow))
    )

    state, [explained] = explain(log)
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert state == "finished"
    assert explained.ended == 600
    assert sum(explained.shares.values()) == pytest.approx(1.0)
    assert next(iter(explained.shares)) == "rate"
    assert [record["pace"]["at_s"] for record in records if "pace" in record][:2] == [10.0, 20.0]


@pytest.mark.parametrize(
    ("settings", "rate", "reached"),
    [
        ({"rate": None, "rate_max": 20.0}, 22.0, True),
        ({"rate": None, "rate_max": 20.0}, 11.0, False),
        ({"rate": None, "rate_max": None}, 22.0, False),
        ({"rate": 5.0, "rate_max": 20.0}, 5.0, False),
        ({"rate": "x", "rate_max": [1]}, 5.0, False),
        ("damaged", 5.0, False),
    ],
)
def test_a_ceiling_is_told_from_a_limit(
    tmp_path: Path, settings: Any, rate: float, *, reached: bool
) -> None:
    """Nothing refused up to 22 a second, below a ceiling of 20, says nothing of the provider."""
    header = {"run": {"lanes": {"ark": settings}}}
    record = pace(20, rate=9)
    record["pace"]["learned"] = {"rate": rate, "unlimited": True}
    log = write_log(tmp_path / "l", header, record)

    _, [lane] = explain(log)

    assert lane.reached_ceiling is reached
    assert lane.rate == (5.0 if isinstance(settings, dict) and settings["rate"] == 5.0 else None)
