"""The real command under Ctrl-C and SIGTERM, and beside another one."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, Fault, FaultRule, make_ids
from tests.support.command import (
    TIMEOUT_S,
    Job,
    assert_adds_up,
    emulated,
    log_lines,
    results,
    run_command,
    started,
    wait_until,
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_and_the_printed_command_resumes(tmp_path: Path, number: int) -> None:
    """Closing the laptop costs nothing: what was answered is logged, the rest is to do."""
    ids = make_ids("ark", 500)
    with emulated(ark=AccountSettings(ids=ids, latency_s=0.1)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        with started(*job.arguments, "--concurrency", "20", "--json") as running:
            wait_until(lambda: job.present < 450, "it has deleted some")
            running.send(number)
            ended = running.end()
        present = job.present
        logged = results(job.log)
        command = shlex.split(ended.err.split("Resume with: ")[1].splitlines()[0])
        resumed = run_command(*command[1:])

        assert job.present == 0
        assert job.requests == 500  # nothing that was in flight was sent again
    assert ended.code == 130
    assert command[0] == "bulkdel"
    assert "Once more to cancel" in ended.err
    assert ended.json["state"] == "interrupted"
    assert_adds_up(ended.json)
    assert ended.json["pending"] <= 500 - len(logged)
    assert len(logged) == 500 - present
    assert resumed.code == 0
    assert resumed.json["read"] == 500


def test_a_second_signal_cancels_at_once_and_the_log_is_whole(tmp_path: Path) -> None:
    """A provider that never answers must not hold the user, nor cost the log."""
    ids = make_ids("ark", 300)
    hangs = [FaultRule(fault=Fault.HANG, first=200)]
    with emulated(ark=AccountSettings(ids=ids, faults=hangs)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        with started(*job.arguments, "--concurrency", "8") as running:
            wait_until(lambda: job.requests >= 207, "all requests in flight hang")
            running.send(signal.SIGINT)
            assert running.process.stderr is not None
            stopping = ""
            while "Stopping" not in stopping:
                stopping += running.process.stderr.readline().decode()
            running.send(signal.SIGINT)
            ended = running.end()

    assert ended.code == 130
    assert "8 requests in flight" in stopping
    assert "Resume with: bulkdel delete" in ended.err
    lines = log_lines(job.log)
    assert len([line for line in lines if line.get("outcome") == "deleted"]) == 199
    assert lines[-1]["end"]["state"] == "interrupted"
    assert_adds_up(lines[-1]["end"])


def test_a_slow_pipe_is_worked_on_as_it_comes_and_can_be_interrupted(tmp_path: Path) -> None:
    """IDs of a producer that thinks for hours are not held back, nor is Ctrl-C."""
    ids = make_ids("ark", 10)
    with emulated(ark=AccountSettings(ids=ids)) as emulator:
        flags = ["-p", "ark", "--base-url", emulator.base_url("ark"), "--rate", "5000", "--yes"]
        log = tmp_path / "log.jsonl"

        with started("delete", "-", *flags, "--log", log, stdin=subprocess.PIPE) as running:
            assert running.process.stdin is not None
            running.process.stdin.write("".join(f"{i}\n" for i in ids).encode() + b"resp_half")
            running.process.stdin.flush()
            wait_until(lambda: emulator.present("ark") == [], "all are deleted")
            running.send(signal.SIGINT)
            running.process.wait(TIMEOUT_S)
            ended = running.end()

        assert emulator.stats()["totals"]["unknown"] == 0
    assert ended.code == 130
    assert "with the same IDs on stdin" in ended.err
    assert sorted(line["id"] for line in results(log)) == sorted(ids)


def test_a_stderr_that_is_gone_does_not_stop_the_run(tmp_path: Path) -> None:
    """A terminal that hangs up, or a pipe that ends, must not end a purge of 14 hours."""
    ids = make_ids("ark", 100)
    with emulated(ark=AccountSettings(ids=ids, latency_s=0.05)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        with started(*job.arguments, "--concurrency", "4", "--json") as running:
            wait_until(lambda: job.present < 95, "it has deleted some")
            assert running.process.stderr is not None
            running.process.stderr.close()
            running.process.stderr = None
            running.send(signal.SIGUSR1)
            wait_until(lambda: job.present < 50, "it goes on")
            running.send(signal.SIGINT)
            ended = running.end()

    assert ended.code == 130
    assert ended.json["state"] == "interrupted"
    assert log_lines(job.log)[-1]["end"] == ended.json


def test_beside_a_running_one(tmp_path: Path) -> None:
    """A log can be looked at while it grows, but not written by a second process."""
    ids = make_ids("ark", 2000)
    with emulated(ark=AccountSettings(ids=ids, latency_s=0.05)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)
        alias = tmp_path / "alias.jsonl"
        alias.symlink_to(job.log)

        with started(*job.arguments, "--concurrency", "2") as running:
            wait_until(lambda: job.present < 1980, "it has deleted some")
            looked = run_command("status", job.log, "--json")
            second = job.delete()
            by_alias = job.delete("--log", str(alias))
            if hasattr(signal, "SIGUSR1"):
                running.send(signal.SIGUSR1)
            running.send(signal.SIGTERM)
            ended = running.end()

    status = json.loads(looked.out)
    assert looked.code == 0
    assert status["state"] == "running"
    assert 0 < status["lanes"]["ark"]["deleted"] < 2000
    for refused in (second, by_alias):
        assert refused.code == 5
        assert f"process {running.process.pid} on host {socket.gethostname()}" in refused.err
        assert "Traceback" not in refused.err
    assert ended.code == 130
    if hasattr(signal, "SIGUSR1"):
        assert "/2,000 done" in ended.err


def test_the_lock_of_a_killed_process_does_not_block(tmp_path: Path) -> None:
    """A crash leaves its lock file behind; nobody should have to know about it."""
    ids = make_ids("ark", 200)
    with emulated(ark=AccountSettings(ids=ids, latency_s=0.02)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        with started(*job.arguments, "--concurrency", "2") as running:
            wait_until(lambda: job.present < 190, "it has deleted some")
            running.process.kill()
            running.process.wait()
        lock = Path(f"{job.log}.lock")
        left_behind = lock.exists()
        ended = job.delete()

        assert job.present == 0
    assert left_behind
    assert ended.code == 0, ended.err
    assert not lock.exists()


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="there is none")
def test_a_status_asked_for_too_early_kills_nothing(tmp_path: Path) -> None:
    """Before anything is sent the system's own answer would be the end of the process."""
    pipe = tmp_path / "ids.txt"
    os.mkfifo(pipe)
    with started("delete", "-p", "ark", "--dry-run", pipe) as running:
        with pipe.open("wb") as ids:
            running.send(signal.SIGUSR1)
            assert running.process.stderr is not None
            line = running.process.stderr.readline().decode()
            ids.write(b"resp_1\n")
        ended = running.end()

    assert "nothing is sent yet" in line or "nothing is being deleted" in line
    assert ended.code == 0
    assert "1 ID to delete" in ended.out


INTERRUPTED_IN = """
import os, signal, sys

class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            sys.argv[1:2] = []
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupter())
from bulkdel.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["bulkdel.cli", "numpy", "aiohttp", "bulkdel.cli.delete", "ssl"])
def test_ctrl_c_while_it_is_imported_ends_it_without_a_word(module: str) -> None:
    """In the first third of a second nothing has begun: no traceback, and the shell sees a SIGINT."""
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IN, module, "--version"],
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, b"", b"")


def test_a_ctrl_c_that_is_ignored_stays_so_while_it_is_imported() -> None:
    """As a shell starts what runs behind it."""
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IN, "numpy", "--version"],
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )

    assert (ended.returncode, ended.stderr) == (0, b"")
