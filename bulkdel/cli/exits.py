"""The exit codes. They are part of the stable surface."""

from __future__ import annotations

from typing import Final

from bulkdel.models import State, Summary

ALL_GONE: Final = 0
"""Every ID is gone."""
SOME_LEFT: Final = 1
"""Some IDs failed or were invalid, or it is in doubt that they are gone."""
USAGE: Final = 2
"""Wrong usage or settings; nothing was sent."""
STOPPED: Final = 3
"""A guard stopped it early; the message says which and what to do."""
LOG_UNWRITABLE: Final = 4
"""The result log cannot be written."""
BUSY: Final = 5
"""Another process is writing this result log; nothing was sent."""
INTERNAL: Final = 70
"""Something inside went wrong that nobody expected (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED: Final = 130
"""Ctrl-C or SIGTERM."""
READER_GONE: Final = 141
"""Nobody reads the output any more; as for any other command in a pipe (128 + SIGPIPE)."""


def exit_code(summary: Summary) -> int:
    """Return the exit code of a run."""
    if summary.state is State.INTERRUPTED:
        return INTERRUPTED
    if summary.state is State.STOPPED:
        return STOPPED
    return ALL_GONE if summary.all_gone else SOME_LEFT
