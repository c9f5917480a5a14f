"""Read a result log in one pass: what became of each ID, and the facts about the log.

    blocks --> whole lines --> decode --> results, lane by lane --> LaneRecords
                                            --> all other entries     --> LogFacts

What holds here, always:

1. A damaged line is counted, its number kept, and skipped; the rest of the log counts.
   An ID whose line is damaged is still to do: it is sent again.
2. What follows the last newline is unfinished (or the NUL bytes that a power cut
   leaves) and does not count. So a log can be read while it grows.
3. Memory does not grow with the log, but for one header a run.

Not here: which of several lines of one ID counts (`index`), and writing (`writer`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import orjson

from bulkdel.models import Outcome
from bulkdel.result_log.blocks import check_line_ends, read_blocks
from bulkdel.result_log.decode import Lines, parse_block, parse_lines
from bulkdel.result_log.folder import logs_of

BLOCK_BYTES: Final = 1 << 18
"""Read at once; some fifteen hundred lines. Larger blocks are slower: they leave the cache."""

LINE_BYTES_MAX: Final = 1 << 22
"""A longer line is damaged. Ours have a few hundred bytes, some thousand at most."""

DAMAGED_SHOWN_MAX: Final = 10
"""So many numbers of damaged lines are kept; all are counted."""


class LineState(IntEnum):
    """What a line says of its ID."""

    DELETED = 0
    GONE = 1
    FAILED = 2
    """Failed, and a later run does not try it by itself."""
    RETRYABLE = 3
    """Failed, and a later run tries it."""
    INVALID = 4
    DOUBTED = 5
    """Gone, but nothing was ever deleted; a later run asks again."""


@dataclass(slots=True)
class LaneFacts:
    """What the log says of one lane.

    Attributes:
        deletions: Lines with the outcome `deleted`.
        counts: IDs by the outcome of their last line. Empty until the whole log has been
            indexed (`resume.Index.read`).
        retryable: Of the failed: those that a later run tries by itself.
        doubted: Of the gone: those that a later run asks for again.
    """

    deletions: int = 0
    counts: dict[Outcome, int] = field(default_factory=dict)
    retryable: int = 0
    doubted: int = 0


def _ignore(_name: str, _value: dict[str, Any]) -> None:
    pass


def _ignore_block(_block: bytes) -> None:
    pass


@dataclass(slots=True)
class LogFacts:
    """What a log says beside the results. Grows while the log is read.

    Attributes:
        runs: The headers of the runs, oldest first.
        last_end: The summary of the newest run; None if it has written none: it was
            killed or is still going on.
        lanes: What the log says of each lane that has results.
        lines: Whole lines, damaged and blank ones included.
        damaged: Lines that are no line of a log.
        damaged_lines: The numbers of the first of them, from 1.
        first_at: The first time in the log, as it stands there.
        last_at: The last one.
        whole_bytes: Length of the log up to its last newline, decompressed.
        torn_bytes: Length of what follows the last newline.
        ends_in_nul: The log ends in NUL bytes, as a power cut leaves them.
        keeps_unknown: Fill `unknown`; else it stays empty, since it grows with the log.
        unknown: By lane, the IDs that are not known to be deleted, though a request of ours may
            have done it: it got no clear answer.
        paces: The newest pace record of each lane.
        on_record: Called with the name and the value of every record that is no result.
        on_block: Called with each block of whole lines, before its records.
    """

    runs: list[dict[str, Any]] = field(default_factory=list)
    last_end: dict[str, Any] | None = None
    lanes: dict[str, LaneFacts] = field(default_factory=dict)
    lines: int = 0
    damaged: int = 0
    damaged_lines: list[int] = field(default_factory=list)
    first_at: str | None = None
    last_at: str | None = None
    whole_bytes: int = 0
    torn_bytes: int = 0
    ends_in_nul: bool = False
    keeps_unknown: bool = False
    unknown: dict[str, set[str]] = field(default_factory=dict)
    paces: dict[str, dict[str, Any]] = field(default_factory=dict)
    on_record: Callable[[str, dict[str, Any]], None] = field(default=_ignore, repr=False)
    on_block: Callable[[bytes], None] = field(default=_ignore_block, repr=False)

    def of_part(self) -> LogFacts:
        """Return the facts for the log of a part: of its records only the results are of the job."""
        return LogFacts(
            lanes=self.lanes,
            keeps_unknown=self.keeps_unknown,
            unknown=self.unknown,
            on_block=self.on_block,
        )

    def add_part(self, part: LogFacts) -> None:
        """Add what was read of a part beside its results."""
        self.lines += part.lines
        self.damaged += part.damaged
        times = [at for at in (self.first_at, part.first_at) if at is not None]
        self.first_at = min(times, default=None)
        times = [at for at in (self.last_at, part.last_at) if at is not None]
        self.last_at = max(times, default=None)


@dataclass(slots=True, frozen=True)
class LaneRecords:
    """The results of one lane in some lines of a log, in their order.

    Attributes:
        lane: Name of the lane.
        ids: The IDs in UTF-8.
        states: What the lines say of them, a `LineState` each.
    """

    lane: str
    ids: list[bytes]
    states: bytes


_STATES: Final = {state.name.lower().encode(): int(state) for state in LineState}

_AT: Final = b'"at":"'
"""Never inside a string, where a quote is escaped: ``\\"at\\":\\"``."""

_AFTER_UNKNOWN: Final = b',"after_unknown":true'
"""Likewise."""


def read_log(path: Path, facts: LogFacts) -> Iterator[LaneRecords]:
    """Yield the results of the log, lane by lane in blocks; write the rest into ``facts``.

    Raises:
        ConfigError: The log cannot be read (see `blocks`).
    """
    for log in logs_of(path):
        of_log = facts if log.is_run else facts.of_part()
        yield from _read_file(log.path, of_log)
        if of_log is not facts:
            facts.add_part(of_log)


def _read_file(path: Path, facts: LogFacts) -> Iterator[LaneRecords]:
    for block in _whole_lines(path, facts):
        facts.on_block(block)
        lines = parse_block(block)
        _note_times(block, facts)
        _note_others(lines, facts)
        if facts.keeps_unknown:
            _note_unknown(block, facts)
        for part in _by_lane(lines):
            lane_facts = facts.lanes.setdefault(part.lane, LaneFacts())
            lane_facts.deletions += part.states.count(LineState.DELETED)
            if facts.unknown.get(part.lane):
                facts.unknown[part.lane] -= _deleted(part)
            yield part


def read_failed(path: Path) -> Iterator[LaneRecords]:
    """Yield the results whose outcome is `failed`, and perhaps others.

    Several times faster than `read_log`: a line is looked at only if it has the word in
    it, or a backslash, with which the word could be written in another way.

    Raises:
        ConfigError: The log cannot be read (see `blocks`).
    """
    for block in _blocks_of(path):
        yield from _by_lane(parse_lines(_lines_with(block, (b"failed", b"\\"))))


def read_with(path: Path, word: bytes) -> Iterator[dict[str, Any]]:
    """Yield the results whose lines have ``word`` in them, as they stand in the log.

    Raises:
        ConfigError: The log cannot be read (see `blocks`).
    """
    for block in _blocks_of(path):
        for line in _lines_with(block, (word, b"\\")):
            if parse_lines([line]).ids:
                yield orjson.loads(line)


def _blocks_of(path: Path) -> Iterator[bytes]:
    for log in logs_of(path):
        yield from _whole_lines(log.path, LogFacts())


def _whole_lines(path: Path, facts: LogFacts) -> Iterator[bytes]:
    """Yield blocks of whole lines, with their newlines."""
    rest = b""
    read_bytes = 0
    for chunk in read_blocks(path, BLOCK_BYTES):
        if not read_bytes:
            check_line_ends(chunk, path)
        read_bytes += len(chunk)
        end = chunk.rfind(b"\n") + 1
        if end:
            facts.whole_bytes = read_bytes - len(chunk) + end
            yield rest + chunk[:end]
            rest = chunk[end:]
        elif len(rest) + len(chunk) <= LINE_BYTES_MAX:
            rest += chunk
        else:
            # Stands for the long line: a control character makes it damaged, and the
            # last byte tells a torn line from the NUL bytes of a power cut.
            rest = b"\x01" + chunk[-1:]
    facts.torn_bytes = read_bytes - facts.whole_bytes
    facts.ends_in_nul = rest.endswith(b"\0")


def _lines_with(block: bytes, needles: Iterable[bytes]) -> list[bytes]:
    """Return the lines of ``block`` that hold one of ``needles``, in their order.

    From one find to the next: most lines are never made an object.
    """
    lines: dict[int, bytes] = {}
    for needle in needles:
        place = block.find(needle)
        while place >= 0:
            begin, end = block.rfind(b"\n", 0, place) + 1, block.index(b"\n", place)
            lines[begin] = block[begin:end]
            place = block.find(needle, end)
    return [lines[begin] for begin in sorted(lines)]


def _note_times(block: bytes, facts: LogFacts) -> None:
    if facts.first_at is None:
        facts.first_at = _time_at(block, block.find(_AT))
    facts.last_at = _time_at(block, block.rfind(_AT)) or facts.last_at


def _time_at(block: bytes, place: int) -> str | None:
    if place < 0:
        return None
    begin = place + len(_AT)
    return block[begin : begin + 40].split(b'"')[0].decode("ascii", "replace")


def _note_unknown(block: bytes, facts: LogFacts) -> None:
    """Note the IDs of a block whose results say that a request of ours got no clear answer."""
    for line in _lines_with(block, (_AFTER_UNKNOWN,)):
        found = parse_lines([line])
        for lane, object_id in zip(found.lanes, found.ids, strict=True):
            facts.unknown.setdefault(lane.decode(), set()).add(object_id.decode())


def _deleted(part: LaneRecords) -> set[str]:
    return {
        object_id.decode()
        for object_id, state in zip(part.ids, part.states, strict=True)
        if state == LineState.DELETED
    }


def _note_others(lines: Lines, facts: LogFacts) -> None:
    """Note what the lines say that are no results."""
    for place, entry in lines.others:
        match entry:
            case {"run": dict(header)}:
                facts.runs.append(header)
                facts.last_end = None
                facts.on_record("run", header)
            case {"end": dict(summary)}:
                facts.last_end = summary
                facts.paces.update(paces_of(summary))
                facts.on_record("end", summary)
            case {"unknown": {"lane": str(lane), "ids": list(ids)} as left}:
                if facts.keeps_unknown:
                    known = facts.unknown.setdefault(lane, set())
                    known.update(one for one in ids if isinstance(one, str))
                facts.on_record("unknown", left)
            case {"control": dict(order)}:
                facts.on_record("control", {**order, "at": entry.get("at")})
            case {"seal": dict(seal)}:
                facts.on_record("seal", seal)
            case {"pace": dict(pace)}:
                facts.paces[str(pace.get("lane"))] = pace
                facts.on_record("pace", pace)
            case _:
                facts.damaged += 1
                if len(facts.damaged_lines) < DAMAGED_SHOWN_MAX:
                    facts.damaged_lines.append(facts.lines + place + 1)
    facts.lines += lines.count


def paces_of(summary: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the pace records that the summary of a run holds: each lane with its own."""
    lanes = summary.get("lanes")
    for name, lane in lanes.items() if isinstance(lanes, dict) else ():
        if isinstance(lane, dict) and isinstance(lane.get("pace"), dict):
            yield name, lane["pace"]


def _by_lane(lines: Lines) -> Iterator[LaneRecords]:
    """Yield the results lane by lane; those of a lane keep their order."""
    states = bytes(map(_STATES.__getitem__, lines.words))
    if lines.lanes and lines.lanes.count(lines.lanes[0]) == len(lines.lanes):
        yield LaneRecords(lines.lanes[0].decode(), lines.ids, states)
        return
    parts: defaultdict[bytes, tuple[list[bytes], bytearray]]
    parts = defaultdict(lambda: ([], bytearray()))
    for lane, object_id, state in zip(lines.lanes, lines.ids, states, strict=True):
        ids, lane_states = parts[lane]
        ids.append(object_id)
        lane_states.append(state)
    for lane, (ids, lane_states) in parts.items():
        yield LaneRecords(lane.decode(), ids, bytes(lane_states))
