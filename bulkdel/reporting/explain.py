"""Explain from a log why its newest run took as long as it did.

    log ──read_log──> headers, pace records, summaries ──> Explainer, a LaneExplanation each

The shares come from the pace records (`engine.telemetry`): at any instant one thing kept a
lane from sending more, and the records hold the seconds under each. So the shares add up
to the run. A run that was killed has its last record, at most `EVERY_S` before its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bulkdel.engine.bottleneck import Bound
from bulkdel.errors import ConfigError
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.result_log.reader import LogFacts, paces_of, read_log

CPU_BUSY: Final = 0.85
"""Share of one core above which our own CPU is what binds a lane that nothing else binds."""


CEILING_NEAR: Final = 0.8
"""Share of the ceiling from which on nothing but the ceiling kept the pace from more."""

NUMBER_MAX: Final = 1e15
"""More than any count or time of a run; JSON cannot carry all that Python can."""

BOUND_WORDS: Final = {
    "rate": "bound by the pace (the provider's limit or your own rate)",
    "concurrency": "bound by the requests in flight",
    "pause": "paused: the provider asked to wait, or refused all for a time",
    "held": "held: the provider was down, or had to show first that it is asked rightly",
    "retry": "waiting for IDs to try again",
    "input": "waiting for IDs from the source",
    "user": "paused by hand (bulkdel control)",
    "log": "waiting for the log's disk or the reader of results",
    "cpu": "bound by our own CPU",
}
"""What kept a lane from sending more, by its name in `LaneExplanation.shares`."""

FIRST_S: Final = 10.5
"""What the first record knows, an earlier run may have found."""


@dataclass(frozen=True, slots=True)
class LaneExplanation:
    """Where the time of one lane went.

    Attributes:
        lane: Its name.
        elapsed_s: Seconds of the run, up to its newest record.
        ended: IDs with a result.
        requests: Requests sent.
        refused: Of those, refused.
        shares: Share of the time under each bound, the largest first; ``cpu`` is ours.
        limit: The provider's limit as far as it was found, in words.
        rate: The user's own rate, requests per second, which looks for no limit; or None.
        rate_max: The ceiling below which the limit was looked for, or None.
        reached_ceiling: Nothing was refused up to there, so the limit may be higher.
        found_s: Seconds from the start of the run until it was known to be of that kind, to
            the next record; None if it was known before or is not known.
        advice: What to change, one sentence each.
    """

    lane: str
    elapsed_s: float
    ended: int
    requests: int
    refused: int
    shares: Mapping[str, float]
    limit: str | None
    rate: float | None
    rate_max: float | None
    reached_ceiling: bool
    found_s: float | None
    advice: tuple[str, ...]

    @property
    def limit_words(self) -> str:
        """The limit in words, also where none was looked for or found."""
        if self.rate is not None:
            return f"not looked for: --rate {self.rate:g} is exact"
        if self.reached_ceiling:
            return (
                f"none up to {self.rate_max:g}/s, the ceiling"
                " (--rate-max; `none` looks for a higher one)"
            )
        return self.limit or "none"


@dataclass(slots=True)
class _Run:
    """The newest record of each lane of one run: it holds the sums since the start."""

    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    state: str = "running or killed"


class Explainer:
    """Is told the records of a log, and explains the run that began last."""

    def __init__(self) -> None:
        self._run = _Run()

    def note(self, name: str, value: dict[str, Any]) -> None:
        """Take a record that is no result."""
        match name:
            case "run":
                self._run = _Run(_settings(value))
            case "control" if value.get("order") == "rate":
                self._rate_changed(value)
            case "pace":
                _keep(self._run, str(value.get("lane")), value)
            case "end":
                self._run.state = str(value.get("state"))
                for lane, record in paces_of(value):
                    _keep(self._run, lane, record)

    def _rate_changed(self, order: dict[str, Any]) -> None:
        """Take the rate that a user has given a lane, or all, while it ran."""
        for lane, settings in self._run.settings.items():
            if order.get("lane") in (None, lane):
                settings["rate"] = order.get("value")

    @property
    def state(self) -> str:
        """How the run ended."""
        return self._run.state

    def lanes(self) -> list[LaneExplanation]:
        """Return where the time of its lanes went; of those that have a record."""
        return [
            _explain_lane(lane, record, self._run.settings.get(lane, {}))
            for lane, record in self._run.records.items()
        ]


def explain(path: Path) -> tuple[str, list[LaneExplanation]]:
    """Return how the newest run of a log ended, and where the time of its lanes went.

    Raises:
        ConfigError: The log cannot be read, or holds no pace records.
    """
    explainer = Explainer()
    for _ in read_log(path, LogFacts(on_record=explainer.note)):
        pass
    lanes = explainer.lanes()
    if not lanes:
        raise ConfigError(
            f"{path}: its newest run has no pace record yet; one is written every 10 s and at the end"
        )
    return explainer.state, lanes


def _settings(header: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the header of a run says of each lane; nothing of one that is damaged."""
    lanes = header.get("lanes")
    if not isinstance(lanes, dict):
        return {}
    return {name: dict(each) for name, each in lanes.items() if isinstance(each, dict)}


def _keep(run: _Run, lane: str, record: dict[str, Any]) -> None:
    """Keep the newest record of a lane, and the time so far that our CPU bound it."""
    before = run.records.get(lane, {})
    kind = _kind(record)
    known = "kind" in before and before["kind"] == kind
    run.records[lane] = {
        **record,
        "busy_cpu_s": _busy_cpu_s(before, record),
        "kind": kind,
        "kind_s": before["kind_s"] if known else number_of(record, "at_s"),
    }


def _kind(record: Mapping[str, Any]) -> frozenset[str]:
    """Return which facts of a limit are known: a window's length, places in flight and so on."""
    learned = record.get("learned")
    return frozenset(learned) - {"latency_s"} if isinstance(learned, dict) else frozenset()


def _busy_cpu_s(before: dict[str, Any], record: dict[str, Any]) -> float:
    """Return the seconds so far in which nothing bound the lane but our own CPU."""
    sofar = float(before.get("busy_cpu_s", 0.0))
    span_s = number_of(record, "at_s") - number_of(before, "at_s")
    cpu_s = number_of(record, "cpu_s") - number_of(before, "cpu_s")
    busy_s = _bound_s(record, Bound.BUSY) - _bound_s(before, Bound.BUSY)
    return sofar + (busy_s if span_s > 0 and cpu_s / span_s >= CPU_BUSY else 0.0)


def _explain_lane(lane: str, record: dict[str, Any], settings: dict[str, Any]) -> LaneExplanation:
    elapsed_s = number_of(record, "at_s")
    seconds = {bound.value: _bound_s(record, bound) for bound in Bound}
    cpu_s = record["busy_cpu_s"]
    seconds["cpu"] = cpu_s
    seconds[Bound.CONCURRENCY.value] += seconds.pop(Bound.BUSY.value) - cpu_s
    whole_s = sum(seconds.values())
    shares = {
        name: spent / whole_s
        for name, spent in sorted(seconds.items(), key=lambda item: -item[1])
        if whole_s > 0 and spent > 0
    }
    limit = record.get("limit")
    rate_max = number_of(settings, "rate_max") or None
    learned = record.get("learned")
    found = LimitEstimate.from_json(learned if isinstance(learned, dict) else {})
    return LaneExplanation(
        lane=lane,
        elapsed_s=elapsed_s,
        ended=int(number_of(record, "ended")),
        requests=int(number_of(record, "requests")),
        refused=int(number_of(record, "refused")),
        shares=shares,
        limit=str(limit) if limit else None,
        rate=number_of(settings, "rate") or None,
        rate_max=rate_max,
        reached_ceiling=rate_max is not None
        and found.unlimited
        and (found.rate or 0.0) >= CEILING_NEAR * rate_max,
        found_s=record["kind_s"] if record["kind"] and record["kind_s"] > FIRST_S else None,
        advice=tuple(_advice(shares, record)),
    )


_ADVICE: Final = {
    "rate": (
        "The pace bound it: the provider's limit, --rate-max, --rate, or the search for the"
        " limit at the start. If the limit found is --rate-max, a higher one or `none` looks for"
        " more; else ask the provider for a higher limit."
    ),
    "concurrency": (
        "The requests in flight bound it. If the limit found is not one of requests in flight,"
        " raise --concurrency."
    ),
    "pause": "The provider asked to wait, or refused all for a time. Nothing to change here.",
    "held": "The provider was down, or had to show first that it is asked rightly. Nothing to change here.",
    "retry": "It waited for IDs to try again: the provider failed often near the end.",
    "input": "The source was slow: the lane waited for IDs.",
    "user": "It was paused by hand.",
    "log": "The disk of the log, or the reader of the results, was slow: try --durability normal.",
    "cpu": "Our own CPU bound it. Split the IDs over two processes, each with its own log.",
}


def _advice(shares: Mapping[str, float], record: dict[str, Any]) -> list[str]:
    """Return what to change about whatever took a fifth of the time or more."""
    advice = [_ADVICE[name] for name, share in shares.items() if share >= 0.2]
    requests = number_of(record, "requests")
    if requests >= 100 and number_of(record, "refused") > 0.05 * requests:
        advice.append(
            "More than 5 % of the requests were refused: does something else use the same account?"
        )
    return advice


def _bound_s(record: Mapping[str, Any], bound: Bound) -> float:
    bound_s = record.get("bound_s")
    return number_of(bound_s, bound.value) if isinstance(bound_s, dict) else 0.0


def number_of(record: Mapping[str, Any], name: str) -> float:
    """Return a number of a record; 0.0 for what is none of ours: another version, damage."""
    value = record.get(name, 0.0)
    is_number = isinstance(value, int | float) and -NUMBER_MAX < value < NUMBER_MAX
    return float(value) if is_number else 0.0
