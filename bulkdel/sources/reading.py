"""Open a source and read it block by block, whatever its format.

    open_source --> bytes --> [decompress] --> rows of the format --> SourceReader.read
    from_iterable --------------------------------------------------> SourceReader.read

All of this blocks: run it in a thread, one block at a time. What is wrong with a file
as a whole is said by `open_source`, so before anything is sent; a row that is no ID is
part of a block.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from itertools import chain, islice
from typing import BinaryIO, Final, cast

from bulkdel.compression import decompress
from bulkdel.errors import ConfigError, SourceError
from bulkdel.models import Block
from bulkdel.object_id import STRICT, IdForm
from bulkdel.sources.jsonl import ROW_BYTES_MAX, json_blocks, jsonl_blocks
from bulkdel.sources.lines import without_mark
from bulkdel.sources.opening import ByteStream, Interrupted, open_file
from bulkdel.sources.parquet import open_parquet, parquet_blocks, require_pyarrow, spool
from bulkdel.sources.rows import check_ids, form_of
from bulkdel.sources.source import STDIN, Format, Source
from bulkdel.sources.table import table_blocks
from bulkdel.sources.text import text_blocks

ITERABLE_NAME: Final = "<ids>"
ITERABLE_BLOCK_IDS: Final = 1_000
"""Fewer than from a file: the caller's iterable may be slow, and a block waits for it."""


class SourceReader:
    """The blocks of one source, in its order.

    One thread at a time reads; `interrupt` may come from any.
    """

    def __init__(
        self,
        blocks: Iterator[list[Block]],
        *,
        interrupted: threading.Event,
        close: Callable[[], None] | None = None,
    ) -> None:
        self._blocks = blocks
        self._interrupted = interrupted
        self._close = close
        self._first: list[Block] | None = None

    def look_ahead(self) -> None:
        """Read the first blocks now and keep them, so that errors show.

        Raises:
            SourceError: The source cannot be read.
        """
        self._first = self.read()

    @property
    def first(self) -> list[Block]:
        """The blocks that `look_ahead` has kept; empty when they were read, or of a pipe."""
        return self._first or []

    def read(self) -> list[Block] | None:
        """Return the next blocks, or None at the end or after `interrupt`.

        There are several only if the rows name their lanes: one for each lane.

        Raises:
            SourceError: The source cannot be read further. What was returned before is
                whole; no half row is among it.
        """
        if self._interrupted.is_set():
            return None
        if self._first is not None:
            first, self._first = self._first, None
            return first
        try:
            return next(self._blocks, None)
        except Interrupted:
            return None

    def interrupt(self) -> None:
        """Make a `read` that waits return soon, and every later one at once."""
        self._interrupted.set()

    def close(self) -> None:
        """Let go of the file. Not while `read` runs."""
        if isinstance(self._blocks, Generator):
            self._blocks.close()
        if self._close is not None:
            self._close()


def open_source(
    source: Source,
    *,
    lanes: Mapping[str, IdForm] | None = None,
    stdin: BinaryIO | None = None,
) -> SourceReader:
    """Open a source and check what can be checked without waiting for another program.

    A file is opened, its format is checked and its first rows are read. A pipe is only
    opened; what is wrong with it shows at the first `SourceReader.read`.

    Args:
        source: What to read.
        lanes: The lanes that rows may name, and what the IDs of each look like; None
            accepts every name, and the strict form.
        stdin: What the source ``-`` reads. It is not closed.

    Raises:
        SourceError: It is missing, cannot be read, or is not in its format.
    """
    if source.name == STDIN:
        if stdin is None:
            raise SourceError("stdin is not available here")
        stream = ByteStream(stdin, source.label, owned=False)
    else:
        stream = open_file(source.name)
    try:
        reader = SourceReader(
            _blocks(stream, source, lanes), interrupted=stream.interrupted, close=stream.close
        )
        if stream.at_once:
            reader.look_ahead()
    except BaseException:
        stream.close()
        raise
    return reader


def open_sources(
    sources: Iterable[Source],
    *,
    lanes: Mapping[str, IdForm] | None = None,
    stdin: BinaryIO | None = None,
) -> list[SourceReader]:
    """Open all of some sources, or none; the arguments as for `open_source`.

    Raises:
        SourceError: One is missing, cannot be read, or is not in its format.
    """
    with ExitStack() as opened:
        readers = []
        for source in sources:
            reader = open_source(source, lanes=lanes, stdin=stdin)
            opened.callback(reader.close)
            readers.append(reader)
        opened.pop_all()
    return readers


def _blocks(
    stream: ByteStream, source: Source, lanes: Mapping[str, IdForm] | None
) -> Iterator[list[Block]]:
    pieces = stream.pieces()
    if source.compression is not None:
        pieces = decompress(pieces, source.compression, source.label)
    unmarked = without_mark(pieces, source.label)
    match source.row_format:  # mypy sees to it that each has its reader
        case Format.TEXT:
            lane = cast("str", source.lane)
            return text_blocks(unmarked, source, lane, form_of(lane, lanes), stream.end_doubt)
        case Format.JSONL:
            return jsonl_blocks(unmarked, source, lanes, stream.end_doubt)
        case Format.JSON:
            return _json(unmarked, source, lanes, stream)
        case Format.CSV | Format.TSV:
            return table_blocks(unmarked, source, lanes, stream.end_doubt)
        case Format.PARQUET:
            return _parquet(stream, pieces, source, lanes)


def _json(
    pieces: Iterator[bytes], source: Source, lanes: Mapping[str, IdForm] | None, stream: ByteStream
) -> Iterator[list[Block]]:
    """Read one array, or, if it does not begin as one, JSON Lines: both are called ``.json``."""
    head = b""
    for piece in pieces:
        head += piece
        if head.strip() or len(head) > ROW_BYTES_MAX:  # nothing but blanks: JSON Lines holds none
            break
    pieces = chain([head], pieces)
    if head.lstrip().startswith(b"["):
        yield from json_blocks(pieces, source, lanes)
    else:
        yield from jsonl_blocks(pieces, source, lanes, stream.end_doubt)


def _parquet(
    stream: ByteStream, pieces: Iterator[bytes], source: Source, lanes: Mapping[str, IdForm] | None
) -> Iterator[list[Block]]:
    require_pyarrow(source.label)  # Before a long pipe is written to disk.
    if stream.at_once and stream.file.seekable() and source.compression is None:
        yield from parquet_blocks(open_parquet(stream.file, source), source, lanes)
        return
    with closing(spool(pieces)) as file:
        yield from parquet_blocks(open_parquet(file, source), source, lanes)


def from_iterable(ids: Iterable[object], lane: str, form: IdForm = STRICT) -> SourceReader:
    """Read the IDs of a Python iterable, which may be endless; ``form`` is what they look like.

    An element that is not a string is an invalid row; its line is its place, from 1.
    What the iterable raises comes out of `SourceReader.read` as it is.

    Raises:
        ConfigError: It is one string or bytes, which would be taken apart, or no iterable.
    """
    if isinstance(ids, str | bytes | bytearray) or not isinstance(ids, Iterable):
        raise ConfigError(
            f"ids must be an iterable of IDs, not one {type(ids).__name__};"
            " of a file, give the lines without their ends"
        )
    interrupted = threading.Event()
    return SourceReader(_iterable_blocks(ids, lane, form, interrupted), interrupted=interrupted)


def _iterable_blocks(
    ids: Iterable[object], lane: str, form: IdForm, interrupted: threading.Event
) -> Iterator[list[Block]]:
    number = 1
    iterator = iter(ids)
    while texts := _take(iterator, interrupted):
        yield [Block(lane, *check_ids(texts, number, ITERABLE_NAME, form))]
        number += len(texts)


def _take(ids: Iterator[object], interrupted: threading.Event) -> list[object]:
    taken = []
    for element in islice(ids, ITERABLE_BLOCK_IDS):
        if interrupted.is_set():
            raise Interrupted
        taken.append(element)
    return taken
