"""Kill the real command at random instants, again and again: it converges.

Thirty kills over one run of 20,000 IDs, at an emulator that fails at some and loses others'
answers. A third of the kills hits the start (reading the log, opening it, the first IDs),
the others a random number of lines after it.

The seed is printed with a failure. ``BULKDEL_KILL_SEED`` sets another one.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from bulkdel.result_log.writer import GROUP_S
from tests.support.command import assert_adds_up, log_lines, run_command, started, wait_until

IDS = 20_000
KILLS = 30
CONCURRENCY = 32
LATENCY_S = 0.01
SEED = int(os.environ.get("BULKDEL_KILL_SEED", "1"))

LINES_UNWRITTEN_MAX = CONCURRENCY / LATENCY_S * 0.1
"""Lines that may wait for their write at a kill, on average: what comes in a tenth of a
second. Groups are written five times as often, but the machine may be busy."""


class Provider:
    """``bulkdel emulate`` in a process of its own, asked over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url

    def stats(self) -> dict[str, int]:
        """The counts of the account."""
        with urlopen(f"{self.url}/_emulator/stats", timeout=30) as answer:
            counts: dict[str, Any] = json.load(answer)["providers"]["ark"]
        return counts

    def present(self) -> set[str]:
        """The IDs that are left."""
        with urlopen(f"{self.url}/_emulator/present?provider=ark", timeout=30) as answer:
            return set(answer.read().decode().split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the IDs and the log are."""
    return tmp_path_factory.mktemp("kill")


@pytest.fixture(scope="module")
def provider(folder: Path) -> Iterator[Provider]:
    """20,000 IDs, in ``ids.txt`` too, and faults of all kinds."""
    faults = ["error=1%", "drop=0.5%", "drop_after=0.5%", "cut_after=0.2%", "not_deleted=0.3%"]
    flags = [f"--fault={fault}" for fault in faults]
    made = ["--make", str(IDS), "--ids", str(folder / "ids.txt"), "--latency", str(LATENCY_S)]
    with started("emulate", *made, *flags, "--seed", str(SEED), env={}) as running:
        assert running.process.stdout is not None
        lines = iter(running.process.stdout.readline, b"")
        stats = next(line.decode() for line in lines if line.startswith(b"stats: "))
        yield Provider(stats.removeprefix("stats: ").strip().removesuffix("/_emulator/stats"))


def _deleted_lines(log: Path) -> set[str]:
    """Return the IDs that the log calls deleted; its last line may be torn."""
    lines = log.read_bytes().split(b"\n")[:-1]
    results = [json.loads(line) for line in lines if line.startswith(b'{"id"')]
    return {result["id"] for result in results if result["outcome"] == "deleted"}


def _kill_once(arguments: list[str], log: Path, rng: random.Random) -> None:
    """Start the command and kill it, early or after a random number of lines."""
    bytes_more = rng.randrange(200, 190 * IDS // KILLS)
    is_early = rng.random() < 0.33
    size = log.stat().st_size if log.exists() else 0
    with started(*arguments) as running:
        if is_early:
            time.sleep(rng.uniform(0.1, 0.7))
        else:
            wait_until(
                lambda: (
                    running.process.poll() is not None
                    or (log.exists() and log.stat().st_size >= size + bytes_more)
                ),
                "it has written some lines",
            )
            time.sleep(rng.uniform(0, 2 * GROUP_S))
        assert running.process.poll() is None, "it ended before it was killed"
        running.process.kill()


def test_thirty_kills_lose_nothing_and_repeat_little(folder: Path, provider: Provider) -> None:
    """A machine that dies at any instant must cost neither an ID nor the truth of the log."""
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    log = folder / "log.jsonl"
    flags = ["--base-url", f"{provider.url}/api/v3", "--rate", "100000"]
    arguments = ["delete", str(folder / "ids.txt"), "-p", "ark", "--yes", "--quiet", *flags]
    arguments += ["--log", str(log), "--concurrency", str(CONCURRENCY)]

    for _ in range(KILLS):
        _kill_once(arguments, log, rng)
        if log.exists():
            assert not _deleted_lines(log) & provider.present()
    ended = run_command(*arguments, "--json")

    assert ended.code == 0, ended.err
    assert_adds_up(ended.json)
    assert ended.json["read"] == IDS
    stats = provider.stats()
    assert stats["present"] == 0
    assert stats["unknown"] == 0
    results = [line for line in log_lines(log) if "id" in line]
    finals = Counter(line["id"] for line in results if line["outcome"] in ("deleted", "gone"))
    assert len(finals) == IDS
    assert set(finals.values()) == {1}
    assert {line["outcome"] for line in results} <= {"deleted", "gone"}
    excess = stats["requests"] - IDS - stats["faults"]
    print(f"{excess} requests in excess over {KILLS} kills")
    assert excess <= KILLS * (CONCURRENCY + LINES_UNWRITTEN_MAX)
