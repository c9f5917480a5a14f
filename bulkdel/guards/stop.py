"""Why and where a run stopped early, and what to do: a value, for people and for scripts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StopCause(StrEnum):
    """Why a lane, or the run, stopped early."""

    KEY_REFUSED = "key_refused"
    ACCOUNT = "account"
    ENDPOINT = "endpoint"
    ALL_GONE = "all_gone"
    ALL_FAILED = "all_failed"
    OUTAGE = "outage"
    REFUSED = "refused_throughout"
    RETRY_AFTER = "retry_after"
    MAX_DELETE = "max_delete"
    MAX_FAILURES = "max_failures"
    MAX_DURATION = "max_duration"
    LOG = "log"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Stop:
    """Why and where a run stopped early, and what to do.

    Attributes:
        cause: The cause, one word for scripts.
        lane: Name of the lane, or None for the whole run.
        message: What happened, with the provider's own words.
        advice: The next step.
    """

    cause: StopCause
    lane: str | None
    message: str
    advice: str

    def __str__(self) -> str:
        where = f"lane {self.lane}: " if self.lane else ""
        end = "" if self.message.endswith("?") else "."
        return f"{where}{self.message}{end} {self.advice}"
