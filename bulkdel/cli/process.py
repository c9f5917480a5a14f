"""What the command sets for its own process: the event loop, open files.

The library leaves both to the program that it is part of.
"""

from __future__ import annotations


def backend_options() -> dict[str, object]:
    """Return anyio's options: uvloop where it is installed (not on Windows)."""
    try:
        import uvloop  # noqa: F401 - only whether it is there
    except ImportError:
        return {}
    return {"use_uvloop": True}


def raise_open_files(needed: int) -> None:
    """Raise the soft limit of open files, if this many connections need it."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = needed + 64
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
