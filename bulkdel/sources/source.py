"""What a source is: its name, its lane, and which format its bytes are in.

The format goes by the file name, a compression suffix first: ``ids.csv.gz`` is CSV
inside gzip. ``format`` overrides the name, and is the only way to say it for stdin:
``csv``, ``csv.gz``. A name that says nothing means text, one ID a line. What ``.json`` is, one
array or JSON Lines, is known by its first character (`reading`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath
from typing import Final

from bulkdel.compression import COMPRESSION_OF_SUFFIX
from bulkdel.errors import ConfigError
from bulkdel.utf8 import encodable


class Format(StrEnum):
    """What the rows of a source are written in."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"


FORMATS: Final = tuple(Format)
STDIN: Final = "-"

NO_LANE: Final = ""
"""Lane of a `Block` whose rows name no lane that exists. It holds invalid rows only."""

_FORMAT_OF_SUFFIX: Final = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSON,
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
}


_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}").fullmatch
_IN_IDS: Final = re.compile(r"[A-Za-z0-9_.:=~+@\-\"'`\\\x00-\x1f\x7f]").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where IDs are read from, and which lane they belong to.

    Either ``lane`` or ``provider_field`` is given: a row that names another lane than
    the user did would leave open whose object is meant.

    Attributes:
        name: Path of a file, or ``-`` for stdin; as the user wrote it.
        lane: Name of the lane of every ID in it.
        format: One of `FORMATS`, with ``.gz`` or ``.zst`` after it if it is compressed
            and its name does not say so. None means by name.
        id_field: Field or column of the ID; text has none. In JSON, ``response.id``
            reaches into ``response`` unless a field has just that name.
        provider_field: Field or column in which each row names its lane.
        delimiter: What separates the cells of a table, one character; None for the format's own.
        header: Whether a table begins with the names of its columns. If not, its fields are
            named by the numbers of their columns, from 1.
        unready: Says why rows of a lane that is not read for cannot be passed over as invalid;
            None if they can. Such a row ends the source.

    Raises:
        ConfigError: The values do not fit together.
    """

    name: str
    lane: str | None = None
    format: str | None = None
    id_field: str = "id"
    provider_field: str | None = None
    delimiter: str | None = None
    header: bool = True
    unready: Callable[[str], str | None] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigError("a source needs a name; '-' is stdin")
        if not self.id_field:
            raise ConfigError("the ID field needs a name")
        for name in (self.id_field, self.provider_field):
            if name is not None and encodable(name) != name:
                raise ConfigError(f"{self.label}: the name {name!r} of a field is not UTF-8")
        if self.id_field == self.provider_field:
            raise ConfigError(f"{self.label}: {self.id_field!r} is both the ID and the lane")
        if (self.lane is None) == (self.provider_field is None):
            raise ConfigError(
                f"{self.label}: either the source has a lane or a field of its rows names it"
            )
        if self.format is not None and _split(self.format)[0] not in FORMATS:
            raise ConfigError(
                f"{self.label}: there is no format {self.format!r}; there are "
                f"{', '.join(FORMATS)}, each also with .gz or .zst"
            )
        self._check_table()
        if self.provider_field is not None and self.row_format is Format.TEXT:
            raise ConfigError(
                f"{self.label}: a text source has no field {self.provider_field!r}; "
                "give the lane, or another format"
            )

    def _check_table(self) -> None:
        if self.delimiter is not None and not _separates(self.delimiter):
            raise ConfigError(
                f"{self.label}: cells cannot be separated by {self.delimiter!r}: give one character"
                " that no ID holds, as ',' ';' '|' or tab"
            )
        if self.header:
            return
        for flag, name in (
            ("--id-field", self.id_field),
            ("--provider-field", self.provider_field),
        ):
            if name is not None and not _NUMBER(name):
                raise ConfigError(
                    f"{self.label}: without a header a column is named by its number, from 1:"
                    f" {flag} 1, not {name!r}"
                )

    @property
    def label(self) -> str:
        """Its name in messages."""
        return "stdin" if self.name == STDIN else self.name

    @property
    def row_format(self) -> Format:
        """The format of its rows, once it is decompressed."""
        if self.format is not None:
            return Format(_split(self.format)[0])
        suffix = PurePath(_split(self.name)[0]).suffix.lower()
        return _FORMAT_OF_SUFFIX.get(suffix, Format.TEXT)

    @property
    def compression(self) -> str | None:
        """``gzip``, ``zstd`` or None."""
        of_format = _split(self.format)[1] if self.format is not None else None
        return of_format or _split(self.name)[1]


def _separates(char: str) -> bool:
    """Say whether cells can be separated by it: no ID, quote or line break holds it."""
    return len(char) == 1 and (char == "\t" or (char.isascii() and not _IN_IDS(char)))


def _split(name: str) -> tuple[str, str | None]:
    """Return ``name`` without its compression suffix, and that compression."""
    suffix = PurePath(name).suffix
    compression = COMPRESSION_OF_SUFFIX.get(suffix.lower())
    return (name.removesuffix(suffix), compression) if compression else (name, None)
