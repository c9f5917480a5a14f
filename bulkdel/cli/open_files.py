"""See that a run has as many open files as its connections need, or fewer connections.

A connection that cannot be opened looks like an outage: a run with too few files would wait and try
again all the time, ten times as long, and say nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bulkdel.cli.output import say
from bulkdel.errors import ConfigError
from bulkdel.process import raise_open_files
from bulkdel.settings import RunSettings

BESIDE: Final = 32
"""Open files beside connections and sources: 16 were seen (standard files, event loop, log), some
more come and go (names are looked up, certificates are read)."""
PER_SOURCE: Final = 2
"""It is read, and counted for the progress bar."""


def fit_open_files(settings: RunSettings, sources: int) -> RunSettings:
    """Raise the limit of open files, or lower the concurrency of the lanes to it, and say so.

    Args:
        settings: The settings of the run.
        sources: How many sources it has.

    Raises:
        ConfigError: The limit is too low for one connection a lane.
    """
    wanted = sum(lane.concurrency for lane in settings.lanes)
    beside = BESIDE + PER_SOURCE * sources
    allowed = raise_open_files(wanted + beside)
    left = allowed - beside
    if left >= wanted:
        return settings
    if left < len(settings.lanes):
        raise ConfigError(
            f"only {allowed:,} open files are allowed, this run needs {beside + len(settings.lanes):,}"
            f" at least and {beside + wanted:,} at best: raise the limit (ulimit -n)"
        )
    lanes = [
        replace(lane, concurrency=max(1, lane.concurrency * left // wanted))
        for lane in settings.lanes
    ]
    shown = ", ".join(f"{lane.name} {lane.concurrency}" for lane in lanes)
    say(
        f"warning: only {allowed:,} open files are allowed, {beside + wanted:,} are needed: most"
        f" requests in flight are now {shown}; raise the limit (ulimit -n) for more"
    )
    return replace(settings, lanes=lanes)


def check_open_files(connections: int, sources: int) -> None:
    """Raise the limit of open files for a run at work, as far as it goes.

    Args:
        connections: Most requests in flight, of all lanes together.
        sources: How many sources it has.

    Raises:
        ConfigError: So many connections cannot be opened.
    """
    beside = BESIDE + PER_SOURCE * sources
    allowed = raise_open_files(connections + beside)
    if allowed < connections + beside:
        raise ConfigError(
            f"only {allowed:,} open files are allowed to this process, so at most"
            f" {max(0, allowed - beside):,} requests can be in flight"
        )
