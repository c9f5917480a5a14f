"""Where the results of a run go: the log first, then the caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import orjson

from bulkdel.models import Outcome, Result
from bulkdel.result_log.encode import deleted_line
from bulkdel.result_log.writer import ResultLog


class Sink(Protocol):
    """Where results go."""

    @property
    def has_room(self) -> bool:
        """Whether another ID may be taken; the lane is woken when that changes."""
        ...

    def append(self, result: Result) -> None:
        """Take one result."""
        ...

    def append_deleted(self, object_id: str, lane: str, at_s: float, ms: float) -> None:
        """Take the result of an ID that was deleted at its first attempt."""
        ...


class ResultSink:
    """A `Sink` of a log and a caller; either may be missing.

    Args:
        log: The result log.
        on_result: Called with every result, after the log has taken it.
        has_room: Whether the caller can take more.
    """

    def __init__(
        self,
        log: ResultLog | None,
        on_result: Callable[[Result], None] | None,
        has_room: Callable[[], bool] | None,
    ) -> None:
        self._log = log
        self._on_result = on_result
        self._caller_has_room = has_room
        self._lanes_json: dict[str, str] = {}

    @property
    def has_room(self) -> bool:
        """Whether both can take more."""
        if self._log is not None and not self._log.has_room:
            return False
        return self._caller_has_room is None or self._caller_has_room()

    def append_deleted(self, object_id: str, lane: str, at_s: float, ms: float) -> None:
        """Take the result of an ID that was deleted at its first attempt."""
        if self._on_result is None and self._log is not None:
            lane_json = self._lanes_json.get(lane) or self._name(lane)
            self._log.append_line(deleted_line(object_id, lane_json, at_s, ms))
            return
        self.append(
            Result(object_id, lane, Outcome.DELETED, status=200, attempts=1, at_s=at_s, ms=ms)
        )

    def _name(self, lane: str) -> str:
        lane_json = self._lanes_json[lane] = orjson.dumps(lane).decode()
        return lane_json

    def append(self, result: Result) -> None:
        """Take one result."""
        if self._log is not None:
            self._log.append(result)
        if self._on_result is not None:
            self._on_result(result)
