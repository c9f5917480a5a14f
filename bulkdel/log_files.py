"""Read the bytes of a result log, plain or compressed, and say clearly if that fails.

The name tells what it is: ``.gz`` and ``.zst`` are finished logs, all others are plain.

Not here: what the bytes mean (`log_reading`).
"""

from __future__ import annotations

import gzip
import importlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from bulkdel.errors import ConfigError


def read_blocks(path: Path, block_bytes: int) -> Iterator[bytes]:
    """Yield the decompressed bytes of a log, ``block_bytes`` at most at once.

    Raises:
        ConfigError: There is no such file, it is a directory, it cannot be read, or its
            compressed data are damaged.
    """
    try:
        stream, damaged = _open(path)
        with stream:
            try:
                while block := stream.read(block_bytes):
                    yield block
            except damaged as exc:
                raise ConfigError(f"{path} is damaged: {exc}") from exc
    except IsADirectoryError as exc:
        raise ConfigError(f"{path} is a directory, not a result log") from exc
    except OSError as exc:
        raise ConfigError(f"cannot read the log {path}: {exc.strerror or exc}") from exc


def _open(path: Path) -> tuple[IO[bytes] | gzip.GzipFile, tuple[type[Exception], ...]]:
    """Open a log; return it with the errors that say that its data are damaged."""
    if path.suffix == ".gz":
        return gzip.GzipFile(path), (gzip.BadGzipFile, EOFError, zlib.error)
    if path.suffix != ".zst":
        return path.open("rb", buffering=0), ()
    zstd = _zstd(path)
    if zstd.__name__ == "compression.zstd":
        return zstd.open(path, "rb"), (EOFError, zstd.ZstdError)
    # By itself it would stop after the first frame, silently; joined files have several.
    decompressor = zstd.ZstdDecompressor()
    return decompressor.stream_reader(path.open("rb"), read_across_frames=True), (zstd.ZstdError,)


def _zstd(path: Path) -> Any:
    for name in ("compression.zstd", "zstandard"):  # the first comes with Python 3.14
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ConfigError(f"to read {path}: pip install zstandard, or decompress it with unzstd")
