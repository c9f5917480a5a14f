"""The library's way to a job on a cluster.

    summary = await bulkdel.cluster.delete("s3-mount/ids.parquet", provider="ark", log="/shared/purge")
    summary = await bulkdel.cluster.delete(ray.data.read_parquet(…), provider="ark", log="/shared/purge")

A Ray Dataset is written into the job's folder before anything is sent (``ids/*.parquet``): each part
has to be read again when a worker dies, and a dataset may give other rows each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

from bulkdel.blocking import in_thread
from bulkdel.cluster.crew import connect, require_ray
from bulkdel.cluster.driver import DEFAULT_WORKERS, make_run
from bulkdel.cluster.plan import IDS
from bulkdel.errors import ConfigError
from bulkdel.models import Summary
from bulkdel.providers import find
from bulkdel.result_log.folder import is_job
from bulkdel.secret import Secret
from bulkdel.settings import Lane, RunSettings
from bulkdel.sources import Source

_NO_KEY: Final = "no-key"

AnyPath = str | PathLike[str]


@runtime_checkable
class Dataset(Protocol):
    """What is used of a Ray Dataset."""

    def select_columns(self, cols: list[str]) -> Any:
        """Return a dataset with these columns alone."""
        ...

    def write_parquet(self, path: str) -> None:
        """Write it."""
        ...


async def delete(
    sources: AnyPath | Sequence[AnyPath] | Dataset,
    *,
    log: AnyPath,
    provider: str | None = None,
    lanes: Sequence[Lane] = (),
    key_envs: Mapping[str, str] | None = None,
    id_field: str = "id",
    provider_field: str | None = None,
    format: str | None = None,  # noqa: A002 - the flag's name
    address: str = "auto",
    workers: int = DEFAULT_WORKERS,
    **options: Any,
) -> Summary:
    """Delete the IDs of the sources by workers of a Ray cluster; call it again to go on.

    Args:
        sources: Files of IDs on a path that every node sees, or a Ray Dataset.
        log: Folder of the job, on a path that every node sees.
        provider: The lane, as for `bulkdel.delete_ids`. Its key is read on every node from the
            provider's own variable.
        lanes: Instead of ``provider``: all settings of the accounts. Their keys do not travel.
        key_envs: By lane, the variable that has its key on every node; the provider's by default.
        id_field: Field or column of the ID.
        provider_field: Field or column that names each row's lane; needed for several lanes.
        format: Format of the files, if their names do not say it.
        address: ``auto`` for the running cluster, ``local`` for one on this machine alone,
            ``HOST:PORT`` or ``ray://…``.
        workers: How many work at once, of one CPU each.
        **options: Further fields of `RunSettings`: ``max_delete``, ``retry_failed`` and so on.

    Returns:
        The counts, which add up, and why it ended.

    Raises:
        ConfigError: A setting is wrong, Ray is missing, or the cluster cannot be reached.
        LogBusyError: Another command works this job.
        ResultLogError: A log could not be written.
    """
    unknown = set(options) - set(RunSettings.__dataclass_fields__) | set(options) & {"part", "seal"}
    if unknown:
        raise ConfigError(f"there is no option {', '.join(sorted(unknown))} of a job on a cluster")
    if bool(lanes) == (provider is not None):
        raise ConfigError("give either a provider, or lanes")
    accounts = list(lanes) or [_lane(provider or "")]
    if len(accounts) > 1 and provider_field is None:
        raise ConfigError("with several lanes, provider_field says which of them a row is for")
    folder = _folder(log)
    ray = require_ray()
    own = not ray.is_initialized()
    try:
        await in_thread(connect, ray, address)
        fields: dict[str, Any] = {
            "lane": accounts[0].name if provider_field is None else None,
            "id_field": id_field,
            "provider_field": provider_field,
            "format": format,
        }
        if isinstance(sources, Dataset):
            names = await in_thread(_written, sources, folder, id_field, provider_field)
        else:
            given = [sources] if isinstance(sources, str | PathLike) else sources
            names = [str(Path(name)) for name in given]
        envs = {lane.name: lane.provider.key_env for lane in accounts} | dict(key_envs or {})
        run = make_run(
            RunSettings(lanes=accounts, log=folder, **options),
            [Source(name=name, **fields) for name in names],
            envs,
            address=address,
            workers=workers,
        )
        return await run.run()
    finally:
        if own:
            await in_thread(ray.shutdown)


def _folder(log: AnyPath) -> Path:
    return Path(log).resolve()


def _lane(name: str) -> Lane:
    provider, resource = find(name)
    return Lane(provider=provider, resource_name=resource.name, name=name, api_key=Secret(_NO_KEY))


def _written(dataset: Dataset, folder: Path, id_field: str, lane: str | None) -> list[str]:
    """Write a dataset's IDs into the folder of its job, once; return the names of the files.

    Raises:
        ConfigError: Something is in the folder already: it may be the user's, so it stays.
    """
    ids = folder / IDS
    if not is_job(folder):
        folder.mkdir(exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(
                f"log {folder}: this folder is not empty and no job of bulkdel; name a new one, or"
                " remove what a killed command has left there"
            )
        columns = [id_field] if lane is None else [id_field, lane]
        dataset.select_columns(columns).write_parquet(str(ids))
    names = sorted(str(path) for path in ids.glob("*.parquet"))
    if not names:
        raise ConfigError(f"the dataset has no rows, or the job in {folder} began with files")
    return names
