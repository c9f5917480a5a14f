"""A damaged file: only what it still names, as a strict reader of its own agrees, is sent."""

from __future__ import annotations

import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulkdel.errors import SourceError
from bulkdel.sources import Source, open_source

pytest.importorskip("pyarrow")
pytest.importorskip("zstandard")

from tests.fuzz.files import FORMATS
from tests.fuzz.sources import Fuzzer, Piped
from tests.fuzz.strict import named_ids

TOKENS = (
    *("id", "x", "resp_1", "resp_2", "resp_KEEP", '{"id":"resp_1"}', '{"id":"', '"}', "é", "."),
    *("\n", "\n", "\r\n", "\r", ",", "\t", '"', '""', "\\", "{", "}", "[", "]", ":", " ", "#"),
)
"""What rows are made of, and what takes them apart."""

BYTES = (b"\xff", b"\0", b"\xef\xbb\xbf", b"\xc3")


@pytest.mark.parametrize("first", range(0, 1000, 100))
def test_damaged_files_name_what_is_sent(first: int) -> None:
    """Bits flipped, parts cut out, doubled, moved, zeroed, in every format, from files and pipes."""
    fuzzer = Fuzzer()
    for seed in range(first, first + 100):
        try:
            fuzzer.try_seed(seed)
        except Exception as exc:
            raise AssertionError(f"python -m tests.fuzz.sources --seconds 0 --from {seed}") from exc

    for row_format in FORMATS:  # it is no empty promise
        assert fuzzer.counts[f"{row_format}: IDs"]
        assert fuzzer.counts[f"{row_format}: ended"]


@settings(max_examples=300)
@given(
    row_format=st.sampled_from(["text", "jsonl", "csv", "tsv"]),
    parts=st.lists(
        st.one_of(st.sampled_from(TOKENS).map(str.encode), st.sampled_from(BYTES)), max_size=30
    ),
    at_rest=st.booleans(),
)
@example(row_format="csv", parts=[b'id,x\nresp_1,"\n', b"resp_KEEP,\n", b'"'], at_rest=True)
@example(row_format="csv", parts=[b'id\nresp_1\na"b\n', b"resp_KEEP\n"], at_rest=True)
@example(row_format="jsonl", parts=[b'{"id":"\n', b'{"id":"resp_KEEP"}\n"}'], at_rest=True)
@example(row_format="text", parts=[b"resp_1\nresp_2"], at_rest=False)
def test_any_text_names_what_is_sent(row_format: str, parts: list[bytes], at_rest: bool) -> None:
    """The same for text that was never valid; hypothesis makes it small where it fails."""
    header = {"csv": b"id,x\n", "tsv": b"id\tx\n"}.get(row_format, b"")
    for data in (b"".join(parts), header + b"".join(parts)):
        stdin = io.BytesIO(data) if at_rest else Piped(data)
        source = Source(name="-", lane="ark", format=row_format)
        sent: list[str] = []
        try:
            reader = open_source(source, stdin=stdin)
            while (blocks := reader.read()) is not None:
                sent += [object_id for block in blocks for object_id in block.ids]
        except SourceError:
            pass

        assert sent == named_ids(data, row_format, "id", at_rest=at_rest)
