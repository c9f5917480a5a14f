"""What a run takes over from logs: which IDs are done, deletions so far, the limit found.

A log is taken over only for the place where its IDs were deleted: the same resource of the
same provider at the same base URL. Another region's log, or an emulator's, would make IDs pass for done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bulkdel.errors import ConfigError
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.providers import RESPONSES
from bulkdel.result_log.folder import logs_of
from bulkdel.result_log.index import Index
from bulkdel.result_log.reader import LogFacts
from bulkdel.settings import RunSettings


def read_logs(
    settings: RunSettings,
    go_on: Callable[[], bool] = lambda: True,
    on_read: Callable[[int], None] = lambda _: None,
) -> tuple[Index, LogFacts]:
    """Read the logs of a run: those of ``done_logs`` first, then its own if it is there.

    Args:
        settings: The settings of the run.
        go_on: Asked again and again, since ten million lines take ten seconds; after a no
            what is returned is good for nothing.
        on_read: Called as often with the bytes of all logs that were read.

    Returns:
        Which IDs are done, and what the run's own log says beside that.

    Raises:
        ConfigError: A log cannot be read, or is of another place.
    """
    index = Index(
        retry_failed=settings.retry_failed,
        retry_gone=settings.retry_gone,
        allow_gone=settings.allow_gone,
        keeps_unknown=settings.max_delete is not None,
        part=settings.part,
    )
    before = 0

    def read_so_far(read: int) -> None:
        on_read(before + read)

    for path in settings.done_logs:
        facts = index.read(path, go_on, read_so_far)
        before += facts.whole_bytes
        if go_on():
            _check_places(path, facts, settings)
    facts = LogFacts()
    if settings.log is not None and _is_begun(settings.log):
        facts = index.read(settings.log, go_on, read_so_far)
        if go_on():
            _check_lanes(settings.log, facts, settings)
            _check_places(settings.log, facts, settings)
    return index, facts


def _is_begun(log: Path) -> bool:
    """Say whether there is anything to read: a folder may have been made for a job to come."""
    return log.exists() and not (log.is_dir() and not any(log.iterdir()))


@dataclass(frozen=True, slots=True)
class KnownLogs:
    """What was read of the logs of a run, for as long as they stay as they were.

    A person is shown what a run would do before it begins; ten million lines are then not read
    a second time. Make it with `read`.

    Attributes:
        index: Which IDs are done.
        facts: What the run's own log says beside that.
        stamps: What the files were when their reading began.
    """

    index: Index
    facts: LogFacts
    stamps: tuple[_Stamp, ...]

    @classmethod
    def read(
        cls, settings: RunSettings, on_read: Callable[[int], None] = lambda _: None
    ) -> KnownLogs:
        """Read the logs of a run, as `read_logs` does.

        Raises:
            ConfigError: A log cannot be read, or is of another place.
        """
        stamps = _stamps(settings)
        index, facts = read_logs(settings, on_read=on_read)
        return cls(index, facts, stamps)

    def take_over(self, settings: RunSettings) -> tuple[Index, LogFacts] | None:
        """Return what was read, as it was then; None if a log is not the same file any more."""
        if self.stamps != _stamps(settings):
            return None
        self.index.start_over()
        return self.index, self.facts


_Stamp = tuple[int, int, int, int] | None
"""Device, inode, size and time of the last change of a file, or None if it is not there."""


def _stamps(settings: RunSettings) -> tuple[_Stamp, ...]:
    paths = [path for path in (*settings.done_logs, settings.log) if path is not None]
    return tuple(_stamp(log.path) for path in paths for log in logs_of(path))


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def deletions(facts: LogFacts, lane: str | None = None) -> int:
    """Return the deletions that a log holds, of one lane or of all."""
    return sum(records.deletions for name, records in facts.lanes.items() if lane in (None, name))


def unknown(facts: LogFacts) -> int:
    """Return of how many IDs, not known to be deleted, a request of ours may have been carried out.

    Each takes a place of ``--max-delete``.
    """
    return sum(map(len, facts.unknown.values()))


def learned_limit(facts: LogFacts, lane: str) -> LimitEstimate | None:
    """Return what a log knows about the limit of a lane's provider."""
    found = facts.paces.get(lane, {}).get("learned")
    return LimitEstimate.from_json(found) if isinstance(found, dict) else None


_Place = tuple[str, str, str, tuple[tuple[str, str], ...]]
"""Provider, resource, base URL and parents of a lane."""


def _check_lanes(path: Path, facts: LogFacts, settings: RunSettings) -> None:
    """Refuse to go on with a log of quite other lanes: it was hardly meant."""
    befores = _places(facts)
    names = [lane.name for lane in settings.lanes]
    if befores and not set(befores) & set(names):
        raise ConfigError(
            f"log {path}: it is of {_lanes(befores)}, this run is of {_lanes(names)};"
            " name another --log"
        )


def _check_places(path: Path, facts: LogFacts, settings: RunSettings) -> None:
    """Refuse a log whose lane was somewhere else than the run's of the same name."""
    befores = _places(facts)
    for lane in settings.lanes:
        now = _place_of(lane.place)
        for was in befores.get(lane.name, ()):
            if was != now:
                raise ConfigError(
                    f"log {path}: its lane {lane.name!r} is {_place(was)},"
                    f" this run's is {_place(now)}; name another --log or --done"
                )


def _places(facts: LogFacts) -> dict[str, set[_Place]]:
    """Return where each lane is, as the headers of all runs have it.

    A header without a resource is of a version that knew responses alone. What is no text, of
    another version or damaged, is the place of no run.
    """
    places: dict[str, set[_Place]] = {}
    for header in facts.runs:
        lanes = header.get("lanes")
        for name, known in lanes.items() if isinstance(lanes, dict) else ():
            if isinstance(known, dict):
                places.setdefault(name, set()).add(_place_of(known))
    return places


def _place_of(known: Mapping[str, object]) -> _Place:
    params = known.get("params", {})
    whose = params.items() if isinstance(params, dict) else [("params", params)]
    return (
        _word(known.get("provider")),
        _word(known.get("resource", RESPONSES)),
        _word(known.get("base_url")),
        tuple(sorted((name, _word(value)) for name, value in whose)),
    )


def _word(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def _place(place: _Place) -> str:
    provider, resource, base_url, params = place
    whose = "".join(f", {name} {value}" for name, value in params)
    return f"{provider}{'' if resource == RESPONSES else f':{resource}'}{whose} at {base_url}"


def _lanes(names: Iterable[str]) -> str:
    return "lane " + ", ".join(map(repr, names))
