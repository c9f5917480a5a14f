"""``bulkdel delete --ray``: the same job on a cluster; and a folder of logs gone on with without one.

Not here: the job itself (`cluster.driver`), and what both ways have in common (`delete_job`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bulkdel.cli.delete_options import DeleteOptions
from bulkdel.cli.lanes import key_variable
from bulkdel.cluster.crew import require_ray
from bulkdel.cluster.driver import DEFAULT_WORKERS, WORKERS_MAX, ClusterRun, make_run
from bulkdel.cluster.plan import check, shared_sources
from bulkdel.errors import ConfigError
from bulkdel.providers import BUILT_IN
from bulkdel.result_log.folder import is_job
from bulkdel.settings import RunSettings
from bulkdel.sources import Source

_ADDRESS: Final = re.compile(r"auto|local|ray://\S+|[\w.\-]+:\d+|\[[0-9a-fA-F:]+\]:\d+").fullmatch


def check_options(options: DeleteOptions, sources: Sequence[Source]) -> None:
    """Check what can be known of a job on a cluster before anything is read.

    Raises:
        ConfigError: Ray is missing, or a flag does not fit.
    """
    if options.ray is None:
        if options.workers is not None:
            raise ConfigError("--workers has no effect without --ray")
        return
    if not _ADDRESS(options.ray):
        raise ConfigError(
            f"--ray {options.ray}: this is no address of a cluster (HOST:PORT, ray://…, auto,"
            " local); for the running one, put --ray behind the sources, or write --ray=auto"
        )
    if options.verbose:
        raise ConfigError("-v has no effect with --ray: its workers send the requests")
    require_ray()
    if options.log is None:
        raise ConfigError(
            "give --log DIR: a folder of its own, on a path that every node of the cluster sees"
        )
    if options.log.is_file():
        raise ConfigError(f"log {options.log}: with --ray it is a folder, and this is a file")
    if options.workers is not None and not 1 <= options.workers <= WORKERS_MAX:
        raise ConfigError(f"--workers must be 1 to {WORKERS_MAX:,}, not {options.workers}")
    shared_sources(sources)


def check_folder(options: DeleteOptions, settings: RunSettings, sources: Sequence[Source]) -> None:
    """Check that a log that is a folder is the job's.

    Raises:
        ConfigError: It is another job's, or it cannot be done with a folder.
    """
    log = settings.log
    if log is None or not (options.ray is not None or is_job(log)):
        return
    if options.seal:
        raise ConfigError(
            "--seal is not possible where the log is a folder: seal its logs at the end"
        )
    for lane in settings.lanes if options.ray is not None else ():
        if lane.provider.name not in BUILT_IN:
            raise ConfigError(
                f"lane {lane.name}: --ray cannot use a provider of a configuration file: its"
                " workers know only those that are built in"
            )
    if is_job(log):
        check(log, sources, settings.lanes)


def cluster_run(
    options: DeleteOptions, settings: RunSettings, sources: Sequence[Source]
) -> ClusterRun:
    """Begin or go on with a job on a cluster; it is not started yet.

    Raises:
        ConfigError: The folder is another job's, or cannot be written.
    """
    key_envs = {lane.name: key_variable(lane.name, options) for lane in settings.lanes}
    return make_run(
        settings,
        sources,
        key_envs,
        address=options.ray or "auto",
        workers=options.workers or DEFAULT_WORKERS,
    )
