"""What a log says at its two ends: its first run, and how the newest one ended. Reads no more.

    begins with {"run": …} ──> it is a log of ours ──> its last line: the end of a run, or none

Not here: what became of each ID (`index`), who writes it (`folder`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

_BEGIN: Final = b'{"run":'
_HEAD_BYTES: Final = 1 << 24
"""A header names all sources and has the command: of 10,000 files some megabytes."""
_TAIL_BYTES: Final = 1 << 18
"""An end record of a hundred lanes has 60 KB."""


@dataclass(frozen=True, slots=True)
class Glance:
    """The two ends of a log.

    Attributes:
        run: What its first run says of itself: time, lanes, sources.
        end: How the newest run ended, if it has; None while one runs, or if it was killed.
        size: Its size in bytes.
    """

    run: Mapping[str, Any]
    end: Mapping[str, Any] | None
    size: int


def glance(path: Path) -> Glance | None:
    """Look at a file; None if it is no log of ours.

    Raises:
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(len(_BEGIN))
        if head != _BEGIN:
            return None
        run = _record(head + file.readline(_HEAD_BYTES), "run")
        if run is None:
            return None
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read(_TAIL_BYTES)
    lines = tail.rstrip(b"\0").rstrip().split(b"\n")
    return Glance(run, _record(lines[-1], "end"), size)


def _record(line: bytes, name: str) -> Mapping[str, Any] | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    found = record.get(name) if isinstance(record, dict) else None
    return {"at": record.get("at"), **found} if isinstance(found, dict) else None
