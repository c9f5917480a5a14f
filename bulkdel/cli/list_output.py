"""Where a list goes: to a pipe, or into a file that can be gone on with.

    Lister ──page──> Target.write ──> stdout
                              └─────> FILE, and FILE.cursor: how far it is

What holds here, always: what stands in FILE and what FILE.cursor says agree after every page, so a
list that was killed goes on where it was. When it is whole there is no FILE.cursor any more.

Not here: what is listed (`list`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol, Self

import orjson

from bulkdel.cli.output import say, shell_word
from bulkdel.errors import ConfigError
from bulkdel.models import Block
from bulkdel.providers.listing import Listed
from bulkdel.result_log.index import Index
from bulkdel.settings import Lane
from bulkdel.utf8 import json_bytes


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
    """

    cursor: str | None

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
    """A file that can be gone on with."""

    def __init__(self, path: Path, file: BinaryIO, what: Mapping[str, object]) -> None:
        self.cursor: str | None = None
        self._path = path
        self._file = file
        self._what = what

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @classmethod
    def open(cls, path: Path, what: Mapping[str, object]) -> KeptFile:
        """Open a file, or go on with it.

        Raises:
            ConfigError: It cannot be written, or it is another list, or a finished one.
        """
        note = _note_of(path)
        try:
            if not path.exists():
                return cls(path, path.open("xb"), what)
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
            kept = cls(path, file, what)
            kept.cursor = state["cursor"]
        except (OSError, ValueError, KeyError, AttributeError) as exc:
            raise ConfigError(f"{path}: {exc}") from exc
        say(f"Going on with {path}.")
        return kept

    def known(self, lane: Lane) -> Index:
        """Return the objects that are in the file already."""
        index = Index()
        with self._path.open("rb") as file:
            while lines := file.readlines(1 << 20):
                index.claim(Block(lane.name, [orjson.loads(line)["id"] for line in lines]))
        return index

    def write(self, wanted: Iterable[Listed], cursor: str | None) -> None:
        """Write a page, and how far it is then."""
        self._file.write(b"".join(map(line_of, wanted)))
        self._file.flush()
        state = {"what": self._what, "cursor": cursor, "bytes": self._file.tell()}
        note = _note_of(self._path)
        fresh = note.with_name(note.name + ".new")
        fresh.write_bytes(json_bytes(state))
        fresh.replace(note)

    def end(self) -> None:
        """Say that it is whole."""
        self._file.flush()
        os.fsync(self._file.fileno())
        _note_of(self._path).unlink(missing_ok=True)
        say(f"Next: bulkdel delete {shell_word(str(self._path))} -p {self._what['lane']} --dry-run")


def _note_of(path: Path) -> Path:
    return path.with_name(path.name + ".cursor")
