"""JSON arrays: each element is a row, and the first thing that is not as it should be ends it."""

from __future__ import annotations

import io
import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from bulkdel.errors import SourceError
from bulkdel.sources import Source, count_rows, open_source
from bulkdel.sources.json_array import ELEMENT_BYTES_MAX
from tests.support.seeds import seeds

NASTY = ["}", "]", ",", '"', "\\", '\\"', '{"id":"resp_KEEP"}', '"},{"id":"resp_KEEP"', "\n", "é"]


class InPieces(io.BytesIO):
    """Stdin that gives a few bytes at a time."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        """Give some of what was asked for."""
        return super().read(min(size or -1, self._most))


def read(data: bytes, most: int = 1 << 20, **settings: Any) -> tuple[list[str], list[str], str]:
    """Return the IDs, why rows are none, and why it ended early."""
    ids, invalid, error = [], [], ""
    source = Source(**({"name": "-", "lane": "ark", "format": "json"} | settings))
    try:
        reader = open_source(source, stdin=InPieces(data, most))
        while (blocks := reader.read()) is not None:
            for block in blocks:
                ids += block.ids
                invalid += [row.reason for row in block.invalid]
    except SourceError as exc:
        error = str(exc)
    return ids, invalid, error


def drawn(dice: random.Random) -> tuple[bytes, list[str]]:
    """Return an array, and the IDs in it."""
    rows: list[Any] = []
    ids = []
    for number in range(dice.randrange(12)):
        object_id = f"resp_{number}"
        ids.append(object_id)
        text = "".join(dice.choices(NASTY, k=dice.randrange(4)))
        row = {"text": text, "id": object_id, "in": [{"a": [text]}, {}, 1.5, None]}
        rows.append(row if dice.random() < 0.8 else object_id)
    indent = dice.choice((None, 0, 2))
    data = json.dumps(rows, indent=indent, ensure_ascii=dice.random() < 0.5)
    return dice.choice(("", "\n ", "\ufeff")).encode() + data.encode() + b"\n", ids


def test_every_element_is_a_row_however_it_arrives() -> None:
    """Pretty or on one line, in pieces of any size, whatever stands in its texts."""
    for seed in seeds(300):
        dice = random.Random(seed)
        data, ids = drawn(dice)
        assert read(data, dice.choice((1, 2, 7, 1000))) == (ids, [], ""), seed


def test_what_stands_behind_a_fault_is_never_read() -> None:
    """Seeded: a byte changed, lost or put in. What is sent is what a strict reader finds."""
    happened = {"ended": 0, "whole": 0}
    for seed in seeds(3000):
        dice = random.Random(seed)
        data, ids = drawn(dice)
        at = dice.randrange(len(data))
        other = bytes([dice.choice(b'"{}[],:\\x \n\0')])
        damaged = dice.choice(
            (data[:at] + other + data[at + 1 :], data[:at] + data[at + 1 :], data[:at])
        )
        found, invalid, error = read(damaged, dice.choice((1, 50, 1 << 20)))

        happened["ended" if error else "whole"] += 1
        if error:
            assert found == ids[: len(found)] or _named(damaged, found), (seed, damaged)
        elif damaged.strip().removeprefix(b"\xef\xbb\xbf").startswith(b"["):
            rows = json.loads(damaged.decode("utf-8-sig"))
            assert len(found) + len(invalid) == len(rows), (seed, damaged)
            assert set(found) <= {row.get("id") if isinstance(row, dict) else row for row in rows}
        assert "resp_KEEP" not in found
    assert min(happened.values()) > 100, happened


def _named(damaged: bytes, found: list[str]) -> bool:
    """Say whether each ID stands in the file as one, where the damage is in an ID itself."""
    return all(json.dumps(each).encode() in damaged for each in found)


@pytest.mark.parametrize(
    ("data", "ids", "error"),
    [
        (b"[]", [], ""),
        (b'["resp_1"]', ["resp_1"], ""),
        (b'[\n{"id":"resp_1"},\n{"id":"resp_2"}', ["resp_1"], "line 3: the array is not closed"),
        (b'["resp_1" "resp_2"]', [], "line 1: not JSON"),
        (b'["resp_1",,"resp_2"]', ["resp_1"], "not JSON"),
        (b'["resp_1",]', ["resp_1"], "not JSON"),
        (b'["resp_1"}', ["resp_1"], "'}' where ']' should be"),
        (b'["resp_1"]["resp_2"]', ["resp_1"], "something follows"),
        (b'["resp_1"]\n["resp_2"]', ["resp_1"], "line 2: something follows"),
        (b"[", [], "the array is not closed"),
    ],
)
def test_an_array_is_closed_or_the_source_ends(data: bytes, ids: list[str], error: str) -> None:
    """What was read before stands; the line says where to look."""
    found, invalid, said = read(data)

    assert (found, invalid) == (ids, [])
    assert error in said
    assert bool(error) == bool(said)


def test_rows_that_are_no_ids() -> None:
    """Each is one invalid row, and the next one is read."""
    data = b'[1, "a b", {"x": 1}, {"id": 5}, null, {"id":"resp_1","id":"resp_2"}, "resp_9"]'

    ids, invalid, error = read(data)

    assert (ids, error) == (["resp_9"], "")
    assert [reason.split(" (")[0] for reason in invalid] == [
        "not a JSON object",
        "the ID holds U+0020 SPACE at place 2",
        "the field 'id' is missing",
        "the field 'id' is not a string",
        "not a JSON object",
        "the field 'id' comes twice",
    ]


def test_a_string_names_no_lane() -> None:
    """Where rows name their lane, an ID alone would be sent to nobody knows where."""
    ids, invalid, _ = read(
        b'["resp_1", {"id":"resp_2","to":"ark"}]', lane=None, provider_field="to"
    )

    assert (ids, len(invalid)) == (["resp_2"], 1)


def test_an_element_that_does_not_end_is_not_held() -> None:
    """A quote that is lost would else bring the rest of the file into memory."""
    data = b'["resp_1", {"text":"' + b"x" * (2 * ELEMENT_BYTES_MAX) + b'"}, "resp_KEEP"]'

    ids, _, error = read(data)

    assert ids == ["resp_1"]
    assert "an element has more than 1,048,576 bytes" in error


@pytest.mark.parametrize("excess", [0, 1])
@pytest.mark.parametrize("most", [50_000, 1 << 20, 3 << 20])
def test_how_it_arrives_does_not_say_what_is_too_long(excess: int, most: int) -> None:
    """Else the same file would be read on one machine and end early on another."""
    long = b'{"id":"resp_2","text":"%b"}'
    long %= b"x" * (ELEMENT_BYTES_MAX + excess - len(long % b""))

    ids, invalid, error = read(b'["resp_1",' + long + b',"resp_3"]', most)

    assert (ids, invalid) == ((["resp_1"] if excess else ["resp_1", "resp_2", "resp_3"]), [])
    assert ("1,048,576 bytes" in error) == bool(excess)


def test_blanks_alone_are_not_held() -> None:
    """A file of gigabytes of them, as a broken disk leaves it, must not fill the memory."""
    given = 0

    class Blanks(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            nonlocal given
            given += 1
            return b" " * (1 << 20) if given <= 64 else b""

    tracemalloc.start()
    try:
        reader = open_source(Source(name="-", lane="ark", format="json"), stdin=Blanks())
        while reader.read() is not None:
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert given > 64
    assert peak < 16 << 20


def test_json_lines_may_be_called_json() -> None:
    """As exports call them."""
    assert read(b'\n{"id":"resp_1"}\n{"id":"resp_2"}\n') == (["resp_1", "resp_2"], [], "")


@pytest.mark.parametrize("row_format", ["json", "jsonl"])
def test_a_result_log_is_no_source(row_format: str) -> None:
    """Its IDs are done; whoever gives it wants to go on with it."""
    data = b'{"run":{"at":"2026-11-22T00:00:00.000Z","lanes":{}}}\n{"id":"resp_1","lane":"ark"}\n'

    ids, _, error = read(data, format=row_format)

    assert ids == []
    assert "is a result log, not a source: --log goes on with it" in error


@pytest.mark.parametrize("data", [b'[{"id":"resp_1"}]\n', b'[\n{"id":"resp_1"}\n]\n'])
def test_an_array_among_json_lines_says_what_to_give(data: bytes) -> None:
    """As one invalid row it would say nothing."""
    ids, invalid, error = read(data, format="jsonl")

    assert (ids, invalid) == ([], [])
    assert "--format json" in error


def test_the_lines_of_an_array_are_not_its_rows(tmp_path: Path) -> None:
    """A total that is three times too high makes the time left a lie."""
    path = tmp_path / "ids.json"
    counts = []
    for data in (b'[\n{"id":\n"resp_1"}\n]\n', b'{"id":"resp_1"}\n{"id":"resp_2"}\n'):
        path.write_bytes(data)
        counts.append(count_rows(Source(name=str(path), lane="ark"), lambda: False))

    assert counts == [None, 2]
