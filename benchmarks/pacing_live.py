"""How the command uses a hidden limit on real sockets, side by side with the openai SDK.

    python -m benchmarks.pacing_live             about 27 minutes; writes results/pacing_live.*
    python -m benchmarks.pacing_live --only nginx

    bulkdel emulate ─┐                    ┌─ bulkdel delete, as anybody starts it
    nginx, haproxy  ─┼─ loopback, one at ─┤
    limits library  ─┘      a time        └─ 64 coroutines on AsyncOpenAI, 2 or 10 retries

Each client works for a fixed time with more IDs than it can do, and is then asked to end.
What was taken when is what the server says. An ID is *lost* if the client gave it up, or
if the server deleted it and the client does not know.

Not here: the same in virtual time, on many more servers (`benchmarks/pacing.py`).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click

from benchmarks import plots
from benchmarks.measure import BULKDEL, KEY, BenchmarkError
from benchmarks.pacing_live_servers import (
    Case,
    Server,
    emulator,
    haproxy,
    library,
    nginx,
    process,
)
from benchmarks.report import RESULTS, save, say, table, where, where_text

CONCURRENCY: Final = 64
_DRAIN_S: Final = 40.0
_POLL_S: Final = 0.1

CASES: Final = {
    "bucket": Case("bucket 200/s, burst 20", [(0, 200)], emulator, ["200/s,burst=20"]),
    "window": Case("window 1,000 per 5 s", [(0, 200)], emulator, ["1000per5s"], run_s=55.0),
    "changing": Case(
        "200/s, after 20 s 80/s, after 40 s 300/s",
        [(0, 200), (20, 80), (40, 300)],
        emulator,
        ["200/s,burst=20@0", "80/s,burst=20@20", "300/s,burst=20@40"],
        run_s=59.0,
    ),
    "nginx": Case("nginx limit_req 200/s, burst 20 nodelay", [(0, 200)], nginx, ["200", "20"]),
    "nginx-300": Case(
        "nginx limit_req 300/s, burst 40 nodelay", [(0, 300)], nginx, ["300", "40"], run_s=60.0
    ),
    "haproxy": Case(
        "haproxy, 400 per 2 s, refused ones count", [(0, 200)], haproxy, ["400", "2"], run_s=60.0
    ),
    "moving": Case(
        "limits library, moving window of 2,000 per 10 s",
        [(0, 200)],
        library,
        ["moving", "2000 per 10 second"],
        run_s=80.0,
        settled_s=19.5,
    ),
    "counter": Case(
        "limits library, sliding counter of 2,000 per 10 s",
        [(0, 200)],
        library,
        ["counter", "2000 per 10 second"],
        run_s=80.0,
        settled_s=19.5,
    ),
    "fixed": Case(
        "limits library, fixed window of 2,000 per 10 s",
        [(0, 200)],
        library,
        ["fixed", "2000 per 10 second"],
        run_s=80.0,
        settled_s=19.5,
    ),
    "minute": Case(
        "limits library, moving window of 6,000 per minute",
        [(0, 100)],
        library,
        ["moving", "6000 per 1 minute"],
        run_s=240.5,
        settled_s=120.0,
        alone=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One client at one limit."""

    case: str
    client: str
    settled_share: float
    whole_share: float
    refused_share: float
    lost: int
    deleted: int
    per_second: Sequence[int] = ()
    """What was taken in each second, where that is drawn."""


# -- clients --------------------------------------------------------------------------


def bulkdel(case: Case, ids: Path, server: Server, folder: Path) -> tuple[int, int]:
    """Run the command and interrupt it; return what it knows as deleted, and gave up."""
    log = folder / "log.jsonl"
    command = [
        *BULKDEL, "delete", ids, "-p", "ark", "--base-url", server.base_url, "--log", log,
        "--concurrency", CONCURRENCY, "--rate-max", "none", "--yes", "--quiet",
    ]  # fmt: skip
    with (folder / "client.err").open("w") as err:
        with process(command, stdout=subprocess.DEVNULL, stderr=err) as running:
            _watch(running, server, case.run_s, interrupt=True)
        if running.returncode not in (0, 130):
            raise BenchmarkError(f"bulkdel ended with {running.returncode}: {err.name}")
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    outcomes = [line["outcome"] for line in lines if "outcome" in line]
    return outcomes.count("deleted"), len(outcomes) - outcomes.count("deleted")


def openai_sdk(
    retries: int, case: Case, ids: Path, server: Server, folder: Path
) -> tuple[int, int]:
    """Run the loop on openai's SDK; the same."""
    command = [
        sys.executable, "-m", "benchmarks.pacing_live", "--peer",
        ids, server.base_url, retries, case.run_s,
    ]  # fmt: skip
    with (folder / "client.out").open("w+") as out:
        with process(command, stdout=out) as running:
            _watch(running, server, case.run_s, interrupt=False)
        out.seek(0)
        told = out.read()
    if running.returncode:
        raise BenchmarkError(f"the openai loop ended with {running.returncode}")
    deleted, lost = map(int, told.split())
    return deleted, lost


def _watch(
    running: subprocess.Popen[str], server: Server, run_s: float, *, interrupt: bool
) -> None:
    """Look at the server until the client has ended, which it is asked to in time."""
    began_s = None
    give_up_s = time.monotonic() + run_s + _DRAIN_S
    while running.poll() is None:
        time.sleep(_POLL_S)
        server.look()
        if began_s is None and server.has_begun:
            began_s = time.monotonic()
        if interrupt and began_s is not None and time.monotonic() > began_s + run_s:
            running.send_signal(signal.SIGINT)
            interrupt = False
        if time.monotonic() > give_up_s:
            raise BenchmarkError("a client did not end in time")


async def peer(ids: Sequence[str], base_url: str, retries: int, run_s: float) -> None:
    """Delete with openai's SDK as its users do, for so long; print what came of it."""
    from openai import AsyncOpenAI, OpenAIError

    left = iter(ids)
    until_s = time.monotonic() + run_s
    deleted = lost = 0
    async with AsyncOpenAI(api_key=KEY, base_url=base_url, max_retries=retries) as client:

        async def work() -> None:
            nonlocal deleted, lost
            for object_id in left:
                try:
                    await client.responses.delete(object_id)
                    deleted += 1
                except OpenAIError:
                    lost += 1
                if time.monotonic() > until_s:
                    return

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
    print(deleted, lost)


CLIENTS: Final = {
    "bulkdel delete": bulkdel,
    "openai SDK, 2 retries": lambda *of: openai_sdk(2, *of),
    "openai SDK, 10 retries": lambda *of: openai_sdk(10, *of),
}


# -- all of it ------------------------------------------------------------------------


def measure(case: Case, client: str, ids: Path) -> Row:
    """Run one client at one limit."""
    with TemporaryDirectory(prefix="bulkdel-pacing-") as made:
        folder = Path(made)
        folder.chmod(0o755)  # for nginx's worker
        with case.serve(case, ids, folder) as server:
            deleted, given_up = CLIENTS[client](case, ids, server, folder)
            server.finish()
    last = server.seen[-1]
    to_s = case.run_s - 0.5
    late = server.taken_by(to_s) - server.taken_by(case.settled_s)
    return Row(
        case=case.title,
        client=client,
        settled_share=late / case.allowed(case.settled_s, to_s),
        whole_share=server.taken_by(to_s) / case.allowed(0, to_s),
        refused_share=last.refused / (last.refused + last.taken),
        lost=given_up + max(0, last.taken - deleted),
        deleted=deleted,
        per_second=_per_second(server, case.run_s) if case.alone else (),
    )


def _per_second(server: Server, run_s: float) -> list[int]:
    """Return what a server took in each second since its first request."""
    sums = [server.taken_by(float(second)) for second in range(int(run_s) + 1)]
    return [round(after - before) for before, after in pairwise(sums)]


def markdown(rows: Sequence[Row], place: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    head = ["limit", "client", "used, settled %", "used %", "refused %", "IDs lost"]
    body = [
        [
            row.case,
            row.client,
            f"{100 * row.settled_share:.1f}",
            f"{100 * row.whole_share:.1f}",
            f"{100 * row.refused_share:.2f}",
            str(row.lost),
        ]
        for row in rows
    ]
    spans = ", ".join(
        f"{case.run_s:.0f} s ({case.settled_s:.0f})"
        for case in CASES.values()
        if case.title in {row.case for row in rows}
    )
    return (
        "# Using a hidden limit, on real sockets\n\n"
        f"`python -m benchmarks.pacing_live`: {CONCURRENCY} in flight at most, loopback, from a\n"
        "cold start. Used: of what the limit lets through, a full bucket at the start aside;\n"
        "settled: after so many seconds. Seconds of each limit, in order, and when it counts as\n"
        f"settled: {spans}.\n\n" + table(head, body) + "\n" + where_text(place)
    )


@click.command()
@click.option(
    "--only", type=click.Choice(list(CASES)), multiple=True, help="Measure only these limits anew."
)
@click.option("--peer", "peer_of", nargs=4, hidden=True)
def main(only: tuple[str, ...], peer_of: tuple[str, str, str, str] | None) -> None:
    """Measure bulkdel and the openai SDK at hidden limits."""
    if peer_of is not None:
        file, base_url, retries, run_s = peer_of
        all_ids = Path(file).read_text(encoding="utf-8").split()
        asyncio.run(peer(all_ids, base_url, int(retries), float(run_s)))
        return
    rows = []
    place = where()
    with TemporaryDirectory(prefix="bulkdel-pacing-ids-") as made:
        ids = Path(made) / "ids.txt"
        ids.write_text("".join(f"resp_{os.urandom(24).hex()}\n" for _ in range(40_000)))
        for name in only or CASES:
            for client in list(CLIENTS)[: 1 if CASES[name].alone else None]:
                row = measure(CASES[name], client, ids)
                rows.append(row)
                say(
                    f"{row.case}, {row.client}: {row.settled_share:.1%} settled,"
                    f" {row.whole_share:.1%} whole, {row.refused_share:.2%} refused, {row.lost} lost"
                )
    rows = sorted([*_kept(rows), *rows], key=lambda row: [*_TITLES, row.case].index(row.case))
    found = {"where": place, "rows": [asdict(row) for row in rows]}
    save(RESULTS, "pacing_live", found, markdown(rows, place))
    for row in rows:
        if row.per_second and plots.installed():
            plots.per_second(asdict(row), RESULTS / "pacing_live.svg")


_TITLES: Final = [case.title for case in CASES.values()]


def _kept(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of an earlier run for the limits that this one left out."""
    path = RESULTS / "pacing_live.json"
    earlier = json.loads(path.read_bytes())["rows"] if path.exists() else []
    measured = {row.case for row in rows}
    return [Row(**row) for row in earlier if row["case"] not in measured]


if __name__ == "__main__":
    main()
