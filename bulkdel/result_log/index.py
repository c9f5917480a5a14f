"""Which IDs are done: an index of the result log, asked block by block.

    result log --> Index.read --> one DigestSet per lane
    block      --> Index.claim --> the IDs that are still to do

An ID is known by lane and text; the row of a source that cannot be an ID, by lane and
text too, apart from all IDs. Of several lines of one ID in a log, the last one counts.

What holds here, always:

1. `Index.claim` gives out an ID of a lane once in a run, whatever the blocks and from
   whichever thread, and never one that the log says is done.
2. A damaged line makes no ID done.
3. Each ID takes 24 bytes at most, whether it comes from the log or from this run.

Not here: reading the log (`reader`), appending to it (`writer`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Final

import numpy as np

from bulkdel.errors import ConfigError
from bulkdel.models import Block, InvalidRow, Outcome
from bulkdel.result_log.digest_set import ABSENT, DigestSet, States, Words, digest
from bulkdel.result_log.encode import carried_id
from bulkdel.result_log.reader import LaneRecords, LineState, LogFacts, read_log
from bulkdel.result_log.split import ID_SEED, INVALID_SEED, is_of
from bulkdel.settings import Part

_SEEN: Final = 7
"""The state of what was given out in this run. All but this and the next are a `LineState`."""
_TO_DO: Final = 6
"""The state of what was given out only to be looked at, and is to be given out again."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What remains of a block, and what was dropped.

    Attributes:
        block: The IDs and invalid rows that are still to do, in their order.
        skipped: Dropped because the log says that they are done.
        skipped_failed: Of the skipped: those whose last outcome is failed or invalid.
        duplicates: Dropped because they were given out before in this run.
    """

    block: Block
    skipped: int
    skipped_failed: int
    duplicates: int


class Index:
    """The IDs that are done or were given out in this run. Thread-safe."""

    def __init__(
        self,
        *,
        retry_failed: bool = False,
        retry_gone: bool = False,
        allow_gone: bool = False,
        keeps_unknown: bool = False,
        part: Part | None = None,
    ) -> None:
        """Make an empty index.

        Args:
            retry_failed: Give out all that failed once more.
            retry_gone: Give out all that is gone once more.
            allow_gone: Take for done also what is gone in doubt.
            keeps_unknown: Have the facts of a log name the IDs that may be deleted.
            part: Keep only what is of this part of a split job.
        """
        self._keeps_unknown = keeps_unknown
        self._part = part
        self._lanes: dict[str, DigestSet] = {}
        self._lock = threading.Lock()
        self._fresh = np.zeros(256, np.bool_)
        self._fresh[[ABSENT, _TO_DO, LineState.RETRYABLE]] = True
        self._fresh[LineState.FAILED] = retry_failed
        self._fresh[LineState.GONE] = retry_gone
        self._fresh[LineState.DOUBTED] = retry_gone or not allow_gone

    def read(
        self,
        path: Path,
        go_on: Callable[[], bool] = lambda: True,
        on_read: Callable[[int], None] = lambda _: None,
        facts: LogFacts | None = None,
    ) -> LogFacts:
        """Add the results of a log, as newer than what is known, and return its facts.

        The facts of each lane count what is known then, so of all the logs read.

        Args:
            path: The log.
            go_on: Asked every thousand lines or so; after a no the rest is left out, and
                neither the index nor the facts are good for anything.
            on_read: Called as often with the bytes of a single log that were read.
            facts: To be filled; new ones if there are none.

        Raises:
            ConfigError: The log cannot be read, or it is none.
        """
        facts = facts or LogFacts(keeps_unknown=self._keeps_unknown)
        with self._lock:
            for part in read_log(path, facts):
                if not go_on():
                    return facts
                self._add(part)
                on_read(facts.whole_bytes)
            for lane, lane_facts in facts.lanes.items():
                counts = self._lanes[lane].counts()
                lane_facts.retryable = counts[LineState.RETRYABLE]
                lane_facts.doubted = counts[LineState.DOUBTED]
                lane_facts.counts = {
                    Outcome.DELETED: counts[LineState.DELETED],
                    Outcome.GONE: counts[LineState.GONE] + counts[LineState.DOUBTED],
                    Outcome.FAILED: counts[LineState.FAILED] + counts[LineState.RETRYABLE],
                    Outcome.INVALID: counts[LineState.INVALID],
                }
        if facts.lines and facts.damaged == facts.lines:
            raise ConfigError(f"{path} is not a result log: none of its lines is one of a log")
        return facts

    def claim(self, block: Block) -> Claimed:
        """Drop what is done or was given out before; note the rest as given out."""
        id_digests = digest(map(str.encode, block.ids), ID_SEED)
        texts = (carried_id(row.text) for row in block.invalid)
        row_digests = digest(texts, INVALID_SEED)
        with self._lock:
            known = self._lanes.setdefault(block.lane, DigestSet())
            id_states = self._take(known, id_digests)
            row_states = self._take(known, row_digests)

        ids = list(dict.fromkeys(compress(block.ids, self._fresh[id_states])))
        rows: dict[str, InvalidRow] = {}
        for row in compress(block.invalid, self._fresh[row_states]):
            rows.setdefault(row.text, row)

        states = np.concatenate((id_states, row_states))
        fresh = int(np.count_nonzero(self._fresh[states]))
        seen = int(np.count_nonzero(states == _SEEN))
        done_badly = np.isin(states, (LineState.FAILED, LineState.INVALID)) & ~self._fresh[states]
        return Claimed(
            replace(block, ids=ids, invalid=list(rows.values())),
            skipped=len(states) - seen - fresh,
            skipped_failed=int(np.count_nonzero(done_badly)),
            duplicates=seen + fresh - len(ids) - len(rows),
        )

    def start_over(self) -> None:
        """Give out again what was given out so far: that was a look at the sources, no run."""
        with self._lock:
            for known in self._lanes.values():
                known.turn(_SEEN, _TO_DO)

    def __len__(self) -> int:
        """Return how many IDs and invalid rows are known."""
        with self._lock:
            return sum(map(len, self._lanes.values()))

    @property
    def memory_bytes(self) -> int:
        """What the entries take."""
        with self._lock:
            return sum(known.memory_bytes for known in self._lanes.values())

    def _add(self, part: LaneRecords) -> None:
        self._lanes.setdefault(part.lane, DigestSet())
        states = np.frombuffer(part.states, np.uint8)
        invalid = states == LineState.INVALID
        if not invalid.any():
            self._put(part.lane, digest(part.ids, ID_SEED), states)
            return
        for chosen, seed in ((~invalid, ID_SEED), (invalid, INVALID_SEED)):
            self._put(part.lane, digest(compress(part.ids, chosen), seed), states[chosen])

    def _put(self, lane: str, digests: Words, states: States) -> None:
        if self._part is not None:
            mine = is_of(self._part, lane, digests)
            digests, states = digests[mine], states[mine]
        self._lanes[lane].put(digests, states)

    def _take(self, known: DigestSet, digests: Words) -> States:
        """Return the states of ``digest_set`` as they were; note the fresh as given out."""
        states = known.find(digests)
        known.put(digests[self._fresh[states]], _SEEN)
        return states
