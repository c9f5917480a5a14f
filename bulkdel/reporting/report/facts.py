"""What a report says, as values: the pages of all formats are drawn out of this, and it is the JSON.

Not here: where it comes from (`gather`), how it looks (`html`, `markdown`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulkdel.result_log.failures import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEvidence:
    """One file of a log, as it lay on the disk.

    Attributes:
        path: Where it was.
        size: Bytes that were read.
        sha256: Their SHA-256, as ``sha256sum`` prints it.
        seals: Seals that are right; None for a compressed file, whose seals are not looked at.
        seal: The last of them, which stands for all up to it.
        sealed_bytes: Up to the end of the last seal.
        changed: Where a sealed byte was changed, removed or added, in words, or None.
    """

    path: str
    size: int
    sha256: str
    seals: int | None
    seal: str | None
    sealed_bytes: int
    changed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvidence:
    """One log that was given: a file, or the folder of a job.

    Attributes:
        log: Its path, as it was given.
        files: What it consists of.
        holder: Who was writing it, or None.
        lines: Whole lines; of a log that is being written some more than its file had when its
            digest was begun.
        damaged: Lines that are none of a log; their IDs are still to do.
        damaged_lines: The numbers of the first of them, from 1.
        torn_bytes: Bytes of an unfinished line at the end.
        first_at: The first time in it.
        last_at: The last one.
        verified: What `bulkdel verify` has found, by lane and finding; empty if nothing was asked.
    """

    log: str
    files: tuple[FileEvidence, ...]
    holder: str | None
    lines: int
    damaged: int
    damaged_lines: tuple[int, ...]
    torn_bytes: int
    first_at: str | None
    last_at: str | None
    verified: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """One run: from its header to its end, or to where the next one begins.

    Attributes:
        log: The log it stands in.
        began_at: When it began.
        ended_at: When it ended; None if it goes on, or was killed.
        state: ``finished``, ``stopped``, ``interrupted``, ``running`` or ``killed``.
        reason: Why it ended early, or None.
        version: Of bulkdel.
        elapsed_s: Seconds it took; of one without an end, up to its last pace record.
        counts: What came of its IDs, as in its summary; of one without an end, what is known.
        sources: The files it read.
        lanes: The lanes it had.
        notes: What was found out on the way.
        orders: How it was steered by hand, as the log has it; the newest hundred.
    """

    log: str
    began_at: str
    ended_at: str | None
    state: str
    reason: str | None
    version: str
    elapsed_s: float
    counts: Mapping[str, int]
    sources: tuple[str, ...]
    lanes: tuple[str, ...]
    notes: tuple[str, ...]
    orders: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where time was left out, since nothing was done in it.

    Attributes:
        column: The column of the axis before which it lies.
        left_out_s: Its length in seconds.
    """

    column: int
    left_out_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """The time that the charts show, in columns of one width; gaps are cut.

    Attributes:
        width_s: Seconds of a column.
        begins: When each begins, UTC.
        spans_s: Seconds of each in which something may have been done: less in the last one
            before a cut.
        cuts: Where time was left out.
    """

    width_s: int
    begins: tuple[str, ...]
    spans_s: tuple[float, ...]
    cuts: tuple[Cut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """How a lane went, a value for each column of the axis; None where nothing is known.

    Attributes:
        results_per_s: IDs that ended, a second.
        failed: IDs that failed.
        requests: Requests sent, after the pace records.
        refused: Of those, refused.
        aimed_per_s: Requests a second that the pace aimed at.
        limit_per_s: The provider's limit as it was known then.
        p50_ms: Answer time that half of the answers took at most.
        p99_ms: That 99 of 100 took at most.
    """

    results_per_s: tuple[float, ...]
    failed: tuple[int, ...]
    requests: tuple[float, ...]
    refused: tuple[float, ...]
    aimed_per_s: tuple[float | None, ...]
    limit_per_s: tuple[float | None, ...]
    p50_ms: tuple[float | None, ...]
    p99_ms: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneReport:
    """One lane over all runs.

    Attributes:
        lane: Its name.
        provider: The provider, as the newest header says.
        resource: What was deleted.
        base_url: Where.
        counts: IDs by their last outcome: deleted, gone, failed, invalid.
        retryable: Of the failed: the next run tries them by itself.
        doubted: Of the gone: the next run asks for them again.
        pending: IDs that the newest run of each set of sources has read and left; None if one of
            these wrote no end.
        requests: Requests of all runs.
        refused: Of those, refused.
        active_s: Seconds of its runs.
        limit: The provider's limit as it was found last, in words, or None.
        shares: Share of the active time under each bound, the largest first.
        advice: What to change about the newest run.
        p50_ms: Answer time over all runs.
        p99_ms: Likewise.
        series: How it went.
    """

    lane: str
    provider: str
    resource: str
    base_url: str
    counts: Mapping[str, int]
    retryable: int
    doubted: int
    pending: int | None
    requests: int
    refused: int
    active_s: float
    limit: str | None
    shares: Mapping[str, float]
    advice: tuple[str, ...]
    p50_ms: float | None
    p99_ms: float | None
    series: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is left to do.

    Attributes:
        what: A sentence each; empty if nothing is left.
        commands: Command lines that go on with it, or show more of it.
    """

    what: tuple[str, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole report.

    Attributes:
        made_at: When it was made, UTC.
        version: Of the bulkdel that made it.
        state: How the newest run stands.
        reason: Why it ended early, or None.
        counts: IDs by their last outcome, over all lanes.
        lanes: Each lane, the busiest first.
        runs: Each run, oldest first.
        axis: The time of the charts.
        failures: Why IDs failed, the most frequent first.
        left: What is left.
        evidence: Each log.
    """

    made_at: str
    version: str
    state: str
    reason: str | None
    counts: Mapping[str, int]
    lanes: tuple[LaneReport, ...]
    runs: tuple[RunFacts, ...]
    axis: Axis
    failures: tuple[Failure, ...]
    left: Left
    evidence: tuple[LogEvidence, ...]
