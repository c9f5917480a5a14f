"""Where IDs come from: files, stdin and Python iterables, in blocks.

    source.py     what a source is: name, lane, format
    reading.py    open one, read its blocks: here each format has its reader
    opening.py    files and stdin as bytes; `compression` unpacks them
    lines.py      bytes into lines
    text.py jsonl.py table.py parquet.py   one format each
    json_array.py one array cut into its elements
    json_field.py nesting.py               a row of JSON: its field; whether it ends in its line
    table_rows.py                          a table cut into rows and cells
    rows.py       check IDs, sort rows into blocks
    counting.py   the total for the progress bar

What holds here, always:

1. Every row ends as exactly one of: an ID that `object_id.invalid_reason` accepts, or
   an `InvalidRow` that names source, line and reason. Blank lines and comments are no
   rows.
2. How the bytes arrive makes no difference to what is read.
3. What may be half a row, because a source broke off, is never an ID.
4. Memory does not grow with the source, nor with its longest line.

All of it is synchronous and blocks: the caller runs it in a thread.
"""

from bulkdel.sources.counting import count_rows
from bulkdel.sources.reading import SourceReader, from_iterable, open_source, open_sources
from bulkdel.sources.rows import check_ids
from bulkdel.sources.source import FORMATS, NO_LANE, STDIN, Format, Source

__all__ = [
    "FORMATS",
    "NO_LANE",
    "STDIN",
    "Format",
    "Source",
    "SourceReader",
    "check_ids",
    "count_rows",
    "from_iterable",
    "open_source",
    "open_sources",
]
