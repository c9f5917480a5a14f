"""DELETE/s, CPU per ID and memory of every client, in turn, over HTTP or HTTPS.

A run is the whole command, from its start to its end, on a file of IDs. The order of the
clients moves on by one from round to round.

Nothing is bound to a core. On two cores Linux often wakes the server up on the core of the
client that it serves, and the two take turns while the other core idles: rates of one
client differ by 15 % from run to run. Bound to a core each they differ as much, and clients
with more than one thread or process are at a disadvantage that they have nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

from benchmarks.clients import CLIENTS, CONCURRENCY, Client, Task
from benchmarks.ids import made_ids, write_ids
from benchmarks.measure import BenchmarkError, Spread, as_json, paired_ratio, run
from benchmarks.nginx import PREFIX, Server, check_arrived, serve
from benchmarks.report import say

_DELETION: Final = f"DELETE {PREFIX}".encode()

FEW_ROUNDS: Final = 3
"""Rounds of the clients that are far from the others."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one client."""

    ids: int
    wall_s: float
    cpu_s: float
    peak_bytes: int

    @property
    def rate(self) -> float:
        """IDs per second."""
        return self.ids / self.wall_s

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU per ID."""
        return self.cpu_s / self.ids * 1e6


def measure(scheme: Literal["http", "https"], *, ids_count: int, rounds: int) -> dict[str, Any]:
    """Run all clients that are installed, and return what they came to.

    Raises:
        BenchmarkError: A client failed, or lost or repeated an ID.
    """
    clients = [client for client in CLIENTS if client.tls or scheme == "http"]
    present = [client for client in clients if not client.missing]
    ids = list(made_ids(ids_count))
    samples: dict[str, list[Sample]] = {client.name: [] for client in present}
    with TemporaryDirectory(prefix="bulkdel-bench-") as text, serve(Path(text)) as server:
        for number in range(rounds):
            for client in order(present, number):
                if client.in_every_round or number < FEW_ROUNDS:
                    sample = _run(client, server, ids[: client.ids_max], scheme)
                    samples[client.name].append(sample)
                    say(f"round {number + 1}/{rounds}  {client.title:<38}{sample.rate:>10,.0f}/s")
    return {
        "scheme": scheme,
        "concurrency": CONCURRENCY,
        "rounds": rounds,
        "clients": [summarize(client, samples) for client in present],
        "missing": {client.title: client.missing for client in clients if client.missing},
    }


def order(clients: Sequence[Client], number: int) -> list[Client]:
    """Return the clients in the order of a round: none always follows the same one."""
    first = number % len(clients)
    turned = [*clients[first:], *clients[:first]]
    return turned if number % 2 == 0 else turned[::-1]


def summarize(client: Client, samples: dict[str, list[Sample]]) -> dict[str, Any]:
    """Return a client's figures as JSON; the ratios to the clients that ran in every round."""
    ours = samples[client.name]
    rates = [sample.rate for sample in ours]
    ratios = {}
    for name in ("curl", "aiohttp_tuned"):
        theirs = [sample.rate for sample in samples.get(name, ())][: len(ours)]
        if client.name != name and len(theirs) == len(ours):
            ratios[name] = as_json(paired_ratio(rates, theirs))
    return {
        "name": client.name,
        "title": client.title,
        "does": client.does,
        "ids": ours[0].ids,
        "runs": len(ours),
        "rate": as_json(Spread.of(rates)),
        "cpu_us": as_json(Spread.of([sample.cpu_us for sample in ours])),
        "peak_mb": round(max(sample.peak_bytes for sample in ours) / 1e6, 1),
        "ratio_to": ratios,
        "rates": [round(rate, 1) for rate in rates],
    }


def _run(client: Client, server: Server, ids: Sequence[str], scheme: str) -> Sample:
    """Run a client once, and check that every ID has arrived."""
    with TemporaryDirectory(prefix="bulkdel-bench-") as text:
        folder = Path(text)
        file = folder / "ids.txt"
        write_ids(file, iter(ids))
        task = Task(
            ids=ids,
            file=file,
            base_url=_base_url(client, server, scheme),
            ca=server.ca if scheme == "https" else None,
            folder=folder,
        )
        command = client.command(task)
        server.begin()
        ended = run(command, env=task.env, keep_out=client.name == "wrk")
        sent = client.sent(task, ended)
        lines = server.arrived(sent)
        if client.name == "wrk":
            check_different(lines, sent)
        else:
            check_arrived(lines, ids)
    return Sample(sent, ended.wall_s, ended.cpu_s, ended.peak_bytes)


def _base_url(client: Client, server: Server, scheme: str) -> str:
    if scheme == "https":
        return server.https
    return server.request_ids if client.request_ids else server.http


def check_different(lines: Iterable[bytes], least: int) -> None:
    """Check that so many deletions arrived, each of another ID.

    Raises:
        BenchmarkError: Fewer, or an ID twice.
    """
    requests = [line.partition(b" ")[2] for line in lines]
    different = {request for request in requests if request.startswith(_DELETION)}
    if len(different) < max(1, least) or len(different) < len(requests):
        raise BenchmarkError(
            f"{least:,} requests were sent, {len(requests):,} arrived, {len(different):,} of them"
            " deletions of different IDs"
        )
