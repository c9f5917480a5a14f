"""Read the bytes of a result log, plain or compressed, and say clearly if that fails.

The name tells what it is: ``.gz`` and ``.zst`` are finished logs, all others are plain.

Not here: what the bytes mean (`reader`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bulkdel.compression import COMPRESSION_OF_SUFFIX, decompress
from bulkdel.errors import ConfigError, SourceError


def read_blocks(path: Path, block_bytes: int) -> Iterator[bytes]:
    """Yield the decompressed bytes of a log, ``block_bytes`` at most at once if plain.

    Raises:
        ConfigError: There is no such file, it is a directory, it cannot be read, or its
            compressed data are damaged or cut off.
    """
    try:
        with path.open("rb", buffering=0) as file:
            pieces = iter(partial(file.read, block_bytes), b"")
            compression = COMPRESSION_OF_SUFFIX.get(path.suffix)
            if compression is None:
                yield from pieces
            else:
                yield from decompress(pieces, compression, str(path))
    except IsADirectoryError as exc:
        raise ConfigError(f"{path} is a directory, not a result log") from exc
    except OSError as exc:
        raise ConfigError(f"cannot read the log {path}: {exc.strerror or exc}") from exc
    except SourceError as exc:
        raise ConfigError(f"{path} is damaged or cannot be unpacked: {exc}") from exc
