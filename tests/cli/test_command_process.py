"""What the command does to its own process as a whole."""

from __future__ import annotations

import ctypes
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, make_ids
from tests.support.command import Job, emulated, log_lines, run_command

_MAPPED_APART = """
import contextlib, ctypes, sys
from bulkdel.cli import main

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
        "fordblks", "keepcost")]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info
sys.argv = ["bulkdel", "--version"]
with contextlib.suppress(SystemExit):
    main()
bytearray(30_000_000)  # made and freed: from then on glibc would keep all smaller ones
before = libc.mallinfo2().hblks
kept = bytearray(1_000_000)
print(libc.mallinfo2().hblks - before)
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallinfo2"),
    reason="not glibc 2.33 or later",
)
def test_large_pieces_of_memory_are_given_back() -> None:
    """The index of done IDs is merged again and again; its old arrays must not stay."""
    ended = subprocess.run(
        [sys.executable, "-c", _MAPPED_APART], capture_output=True, text=True, check=True
    )

    assert ended.stdout.splitlines()[-1] == "1", "it lies in glibc's heap, which only grows"


def test_runs_as_a_module() -> None:
    """In a container or a virtual environment the script may not be on the path."""
    ended = subprocess.run(
        [sys.executable, "-m", "bulkdel", "--version"], capture_output=True, text=True, check=True
    )

    assert ended.stdout.startswith("bulkdel, version ")


def _files(soft: int, hard: int) -> Callable[[], None]:
    """Return what sets the limits of open files in a new process."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("soft", "hard", "most"), [(64, 4096, 128), (64, 64, 30), (40, 64, 30), (1024, 1024, 128)]
)
def test_few_open_files_cost_connections_and_are_told(
    tmp_path: Path, soft: int, hard: int, most: int
) -> None:
    """A connection that cannot be opened looks like an outage, and a run of hours becomes days."""
    ids = make_ids("ark", 400)
    with emulated(ark=AccountSettings(ids=ids, latency_s=0.05)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        ended = run_command(*job.arguments, limit=_files(soft, hard))

        assert job.present == 0
        assert job.requests == 400
    assert ended.code == 0
    assert ("warning: only 64 open files are allowed" in ended.err) == (most < 128)
    assert most == 128 or f"now ark {most};" in ended.err
    pace = log_lines(job.log)[-1]["end"]["lanes"]["ark"]["pace"]
    assert "retry" not in pace["bound_s"]


def test_too_few_open_files_are_refused(tmp_path: Path) -> None:
    """Nothing is sent that could not be finished, and what to change is said."""
    (tmp_path / "ids.txt").write_text("resp_1\n")
    arguments = ["delete", "ids.txt", "-p", "ark", "--yes"]

    ended = run_command(*arguments, cwd=tmp_path, limit=_files(12, 12))

    assert ended.code == 2
    assert "only 12 open files are allowed" in ended.err
    assert "ulimit -n" in ended.err
    assert "Traceback" not in ended.err
