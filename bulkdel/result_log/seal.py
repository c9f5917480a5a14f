"""Seal a log: a chain of SHA-256 over its bytes, so that a change shows.

    bytes since the last seal ──SHA-256 with the seal before──> {"seal":{…}}, the next line
                                                        ──check──> the first place that is wrong

A seal has the number of the seals so far, where its bytes begin, and ``sha256(before + bytes)``; the
first one has nothing before it. A log that is sealed as it is written has one after each group.

What a chain shows: any byte that was changed, removed, added or moved before the last seal. What it
does not: whoever may write the log can make the whole chain anew, or cut it behind a seal. So the
last seal has to be kept elsewhere: signed, in a ticket, with a time stamp.

What holds here, always: a seal counts only byte for byte as it is written here, so nothing of a
seal can be changed either. Lines of other kinds are not read.

Not here: where lines come from (`writer`), who asks (`cli.seal`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from bulkdel.errors import ConfigError
from bulkdel.result_log.file import LogFile
from bulkdel.result_log.rescue import Rescued

_BEGINS: Final = b'{"seal":'
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Seal:
    """One seal.

    Attributes:
        number: How many there are with it.
        begin: Where the bytes begin that it is of.
        sha256: Of them and the seal before, in hexadecimal digits.
    """

    number: int
    begin: int
    sha256: str

    def line(self) -> bytes:
        """Return it as a line of the log."""
        fields = {"number": self.number, "begin": self.begin, "sha256": self.sha256}
        return orjson.dumps({"seal": fields}) + b"\n"


class Chain:
    """The seals of a log so far, and the bytes since the last one.

    Attributes:
        last: The last seal, or None.
        begin: Where the bytes begin that no seal is of.
        size: How many there are.
    """

    def __init__(self) -> None:
        self.last: Seal | None = None
        self.begin = 0
        self.size = 0
        self._hash = hashlib.sha256()

    def add(self, data: bytes) -> None:
        """Take bytes that are no seal."""
        self._hash.update(data)
        self.size += len(data)

    def seal(self) -> Seal:
        """Return the seal of the bytes since the last one."""
        number = 1 if self.last is None else self.last.number + 1
        return Seal(number, self.begin, self._hash.hexdigest())

    def copy(self) -> Chain:
        """Return one that can be gone on with beside this one."""
        other = Chain()
        other.last, other.begin, other.size = self.last, self.begin, self.size
        other._hash = self._hash.copy()
        return other

    def take(self, seal: Seal) -> None:
        """Go on behind a seal, which stands in the log now."""
        self.last = seal
        self.begin += self.size + len(seal.line())
        self.size = 0
        self._hash = hashlib.sha256(bytes.fromhex(seal.sha256))


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has found.

    Attributes:
        seals: Seals that are right, from the first one on.
        last: The last of them.
        sealed_bytes: Up to its end.
        unsealed_bytes: Behind the last seal, up to the end of the log.
        wrong: Where a change lies, in words, or None.
    """

    seals: int
    last: Seal | None
    sealed_bytes: int
    unsealed_bytes: int
    wrong: str | None


def check(path: Path, size: int | None = None) -> Checked:
    """Check the seals of a log.

    Args:
        path: The log.
        size: Bytes from its beginning that count; all of them if None.

    Raises:
        ConfigError: It cannot be read.
    """
    chain = Chain()
    for line in _lines(path, size):
        if not _is_seal(line):
            chain.add(line)
            continue
        due = chain.seal()
        if line != due.line():
            end = chain.begin + chain.size + len(line)
            return Checked(
                chain.last.number if chain.last else 0,
                chain.last,
                chain.begin,
                0,
                f"bytes {chain.begin:,} to {end:,} are not as they were sealed"
                f" (seal {due.number:,})",
            )
        chain.take(due)
    count = chain.last.number if chain.last else 0
    return Checked(count, chain.last, chain.begin, chain.size, None)


def read_chain(path: Path) -> Chain:
    """Return the chain of a log as it stands, without checking it: it is gone on with.

    Raises:
        ConfigError: The log cannot be read, or it has seals and they are wrong: then a new one
            would hide it.
    """
    chain = Chain()
    for line in _lines(path):
        if not _is_seal(line):
            chain.add(line)
            continue
        due = chain.seal()
        if line != due.line():
            raise ConfigError(
                f"log {path}: it was changed since it was sealed (`bulkdel check` says where);"
                " name another --log, or go on without --seal"
            )
        chain.take(due)
    return chain


def _is_seal(piece: bytes) -> bool:
    """Say whether a piece is a seal; half a one, as a kill leaves it, is none."""
    return piece.startswith(_BEGINS) and piece.endswith(b"\n")


def _lines(path: Path, size: int | None = None) -> Iterator[bytes]:
    """Yield a file, or its first bytes, in pieces: each seal is one, and what is between them is many.

    A piece that is no seal is some whole lines, or a part of a long one.
    """
    rest = b""
    left = math.inf if size is None else size
    try:
        with path.open("rb") as file:
            while block := file.read(int(min(_BLOCK, left))):
                left -= len(block)
                rest = yield from _pieces(rest + block)
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc
    if rest:
        yield rest


def _pieces(data: bytes) -> Generator[bytes, None, bytes]:
    """Yield the whole lines of some bytes, seals apart; return what is left."""
    begin = 0
    while True:
        place = begin if data.startswith(_BEGINS, begin) else data.find(b"\n" + _BEGINS, begin) + 1
        if place == 0 and not data.startswith(_BEGINS, begin):
            break
        end = data.find(b"\n", place) + 1
        if end == 0:  # a seal that is not whole yet
            if place > begin:
                yield data[begin:place]
            return data[place:]
        if place > begin:
            yield data[begin:place]
        yield data[place:end]
        begin = end
    last = data.rfind(b"\n") + 1
    if last > begin:
        yield data[begin:last]
        begin = last
    return data[begin:]


class SealedLog:
    """A log file that seals each group with the write that brings it.

    Args:
        file: The log.
        chain: Its seals so far.
    """

    def __init__(self, file: LogFile, chain: Chain) -> None:
        self._file = file
        self._chain = chain

    def write(self, data: bytes) -> None:
        """Append ``data`` and its seal, or nothing."""
        ahead = self._chain.copy()
        ahead.add(data)
        seal = ahead.seal()
        self._file.write(data + seal.line())
        ahead.take(seal)
        self._chain = ahead

    def sync(self) -> None:
        """Force what was written to the disk."""
        self._file.sync()

    def rescue(self, pending: bytes) -> Rescued:
        """Write what is known into another file; it has to be sealed anew."""
        return self._file.rescue(pending)

    def close(self) -> None:
        """Close it."""
        self._file.close()
