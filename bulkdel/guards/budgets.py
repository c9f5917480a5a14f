"""Limits of a whole run, over all its lanes: most deletions, most failures."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

from bulkdel.errors import ConfigError

FAILURE_SAMPLE_MIN: Final = 100
"""Answers before a share of failures means anything."""


class DeleteBudget:
    """Refuses before deletion N + 1, counted over the whole log.

    An ID that was sent holds a place until it ends, also while it waits for another
    attempt: any of its requests may become a deletion. A deletion that a killed process
    never saw is the only one that cannot be counted.

    Args:
        most: Most deletions, or None for no limit.
        used: Deletions that the log holds already.
    """

    def __init__(self, most: int | None, used: int = 0) -> None:
        self.unlimited = most is None
        """Whether there is no limit."""
        self._most: float = math.inf if most is None else most
        self.used = used
        self._reserved = 0
        self._waiting: list[Callable[[], None]] = []

    @property
    def spent(self) -> bool:
        """Whether no further deletion is allowed, whatever is in flight."""
        return self.used >= self._most

    @property
    def has_place(self) -> bool:
        """Whether one more request may be sent now."""
        return self.used + self._reserved < self._most

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` whenever a place may have become free."""
        self._waiting.append(wake)

    def reserve(self) -> None:
        """Take a place for an ID that is being sent."""
        self._reserved += 1

    def release(self, *, deleted: bool) -> None:
        """Give a place back, or turn it into a deletion."""
        self._reserved -= 1
        self.used += deleted
        self.changed()

    def changed(self) -> None:
        """Wake whoever waits for a place."""
        if not self.unlimited:
            for wake in self._waiting:
                wake()


class FailureBudget:
    """Says when more IDs have failed than the user accepts.

    Args:
        most: Most failed IDs, or None.
        share: Most failed IDs as a share of the IDs that ended, 0 to 1, or None; it
            counts from `FAILURE_SAMPLE_MIN` ended IDs on.
    """

    def __init__(self, most: int | None = None, share: float | None = None) -> None:
        self._most = most
        self._share = share
        self.failed = 0
        self.ended = 0

    def note(self, *, failed: bool) -> None:
        """Count one ended ID."""
        self.ended += 1
        self.failed += failed

    @property
    def exceeded(self) -> bool:
        """Whether more failed than accepted."""
        if self._most is not None and self.failed > self._most:
            return True
        return (
            self._share is not None
            and self.ended >= FAILURE_SAMPLE_MIN
            and self.failed > self._share * self.ended
        )


def parse_max_failures(text: str) -> tuple[int | None, float | None]:
    """Read ``N`` or ``P%`` into a count or a share.

    Raises:
        ConfigError: It is neither.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)%", text.strip())
    if match and float(match[1]) <= 100:
        return None, float(match[1]) / 100
    if re.fullmatch(r"\d+", text.strip()):
        return int(text), None
    raise ConfigError(f"max-failures must be a count or a share like 2%, not {text!r}")
