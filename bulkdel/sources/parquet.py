"""Parquet: the ID in one column of strings, found by its name, or in a struct's field. Needs pyarrow.

Only the wanted columns are read, some thousand rows at a time. Parquet is read from
its end, so what comes through a pipe or is compressed as a whole goes into a temporary
file first.

Damage ends the source. Checksums of pages are verified where the writer made any (most can,
few do by default); without them a changed byte of an ID is another ID here as in any text. What
a batch holds is given out only after all of it has been read and checked, and in the end the
rows must be as many as the file says.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import IO, Any

from bulkdel.errors import SourceError
from bulkdel.models import Block
from bulkdel.object_id import IdForm
from bulkdel.sources.rows import BLOCK_IDS_MAX, RowSorter, check_ids, form_of
from bulkdel.sources.source import Source
from bulkdel.sources.table import shown_columns


def require_pyarrow(label: str) -> Any:
    """Return the module ``pyarrow.parquet``.

    Raises:
        SourceError: It is not installed.
    """
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError as exc:
        raise SourceError(
            f"{label}: reading Parquet needs a package: pip install 'bulkdel[parquet]'"
        ) from exc


def spool(pieces: Iterable[bytes]) -> IO[bytes]:
    """Write ``pieces`` into a temporary file and return it, rewound.

    Raises:
        SourceError: What ``pieces`` raises, or the disk is full.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
    try:
        for piece in pieces:
            file.write(piece)
        file.seek(0)
    except OSError as exc:
        file.close()
        raise SourceError(f"{tempfile.gettempdir()}: cannot be written: {exc.strerror}") from exc
    except BaseException:
        file.close()
        raise
    return file


def open_parquet(file: IO[bytes], source: Source) -> Any:
    """Return the ``ParquetFile`` in ``file``, its columns checked.

    Raises:
        SourceError: It is no Parquet file, or lacks a column, or the column holds no
            strings.
    """
    parquet = require_pyarrow(source.label)
    try:
        table = parquet.ParquetFile(file, page_checksum_verification=True)
        schema = table.schema_arrow
    except _damage() as exc:
        raise SourceError(f"{source.label}: is not Parquet data: {_words(exc)}") from exc
    for name in _columns(source):
        kind = _kind(schema, name, source.label)
        if not _is_string(kind):
            raise SourceError(f"{source.label}: the column {name!r} holds {kind}, not strings")
    return table


def _kind(schema: Any, name: str, label: str) -> Any:
    """Return what a column holds, or a field of a struct in one.

    Raises:
        SourceError: There is none, or there are two.
    """
    first, *steps = _path(schema, name)
    indices = schema.get_all_field_indices(first)
    if len(indices) != 1:
        what = "twice the column" if indices else "no column"
        raise SourceError(
            f"{label}: {what} {first!r}; its columns are {shown_columns(schema.names)}"
        )
    kind = schema.field(indices[0]).type
    for step in steps:
        fields = [each.name for each in kind] if _is_struct(kind) else []
        if fields.count(step) != 1:
            known = f"; there are {shown_columns(fields)}" if fields else ": it has none"
            raise SourceError(f"{label}: the column {first!r} has no one field {step!r}{known}")
        kind = kind.field(kind.get_field_index(step)).type
    return kind


def _path(schema: Any, name: str) -> list[str]:
    """Return the column, and the fields in it, that a name with dots leads to; or it is one."""
    return [name] if schema.get_all_field_indices(name) else name.split(".")


def _is_struct(kind: Any) -> bool:
    return bool(importlib.import_module("pyarrow.types").is_struct(kind))


def _values(batch: Any, name: str) -> list[object]:
    """Return what a column holds, or a field of a struct in one, row by row."""
    first, *steps = _path(batch.schema, name)
    column = batch.column(first)
    for step in steps:
        column = importlib.import_module("pyarrow.compute").struct_field(column, step)
    found: list[object] = column.to_pylist()
    return found


def _is_string(kind: Any) -> bool:
    types = importlib.import_module("pyarrow.types")
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def parquet_blocks(
    table: Any, source: Source, lanes: Mapping[str, IdForm] | None
) -> Iterator[list[Block]]:
    """Give the IDs of an open ``ParquetFile``, block by block.

    Raises:
        SourceError: It is damaged.
    """
    rows = 0
    with closing(table):
        try:
            columns = [".".join(_path(table.schema_arrow, name)) for name in _columns(source)]
            for batch in table.iter_batches(batch_size=BLOCK_IDS_MAX, columns=columns):
                batch.validate(full=True)
                yield _blocks(batch, rows + 1, source, lanes)
                rows += len(batch)
        except _damage() as exc:
            raise SourceError(
                f"{source.label}: is damaged after row {rows:,}: {_words(exc)};"
                " nothing from there on was read"
            ) from exc
        if rows != table.metadata.num_rows:
            raise SourceError(
                f"{source.label}: is damaged: {rows:,} rows; it says {table.metadata.num_rows:,}"
            )


def _damage() -> tuple[type[Exception], ...]:
    """Return what pyarrow raises for damaged data: some comes from between C++ and Python."""
    arrow: type[Exception] = importlib.import_module("pyarrow").ArrowException
    others = (ValueError, LookupError, TypeError, RuntimeError, ArithmeticError, MemoryError)
    return (arrow, OSError, *others)


def _words(exc: Exception) -> str:
    """Return the first line of an error: some of pyarrow's have a page of C++ below."""
    return (str(exc) or type(exc).__name__).splitlines()[0][:200]


def _blocks(
    batch: Any, first: int, source: Source, lanes: Mapping[str, IdForm] | None
) -> list[Block]:
    ids = _values(batch, source.id_field)
    if source.lane is not None:
        form = form_of(source.lane, lanes)
        return [Block(source.lane, *check_ids(ids, first, source.name, form))]
    sorter = RowSorter(source, lanes)
    names = _values(batch, source.provider_field or "")
    for number, (object_id, lane) in enumerate(zip(ids, names, strict=True), first):
        sorter.add(number, object_id, lane, f"{lane} {object_id}".encode())
    return sorter.take()


def _columns(source: Source) -> list[str]:
    lane = source.provider_field
    return [source.id_field] if lane is None else [source.id_field, lane]
