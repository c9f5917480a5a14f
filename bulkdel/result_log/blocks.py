"""Read the bytes of a result log, plain or compressed, and say clearly if that fails.

The name tells what it is: ``.gz`` and ``.zst`` are finished logs, all others are plain.

Not here: what the bytes mean (`reader`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from bulkdel.compression import COMPRESSION_OF_SUFFIX, decompress
from bulkdel.errors import ConfigError, SourceError

_RECORDS_WITHOUT_END: Final = b"}\r{"
"""Never in a line of JSON: two records with a carriage return alone between them."""


def is_there(path: Path) -> bool:
    """Whether a log exists.

    Raises:
        ConfigError: No file can have this name, or it cannot be looked at.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or exc
        raise ConfigError(f"log {str(path)[:100]}: {why}; name another --log") from exc
    return True


def check_line_ends(start: bytes, path: Path) -> None:
    """Refuse a log in which an editor or a transfer has put CR in the place of line ends.

    It would be one torn line: cut off by the next run, and all of its IDs sent again.

    Raises:
        ConfigError: Its first records have CR between them.
    """
    if _RECORDS_WITHOUT_END in start.split(b"\n", 1)[0]:
        raise ConfigError(
            f"log {path}: its lines end in CR alone, which is not how it was written;"
            " put it back with: tr '\\r' '\\n' < OLD > NEW"
        )


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
