"""What the command does to its own process as a whole."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

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
