"""How a job is split, fixed when it begins: ``job.json`` in its folder; and what a worker must know.

    sources, lanes, parts ──begin──> DIR/job.json <──check── every later command
                          ──JobSpec──> each worker, which reads all sources and keeps its own part

Why each worker reads all sources: a hash of lane and ID says which part an ID is of (`result_log.split`),
so nothing has to be shuffled, written twice or kept in memory, and a part can be begun anew on any
machine. Reading costs little beside the deletions: README has the figures.

What holds here, always:

1. A job is gone on with only by the sources, lanes and parts that it began with: an ID in another part
   would be sent twice.
2. No key is in the file or in a `JobSpec`. A worker reads it from its own environment, under the
   name that it is told.

Not here: the split itself (`result_log.split`), the folder's logs (`result_log.folder`).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from bulkdel.errors import ConfigError
from bulkdel.providers import find
from bulkdel.result_log.encode import utc
from bulkdel.result_log.folder import JOB_FILE, is_job, part_folder
from bulkdel.result_log.split import HASH
from bulkdel.secret import Secret
from bulkdel.settings import Lane, Part, RunSettings
from bulkdel.sources import STDIN, Source
from bulkdel.version import __version__

_FORMAT: Final = 1
IDS: Final = "ids"
"""The folder of a Ray Dataset's IDs in that of the job (`library`)."""
PARTS_MIN: Final = 16
PARTS_MAX: Final = 9999
PARTS_A_WORKER: Final = 4
"""More parts than workers: who is done takes the next, and one that dies leaves little behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSpec:
    """A lane without its key, as it travels to a worker. See `settings.Lane`."""

    provider: str
    resource_name: str
    params: Mapping[str, str]
    name: str
    base_url: str
    key_env: str
    allow_http: bool
    concurrency: int
    rate: float | None
    rate_max: float | Literal["documented"] | None
    leave: float | Literal["documented"]
    headers: Mapping[str, str] = field(repr=False)
    attempts_max: int
    timeout_s: float
    any_id: bool

    @classmethod
    def of(cls, lane: Lane, key_env: str) -> LaneSpec:
        """Return what of a lane may travel; ``key_env`` is the variable of its key."""
        return cls(
            provider=lane.provider.name,
            resource_name=lane.resource_name,
            params=dict(lane.params),
            name=lane.name,
            base_url=lane.base_url,
            key_env=key_env,
            allow_http=lane.allow_http,
            concurrency=lane.concurrency,
            rate=lane.rate,
            rate_max=lane.rate_max,
            leave=lane.leave,
            headers=dict(lane.headers),
            attempts_max=lane.attempts_max,
            timeout_s=lane.timeout_s,
            any_id=lane.any_id,
        )

    def lane(self, environ: Mapping[str, str], where: str) -> Lane:
        """Return the lane, with the key of this machine's environment.

        Raises:
            ConfigError: The key is not set here.
        """
        key = Secret(environ.get(self.key_env, "").strip())
        if not key:
            raise ConfigError(
                f"lane {self.name}: {self.key_env} is not set in the environment of {where}:"
                " keys do not travel, so set it on every node before Ray starts there"
            )
        return self._with(key)

    def keyless(self) -> Lane:
        """Return the lane for who decides and sends nothing: the broker."""
        return self._with(Secret("no-key"))

    def _with(self, key: Secret) -> Lane:
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        del fields["provider"], fields["key_env"]
        provider, _ = find(f"{self.provider}:{self.resource_name}")
        return Lane(provider=provider, api_key=key, **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A job as a worker and the broker have to know it.

    Attributes:
        folder: Of the job, on a path that every node sees.
        parts: How many there are.
        sources: Where IDs are read from, with whole paths.
        lanes: The accounts.
        options: Fields of `RunSettings` beside the lanes and the log.
    """

    folder: Path
    parts: int
    sources: tuple[Source, ...]
    lanes: tuple[LaneSpec, ...]
    options: Mapping[str, Any]

    def settings(self, lanes: Sequence[Lane]) -> RunSettings:
        """Return the settings of the whole job."""
        return RunSettings(lanes=lanes, log=self.folder, **self.options)

    def part_settings(self, lanes: Sequence[Lane], number: int) -> RunSettings:
        """Return the settings of one part; what counts over all parts is the broker's."""
        whole = self.settings(lanes)
        return replace(
            whole,
            log=part_folder(self.folder, number),
            part=Part(number, self.parts),
            command=None,
            max_duration_s=None,
            max_failures=None,
            max_failures_share=None,
        )


def parts_for(workers: int) -> int:
    """Return in how many parts a new job is split."""
    return min(PARTS_MAX, max(PARTS_MIN, PARTS_A_WORKER * workers))


def shared_sources(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Return the sources with paths that mean the same on every node.

    Raises:
        ConfigError: One is stdin, which no other machine can read.
    """
    if any(source.name == STDIN for source in sources):
        raise ConfigError("stdin (-) cannot be read by workers: put the IDs into a shared file")
    return tuple(replace(source, name=str(Path(source.name).resolve())) for source in sources)


def begin_or_check(
    folder: Path, sources: Sequence[Source], lanes: Sequence[Lane], parts: int
) -> int:
    """Fix how a new job is split, or check that this one is the same; return its parts.

    Raises:
        ConfigError: The folder is another job's, is no job, or cannot be written.
    """
    if not is_job(folder):
        _begin(folder, sources, lanes, parts)
    return check(folder, sources, lanes)


def check(folder: Path, sources: Sequence[Source], lanes: Sequence[Lane]) -> int:
    """Check that a command is of the job in a folder; return its parts.

    Raises:
        ConfigError: Its sources or lanes are others, or its file cannot be read.
    """
    found = _read(folder)
    now = _plan(sources, lanes, found["parts"])
    if found["sources"] != now["sources"]:
        was = ", ".join(str(source.get("name")) for source in found["sources"])
        raise ConfigError(
            f"log {folder}: its job began with other sources ({was}); name the same ones in the"
            " same way, or another --log"
        )
    if found["lanes"] != now["lanes"]:
        was = ", ".join(f"{lane.get('name')} at {lane.get('base_url')}" for lane in found["lanes"])
        raise ConfigError(
            f"log {folder}: its job began with other lanes ({was}); name another --log"
        )
    return int(found["parts"])


def _begin(folder: Path, sources: Sequence[Source], lanes: Sequence[Lane], parts: int) -> None:
    plan = _plan(sources, lanes, parts)
    try:
        folder.mkdir(exist_ok=True)
        if any(each.name != IDS for each in folder.iterdir()):
            raise ConfigError(
                f"log {folder}: this folder is not empty and no job of bulkdel; name a new one"
            )
        for number in range(parts):
            part_folder(folder, number).mkdir()
        made = folder / f"{JOB_FILE}.{os.getpid()}"
        made.write_bytes(orjson.dumps(plan, option=orjson.OPT_INDENT_2) + b"\n")
        with made.open("rb") as file:
            os.fsync(file.fileno())
        made.replace(folder / JOB_FILE)  # the last step: before it, there is no job
    except OSError as exc:
        raise ConfigError(f"log {folder}: it cannot be written: {exc.strerror}") from exc


def _read(folder: Path) -> dict[str, Any]:
    found: Any = None
    with contextlib.suppress(OSError, orjson.JSONDecodeError):
        found = orjson.loads((folder / JOB_FILE).read_bytes())
    match found:
        case {"format": int(number), "hash": str(kind)} if (number, kind) != (_FORMAT, HASH):
            raise ConfigError(
                f"log {folder}: its job was split by another version of bulkdel, in another way"
            )
        case {"parts": int(parts), "sources": list(), "lanes": list()} if 0 < parts <= PARTS_MAX:
            return dict(found)
    raise ConfigError(f"log {folder}: its {JOB_FILE} cannot be read, or was changed")


def _plan(sources: Sequence[Source], lanes: Sequence[Lane], parts: int) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "version": __version__,
        "at": utc(time.time()),
        "hash": HASH,
        "parts": parts,
        "sources": [asdict(source) for source in shared_sources(sources)],
        "lanes": [{"name": lane.name, **lane.place} for lane in lanes],
    }
