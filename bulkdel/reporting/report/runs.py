"""The runs of a log, told by its records: headers, pace records, ends.

    record ──note──> the run that it belongs to ──> RunFacts; each lane's pace; where its time went

What holds here, always: what a record lacks, or has of another kind, is taken for 0 or left out, since
a log may be damaged or of another version.

Not here: results (`gather`), the time axis (`axis`).
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bulkdel.reporting.explain import Explainer, LaneExplanation, number_of
from bulkdel.reporting.report.facts import RunFacts
from bulkdel.result_log.reader import paces_of

COUNTS: Final[tuple[str, ...]] = (
    "read",
    "deleted",
    "gone",
    "failed",
    "invalid",
    "skipped",
    "kept",
    "duplicates",
    "pending",
    "requests",
    "refused",
)
_RUN_S_MAX: Final = 10 * 365 * 86_400
"""A record of a longer run is damaged."""
_UNKNOWN: Final = -1.0
ORDERS_MAX: Final = 100
_ORDER: Final = ("order", "lane", "value", "by", "at")


_CHOOSING: Final = frozenset(
    (
        "--id-field",
        "--format",
        "--delimiter",
        "--no-header",
        "--provider-field",
        "--from-list",
        "--older-than",
        "--newer-than",
        "--before",
        "--where",
        "--limit",
    )
)
"""Flags that say which IDs of its sources a run works on."""


class Command(NamedTuple):
    """The command that started a run.

    Attributes:
        folder: Where.
        words: What stands behind ``bulkdel``.
        log: Where its log was, as an absolute path.
    """

    folder: str
    words: tuple[str, ...]
    log: str


class Pace(NamedTuple):
    """What a lane's pace record says, since the one before.

    Attributes:
        begin_s: When the one before was written, in seconds since 1970.
        end_s: When this one was.
        requests: Sent in between.
        refused: Of those.
        aimed: Requests a second aimed at, or None.
        limit: The limit as it was known, or None.
    """

    begin_s: float
    end_s: float
    requests: float
    refused: float
    aimed: float | None
    limit: float | None


class Run:
    """One run of a log.

    Args:
        log: The log.
        header: What it says of itself; nothing if it has none.
    """

    def __init__(self, log: str, header: dict[str, Any]) -> None:
        self.log = log
        self.header = header
        self.end: dict[str, Any] | None = None
        self.began_s = seconds_of(header.get("at"))
        self._explainer = Explainer()
        self._explainer.note("run", header)
        self._paces: dict[str, array[float]] = {}
        self._orders: deque[dict[str, Any]] = deque(maxlen=ORDERS_MAX)

    def note(self, name: str, value: dict[str, Any]) -> None:
        """Take a record of it."""
        self._explainer.note(name, value)
        if name == "pace":
            self._keep(str(value.get("lane")), value)
        elif name == "control":
            self._orders.append({key: value[key] for key in _ORDER if _is_plain(value.get(key))})
        elif name == "end":
            self.end = value
            for lane, pace in paces_of(value):
                self._keep(lane, pace)

    def _keep(self, lane: str, pace: dict[str, Any]) -> None:
        at_s = number_of(pace, "at_s")
        if not 0 < at_s < _RUN_S_MAX:
            return
        learned = pace.get("learned")
        limit = number_of(learned, "rate") if isinstance(learned, dict) else 0.0
        self._paces.setdefault(lane, array("d")).extend(
            (
                at_s,
                number_of(pace, "requests"),
                number_of(pace, "refused"),
                number_of(pace, "rate") or _UNKNOWN,
                limit or _UNKNOWN,
            )
        )

    def paces(self, lane: str) -> Iterator[Pace]:
        """Yield how a lane went, in order."""
        if self.began_s is None:
            return
        values = self._paces.get(lane, array("d"))
        before = (0.0, 0.0, 0.0)
        for place in range(0, len(values), 5):
            at_s, requests, refused, aimed, limit = values[place : place + 5]
            if at_s < before[0]:
                continue
            yield Pace(
                self.began_s + before[0],
                self.began_s + at_s,
                max(0.0, requests - before[1]),
                max(0.0, refused - before[2]),
                None if aimed == _UNKNOWN else aimed,
                None if limit == _UNKNOWN else limit,
            )
            before = at_s, requests, refused

    def explanations(self) -> list[LaneExplanation]:
        """Return where the time of its lanes went."""
        return self._explainer.lanes()

    @property
    def sources(self) -> tuple[str, ...]:
        """The files it read, as they were named."""
        return _words(self.header.get("sources"))

    @property
    def lanes(self) -> tuple[str, ...]:
        """Its lanes, as the header names them."""
        return tuple(_table(self.header.get("lanes")))

    @property
    def command(self) -> Command | None:
        """The command that started it, if its header has one."""
        match self.header.get("command"):
            case {"folder": str(folder), "words": ["delete", *words], "log": str(log)} if all(
                isinstance(word, str) for word in words
            ):
                return Command(folder, ("delete", *words), log)
        return None

    @property
    def choosing(self) -> tuple[str, ...]:
        """The words of its command that choose among the IDs of its sources."""
        words = () if self.command is None else self.command.words
        found = []
        for word, value in zip(words, (*words[1:], ""), strict=False):
            flag = word.partition("=")[0]
            if flag in _CHOOSING:
                found.append(word if flag != word or flag == "--no-header" else f"{word}={value}")
        return tuple(found)

    def of_lane(self, lane: str, name: str) -> int | None:
        """Return a count of a lane: of its summary, else of its newest pace record."""
        if self.end is not None:
            counts = _table(_table(self.end.get("lanes")).get(lane))
            return int(number_of(counts, name)) if name in counts else None
        place = {"requests": -4, "refused": -3}.get(name)
        values = self._paces.get(lane)
        return int(values[place]) if values and place is not None else None

    def facts(self, *, goes_on: bool) -> RunFacts:
        """Return it as a value.

        Args:
            goes_on: It is the newest run of a log that is being written.
        """
        end = self.end or {}
        if self.end is not None:
            counts = {name: int(number_of(end, name)) for name in COUNTS if name in end}
        else:
            lanes = tuple(self._paces)
            counts = {
                name: sum(self.of_lane(lane, name) or 0 for lane in lanes)
                for name in ("requests", "refused")
                if lanes
            }
        elapsed_s = max((values[-5] for values in self._paces.values()), default=0.0)
        return RunFacts(
            log=self.log,
            began_at=_word(self.header.get("at")) or "",
            ended_at=_word(end.get("at")),
            state=_word(end.get("state")) or ("running" if goes_on else "killed"),
            reason=_word(end.get("reason")),
            version=_word(self.header.get("version")) or "",
            elapsed_s=number_of(end, "elapsed_s") or elapsed_s,
            counts=counts,
            sources=_words(self.header.get("sources")),
            lanes=self.lanes,
            notes=_words(end.get("notes")),
            orders=tuple(self._orders),
        )


class Runs:
    """The runs of the logs, in order."""

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self._log = ""

    def begin(self, log: str) -> None:
        """From here on the records are of this log."""
        self._log = log

    def note(self, name: str, value: dict[str, Any]) -> None:
        """Take a record."""
        if name == "run":
            self._runs.append(Run(self._log, value))
            return
        if not self._runs or self._runs[-1].log != self._log:
            self._runs.append(Run(self._log, {}))  # its header is damaged
        self._runs[-1].note(name, value)

    def __iter__(self) -> Iterator[Run]:
        """Yield them, oldest first."""
        return iter(self._runs)

    def newest(self, log: str) -> Run | None:
        """Return the newest run of a log."""
        return next((run for run in reversed(self._runs) if run.log == log), None)


def seconds_of(at: object) -> float | None:
    """Return a time of the log in seconds since 1970; None for what is none."""
    if not isinstance(at, str):
        return None
    try:
        time = datetime.fromisoformat(at)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int, float))


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _words(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
