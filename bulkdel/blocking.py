"""Blocking work, in a thread: the one place, so that tests can run it in line.

On a virtual clock a thread would let time jump while it works; tests pass `in_line`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import anyio.to_thread

T = TypeVar("T")


class InThread(Protocol):
    """Runs a blocking function and returns what it returns."""

    async def __call__(self, func: Callable[..., T], /, *args: object) -> T:
        """Run ``func(*args)``."""
        ...


async def in_thread(func: Callable[..., T], /, *args: object) -> T:
    """Run ``func(*args)`` in a worker thread; a cancellation waits for its end."""
    return await anyio.to_thread.run_sync(func, *args)


async def in_line(func: Callable[..., T], /, *args: object) -> T:
    """Run ``func(*args)`` here and now."""
    return func(*args)
