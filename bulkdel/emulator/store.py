"""What one account holds, and what was done to it.

Every ID is kept with the number of deletions it has met, so that afterwards one can say
what is present, what was deleted, and what was deleted twice. About 200 bytes for each ID.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

UNKNOWN_KEPT_MAX: Final = 1000
"""Most IDs kept of those that never existed; beyond it they are only counted."""


class Store:
    """The objects of one account.

    Attributes:
        present: How many are there.
        deleted: How many have been deleted.
        deleted_twice: Deletions of an object that had been deleted before.
        unknown: Deletions of an ID that never existed.
        unknown_ids: The first of these IDs, exactly as received.
    """

    __slots__ = ("_deletions", "deleted", "deleted_twice", "present", "unknown", "unknown_ids")

    def __init__(self, ids: Iterable[str]) -> None:
        self._deletions = dict.fromkeys(ids, 0)
        self.present = len(self._deletions)
        self.deleted = 0
        self.deleted_twice = 0
        self.unknown = 0
        self.unknown_ids: list[str] = []

    def delete(self, object_id: str) -> bool:
        """Delete an object; return whether it was there."""
        deletions = self._deletions.get(object_id)
        if deletions is None:
            self.unknown += 1
            if len(self.unknown_ids) < UNKNOWN_KEPT_MAX:
                self.unknown_ids.append(object_id)
            return False
        self._deletions[object_id] = deletions + 1
        if deletions:
            self.deleted_twice += 1
            return False
        self.present -= 1
        self.deleted += 1
        return True

    def __contains__(self, object_id: str) -> bool:
        return self._deletions.get(object_id) == 0

    def present_ids(self) -> Iterator[str]:
        """Return the IDs that are there, in the order they were given."""
        return (object_id for object_id, n in self._deletions.items() if n == 0)

    def numbered(self) -> Iterator[tuple[int, str]]:
        """Return the IDs that are there, each with its place among all that ever were."""
        held = enumerate(self._deletions.items())
        return ((place, object_id) for place, (object_id, n) in held if n == 0)

    def deleted_ids(self) -> Iterator[str]:
        """Return the IDs that have been deleted."""
        return (object_id for object_id, n in self._deletions.items() if n > 0)
