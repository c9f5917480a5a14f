"""Damage files of every format, read them, and see that only what they name is sent.

    python -m tests.fuzz.sources --seconds 60            as many as it can
    python -m tests.fuzz.sources --seconds 0 --from 17   one seed alone

A seed makes a valid file (`files`), compresses some, damages most, and reads them in pieces of
any size, at rest or as from a pipe. What is sent must be what a strict reader finds in the same
bytes (`strict`), and of Parquet with its checksums what was written. Nothing but a
`SourceError` may come out of reading. It exits with 1 if a seed failed, and prints it.
"""

from __future__ import annotations

import argparse
import io
import random
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Iterable
from itertools import count, takewhile
from typing import Final

import zstandard

from bulkdel.errors import SourceError
from bulkdel.sources import Source, open_source
from tests.fuzz.files import FORMATS, Made, make_file, packed
from tests.fuzz.strict import ID, named_ids
from tests.support.hostile import damaged

FAILURES_MAX: Final = 20


class Piped(io.BytesIO):
    """Stdin in memory that cannot be rewound, like a pipe."""

    def seekable(self) -> bool:
        """Say that it is no file at rest."""
        return False


class _InPieces(io.BytesIO):
    """A file in memory that gives less than is asked for."""

    def __init__(self, data: bytes, dice: random.Random) -> None:
        super().__init__(data)
        self._dice = dice

    def read(self, size: int | None = -1, /) -> bytes:
        """Give some of what was asked for."""
        return super().read(min(size or -1, self._dice.choice([1, 3, 50, 1 << 20])))


class _PipedInPieces(_InPieces, Piped):
    """Both."""


class Fuzzer:
    """Tries seeds.

    Attributes:
        counts: What happened, by format.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def try_seed(self, seed: int) -> None:
        """Try the file of one seed.

        Raises:
            AssertionError: More or less was sent than the file names.
        """
        self.try_dice(random.Random(seed))

    def try_seeds(self, seeds: Iterable[int]) -> list[str]:
        """Try the files of many seeds, until `FAILURES_MAX` failed; return what failed."""
        failures: list[str] = []
        for seed in seeds:
            try:
                self.try_seed(seed)
            except Exception:  # noqa: BLE001 - whatever comes out is what is looked for
                failures.append(f"seed {seed}:\n{traceback.format_exc()}")
            if len(failures) == FAILURES_MAX:
                break
        return failures

    def try_dice(self, dice: random.Random) -> None:
        """Try the file that the dice make, likewise."""
        made = make_file(dice.choice(FORMATS), dice)
        compression = dice.choice(["", "", "", "gzip", "zstd"])
        data = packed(made.data, compression) if compression else made.data
        is_damaged = dice.random() < 0.9
        if is_damaged:
            data = damaged(data, dice)
        is_pipe = dice.random() < 0.5
        stdin: io.BytesIO = _PipedInPieces(data, dice) if is_pipe else _InPieces(data, dice)
        if made.row_format == "parquet" and not is_pipe:
            stdin = io.BytesIO(data)  # pyarrow wants all that it asks for
        sent, error = self._read(made, compression, stdin)
        self._judge(made, _plain(data, compression), sent, error, at_rest=not is_pipe)
        if not is_damaged and made.row_format == "parquet":
            assert (sent, error) == ([i for i in made.ids if ID(i)], ""), (sent, error)

    def _read(self, made: Made, compression: str, stdin: io.BytesIO) -> tuple[list[str], str]:
        suffix = {"gzip": ".gz", "zstd": ".zst"}.get(compression, "")
        source = Source(
            name="-", lane="ark", format=made.row_format + suffix, id_field=made.id_field
        )
        sent: list[str] = []
        invalid = 0
        error = ""
        try:
            reader = open_source(source, stdin=stdin)
            while (blocks := reader.read()) is not None:
                for block in blocks:
                    sent += block.ids
                    invalid += len(block.invalid)
        except SourceError as exc:
            error = str(exc)
        for what, number in (("IDs", len(sent)), ("invalid", invalid), ("ended", bool(error))):
            self.counts[f"{made.row_format}: {what}"] += number
        self.counts[f"{made.row_format}: files"] += 1
        return sent, error

    def _judge(
        self, made: Made, plain: tuple[bytes, bool], sent: list[str], error: str, *, at_rest: bool
    ) -> None:
        data, is_whole = plain
        assert all(map(ID, sent)), sent
        if made.row_format == "parquet":
            assert _is_part(sent, [*made.ids]), (sent, made.ids)
            return
        named = named_ids(data, made.row_format, made.id_field, at_rest=at_rest and is_whole)
        if made.row_format == "jsonl" or not is_whole:
            # JSON parsers differ in what else they refuse; compressed data may end earlier.
            assert _is_part(sent, named), (sent, named)
        else:
            assert sent == named, (sent, named, error)


def _plain(data: bytes, compression: str) -> tuple[bytes, bool]:
    """Decompress as far as that goes; say also whether that was all."""
    if not compression:
        return data, True
    if compression == "zstd":
        return _plain_zstd(data)
    out = bytearray()
    rest = data
    try:
        while rest:
            member = zlib.decompressobj(16 + zlib.MAX_WBITS)
            while rest and not member.eof:
                out += member.decompress(rest[:1])
                rest = rest[1:]
            if not member.eof:
                return bytes(out), False
            rest = (member.unused_data + rest).lstrip(b"\0")
    except zlib.error:
        return bytes(out), False
    return bytes(out), bool(data)


def _plain_zstd(data: bytes) -> tuple[bytes, bool]:
    out = bytearray()
    rest = data
    try:
        while rest:
            frame = zstandard.ZstdDecompressor().decompressobj()
            while rest and not frame.eof:
                out += frame.decompress(rest[:1])
                rest = rest[1:]
            if not frame.eof:
                return bytes(out), False
            rest = frame.unused_data + rest
    except zstandard.ZstdError:
        return bytes(out), False
    return bytes(out), bool(data)


def _is_part(some: list[str], of: list[str]) -> bool:
    """Say whether ``some`` are among ``of``, in the same order."""
    rest = iter(of)
    return all(each in rest for each in some)


def main() -> int:
    """Try seeds for as long as the command line says."""
    parser = argparse.ArgumentParser(description="Damage files of IDs and read them.")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    options = parser.parse_args()
    fuzzer = Fuzzer()
    until_s = time.monotonic() + options.seconds
    seeds = takewhile(
        lambda seed: seed == options.first or time.monotonic() < until_s, count(options.first)
    )
    failures = fuzzer.try_seeds(seeds)
    print(*failures, sep="\n")
    for what, number in sorted(fuzzer.counts.items()):
        print(f"{what:20} {number:12,}")
    files = sum(fuzzer.counts[f"{row_format}: files"] for row_format in FORMATS)
    print(f"{files:,} files read, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
