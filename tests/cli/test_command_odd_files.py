"""The real command with odd names, a log that somebody has edited, and files that nobody opens."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, make_ids
from tests.support.command import Job, emulated, run_command, started, wait_until
from tests.support.terminal import on_terminal


@pytest.mark.parametrize("command", ["delete", "status", "failed", "explain"])
def test_a_log_with_other_line_ends_is_left_as_it_is(tmp_path: Path, command: str) -> None:
    """As one torn line it would be cut off whole, and all of its IDs sent again."""
    ids = make_ids("ark", 20)
    with emulated(ark=AccountSettings(ids=ids)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)
        assert job.delete().code == 0
        changed = job.log.read_bytes().replace(b"\n", b"\r")
        job.log.write_bytes(changed)

        ended = job.delete() if command == "delete" else run_command(command, job.log)

        assert job.requests == 20
    assert ended.code == 2
    assert "lines end in CR" in ended.err
    assert job.log.read_bytes() == changed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ids.txt", "-p", "ark", "--log", "-"], "--log takes the name of a file"),
        (["ids.txt", "-p", "ark", "--log", "x" * 300], "File name too long"),
        (["x" * 300, "-p", "ark"], "File name too long"),
        (["x" * 250, "-p", "ark"], "File name too long"),
        (["x" * 300, "-p", "ark", "--log", "log"], "File name too long"),
        (["ids.txt", "-p", "ark", "--log", "ids.txt/log"], "no directory"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    """It is a slip of a script; a file called `-`, or a traceback, helps nobody."""
    tmp_path.joinpath("ids.txt").write_text("resp_1\n")

    ended = run_command("delete", *arguments, "--yes", cwd=tmp_path)

    assert ended.code == 2
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["ids.txt"]


def test_ctrl_c_ends_the_wait_for_a_pipe_that_nobody_opens(tmp_path: Path) -> None:
    """The producer has not started, or has died: exit 130 like any other Ctrl-C."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    with started("delete", fifo, "-p", "ark", "--log", tmp_path / "log", "--yes") as running:
        stack = Path(f"/proc/{running.process.pid}/wchan")
        wait_until(
            lambda: not stack.exists() or "wait_for_partner" in stack.read_text(), "it waits"
        )
        running.send(signal.SIGINT)
        ended = running.end()

    assert ended.code == 130
    assert "Traceback" not in ended.err


def test_a_terminal_that_is_closed_is_an_interruption(tmp_path: Path) -> None:
    """A closed laptop lid over SSH: drained, logged, exit 130, and no more."""
    ids = make_ids("ark", 500)
    with emulated(ark=AccountSettings(ids=ids, latency_s=0.05)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        with on_terminal(*job.arguments, "--concurrency", "4") as terminal:
            wait_until(lambda: job.present < 480, "it has deleted some")
            os.close(terminal._screen)
            code = terminal.process.wait(timeout=60)
            terminal._screen = os.open(os.devnull, os.O_RDONLY)

        deleted = 500 - job.present
    assert code == 130
    assert job.log.read_bytes().count(b'"outcome":"deleted"') == deleted
