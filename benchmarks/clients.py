"""The clients that are measured: bulkdel and its peers, and how each is started."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measure import BULKDEL, Ended, environment

CONCURRENCY: Final = 64
"""Requests in flight of every client but those that start a process for each ID."""

UNBOUND: Final = "1000000"
"""A rate that does not bind: finding a limit that is not there is measured on its own."""

_PEERS: Final = Path(__file__).parent / "peers"
_WRK_S: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a client is to delete, once.

    Attributes:
        ids: The IDs.
        file: The file that has them, one a line.
        base_url: Base URL of the API.
        ca: Certificate to trust, or None for HTTP.
        folder: A folder for this run alone.
    """

    ids: Sequence[str]
    file: Path
    base_url: str
    ca: Path | None
    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """The environment of the client."""
        home = {"HOME": str(self.folder)}
        return environment(**home, **({"SSL_CERT_FILE": str(self.ca)} if self.ca else {}))


Command = Callable[[Task], Sequence[str | Path]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One way to delete a file of IDs.

    Attributes:
        name: Its name in the results.
        title: Its name for people.
        does: What it does besides sending; "nothing" else.
        command: The command of a run; what it prepares is not measured.
        ids_max: Most IDs of one run; fewer where a client is slow.
        in_every_round: Run in every round; else in the first three only.
        tls: Take part in the benchmark over HTTPS.
        request_ids: Ask the server that puts a request ID of its own into each answer.
        needs: Programs and Python modules that must be installed.
    """

    name: str
    title: str
    does: str
    command: Command
    ids_max: int = 10_000_000
    in_every_round: bool = False
    tls: bool = False
    request_ids: bool = False
    needs: Sequence[str] = ()

    @property
    def missing(self) -> list[str]:
        """What it needs and is not installed."""
        return [
            need
            for need in self.needs
            if shutil.which(need) is None and importlib.util.find_spec(need) is None
        ]

    def sent(self, task: Task, ended: Ended) -> int:
        """Return how many requests it completed."""
        if self.name != "wrk":
            return len(task.ids)
        found = re.search(r"(\d+) requests in", ended.out)
        return int(found[1]) if found else 0


def delete_command(task: Task, *, rate: str = UNBOUND) -> list[str | Path]:
    """Return the command of the whole job."""
    return [
        *BULKDEL, "delete", task.file, "-p", "ark", "--base-url", task.base_url,
        "--log", task.folder / "log.jsonl", "--concurrency", str(CONCURRENCY),
        "--rate", rate, "--yes", "--quiet",
    ]  # fmt: skip


def _curl(task: Task) -> list[str | Path]:
    config = task.folder / "curl.cfg"
    with config.open("w") as file:
        for object_id in task.ids:
            file.write(f'url = "{task.base_url}/responses/{object_id}"\noutput = "/dev/null"\n')
    return [_PEERS / "curl_parallel.sh", config, *([task.ca] if task.ca else [])]


def _python(script: str) -> Command:
    return lambda task: [sys.executable, _PEERS / script, task.file, task.base_url]


def _wrk(task: Task) -> list[str | Path]:
    return [
        "wrk", "-t", "1", "-c", str(CONCURRENCY), "-d", f"{_WRK_S}s",
        "-s", _PEERS / "wrk.lua", task.base_url,
    ]  # fmt: skip


CLIENTS: Final[Sequence[Client]] = (
    Client(
        name="bulkdel",
        title="bulkdel delete",
        does="verdict, retry, log, resume",
        command=delete_command,
        in_every_round=True,
        tls=True,
    ),
    Client(
        name="curl",
        title="curl --parallel",
        does="nothing",
        command=_curl,
        in_every_round=True,
        tls=True,
        needs=["curl"],
    ),
    Client(
        name="aiohttp_tuned",
        title="aiohttp, tuned worker loops",
        does="status",
        command=_python("aiohttp_tuned.py"),
        in_every_round=True,
        tls=True,
    ),
    Client(
        name="bulkdel_request_ids",
        title="bulkdel delete, a request ID in each answer",
        does="the same",
        command=delete_command,
        in_every_round=True,
        request_ids=True,
    ),
    Client(
        name="bulkdel_auto",
        title="bulkdel delete --rate auto",
        does="the same, finds the limit",
        command=lambda task: delete_command(task, rate="auto"),
    ),
    Client(
        name="aiohttp_naive",
        title="aiohttp, gather + semaphore",
        does="status",
        command=_python("aiohttp_naive.py"),
        ids_max=50_000,
    ),
    Client(
        name="httpx",
        title="httpx, worker loops",
        does="status",
        command=_python("httpx_loop.py"),
        ids_max=5_000,
        needs=["httpx"],
    ),
    Client(
        name="openai",
        title="openai SDK, worker loops",
        does="status, retry",
        command=_python("openai_sdk.py"),
        ids_max=5_000,
        needs=["openai"],
    ),
    Client(
        name="xargs",
        title="xargs -P16 curl",
        does="nothing",
        command=lambda task: [_PEERS / "xargs_curl.sh", task.file, task.base_url],
        ids_max=500,
        needs=["curl", "xargs"],
    ),
    Client(
        name="parallel",
        title="GNU parallel, curl, joblog",
        does="retry, log, resume",
        command=lambda task: [
            *(_PEERS / "gnu_parallel.sh", task.file, task.base_url),
            task.folder / "joblog",
        ],
        ids_max=500,
        needs=["curl", "parallel"],
    ),
    Client(
        name="wrk",
        title="wrk, 1 thread (the server's ceiling)",
        does="nothing",
        command=_wrk,
        needs=["wrk"],
    ),
)
"""All of them; bulkdel first, the ceiling last."""
