"""Text sources: which lines are IDs, which are not, and that nothing is lost."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkdel.errors import SourceError
from bulkdel.models import InvalidRow
from bulkdel.object_id import STRICT, WIDE, IdForm
from bulkdel.sources import Source, SourceReader, open_source
from bulkdel.sources.lines import CutLine, Lines, split_lines, without_mark
from bulkdel.sources.text import LINE_BYTES_MAX, strip_ends, text_blocks
from tests.support.hostile import hostile_ids

STDIN_TEXT = Source(name="-", lane="ark", format="text")

# Bytes that matter to lines, and lines around every limit.
LINES = st.one_of(
    st.binary(max_size=12),
    st.text(alphabet="ab_.-#é\u2028 \t\r\0", max_size=8).map(str.encode),
    st.integers(LINE_BYTES_MAX - 2, LINE_BYTES_MAX + 2).map(lambda size: b"a" * size),
    st.integers(2046, 2050).map(lambda size: b"a" * size),
    st.sampled_from([b"", b".", b"..", b"#" * 5000, b" " * 5000, b"resp_1\r", b"\xef\xbb\xbf"]),
    hostile_ids().map(lambda text: text.encode("utf-8", "surrogatepass")),
)
FILES = st.one_of(st.binary(max_size=200), st.lists(LINES, max_size=8).map(b"\n".join))


def _read_all(reader: SourceReader) -> tuple[list[str], list[InvalidRow]]:
    ids: list[str] = []
    invalid: list[InvalidRow] = []
    while (blocks := reader.read()) is not None:
        for block in blocks:
            ids += block.ids
            invalid += block.invalid
    return ids, invalid


def _read_text(data: bytes, form: IdForm = STRICT) -> tuple[list[str], list[InvalidRow]]:
    return _read_all(open_source(STDIN_TEXT, lanes={"ark": form}, stdin=io.BytesIO(data)))


def _read_pieces(pieces: list[bytes], form: IdForm = STRICT) -> tuple[list[str], list[InvalidRow]]:
    blocks = [block for found in text_blocks(pieces, STDIN_TEXT, "ark", form) for block in found]
    return [i for b in blocks for i in b.ids], [r for b in blocks for r in b.invalid]


@pytest.mark.parametrize(
    ("data", "ids"),
    [
        (b"", []),
        (b"resp_1\nresp_2\n", ["resp_1", "resp_2"]),
        (b"resp_1\nresp_2", ["resp_1", "resp_2"]),
        (b"resp_1\r\nresp_2\r\n", ["resp_1", "resp_2"]),
        (b"resp_1\nresp_2\r", ["resp_1", "resp_2"]),
        (b"\xef\xbb\xbfresp_1\n", ["resp_1"]),
        (b"\xef\xbb\xbf", []),
        (b"\n\n  \t\r\nresp_1\n\n", ["resp_1"]),
        (b"# a comment\n  # another\nresp_1\n", ["resp_1"]),
        (b"resp_1\n\xef\xbb\xbf# a comment\n", ["resp_1"]),
        (b"# \xff is no UTF-8, and no row\nresp_1\n", ["resp_1"]),
        (b" \tresp_1 \t\nresp_2\n", ["resp_1", "resp_2"]),
        (b"a.b+c=\nx\n", ["a.b+c=", "x"]),
        (b"resp_1\n\xef\xbb\xbfresp_2\n", ["resp_1", "resp_2"]),  # cat a.txt b.txt
        (b"resp_1\xef\xbb\xbf\n \xef\xbb\xbf resp_2\n", ["resp_1", "resp_2"]),
        (b"a.b\n...\n", ["a.b", "..."]),
    ],
)
def test_one_id_a_line(data: bytes, ids: list[str]) -> None:
    """Files come from editors, from Windows and from scripts; each ID must come out whole."""
    assert _read_text(data) == (ids, [])


@pytest.mark.parametrize(
    ("data", "stripped"),
    [
        (b"resp_1\nresp_2\r\n", 0),  # a line end is no part of a line
        (b"resp_1\r", 0),
        (b"\xef\xbb\xbfresp_1\n", 0),  # the mark of the file, where it belongs
        (b" resp_1\nresp_2\n", 1),
        (b"resp_1\t\r\nresp_2 \n", 2),
        (b"resp_1\n\xef\xbb\xbfresp_2\n", 1),
        (b" \n\t# comment\n a b\n", 0),  # of IDs only
    ],
)
def test_what_is_taken_off_an_id_is_counted(data: bytes, stripped: int) -> None:
    """White space may have been a part of the ID; that it was taken off is said."""
    blocks = open_source(STDIN_TEXT, stdin=io.BytesIO(data)).read() or []

    assert sum(block.stripped for block in blocks) == stripped


def test_the_wide_form_reads_what_the_strict_one_refuses() -> None:
    """`--any-id` is for providers whose IDs are not like the usual ones."""
    data = "é\nl'été\nresp_1\na\u200bb\n".encode()

    assert _read_text(data)[0] == ["resp_1"]
    assert _read_text(data, WIDE)[0] == ["é", "l'été", "resp_1"]


@pytest.mark.parametrize(
    ("data", "line", "text", "reason"),
    [
        (b"ok\n.\n", 2, ".", "the ID is '.', which a URL resolves to another object"),
        (b"ok\n..\r\n", 2, "..", "the ID is '..', which a URL resolves to another object"),
        (b"ok\n\na b\n", 3, "a b", "the ID holds U+0020 SPACE at place 2"),
        (b"#\nok\na\x00b", 3, "a\x00b", "the ID holds U+0000 (a control character) at place 2"),
        (b"ok\nres\xffp", 2, "res\\xffp", "not UTF-8: byte 4 of the row"),
        (b"ok\n\xef\xbb\xbf\xff\n", 2, "\\xff", "not UTF-8: byte 1 of the row"),
        (
            b"ok\na\xef\xbb\xbfb\n",
            2,
            "a\ufeffb",
            "the ID holds U+FEFF ZERO WIDTH NO-BREAK SPACE at place 2",
        ),
        (b"ok\nresp_1#2\n", 2, "resp_1#2", "the ID holds U+0023 NUMBER SIGN at place 7"),
        (b"ok\n../files/f\n", 2, "../files/f", "the ID holds U+002F SOLIDUS at place 3"),
    ],
)
def test_a_line_that_is_no_id_is_named_and_the_rest_is_read(
    data: bytes, line: int, text: str, reason: str
) -> None:
    """One dirty line neither ends the run nor is sent, and can be found in the file."""
    ids, invalid = _read_text(data)

    assert ids == ["ok"]
    assert invalid == [InvalidRow(text, "-", line, reason)]


@pytest.mark.parametrize("form", [STRICT, WIDE], ids=lambda form: form.name)
@given(data=FILES)
@example(data=b"\n" + b"a" * 4096 + b"\r\nb")
def test_every_row_is_an_id_or_invalid(form: IdForm, data: bytes) -> None:
    """Whatever the bytes are, no row is lost, doubled or sent though it is no ID."""
    ids, invalid = _read_pieces([data] if data else [], form)

    rows = 0
    for line in data.split(b"\n"):
        row = strip_ends(line)
        comment = strip_ends(line[:LINE_BYTES_MAX]).startswith(b"#")
        rows += len(line) > LINE_BYTES_MAX and not comment
        rows += len(line) <= LINE_BYTES_MAX and bool(row) and not comment
    assert len(ids) + len(invalid) == rows
    assert all(form.invalid_reason(object_id) is None for object_id in ids)
    assert all(len(row.text) <= 200 for row in invalid)
    assert [row.line for row in invalid] == sorted({row.line for row in invalid})


@given(FILES, st.lists(st.integers(0, 20_000), max_size=6))
def test_the_borders_of_pieces_change_nothing(data: bytes, cuts: list[int]) -> None:
    """A pipe cuts where it likes; half an ID must never be sent."""
    borders = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    pieces = [data[a:b] for a, b in pairwise(borders)]

    ids, invalid = _read_pieces(pieces)

    whole_ids, whole_invalid = _read_pieces([data] if data else [])
    assert ids == whole_ids
    assert sorted(invalid, key=lambda row: row.line) == whole_invalid


@given(st.binary(max_size=8), st.binary(max_size=8))
def test_a_byte_order_mark_is_taken_off_however_it_arrives(start: bytes, rest: bytes) -> None:
    """The mark is no part of the first ID, even if a slow pipe gives it byte by byte."""
    data = b"\xef\xbb\xbf" + start + rest

    byte_by_byte = b"".join(without_mark([data[i : i + 1] for i in range(len(data))], "x"))

    assert byte_by_byte == start + rest


def test_lines_are_numbered_across_pieces_and_long_lines() -> None:
    """The number in the log leads to the line, also far down a damaged file."""
    pieces = [b"a\nb", b"x" * 9000, b"\n\nbad id\n", b"c\n"]

    ids, invalid = _read_pieces(pieces)

    assert ids == ["a", "c"]
    assert [(row.line, row.text[:8]) for row in invalid] == [(2, "bxxxxxxx"), (4, "bad id")]
    assert invalid[0].reason == "the line has more than 4,096 bytes"


def test_a_line_may_have_just_as_many_bytes_as_is_said() -> None:
    """The limit counts the whole line, so that it is the same however the bytes arrive."""
    ids, invalid = _read_text(b"resp_1".rjust(4096) + b"\n" + b"resp_2".rjust(4097) + b"\n")

    assert ids == ["resp_1"]
    assert [(row.line, row.reason) for row in invalid] == [
        (2, "the line has more than 4,096 bytes")
    ]


def test_a_line_without_end_takes_no_memory() -> None:
    """A binary file given by mistake is one line of a gigabyte; it must not fill memory."""
    digests = []
    for ending in (b"", b"y"):

        def pieces(ending: bytes = ending) -> Iterator[bytes]:
            for _ in range(1024):
                yield b"x" * 65536
            yield ending + b"\nresp_1\n"

        tracemalloc.start()
        blocks = [block for found in text_blocks(pieces(), STDIN_TEXT, "ark") for block in found]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert [block.ids for block in blocks] == [[], ["resp_1"]]
        assert peak < 1_000_000
        digests.append(blocks[0].invalid[0].text)
    assert digests[0] != digests[1]


def test_long_rows_that_differ_late_do_not_look_the_same() -> None:
    """Rows are told apart by their text in the log; cut ones need a digest for that."""
    _, invalid = _read_text(b"a " * 500 + b"1\n" + b"a " * 500 + b"2\n")

    first, second = (row.text for row in invalid)
    assert len(first) == len(second) == 200
    assert first != second
    assert first[:184] == second[:184] == "a " * 91 + "…#"


def test_blocks_are_bounded() -> None:
    """Blocks wait in queues; a file of short IDs must not make them huge."""
    data = b"".join(b"%06d\n" % i for i in range(100_000))
    reader = open_source(STDIN_TEXT, stdin=io.BytesIO(data))

    sizes = []
    while (blocks := reader.read()) is not None:
        assert len(blocks) == 1
        sizes.append(len(blocks[0].ids))

    assert sum(sizes) == 100_000
    assert max(sizes) <= 20_000


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b'{"id": "resp_1"}\n', "is JSON, .*--format jsonl"),
        (b"\n# x\n[\n", "is a JSON array, .*--format json"),
        (b'"id","name"\n', "has quotes, .*--format csv"),
        (b"{" * 9000, "is JSON"),
        (b"\xff\xfer\x00e\x00", "UTF-16"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd"),
        (b"PK\x03\x04\x14", "zip archive"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"BZh91AY&SY..", "bzip2"),
    ],
)
def test_another_format_is_refused_before_anything_is_sent(
    tmp_path: Path, start: bytes, what: str
) -> None:
    """Every row of such a file could pass for an ID, and would be a useless request."""
    path = tmp_path / "ids.txt"
    path.write_bytes(start)

    with pytest.raises(SourceError, match=what):
        open_source(Source(name=str(path), lane="ark"))


def test_the_user_may_insist_on_text() -> None:
    """If IDs really begin with a brace, saying the format is enough."""
    assert _read_text(b"{1}\n") == (["{1}"], [])


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_no_line_grows_beyond_the_limit(pieces: list[bytes]) -> None:
    """What is passed over is passed over whole, and what is kept is every other byte."""
    data = b"".join(pieces)
    out: list[bytes] = []
    for lines in split_lines([piece for piece in pieces if piece], 8):
        assert not isinstance(lines, CutLine)  # at rest
        out += lines.data.split(b"\n") if isinstance(lines, Lines) else [lines.head]

    expected = data.removesuffix(b"\n").split(b"\n") if data else []
    assert len(out) == len(expected)
    assert all(
        whole == got or (len(whole) > 8 and whole.startswith(got))
        for whole, got in zip(expected, out, strict=True)
    )
