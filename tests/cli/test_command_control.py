"""``bulkdel control``: a real run that is seen and steered from beside, and who may do that."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bulkdel.emulator import AccountSettings, make_ids
from tests.support.command import KEY, Ended, Running, emulated, log_lines, run_command, started

WAIT_S = 30.0


@contextmanager
def at_work(folder: Path, *, can_be_steered: bool = True) -> Iterator[Running]:
    """Have a run at work that nothing hurries; it can be asked."""
    ids = make_ids("ark", 20_000)
    (folder / "ids.txt").write_text("".join(f"{one}\n" for one in ids))
    with emulated(ark=AccountSettings(ids=ids, key=KEY)) as emulator:
        at = ("-p", "ark", "--base-url", emulator.base_url("ark"), "--rate", "100", "--yes")
        with started("delete", folder / "ids.txt", *at, "--log", folder / "log") as running:
            if can_be_steered:
                wait_for(lambda: run_command("control", folder / "log").code == 0)
            yield running


def wait_for(holds: Callable[[], Any]) -> None:
    """Wait until something holds; it is real time, and bounded."""
    end_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def control(folder: Path, *words: str) -> Ended:
    """Run the command."""
    return run_command("control", folder / "log", *words)


def lane(folder: Path) -> dict[str, Any]:
    """Return how the lane goes."""
    return dict(control(folder, "status", "--json").json["lanes"]["ark"])


def test_a_run_is_paused_goes_on_and_is_stopped(tmp_path: Path) -> None:
    """Each order is a line in the log; the socket goes with the run."""
    with at_work(tmp_path) as running:
        paused = control(tmp_path, "pause")
        wait_for(lambda: not lane(tmp_path)["in_flight"])
        before = lane(tmp_path)
        after = lane(tmp_path)
        text = control(tmp_path)
        resumed = control(tmp_path, "resume", "ark")
        wait_for(lambda: lane(tmp_path)["deleted"] > after["deleted"])
        rate = control(tmp_path, "rate", "ark=250", "--json")
        more = control(tmp_path, "concurrency", "300")
        faster = lane(tmp_path)
        report = run_command("report", tmp_path / "log")
        status = run_command("status", tmp_path / "log")
        stopped = control(tmp_path, "stop")
        ended = running.end()

    assert (paused.code, resumed.code, rate.code, more.code, stopped.code) == (0, 0, 0, 0, 0)
    assert after["paused"]
    assert before["requests"] == after["requests"]
    assert "PAUSED by hand" in text.out
    assert rate.json == {"ok": True, "said": "ark: 250 requests a second"}
    assert (faster["aimed_per_s"], faster["concurrency"]) == (250.0, 300)
    assert f"process {running.process.pid} on host" in status.out
    assert "running" in report.out
    assert ended.code == 130
    assert "bulkdel control, process" in ended.err
    lines = log_lines(tmp_path / "log")
    orders = [line["control"]["order"] for line in lines if "control" in line]
    assert orders == ["pause", "resume", "rate", "concurrency", "stop"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["ids.txt", "log"]
    for words in (["status"], ["explain"], ["report"]):
        assert run_command(*words, tmp_path / "log").code == 0
    assert "| concurrency 300.0 | all  | process" in run_command("report", tmp_path / "log").out
    assert control(tmp_path).code == 2
    assert "no run is writing it" in control(tmp_path).err


def test_what_is_typed_wrong_changes_nothing(tmp_path: Path) -> None:
    """And says what would be right."""
    with at_work(tmp_path) as running:
        said = {
            words: control(tmp_path, *words)
            for words in (
                ("rate", "fast"),
                ("rate",),
                ("rate", "0"),
                ("rate", "=7"),
                ("concurrency", "=4"),
                ("pause", "\udcff"),
                ("rate", "\udcff=3"),
                ("rate", "nan"),
                ("rate", "ark=inf"),
                ("rate", "fireworks=3"),
                ("concurrency", "auto"),
                ("concurrency", "1.5"),
                ("pause", "nolane"),
                ("stop", "ark"),
                ("status", "ark"),
                ("halt",),
                ("stop", "--watch"),
            )
        }
        control(tmp_path, "stop")
        running.end()

    assert {ended.code for ended in said.values()} == {2}
    assert "there are ark" in said["rate", "fireworks=3"].err
    assert "names no lane" in said["rate", "=7"].err
    assert "a number or auto" in said["rate", "fast"].err
    orders = [line for line in log_lines(tmp_path / "log") if "control" in line]
    assert [line["control"]["order"] for line in orders] == ["stop"]


def test_a_socket_that_a_kill_has_left_is_replaced(tmp_path: Path) -> None:
    """Its mode keeps others out from the first moment on."""
    with at_work(tmp_path) as running:
        assert stat.S_IMODE((tmp_path / "log.control").lstat().st_mode) == 0o600
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
        left = control(tmp_path)
        assert (tmp_path / "log.control").exists()
    (tmp_path / "log").unlink()
    with at_work(tmp_path) as running:  # it can be asked
        control(tmp_path, "stop")
        running.end()

    assert left.code == 2
    assert not (tmp_path / "log.control").exists()


def test_a_file_in_the_place_of_the_socket_is_not_touched(tmp_path: Path) -> None:
    """Then the run cannot be steered; it runs nevertheless, and says so."""
    (tmp_path / "log.control").write_text("mine")
    with at_work(tmp_path, can_be_steered=False) as running:
        wait_for((tmp_path / "log").exists)
        wait_for(lambda: b'{"id"' in (tmp_path / "log").read_bytes())
        refused = control(tmp_path)
        running.process.send_signal(signal.SIGINT)
        ended = running.end()

    assert refused.code == 2
    assert "cannot steer this run: log.control is no socket" in ended.err
    assert (tmp_path / "log.control").read_text() == "mine"


def test_whoever_says_nothing_or_too_much_disturbs_nobody(tmp_path: Path) -> None:
    """Twenty that connect and wait, and one that never ends its line."""
    with at_work(tmp_path) as running:
        idle = []
        for _ in range(5):
            idle.append(socket.socket(socket.AF_UNIX))
            idle[-1].connect(str(tmp_path / "log.control"))
        with socket.socket(socket.AF_UNIX) as loud:
            loud.connect(str(tmp_path / "log.control"))
            with contextlib.suppress(ConnectionError):
                for _ in range(1_000):  # more than any buffer takes
                    loud.sendall(b"x" * 4096)
                raise AssertionError("four megabytes were taken")
        answers = []
        for line in (b"{}\n", b"\xff\n", b'{"order":"stop","lane":"ark"}\n', b'{"order":"' + b"\n"):
            with socket.socket(socket.AF_UNIX) as odd:
                odd.connect(str(tmp_path / "log.control"))
                odd.sendall(line)
                answers.append(json.loads(odd.recv(4096))["ok"])
        sent = lane(tmp_path)["requests"]
        wait_for(lambda: lane(tmp_path)["requests"] > sent)
        for each in idle:
            each.close()
        control(tmp_path, "stop")
        ended = running.end()

    assert answers == [False] * 4
    assert ended.code == 130


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_nobody_else_may_steer(tmp_path: Path) -> None:
    """Neither where the socket's mode keeps him out, nor where somebody has opened it."""
    ask = (
        "import os, socket, sys; os.setgid(65534); os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        ' s.sendall(b\'{"order":"stop"}\\n\'); print(s.recv(4096))'
    )
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    with at_work(tmp_path) as running:
        said = []
        for mode in (0o600, 0o666):
            (tmp_path / "log.control").chmod(mode)
            said.append(
                subprocess.run(
                    [sys.executable, "-c", ask, str(tmp_path / "log.control")],
                    capture_output=True,
                    text=True,
                    timeout=WAIT_S,
                    check=False,
                )
            )
        requests = lane(tmp_path)["requests"]
        wait_for(lambda: lane(tmp_path)["requests"] > requests)
        control(tmp_path, "stop")
        running.end()

    assert "PermissionError" in said[0].stderr
    assert said[1].stdout.strip() in ("b''", "")
    orders = [line for line in log_lines(tmp_path / "log") if "control" in line]
    assert len(orders) == 1


def test_watching_ends_with_the_run(tmp_path: Path) -> None:
    """One JSON object each time, until nobody writes the log any more."""
    with (
        at_work(tmp_path) as running,
        started("control", tmp_path / "log", "--watch", "--json") as watching,
    ):
        assert watching.process.stdout is not None
        first = json.loads(watching.process.stdout.readline())
        control(tmp_path, "stop")
        running.end()
        ended = watching.end()

    assert first["pid"] == running.process.pid
    assert ended.code == 0


def test_more_requests_than_files_may_be_open_are_refused(tmp_path: Path) -> None:
    """Each connection that cannot be opened would look like an outage."""
    with at_work(tmp_path) as running:
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (300, 300))
        refused = control(tmp_path, "concurrency", "2000")
        taken = control(tmp_path, "concurrency", "200")
        control(tmp_path, "stop")
        running.end()

    assert (refused.code, taken.code) == (2, 0)
    assert "only 300 open files are allowed" in refused.err
