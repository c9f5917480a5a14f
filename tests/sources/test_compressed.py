"""Compressed sources: read by their name, and never to a half ID."""

from __future__ import annotations

import gzip
import importlib
import sys
import zlib
from contextlib import closing
from functools import cache
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdel.compression import COMPRESSION_OF_SUFFIX, decompress
from bulkdel.errors import SourceError
from bulkdel.models import Block
from bulkdel.sources import Source, SourceReader, open_source
from bulkdel.sources.text import text_blocks

IDS = [f"resp_{number * 7919 % 1_000_003:06d}" for number in range(20_000)]
TEXT = "".join(f"{object_id}\n" for object_id in IDS).encode()


def _read_blocks(reader: SourceReader) -> list[Block]:
    with closing(reader):
        return list(chain.from_iterable(iter(reader.read, None)))


def _read_ids(reader: SourceReader) -> list[str]:
    blocks = _read_blocks(reader)
    assert not any(block.invalid for block in blocks)
    return [object_id for block in blocks for object_id in block.ids]


def _write(path: Path, data: bytes) -> Source:
    path.write_bytes(data)
    return Source(name=str(path), lane="ark")


def _zstd_frame(data: bytes) -> bytes:
    try:
        packed = importlib.import_module("compression.zstd").compress(data)
    except ImportError:
        packed = pytest.importorskip("zstandard").ZstdCompressor().compress(data)
    assert isinstance(packed, bytes)
    return packed


@cache
def _packed_with(suffix: str, data: bytes) -> bytes:
    return gzip.compress(data) if suffix == ".gz" else _zstd_frame(data)


compressions = pytest.mark.parametrize("suffix", [".gz", ".zst"])


@compressions
def test_compressed_files_are_read_by_their_name(tmp_path: Path, suffix: str) -> None:
    """Also of several members, which is what appending to such a file gives."""
    data = _packed_with(suffix, TEXT[:100]) + _packed_with(suffix, TEXT[100:])

    assert _read_ids(open_source(_write(tmp_path / f"ids.txt{suffix}", data))) == IDS


def test_gzip_may_be_padded_with_zeros(tmp_path: Path) -> None:
    """Tapes and block devices leave zeros; gzip ignores them too."""
    source = _write(tmp_path / "ids.gz", gzip.compress(TEXT) + b"\0" * 1000)

    assert _read_ids(open_source(source)) == IDS


@compressions
@pytest.mark.parametrize("data", [b"resp_1\nresp_2\n", b""])
def test_what_is_not_compressed_is_refused_at_once(
    tmp_path: Path, suffix: str, data: bytes
) -> None:
    """A wrong name is said before anything is sent."""
    if suffix == ".zst":
        _zstd_frame(b"")  # skips if nothing can read it

    with pytest.raises(SourceError, match=r"is not (gzip|zstd) data|ends in the middle"):
        open_source(_write(tmp_path / f"ids.txt{suffix}", data))


@compressions
@given(at=st.integers(1, 2000))
def test_compressed_data_cut_off_give_no_half_id(suffix: str, at: int) -> None:
    """A download that broke off must not end in an ID that names another object."""
    whole = _packed_with(suffix, TEXT)
    pieces = decompress([whole[:-at]], "gzip" if suffix == ".gz" else "zstd", "x")
    seen: list[str] = []

    def read() -> None:
        for blocks in text_blocks(pieces, Source(name="x", lane="ark"), "ark"):
            seen.extend(object_id for block in blocks for object_id in block.ids)

    with pytest.raises(SourceError, match=r"x: the (gzip|zstd) data ends in the middle"):
        read()
    assert seen == IDS[: len(seen)]


def test_damaged_gzip_is_not_taken_for_its_end(tmp_path: Path) -> None:
    """Its checksum is believed: a wrong bit would be a wrong ID."""
    data = bytearray(gzip.compress(TEXT))
    data[-6] ^= 1
    reader = open_source(_write(tmp_path / "ids.gz", bytes(data)))

    with pytest.raises(SourceError, match=r"ids.gz: is damaged after [\d,]+ bytes gzip data"):
        _read_ids(reader)


@compressions
def test_well_compressed_data_take_bounded_memory(suffix: str) -> None:
    """A few kilobytes can hold a gigabyte."""
    packed = _packed_with(suffix, bytes(64_000_000))

    sizes = [
        len(piece) for piece in decompress([packed], "gzip" if suffix == ".gz" else "zstd", "x")
    ]

    assert sum(sizes) == 64_000_000
    assert max(sizes) <= 17_000_000


@pytest.mark.parametrize(
    ("name", "modules", "extra"),
    [
        ("ids.zst", ["compression.zstd", "zstandard"], r"pip install 'bulkdel\[zstd\]'"),
        ("ids.parquet", ["pyarrow", "pyarrow.parquet"], r"pip install 'bulkdel\[parquet\]'"),
    ],
)
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, modules: list[str], extra: str
) -> None:
    """Not everyone needs these; who does is told the one line that helps."""
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(SourceError, match=extra):
        open_source(_write(tmp_path / name, b"x"))


@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(1, 50))
def test_gzip_members_are_read_however_they_arrive(parts: list[bytes], step: int) -> None:
    """Members and pieces have nothing to do with one another."""
    packed = b"".join(gzip.compress(part) for part in parts) or gzip.compress(b"")
    pieces = [packed[at : at + step] for at in range(0, len(packed), step)]

    assert b"".join(decompress(pieces, "gzip", "x")) == b"".join(parts)


def test_raw_deflate_is_not_gzip() -> None:
    """Only what carries a checksum is believed."""
    with pytest.raises(SourceError, match="x: is not gzip data"):
        list(decompress([zlib.compress(TEXT)], "gzip", "x"))


def test_every_suffix_has_its_decompressor() -> None:
    """One that is taken for another would be called damaged."""
    for compression in COMPRESSION_OF_SUFFIX.values():
        with pytest.raises(SourceError, match=compression):
            list(decompress([b"no such data"], compression, "x"))
    with pytest.raises(KeyError):
        decompress([b""], "xz", "x")
