"""What a source is told by its settings and its name."""

from __future__ import annotations

from typing import Any

import pytest

from bulkdel.errors import ConfigError
from bulkdel.sources import Source


@pytest.mark.parametrize(
    "settings",
    [
        {"name": ""},
        {"name": "a.txt"},
        {"name": "a.jsonl", "lane": "ark", "provider_field": "to"},
        {"name": "a.jsonl", "lane": "ark", "id_field": ""},
        {"name": "a.jsonl", "provider_field": "id"},
        {"name": "a.txt", "provider_field": "to"},
        {"name": "a", "lane": "ark", "format": "xml"},
        {"name": "a", "lane": "ark", "format": "gz"},
        *({"name": "a.csv", "lane": "ark", "delimiter": char} for char in ("", "ab", *'_-.x1"\n')),
        {"name": "a.csv", "lane": "ark", "header": False},
        {"name": "a.csv", "lane": "ark", "header": False, "id_field": "0"},
        {"name": "a.csv", "header": False, "id_field": "1", "provider_field": "to"},
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any]) -> None:
    """A source that could be understood in two ways is not read at all."""
    with pytest.raises(ConfigError):
        Source(**settings)


@pytest.mark.parametrize(
    ("name", "override", "row_format", "compression"),
    [
        ("ids.txt", None, "text", None),
        ("ids", None, "text", None),
        ("-", None, "text", None),
        ("a.JSONL", None, "jsonl", None),
        ("a.json", None, "json", None),
        ("a.ndjson.gz", None, "jsonl", "gzip"),
        ("a.csv.zst", None, "csv", "zstd"),
        ("dir.csv/ids", None, "text", None),
        ("a.tsv", None, "tsv", None),
        ("a.parquet", None, "parquet", None),
        ("a.csv.gz", "jsonl", "jsonl", "gzip"),
        ("-", "csv.gz", "csv", "gzip"),
        ("a.txt", "text.zst", "text", "zstd"),
    ],
)
def test_the_format_goes_by_the_name(
    name: str, override: str | None, row_format: str, compression: str | None
) -> None:
    """Nobody should have to say what the file name says; and stdin has no name."""
    source = Source(name=name, lane="ark", format=override)

    assert (source.row_format, source.compression) == (row_format, compression)
