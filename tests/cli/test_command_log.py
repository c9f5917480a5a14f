"""The real command and what others do to its log."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, make_ids
from tests.support.command import Job, emulated, results, started, wait_until


@pytest.mark.parametrize("disturb", [lambda log: os.truncate(log, 0), Path.unlink])
def test_a_log_emptied_or_removed_under_a_run_stops_it(
    tmp_path: Path, disturb: Callable[[Path], object]
) -> None:
    """``> log`` and a clean-up: exit 4, and the named file has every deletion and resumes."""
    ids = make_ids("ark", 3000)
    with emulated(ark=AccountSettings(ids=ids, latency_s=0.02)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        with started(*job.arguments, "--concurrency", "4", "--json") as running:
            wait_until(lambda: job.present < 2900, "it has deleted some")
            disturb(job.log)
            ended = running.end()
        left, requests = job.present, job.requests
        rescue = Path(f"{job.log}.rescue")
        rescued = results(rescue)
        resumed = job.delete("--log", str(rescue))

        assert left > 0
        assert job.present == 0
        assert job.requests == requests + left  # none was sent again
    assert ended.code == 4, ended.err
    assert str(rescue) in ended.err
    assert ended.json["state"] == "stopped"
    assert f"what is known by now is in {rescue}" in ended.json["reason"]
    assert len({line["id"] for line in rescued}) == len(rescued) == 3000 - left
    assert resumed.code == 0, resumed.err
