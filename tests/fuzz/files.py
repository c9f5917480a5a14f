"""Make files of IDs in every format, valid ones, with text in them that looks like rows.

The text of other cells and fields holds ``resp_KEEP_…``: IDs that no row names, on lines of
their own where the format has line breaks. What reads inside a record would find them.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tests.support.hostile import hostile_id

FORMATS: Final = ("text", "jsonl", "csv", "tsv", "parquet")
KEPT: Final = "resp_KEEP_"


@dataclass(frozen=True, slots=True)
class Made:
    """A file.

    Attributes:
        row_format: One of `FORMATS`.
        id_field: Field or column of the ID.
        data: Its bytes.
        ids: What stands in its ID field, row by row.
    """

    row_format: str
    id_field: str
    data: bytes
    ids: tuple[str, ...]


def make_file(row_format: str, dice: random.Random) -> Made:
    """Make a valid file of up to 30 rows."""
    ids = [_object_id(dice) for _ in range(dice.randrange(31))]
    make = _MAKE[row_format]
    id_field = "response.id" if row_format == "jsonl" and dice.random() < 0.5 else "id"
    return Made(row_format, id_field, make(ids, dice, row_format, id_field), tuple(ids))


def packed(data: bytes, compression: str) -> bytes:
    """Compress with ``gzip`` or ``zstd``."""
    if compression == "gzip":
        return gzip.compress(data)
    return bytes(zstandard.ZstdCompressor(write_checksum=True).compress(data))


def _object_id(dice: random.Random) -> str:
    shape = dice.random()
    if shape < 0.1:
        return hostile_id(dice)
    object_id = f"resp_{dice.getrandbits(64):016x}"
    return f" {object_id}\t" if shape < 0.2 else object_id


def _note(dice: random.Random) -> str:
    kept = f"{KEPT}{dice.getrandbits(32):08x}"
    parts = (
        *(f"\n{kept}\n", f"\n{kept},x\n", f"\n{kept}\tx\n", f"\n{kept},x,y\n", f"\r\n{kept}\r\n"),
        *(f'\n{{"id":"{kept}"}}\n', f'{{"response":{{"id":"{kept}"}}}}', f'\n"{kept}","x"\n'),
        *('"', '""', ",", "\t", "\n", "\\", '\\"', "{", "}", "]", "é", "回", "text ", "", "# "),
    )
    return "".join(dice.choice(parts) for _ in range(dice.randrange(8)))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(ids: list[str], dice: random.Random, *_: str) -> bytes:
    end = dice.choice(["\n", "\n", "\r\n"])
    before = ["", "", "", "\ufeff", f"# {KEPT}{end}"]
    lines = [dice.choice(before) + object_id for object_id in ids]
    return _encoded(end.join(lines) + dice.choice([end, ""]))


def _jsonl(ids: list[str], dice: random.Random, _: str, id_field: str) -> bytes:
    rows = []
    for object_id in ids:
        row: dict[str, Any] = {"id": object_id, "note": _note(dice), "other": [{"id": _note(dice)}]}
        if id_field == "response.id":
            row = {"id": f"{KEPT}outer", "response": row, "more": {"x": _note(dice)}}
        items = list(row.items())
        dice.shuffle(items)
        rows.append(json.dumps(dict(items), ensure_ascii=dice.random() < 0.5))
    return _encoded("\n".join(rows) + dice.choice(["\n", ""]))


def _table(ids: list[str], dice: random.Random, row_format: str, id_field: str) -> bytes:
    out = io.StringIO()
    writer = csv.writer(
        out,
        delimiter="," if row_format == "csv" else "\t",
        quoting=dice.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        lineterminator=dice.choice(["\n", "\r\n"]),
    )
    columns = [id_field, "note", "more"][: dice.randrange(1, 4)]
    dice.shuffle(columns)
    writer.writerow(columns)
    for object_id in ids:
        writer.writerow([object_id if name == id_field else _note(dice) for name in columns])
    text = out.getvalue()
    return _encoded(text if dice.random() < 0.5 else text.removesuffix("\n"))


def _parquet(ids: list[str], dice: random.Random, _: str, id_field: str) -> bytes:
    columns = {
        id_field: [object_id.encode("utf-8", "replace").decode() for object_id in ids],
        "note": [_note(dice) for _ in ids],
    }
    out = io.BytesIO()
    pq.write_table(
        pa.table({name: pa.array(of, pa.string()) for name, of in columns.items()}),
        out,
        row_group_size=dice.choice([5, 100]),
        compression=dice.choice(["none", "snappy", "zstd"]),
        use_dictionary=dice.random() < 0.5,
        data_page_version=dice.choice(["1.0", "2.0"]),
        write_page_checksum=True,
    )
    return out.getvalue()


_MAKE: Final[Mapping[str, Callable[[list[str], random.Random, str, str], bytes]]] = {
    "text": _text,
    "jsonl": _jsonl,
    "csv": _table,
    "tsv": _table,
    "parquet": _parquet,
}
