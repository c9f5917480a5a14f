"""Decompress gzip and Zstandard, piece by piece, within bounded memory.

Several members or frames after one another are one stream, as ``gzip`` and ``zstd``
read them. What is cut off or damaged raises, before the half row at its end could pass
for an ID.

The decompressors differ in one point: what ``max_length`` did not let out, zlib gives
back as ``unconsumed_tail``, and Python's zstd keeps until it is asked again.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bulkdel.errors import SourceError

COMPRESSION_OF_SUFFIX: Final = {".gz": "gzip", ".zst": "zstd"}
"""What the suffix of a file's name says."""

_PIECE_BYTES_MAX: Final = 256 * 1024
"""About how many bytes are let out at once, however well the data is compressed."""


@dataclass(frozen=True, slots=True)
class _Codec:
    """How one compression is undone.

    Attributes:
        name: Its name in messages.
        begin: Makes the decompressor of one member. It has ``decompress(data,
            max_length)``, ``eof`` and ``unused_data``.
        error: What it raises for damaged data.
        padding: What may stand between and after members.
    """

    name: str
    begin: Callable[[], Any]
    error: type[Exception]
    padding: bytes = b""


def decompress(pieces: Iterable[bytes], compression: str, label: str) -> Iterator[bytes]:
    """Return the decompressed bytes of ``pieces``, in pieces.

    Args:
        pieces: The compressed bytes.
        compression: ``gzip`` or ``zstd``: one of `COMPRESSION_OF_SUFFIX`.
        label: Name of the source in messages.

    Raises:
        SourceError: At once if Zstandard is not installed; while reading if the data is
            not of that kind, is damaged, or ends in the middle.
    """
    return _decompressed(pieces, _CODECS[compression](label), label)


def _gzip(_label: str) -> _Codec:
    # 16 + MAX_WBITS: a gzip header and its checksum are wanted, nothing else will do.
    # Zeros after a member are padding: tapes and block devices leave them.
    return _Codec("gzip", lambda: zlib.decompressobj(16 + zlib.MAX_WBITS), zlib.error, b"\0")


def _zstd(label: str) -> _Codec:
    """Return the codec of Python 3.14's own module, or of the package zstandard."""
    try:
        zstd: Any = importlib.import_module("compression.zstd")
    except ImportError:
        pass
    else:
        return _Codec("zstd", zstd.ZstdDecompressor, zstd.ZstdError)
    try:
        zstandard: Any = importlib.import_module("zstandard")
    except ImportError as exc:
        raise SourceError(
            f"{label}: reading zstd needs a package: pip install 'bulkdel[zstd]'; "
            "or decompress it (zstd -dc) into a pipe"
        ) from exc
    return _Codec("zstd", lambda: _ZstandardFrame(zstandard), zstandard.ZstdError)


_CODECS: Final[Mapping[str, Callable[[str], _Codec]]] = {"gzip": _gzip, "zstd": _zstd}
"""How each is undone; it is told the name of the source, for messages."""


class _ZstandardFrame:
    """The package's decompressor of one frame, which knows no ``max_length``, with one.

    It is fed so little at a time that even the best compressed data, one block of
    128 KiB from four bytes, gives 16 MiB at most. Its ``stream_reader`` has a limit,
    but reads data that are cut off as if they ended there.
    """

    _FED_BYTES: Final = 512

    def __init__(self, zstandard: Any) -> None:
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self.eof = False
        self.unused_data = b""
        self.unconsumed_tail = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Decompress ``data`` until it, the frame or ``max_length`` is reached."""
        out = bytearray()
        at = 0
        while at < len(data) and len(out) < max_length and not self.eof:
            out += self._frame.decompress(data[at : at + self._FED_BYTES])
            at += self._FED_BYTES
            self.eof = self._frame.eof
        self.unused_data = self._frame.unused_data + data[at:] if self.eof else b""
        self.unconsumed_tail = b"" if self.eof else data[at:]
        return bytes(out)


def _decompressed(pieces: Iterable[bytes], codec: _Codec, label: str) -> Iterator[bytes]:
    member: Any = None
    members = 0
    bytes_out = 0
    for piece in pieces:
        rest = piece
        while True:
            if member is None:
                rest = rest.lstrip(codec.padding) if members and codec.padding else rest
                if not rest:
                    break
                member = codec.begin()
                members += 1
            try:
                out = member.decompress(rest, _PIECE_BYTES_MAX)
            except codec.error as exc:
                what = f"is damaged after {bytes_out:,} bytes" if bytes_out else "is not"
                raise SourceError(f"{label}: {what} {codec.name} data: {exc}") from exc
            if out:
                bytes_out += len(out)
                yield out
            if member.eof:
                rest = member.unused_data
                member = None
                continue
            rest = getattr(member, "unconsumed_tail", b"")
            if not rest and getattr(member, "needs_input", True):
                break
    if member is not None or not members:
        raise SourceError(
            f"{label}: the {codec.name} data ends in the middle, after {bytes_out:,} bytes"
        )
