"""The benchmarks count right: arrivals, medians, pairs, tables. No nginx is needed."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import plots, tables
from benchmarks.clients import CLIENTS, Client
from benchmarks.ids import made_ids, write_ids
from benchmarks.measure import BenchmarkError, Spread, memory_bytes, paired_ratio, run
from benchmarks.memory import Look, by_done, thinned
from benchmarks.nginx import PREFIX, check_arrived, first_at_s
from benchmarks.report import number, table
from benchmarks.resume import write_log
from benchmarks.throughput import Sample, check_different, order, summarize
from bulkdel.models import Outcome
from tests.support.log_samples import load

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks run on Linux only")


def lines(*ids: str) -> list[bytes]:
    """Return nginx's log of deletions."""
    return [f"1700000000.{n:03d} DELETE {PREFIX}{i}\n".encode() for n, i in enumerate(ids)]


def test_all_that_was_sent_has_arrived() -> None:
    """In whatever order."""
    check_arrived(lines("c", "a", "b"), ["a", "b", "c"])


@pytest.mark.parametrize(
    "arrived",
    [
        lines("a", "b"),
        lines("a", "b", "c", "c"),
        lines("a", "b", "c", "d"),
        [*lines("a", "b"), f"1.0 GET {PREFIX}c\n".encode()],
        [*lines("a", "b"), b"1.0 DELETE /c\n"],
        [],
    ],
    ids=["lost", "repeated", "strange", "method", "path", "none"],
)
def test_a_run_that_lost_or_repeated_an_id_fails(arrived: list[bytes]) -> None:
    """A client is not fast that leaves work out."""
    with pytest.raises(BenchmarkError, match="of 3 IDs"):
        check_arrived(arrived, ["a", "b", "c"])


def test_the_ceiling_must_send_different_ids_too() -> None:
    """What wrk sent it counts by itself; the server counts what arrived."""
    check_different(lines("a", "b", "c"), 2)
    for arrived, sent in ((lines("a", "b"), 3), (lines("a", "a"), 1), ([], 0)):
        with pytest.raises(BenchmarkError):
            check_different(arrived, sent)


def test_the_first_answer_is_the_earliest() -> None:
    """Lines come in the order of ends, with a millisecond's resolution."""
    assert first_at_s([b"12.500 DELETE /x\n", b"12.250 DELETE /y\n"]) == 12.25


def test_made_ids_are_all_different() -> None:
    """A repeated ID would be sent once and look fast."""
    ids = list(made_ids(5000))

    assert len(set(ids)) == 5000
    assert list(made_ids(10, first=4990)) == ids[4990:]
    assert {len(object_id) for object_id in ids} == {58}


def test_spread_is_the_median_and_the_ends() -> None:
    """A mean would follow the one run that the machine disturbed."""
    assert Spread.of([5.0, 1.0, 100.0]) == Spread(5.0, 1.0, 100.0)


def test_ratios_are_of_pairs() -> None:
    """The ratio of medians would compare a busy minute with a quiet one."""
    assert paired_ratio([10.0, 100.0, 30.0], [5.0, 25.0, 10.0]) == Spread(3.0, 2.0, 4.0)


def test_every_client_runs_after_different_ones() -> None:
    """None is always measured while the machine still recovers from the same other one."""
    clients = list(CLIENTS[:4])
    rounds = [order(clients, n) for n in range(4)]

    assert all(sorted(c.name for c in each) == sorted(c.name for c in clients) for each in rounds)
    before = {each[place - 1].name for each in rounds for place in range(1, 4)
              if each[place] is clients[0]}  # fmt: skip
    assert len(before) > 1


def test_ratio_of_a_client_with_fewer_rounds_is_of_its_own_rounds() -> None:
    """The slow clients run in the first rounds only."""
    client = Client(name="slow", title="slow", does="", command=lambda _task: [])
    samples = {
        "slow": [Sample(10, 10.0, 1.0, 5), Sample(10, 5.0, 1.0, 9)],
        "curl": [Sample(10, 1.0, 1.0, 5)] * 2 + [Sample(10, 100.0, 1.0, 5)],
    }

    found = summarize(client, samples)

    assert found["ratio_to"]["curl"] == {"median": 0.15, "least": 0.1, "most": 0.2}
    assert found["rate"]["median"] == 1.5
    assert found["cpu_us"]["median"] == 100_000


def test_memory_is_told_by_ids_done() -> None:
    """The growth is per ID, and the log tells how many are done."""
    looks = [Look(float(n), 100_000_000 + n, n * 10) for n in range(101)]

    rows = by_done(looks, 5000, 1000)

    assert [row["ids"] for row in rows] == list(range(500, 5001, 500))
    assert [row["at_s"] for row in rows] == list(range(10, 101, 10))


def test_a_plot_keeps_the_peak() -> None:
    """A peak of an instant is what the limit is about."""
    looks = [Look(float(n), 900_000_000 if n == 777 else 100_000_000, 0) for n in range(5000)]

    kept = thinned(looks)

    assert len(kept) <= 400
    assert (777.0, 900.0) in kept


def test_made_log_is_a_log(tmp_path: Path) -> None:
    """A log that resume takes for damaged would measure something else."""
    log = tmp_path / "log.jsonl"
    write_log(log, 3000, "http://127.0.0.1:1/api/v3")

    index, facts = load(log)

    assert len(index) == 3000
    assert facts.damaged == 0
    assert facts.lanes["ark"].counts[Outcome.DELETED] == 2997
    assert facts.lanes["ark"].retryable == 0


def test_ids_are_written_one_a_line(tmp_path: Path) -> None:
    """As every client reads them."""
    write_ids(tmp_path / "ids", made_ids(2), made_ids(1, first=2))

    assert (tmp_path / "ids").read_text().split() == list(made_ids(3))


@LINUX
def test_a_process_is_measured() -> None:
    """CPU and memory are the child's own, not ours."""
    ours = bytearray(80_000_000)  # ru_maxrss would count it, since the child is forked from us
    for place in range(0, len(ours), 4096):
        ours[place] = 1

    ended = run([sys.executable, "-c", "print(sum(range(3_000_000)))"], keep_out=True)

    assert ended.out.strip() == "4499998500000"
    assert 0 < ended.cpu_s <= ended.wall_s * 2
    assert ended.peak_bytes < 60_000_000
    assert memory_bytes(os.getpid(), "VmRSS") > 80_000_000


@LINUX
def test_a_command_that_fails_ends_the_benchmark() -> None:
    """Its time would be a time of nothing."""
    with pytest.raises(BenchmarkError, match="code 3: why"):
        run([sys.executable, "-c", "import sys; sys.stderr.write('why'); sys.exit(3)"])


@pytest.mark.parametrize(
    ("value", "text"),
    [(123456.7, "123,457"), (99.94, "99.9"), (1.234, "1.23"), (0.0123, "0.012")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    """More would claim a precision that the machine does not have."""
    assert number(value) == text


def test_table_is_markdown() -> None:
    """The README shows it as it is."""
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |\n"


SPREAD = {"median": 2.0, "least": 1.0, "most": 3.0}
WHERE = {
    "at": "2026-01-01",
    "commit": "abc",
    "machine": {"cpu": "a CPU", "cores": 2, "memory_gb": 4, "system": "Linux", "load_before": 0.0},
    "versions": {"Python": "3.11"},
}
CLIENT = {
    "name": "bulkdel", "title": "bulkdel delete", "does": "all", "ids": 10, "runs": 3,
    "rate": SPREAD, "cpu_us": SPREAD, "peak_mb": 1.0, "ratio_to": {"curl": SPREAD},
}  # fmt: skip
NAMES = ("new_last", "new_first", "status", "failed", "report")
FOUND: dict[str, dict[str, Any]] = {
    "throughput": {
        "scheme": "http", "concurrency": 64, "clients": [CLIENT], "missing": {"wrk": ["wrk"]},
    },
    "latency": {
        "rounds": 1,
        "points": [{"latency_s": 0.02, "concurrency": 16, "rate": SPREAD, "share": 0.5}],
    },
    "memory": {
        "ids": 100, "rate": 5.0, "cpu_us": 1.0, "peak_mb": 70.0, "allowed_mb": 150.0,
        "by_done": [{"ids": n, "at_s": 1.0, "rss_mb": 60.0} for n in (10, 100)],
        "over_time": [(0.0, 10.0), (1.0, 60.0)],
    },
    "resume": {
        "rounds": 1, "new": 1000,
        "sizes": [
            {
                "lines": 10, "log_mb": 1.0, "seconds": dict.fromkeys(NAMES, SPREAD),
                "peak_mb": dict.fromkeys(NAMES, 60.0),
            },
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_results_are_told(name: str) -> None:
    """Where and with what is part of every figure."""
    markdown = getattr(tables, name)({**FOUND[name], "where": WHERE})

    assert "a CPU, 2 cores" in markdown
    assert f"python -m benchmarks {name}" in markdown


def test_the_cost_of_finding_the_limit_is_told() -> None:
    """It is what a user of the default pace pays, and depends on the number of IDs."""
    auto = {**CLIENT, "name": "bulkdel_auto", "rate": {**SPREAD, "median": 1.0}}
    found = {**FOUND["throughput"], "clients": [CLIENT, auto], "where": WHERE}

    assert "costs 5.00 s of a run of 10 IDs" in tables.throughput(found)


def test_what_was_not_measured_is_said() -> None:
    """A peer that is missing is not one that was beaten."""
    found = {**FOUND["throughput"], "where": WHERE}

    assert "Not measured: wrk, since wrk is not installed." in tables.throughput(found)


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="no matplotlib")
@pytest.mark.parametrize("name", FOUND)
def test_results_are_drawn(name: str, tmp_path: Path) -> None:
    """The same figures give the same bytes: a plot changes only when the result does."""
    pictures = []
    for number_ in range(2):
        path = tmp_path / f"{number_}.svg"
        getattr(plots, name)(FOUND[name], path)
        pictures.append(path.read_bytes())

    assert pictures[0] == pictures[1]
    assert b"</svg>" in pictures[0]
