"""What the command sets for its own process: event loop, open files, memory.

The library leaves them to the program that it is part of.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_MMAP_BYTES: Final = 1 << 19
"""With less, each block of a log that is read would be mapped anew: a fifth slower."""


def backend_options() -> dict[str, object]:
    """Return anyio's options: uvloop where it is installed (not on Windows)."""
    try:
        import uvloop  # noqa: F401 - only whether it is there
    except ImportError:
        return {}
    return {"use_uvloop": True}


def raise_open_files(needed: int) -> int:
    """Raise the soft limit of open files to ``needed``, or as far as it goes; return what it is."""
    try:
        import resource
    except ImportError:
        return sys.maxsize
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return sys.maxsize
    if soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(ValueError, OSError):  # a system with a lower limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return most
    return soft


def give_memory_back() -> None:
    """Let the system have large pieces of memory as soon as they are freed; glibc only.

    Left alone, glibc keeps pieces of a size that has been freed once (mallopt(3): its
    threshold for a mapping of their own rises, up to 32 MiB). The index of done IDs is
    merged again and again, and its old arrays would stay as holes: a run of 5,000,000
    IDs grew by 35 bytes an ID instead of 16.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):  # not glibc
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)
