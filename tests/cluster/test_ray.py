"""The real command on a real Ray cluster of three nodes on this machine, one of them killed.

Skipped where Ray is not installed (``pip install 'bulkdel[ray]'``).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, Emulator
from bulkdel.emulator.limits import TokenBucket
from bulkdel.result_log.folder import epoch_logs
from tests.support.command import (
    COMMAND,
    KEYS,
    assert_adds_up,
    emulated,
    environment,
    log_lines,
    run_command,
    wait_until,
)

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")

LANES = ("ark", "openai")
IDS = 2_500
RATE = 150.0
WAIT_S = 60.0


class _Cluster:
    """The nodes, in a process of their own (`nodes`)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin = process.stdin
        self.address = process.stdout.readline().strip()

    def kill_a_node(self) -> None:
        self._stdin.write("\n")
        self._stdin.flush()


@pytest.fixture(name="cluster", scope="module")
def _cluster() -> Iterator[_Cluster]:
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("nodes.py"))],
        env=environment(**KEYS, RAY_USAGE_STATS_ENABLED="0"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield _Cluster(process)
        process.communicate(timeout=WAIT_S)


class _Job:
    """IDs of two lanes, and the command that deletes them on the cluster or without it."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.folder = folder / "job"
        self.arguments = ["delete"]
        for name in LANES:
            file = folder / f"{name}.txt"
            ids = _ids(name)
            file.write_text("\n".join([*ids, *ids[:10]]) + "\n")
            self.arguments += [f"{name}={file}", "--base-url"]
            self.arguments.append(f"{name}={emulator.base_url(name)}")
        self.arguments += ["--rate-max", "none", "--log", str(self.folder), "--yes", "--json"]

    def start(self, address: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *self.arguments, "--ray", address, "--workers", "5"],
            env=environment(**KEYS),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def logged(self) -> Counter[tuple[str, str]]:
        """How often each ID stands in the logs; a killed worker's last line may be torn."""
        found: Counter[tuple[str, str]] = Counter()
        for log in epoch_logs(self.folder):
            for text in log.path.read_bytes().split(b"\n")[:-1]:
                line = json.loads(text)
                if "id" in line:
                    found[line["lane"], line["id"]] += 1
        return found

    def wait_for(self, lines: int, process: subprocess.Popen[str]) -> None:
        def has_logged() -> bool:
            assert process.poll() is None, process.communicate()
            return self.folder.exists() and self.logged.total() >= lines

        wait_until(has_logged, f"{lines} lines are logged", WAIT_S)


def _ids(lane: str) -> list[str]:
    return [f"resp_{lane}{number:06}" for number in range(IDS)]


def _accounts() -> dict[str, AccountSettings]:
    return {
        name: AccountSettings(ids=_ids(name), limit=TokenBucket(RATE, 20), latency_s=0.02)
        for name in LANES
    }


def test_a_node_is_killed_and_nothing_is_lost_nor_logged_twice(
    cluster: _Cluster, tmp_path: Path
) -> None:
    """Its parts go on elsewhere, from their logs; then one machine goes on with the same folder."""
    with emulated(**_accounts()) as emulator:
        job = _Job(emulator, tmp_path)
        process = job.start(cluster.address)
        job.wait_for(IDS // 2, process)
        cluster.kill_a_node()
        out, err = process.communicate(timeout=WAIT_S + 60)

        assert process.returncode == 0, err
        summary = json.loads(out)
        assert_adds_up(summary)
        assert summary["deleted"] + summary["gone"] == len(LANES) * IDS
        assert summary["gone"] <= 100
        assert job.logged == {(name, one): 1 for name in LANES for one in _ids(name)}
        stats = emulator.stats()["providers"]
        assert [stats[name]["present"] for name in LANES] == [0, 0]

        alone = run_command(*job.arguments)
        assert alone.code == 0, alone.err
        assert alone.json["skipped"] == len(LANES) * (IDS + 10)
        assert alone.json["requests"] == 0
        status = run_command("status", job.folder, "--json").json
        assert status["state"] == "finished"
        assert status["runs"] == 2
        assert run_command("explain", epoch_logs(job.folder)[0].path).code == 0


def test_the_command_is_killed_and_one_machine_goes_on(cluster: _Cluster, tmp_path: Path) -> None:
    """Workers die with their command, and whatever is left of them is fenced."""
    with emulated(**_accounts()) as emulator:
        job = _Job(emulator, tmp_path)
        process = job.start(cluster.address)
        job.wait_for(IDS // 4, process)
        process.kill()
        process.communicate()
        before = job.logged.total()

        alone = run_command(*job.arguments)

        assert alone.code == 0, alone.err
        assert_adds_up(alone.json)
        assert alone.json["skipped"] >= before
        stats = emulator.stats()["providers"]
        assert [stats[name]["present"] for name in LANES] == [0, 0]
        newest = epoch_logs(job.folder)[-1]
        assert newest.is_run
        assert "end" in log_lines(newest.path)[-1]
        assert set(job.logged) == {(name, one) for name in LANES for one in _ids(name)}
