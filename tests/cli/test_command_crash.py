"""The real command when something inside goes wrong: exit 70, one line, the log whole, no key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, make_ids
from tests.support.command import TIMEOUT_S, Ended, Job, emulated, environment, log_lines, results

SECRET = "sk-Zu9qXb7-only-in-the-header-4711"

_BROKEN = """
import os
from bulkdel.cli import main
from bulkdel.engine.lane import LaneWork

answered = LaneWork.answered

def broken(self, taken, *rest):
    if self.counts.requests >= 60:
        raise IndexError("planted: " + os.environ["MY_KEY"] + " via hush")
    answered(self, taken, *rest)

LaneWork.answered = broken
main()
"""


def _run(job: Job, *flags: str) -> Ended:
    """Run the command with a mistake planted that shows the key."""
    env = environment(MY_KEY=SECRET, HTTPS_PROXY="http://me:hush@127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-c", _BROKEN, *job.arguments, "--api-key-env", "MY_KEY", *flags],
        capture_output=True,
        env=env,
        timeout=TIMEOUT_S,
        check=False,
        text=True,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("flag", ["--quiet", "--trace"])
def test_a_mistake_inside_drains_and_says_where(tmp_path: Path, flag: str) -> None:
    """Users must see what to report, and lose no line of the log for it."""
    ids = make_ids("ark", 300)
    with emulated(ark=AccountSettings(ids=ids, key=SECRET, latency_s=0.01)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        ended = _run(job, "--concurrency", "10", "--json", flag)
        requests = job.requests

    assert ended.code == 70
    line = next(line for line in ended.err.splitlines() if "internal error" in line)
    assert "IndexError: planted" in line
    assert "engine/runner.py:" in line or "engine/lane.py:" in line
    assert "report" in line
    assert SECRET not in ended.err
    assert "hush" not in ended.err
    assert ("Traceback" in ended.err) == (flag == "--trace")
    assert ended.json["state"] == "stopped"
    assert ended.json["pending"] == 300 - len(results(job.log))
    assert log_lines(job.log)[-1]["end"] == ended.json
    assert requests <= 70  # what was in flight, and no more
