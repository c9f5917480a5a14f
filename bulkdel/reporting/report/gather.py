"""Make a report out of logs: one pass over their lines, and one over those of failures.

    blocks  ──> Index (what became of each ID), Timeline (when, how fast)   ┐
    records ──> Runs (headers, paces, ends)                                  ├──> Report
    bytes   ──> evidence, in a thread beside it                              ┘

Several logs count as one, in the order given, as for `bulkdel failed`. Memory is that of the index:
some 20 bytes an ID.

Not here: what it looks like (`html`, `markdown`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from bulkdel.models import Outcome
from bulkdel.reporting.explain import LaneExplanation
from bulkdel.reporting.report.axis import Columns, Stretch
from bulkdel.reporting.report.evidence import files_of, verified
from bulkdel.reporting.report.facts import (
    FileEvidence,
    LaneReport,
    LogEvidence,
    Report,
    Series,
)
from bulkdel.reporting.report.left import left, newest_of_sources
from bulkdel.reporting.report.runs import Run, Runs
from bulkdel.result_log.failures import failures
from bulkdel.result_log.folder import holder_of
from bulkdel.result_log.queries import index_of_failed
from bulkdel.result_log.reader import LaneFacts, LogFacts
from bulkdel.result_log.timeline import OUTCOMES, Ints, Moment, Timeline, percentile_ms

_P50: Final = 0.5
_P99: Final = 0.99


def gather(
    logs: Sequence[Path],
    *,
    made_at: str,
    version: str,
    samples: int = 3,
    on_read: Callable[[int], None] = lambda _: None,
) -> Report:
    """Return the report of some logs, which count as one in the order given.

    Args:
        logs: Files, or folders of jobs. One that is being written is read as far as it is.
        made_at: When it is made, UTC.
        version: Of bulkdel.
        samples: Lines that are shown of each reason of failures.
        on_read: Called now and then with the bytes read so far.

    Raises:
        ConfigError: A log cannot be read, or is none.
    """
    index, timeline, runs = index_of_failed(), Timeline(), Runs()
    lanes: dict[str, LaneFacts] = {}
    evidence = []
    before = 0
    with ThreadPoolExecutor(1) as beside:
        for log in logs:
            holder = holder_of(log)  # before it is read: what ends meanwhile has written its end
            files = beside.submit(files_of, log)
            runs.begin(str(log))
            facts = LogFacts(on_record=runs.note, on_block=timeline.add)
            index.read(log, on_read=partial(_read_so_far, on_read, before), facts=facts)
            before += facts.whole_bytes
            lanes.update(facts.lanes)  # of lanes in an earlier log, too, as they are now
            evidence.append(_evidence(log, files.result(), holder, facts))
    why = failures(index, logs, samples=samples) if _has_failed(lanes) else ()
    running = {log.log for log in evidence if log.holder is not None}
    newest = {log: runs.newest(log) for log in running}
    run_facts = tuple(run.facts(goes_on=run is newest.get(run.log)) for run in runs)
    columns, reports = _lanes(lanes, timeline, runs)
    return Report(
        made_at=made_at,
        version=version,
        state=run_facts[-1].state if run_facts else "empty",
        reason=run_facts[-1].reason if run_facts else None,
        counts={
            outcome.value: sum(lane.counts[outcome.value] for lane in reports)
            for outcome in Outcome
        },
        lanes=reports,
        runs=run_facts,
        axis=columns.axis(),
        failures=tuple(why),
        left=left(reports, evidence, runs),
        evidence=tuple(evidence),
    )


def _read_so_far(on_read: Callable[[int], None], before: int, count: int) -> None:
    on_read(before + count)


def _evidence(
    log: Path, files: tuple[FileEvidence, ...], holder: str | None, facts: LogFacts
) -> LogEvidence:
    return LogEvidence(
        log=str(log),
        files=files,
        holder=holder,
        lines=facts.lines,
        damaged=facts.damaged,
        damaged_lines=tuple(facts.damaged_lines),
        torn_bytes=facts.torn_bytes,
        first_at=facts.first_at,
        last_at=facts.last_at,
        verified=verified(log),
    )


def _has_failed(lanes: Mapping[str, LaneFacts]) -> bool:
    return any(lane.counts.get(Outcome.FAILED) for lane in lanes.values())


def _lanes(
    facts: Mapping[str, LaneFacts], timeline: Timeline, runs: Runs
) -> tuple[Columns, tuple[LaneReport, ...]]:
    """Return the axis and the lanes, the busiest first."""
    moments: defaultdict[str, list[Moment]] = defaultdict(list)
    for moment in timeline.moments():
        moments[moment.lane].append(moment)
    names = dict.fromkeys([*facts, *(lane for run in runs for lane in run.lanes)])
    width_s = timeline.width_s
    busy: set[Stretch] = {
        (moment.begin_s, moment.begin_s + width_s)
        for of_lane in moments.values()
        for moment in of_lane
    }
    for name in names:
        busy |= {
            (int(pace.begin_s), int(pace.end_s) + 1) for run in runs for pace in run.paces(name)
        }
    columns = Columns(busy, width_s)
    explained: defaultdict[str, list[LaneExplanation]] = defaultdict(list)
    for run in runs:
        for explanation in run.explanations():
            explained[explanation.lane].append(explanation)
    lanes = [
        _lane(name, facts.get(name, LaneFacts()), moments[name], columns, runs, explained[name])
        for name in names
    ]
    return columns, tuple(sorted(lanes, key=lambda lane: -sum(lane.counts.values())))


def _lane(
    name: str,
    facts: LaneFacts,
    moments: list[Moment],
    columns: Columns,
    runs: Runs,
    explained: list[LaneExplanation],
) -> LaneReport:
    of_lane = [run for run in runs if name in run.lanes]
    place = of_lane[-1].header["lanes"][name] if of_lane else {}
    place = place if isinstance(place, dict) else {}
    seconds: defaultdict[str, float] = defaultdict(float)
    for each in explained:
        for bound, share in each.shares.items():
            seconds[bound] += share * each.elapsed_s
    whole_s = sum(seconds.values())
    latency = sum((moment.latency for moment in moments), np.zeros(1, np.int64))
    return LaneReport(
        lane=name,
        provider=str(place.get("provider") or ""),
        resource=_resource(place),
        base_url=str(place.get("base_url") or ""),
        counts={outcome.value: facts.counts.get(outcome, 0) for outcome in Outcome},
        retryable=facts.retryable,
        doubted=facts.doubted,
        pending=_pending(name, of_lane),
        requests=sum(run.of_lane(name, "requests") or 0 for run in of_lane),
        refused=sum(run.of_lane(name, "refused") or 0 for run in of_lane),
        active_s=sum(each.elapsed_s for each in explained),
        limit=explained[-1].limit_words if explained else None,
        shares={
            bound: spent / whole_s
            for bound, spent in sorted(seconds.items(), key=lambda item: -item[1])
            if whole_s > 0
        },
        advice=explained[-1].advice if explained else (),
        p50_ms=percentile_ms(latency, _P50),
        p99_ms=percentile_ms(latency, _P99),
        series=_series(name, moments, columns, runs),
    )


def _resource(place: Mapping[str, object]) -> str:
    """Return the name of what a lane deletes, and whose it is."""
    params = place.get("params")
    whose = params.items() if isinstance(params, dict) else ()
    words = ", ".join(f"{name}={value}" for name, value in whose)
    name = str(place.get("resource") or "")
    return f"{name} ({words})" if words else name


def _pending(name: str, of_lane: list[Run]) -> int | None:
    """Return what the newest run of each set of sources has left; None if one wrote no end."""
    left_by = [run.of_lane(name, "pending") for run in newest_of_sources(of_lane)]
    known = [max(0, count) for count in left_by if count is not None]
    return sum(known) if known and len(known) == len(left_by) else None


def _series(name: str, moments: list[Moment], columns: Columns, runs: Runs) -> Series:
    count = len(columns)
    results, failed = [0] * count, [0] * count
    latencies: dict[int, Ints] = {}
    for moment in moments:
        column = columns.at(moment.begin_s)
        if column is None:
            continue
        results[column] += sum(moment.counts)
        failed[column] += moment.counts[OUTCOMES.index(b"failed")]
        known = latencies.get(column)
        latencies[column] = moment.latency if known is None else known + moment.latency
    requests, refused = [0.0] * count, [0.0] * count
    aimed: list[float | None] = [None] * count
    limit: list[float | None] = [None] * count
    for run in runs:
        for pace in run.paces(name):
            for column, share in columns.over(pace.begin_s, pace.end_s):
                requests[column] += share * pace.requests
                refused[column] += share * pace.refused
                aimed[column] = pace.aimed
                limit[column] = pace.limit
    return Series(
        results_per_s=tuple(
            number / span for number, span in zip(results, columns.spans_s, strict=True)
        ),
        failed=tuple(failed),
        requests=tuple(requests),
        refused=tuple(refused),
        aimed_per_s=tuple(aimed),
        limit_per_s=tuple(limit),
        p50_ms=tuple(_percentile(latencies.get(column), _P50) for column in range(count)),
        p99_ms=tuple(_percentile(latencies.get(column), _P99) for column in range(count)),
    )


def _percentile(latency: Ints | None, share: float) -> float | None:
    return None if latency is None else percentile_ms(latency, share)
