"""Look at the sources before a run: what is in them, without sending anything.

Reads every source once, through an index of its own, and counts per lane: what would be
sent, what is done already, duplicates, invalid rows, and IDs that do not look like the
provider's. It is what `--dry-run` prints and what the user confirms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from bulkdel.engine.feeder import BlockReader
from bulkdel.models import InvalidRow
from bulkdel.object_id import STRICT, IdForm
from bulkdel.providers.birth import FIRST_S
from bulkdel.result_log.index import Index
from bulkdel.settings import Lane
from bulkdel.sources import NO_LANE

T = TypeVar("T")

SAMPLES_MAX: Final = 3
"""IDs, invalid rows and unusual IDs of a lane that are kept as examples."""


@dataclass(slots=True)
class LaneSurvey:
    """What the sources hold for one lane.

    Attributes:
        read: IDs and rows.
        to_send: IDs that would be sent.
        skipped: IDs that the log says are done.
        skipped_failed: Of those: IDs that failed for good, and invalid rows.
        duplicates: IDs that come more than once.
        invalid: Rows that hold no ID.
        unusual: IDs that do not look like the provider's.
        first_ids: The first IDs that would be sent.
        unusual_ids: The first of them.
        invalid_rows: The first invalid rows.
        stripped: IDs around which white space or a byte order mark was taken off.
        kept: IDs that are too young, or of unknown age.
        kept_unknown: Of those: IDs of unknown age.
        oldest_s: When the oldest that would be sent was made, in seconds since 1970, as far as
            their IDs say; None if they do not.
        newest_s: The newest one.
        unchecked: IDs whose confirmations name nothing that can be compared with them.
    """

    read: int = 0
    to_send: int = 0
    skipped: int = 0
    skipped_failed: int = 0
    duplicates: int = 0
    invalid: int = 0
    unusual: int = 0
    first_ids: list[str] = field(default_factory=list)
    unusual_ids: list[str] = field(default_factory=list)
    invalid_rows: list[InvalidRow] = field(default_factory=list)
    stripped: int = 0
    kept: int = 0
    kept_unknown: int = 0
    oldest_s: float | None = None
    newest_s: float | None = None
    unchecked: int = 0


def survey(
    readers: Sequence[BlockReader],
    lanes: Sequence[Lane],
    index: Index,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Mapping[str, LaneSurvey]:
    """Read every source to its end and return what each lane would get.

    Marks the IDs as read in ``index``: `Index.start_over` before a run uses it.

    Args:
        readers: The sources, opened.
        lanes: The lanes.
        index: What the log says is done.
        stop: Asked between blocks; True ends the survey early.

    Raises:
        SourceError: A source cannot be read.
    """
    found = {lane.name: LaneSurvey() for lane in lanes}
    forms = {lane.name: lane.id_form for lane in lanes}
    unchecked = {lane.name: lane.resource.is_unchecked for lane in lanes}
    born = {lane.name: lane.resource.born for lane in lanes}
    for reader in readers:
        while not stop() and (blocks := reader.read()) is not None:
            for block in blocks:
                lane_survey = found.setdefault(block.lane, LaneSurvey())
                lane_survey.read += len(block.ids) + len(block.invalid) + block.kept
                lane_survey.kept += block.kept
                lane_survey.kept_unknown += block.kept_unknown
                claimed = index.claim(block)
                lane_survey.skipped += claimed.skipped
                lane_survey.skipped_failed += claimed.skipped_failed
                lane_survey.duplicates += claimed.duplicates
                lane_survey.stripped += block.stripped
                _note(lane_survey, claimed.block.ids, forms.get(block.lane, STRICT))
                _note_ages(lane_survey, claimed.block.ids, born.get(block.lane))
                is_unchecked = unchecked.get(block.lane)
                if is_unchecked is not None:
                    lane_survey.unchecked += sum(map(is_unchecked, claimed.block.ids))
                lane_survey.invalid += len(claimed.block.invalid)
                _keep(lane_survey.invalid_rows, claimed.block.invalid)
    return {
        name: lane_survey
        for name, lane_survey in found.items()
        if lane_survey.read or name != NO_LANE
    }


def _note(lane_survey: LaneSurvey, ids: list[str], form: IdForm) -> None:
    lane_survey.to_send += len(ids)
    _keep(lane_survey.first_ids, ids)
    unusual = [object_id for object_id in ids if form.is_unusual(object_id)]
    lane_survey.unusual += len(unusual)
    _keep(lane_survey.unusual_ids, unusual)


def _note_ages(
    lane_survey: LaneSurvey, ids: list[str], born: Callable[[str], float | None] | None
) -> None:
    """Note the oldest and the newest of some IDs; a time before any that can be true is none."""
    if born is None:
        return
    times = _times([min(ids, default=""), max(ids, default="")], born)
    if len(times) < 2:  # the first or the last in order is of another form: ask all
        times = _times(ids, born)
    if times:
        lane_survey.oldest_s = min(lane_survey.oldest_s or times[0], *times)
        lane_survey.newest_s = max(lane_survey.newest_s or times[0], *times)


def _times(ids: list[str], born: Callable[[str], float | None]) -> list[float]:
    return [time_s for time_s in map(born, ids) if time_s is not None and time_s >= FIRST_S]


def _keep(kept: list[T], more: Sequence[T]) -> None:
    kept.extend(more[: SAMPLES_MAX - len(kept)])
