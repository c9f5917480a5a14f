"""Made IDs: all different, in the form that Ark gives them, without holding them all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

_MULTIPLIER: Final = 0x9E3779B97F4A7C15F39CC0605CEDC8341082276BF3
"""Odd, so that products with different numbers differ modulo a power of two."""

_BITS: Final = 152


def made_ids(count: int, first: int = 0) -> Iterator[str]:
    """Yield ``count`` IDs, the same for the same ``first``."""
    for number in range(first, first + count):
        tail = number * _MULTIPLIER % (1 << _BITS)
        yield f"resp_02{1_767_225_600_000 + number * 37:013d}{tail:038x}"


def write_ids(path: Path, *parts: Iterator[str]) -> None:
    """Write IDs into a file, one a line."""
    with path.open("w", encoding="ascii") as file:
        for ids in parts:
            file.writelines(f"{object_id}\n" for object_id in ids)
