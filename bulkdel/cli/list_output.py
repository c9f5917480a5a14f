"""Where a list goes: to a pipe, or into a file that can be gone on with.

    Lister ──page──> Target.write ──> stdout
                              └─────> FILE, and FILE.cursor: how far it is

What holds here, always:

1. What FILE.cursor says is in FILE is on the disk: a list that was killed, or lost its power, goes on
   from there. It is written once a second and at the end, and what stands behind it is cut off.
2. When the list is whole there is no FILE.cursor any more, but where one is kept that says so.

Not here: what is listed (`list_job`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Protocol, Self

import orjson

from bulkdel.cli.output import say
from bulkdel.errors import ConfigError
from bulkdel.models import Block
from bulkdel.providers.listing import Listed
from bulkdel.result_log.index import Index
from bulkdel.settings import Lane
from bulkdel.utf8 import json_bytes

NOTE_EVERY_S: Final = 1.0


def what_of(lane: Lane, choice: list[str]) -> dict[str, object]:
    """Return what a list is of: only the same one can be gone on with."""
    whose = {"params": dict(lane.params)} if lane.params else {}
    return {"lane": lane.name, "base_url": lane.base_url, **whose, "choice": choice}


def line_of(each: Listed) -> bytes:
    """Return an object as a line: its ID and time first, in one form, then all that there is."""
    made = None
    if each.created_s is not None:
        moment = datetime.fromtimestamp(each.created_s, UTC)
        made = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    head = {"id": each.object_id, "created_at": made}
    rest = {name: value for name, value in each.fields.items() if name not in head}
    return json_bytes({**head, **rest}) + b"\n"


class Target(Protocol):
    """Where objects go.

    Attributes:
        cursor: Where the list goes on; None at its beginning.
        count: How many objects it holds from before.
        began_s: When the list was begun, in seconds since 1970; None if that is now.
    """

    cursor: str | None
    count: int
    began_s: float | None

    def known(self, lane: Lane) -> Index:
        """Return the objects that are there already."""
        ...

    def write(self, wanted: Iterable[Listed], cursor: str | None) -> None:
        """Write a page, and how far it is then."""
        ...

    def end(self) -> None:
        """Say that it is whole."""
        ...


class Stdout:
    """A pipe: what is written is gone, and the list begins at the beginning."""

    cursor: str | None = None
    count = 0
    began_s: float | None = None

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def known(self, lane: Lane) -> Index:  # noqa: ARG002 - the protocol's
        """Return none: what went into a pipe is gone."""
        return Index()

    def write(self, wanted: Iterable[Listed], cursor: str | None) -> None:  # noqa: ARG002
        """Write a page."""
        self._out.write(b"".join(map(line_of, wanted)))
        self._out.flush()

    def end(self) -> None:
        """Write the rest."""
        self._out.flush()


class KeptFile:
    """A file that can be gone on with.

    Attributes:
        is_whole: The list was ended, and its note was kept.
    """

    def __init__(
        self, path: Path, file: BinaryIO, what: Mapping[str, object], began_s: float
    ) -> None:
        self.cursor: str | None = None
        self.count = 0
        self.began_s: float | None = began_s
        self.is_whole = False
        self._path = path
        self._file = file
        self._what = what
        self._noted_s = time.monotonic()
        self._next: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if not self.is_whole:
                self._note()
        finally:
            self._file.close()

    @classmethod
    def open(cls, path: Path, what: Mapping[str, object], now_s: float) -> KeptFile:
        """Open a file, or go on with it; the list is begun at ``now_s``.

        Raises:
            ConfigError: It cannot be written, or it is another list, or a finished one.
        """
        note = _note_of(path)
        try:
            if not path.exists():
                kept = cls(path, path.open("xb"), what, now_s)
                kept._note()
                return kept
            if not note.exists():
                raise ConfigError(
                    f"{path} exists already, and no list that was interrupted: name another file"
                )
            state = orjson.loads(note.read_bytes())
            if state.get("what") != what:
                raise ConfigError(
                    f"{path} is the beginning of another list ({state.get('what')}): name another"
                    f" file, or remove it and {note.name}"
                )
            file = path.open("r+b")
            if path.stat().st_size < int(state["bytes"]):
                raise ConfigError(
                    f"{path} is shorter than {note.name} says: a part of it is lost. Remove both"
                    " to list from the beginning"
                )
            file.truncate(int(state["bytes"]))
            file.seek(0, os.SEEK_END)
            kept = cls(path, file, what, float(state.get("began") or now_s))
            kept.cursor = kept._next = state["cursor"]
            kept.is_whole = state.get("whole") is True
        except (OSError, ValueError, KeyError, AttributeError) as exc:
            raise ConfigError(f"{path}: {exc}") from exc
        if not kept.is_whole:
            say(f"Going on with {path}.")
        return kept

    def known(self, lane: Lane) -> Index:
        """Return the objects that are in the file already."""
        index = Index()
        with self._path.open("rb") as file:
            while lines := file.readlines(1 << 20):
                index.claim(Block(lane.name, [orjson.loads(line)["id"] for line in lines]))
                self.count += len(lines)
        return index

    def write(self, wanted: Iterable[Listed], cursor: str | None) -> None:
        """Write a page, and now and then how far it is."""
        self._file.write(b"".join(map(line_of, wanted)))
        self._next = cursor
        if time.monotonic() - self._noted_s >= NOTE_EVERY_S:
            self._note()

    def _note(self, *, whole: bool = False) -> None:
        """Say how far it is, once that is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        state = {
            "what": self._what,
            "cursor": self._next,
            "bytes": self._file.tell(),
            "began": self.began_s,
            **({"whole": True} if whole else {}),
        }
        note = _note_of(self._path)
        fresh = note.with_name(note.name + ".new")
        fresh.write_bytes(json_bytes(state))
        fresh.replace(note)
        self._noted_s = time.monotonic()

    @staticmethod
    def forget(path: Path) -> None:
        """Remove the note of a list that is whole."""
        _note_of(path).unlink(missing_ok=True)

    def end(self, *, keep_note: bool = False) -> None:
        """Say that it is whole; with ``keep_note`` also to who opens it again."""
        self._note(whole=True)
        self.is_whole = True
        if not keep_note:
            self.forget(self._path)


def _note_of(path: Path) -> Path:
    return path.with_name(path.name + ".cursor")
