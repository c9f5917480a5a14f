"""A folder of logs that count as one: a job that many machines work, each its parts.

    DIR/job.json              how the job is split, fixed when it begins (`cluster.plan`)
    DIR/run-000001.jsonl      one command: its header, pace and summary; its results, if it was one machine
    DIR/part-0007/000002.jsonl    the results of a part, written by one worker

Every log has an epoch, the number in its name, and one writer: who takes over a part makes a new log
of a higher epoch. In their order the logs read as one: of an ID's lines the last one counts.

What holds here, always: a name is never used twice, so no log ever has two writers, also on a
shared file system without locks that can be trusted.

Not here: making and writing one (`fence`), what is in them (`reader`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulkdel.result_log.lock import holder

JOB_FILE: Final = "job.json"
_RUN: Final = re.compile(r"run-(\d{6})\.jsonl").fullmatch
_PART: Final = re.compile(r"part-(\d{4})").fullmatch
_OF_PART: Final = re.compile(r"(\d{6})\.jsonl").fullmatch


@dataclass(frozen=True, slots=True, order=True)
class EpochLog:
    """One log of a folder; in order of their epochs.

    Attributes:
        epoch: The number in its name.
        is_run: It is of a whole command, not of a part.
        path: Where it is.
    """

    epoch: int
    is_run: bool
    path: Path


def is_job(path: Path) -> bool:
    """Say whether a path is the folder of a job."""
    return (path / JOB_FILE).is_file()


def is_part(path: Path) -> bool:
    """Say whether a path is the folder of a part of a job."""
    return _PART(path.name) is not None and is_job(path.parent)


def is_folder(path: Path) -> bool:
    """Say whether a path is a folder of logs that count as one."""
    return is_job(path) or is_part(path)


def part_folder(job: Path, part: int) -> Path:
    """Return the folder of a part."""
    return job / f"part-{part:04}"


def epoch_logs(folder: Path) -> list[EpochLog]:
    """Return the logs of a job, or those that a part has to know, in their order."""
    if is_part(folder):
        return sorted([*run_logs(folder.parent), *_of_part(folder)])
    parts = [each for each in folder.iterdir() if _PART(each.name)]
    return sorted([*run_logs(folder), *(log for part in parts for log in _of_part(part))])


def logs_of(path: Path) -> list[EpochLog]:
    """Return the logs that a path stands for: of a folder all, else itself."""
    return epoch_logs(path) if is_folder(path) else [EpochLog(0, True, path)]


def log_path(folder: Path, epoch: int) -> Path:
    """Return where the log of an epoch is."""
    return folder / (f"{epoch:06}.jsonl" if is_part(folder) else f"run-{epoch:06}.jsonl")


def newest_run(job: Path) -> Path | None:
    """Return the log of the newest command of a job, or None."""
    runs = run_logs(job)
    return max(runs).path if runs else None


def holder_of(path: Path) -> str | None:
    """Return who writes a log, or works a job; None if nobody is known to."""
    if not is_job(path):
        return holder(path)
    newest = newest_run(path)
    return None if newest is None else holder(newest)


def run_logs(job: Path) -> list[EpochLog]:
    """Return the logs of a job's commands, in no order. Its parts are not looked into."""
    found = ((_RUN(each.name), each) for each in job.iterdir())
    return [EpochLog(int(match[1]), True, each) for match, each in found if match]


def _of_part(folder: Path) -> list[EpochLog]:
    found = ((_OF_PART(each.name), each) for each in folder.iterdir())
    return [EpochLog(int(match[1]), False, each) for match, each in found if match]
