"""How the command uses a hidden limit on real sockets, side by side with the openai SDK.

    python -m benchmarks.pacing_live             about 8 minutes; writes results/pacing_live.*
    python -m benchmarks.pacing_live --only nginx

    bulkdel emulate ─┐                    ┌─ bulkdel delete, as anybody starts it
                     ├─ loopback, one at ─┤
    nginx limit_req ─┘      a time        └─ 64 coroutines on AsyncOpenAI, 2 or 10 retries

Each client works for a fixed time with more IDs than it can do, and is then asked to end.
What was taken when is what the server says. An ID is *lost* if the client gave it up, or
if the server deleted it and the client does not know.

Not here: the same in virtual time, on many more servers (`benchmarks/pacing.py`).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple
from urllib.request import urlopen

import click

from benchmarks.measure import BULKDEL, BenchmarkError, environment
from benchmarks.report import RESULTS, save, say, table, where, where_text

CONCURRENCY: Final = 64
SETTLED_S: Final = 9.5
"""The time after which utilisation counts; not the beginning of a window."""
_KEY: Final = "test-key"
_START_S: Final = 10.0
_DRAIN_S: Final = 40.0
_POLL_S: Final = 0.1
_NGINX: Final = """\
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 1024; }}
http {{
  map $uri $object_id {{ ~^/api/v3/responses/(?<last>[^/]+)$ $last; }}
  log_format asked '$msec $status $object_id';
  access_log {folder}/access.log asked;
  keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
  fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  limit_req_zone $server_port zone=one:1m rate=200r/s;
  limit_req_status 429;
  server {{
    listen 127.0.0.1:{port};
    location /api/v3/responses/ {{
      limit_req zone=one burst=20 nodelay;
      try_files /nothing @deleted;  # `return` alone would come before the limit
    }}
    location @deleted {{
      return 200 '{{"id":"$object_id","object":"response","deleted":true}}';
    }}
  }}
}}
"""


class Seen(NamedTuple):
    """What a server has seen until a time: a sum of each."""

    at_s: float
    taken: int
    refused: int


@dataclass(slots=True)
class Server:
    """A server while one client is at work.

    Attributes:
        base_url: Base URL of the API.
        stats_url: Where it tells its counts; empty for nginx, which has a log.
        log: nginx's log.
        seen: What it has seen, in order.
    """

    base_url: str
    stats_url: str = ""
    log: Path = Path()
    seen: list[Seen] = field(default_factory=list)

    def look(self) -> None:
        """Ask for the counts; nginx's log is read at the end instead."""
        if not self.stats_url:
            return
        with urlopen(self.stats_url, timeout=5) as answer:
            totals = json.load(answer)["totals"]
        self.seen.append(Seen(time.monotonic(), totals["deleted"], totals["refusals"]))

    @property
    def has_begun(self) -> bool:
        """Whether a request has come."""
        if self.stats_url:
            return bool(self.seen) and self.seen[-1].taken + self.seen[-1].refused > 0
        return self.log.is_file() and self.log.stat().st_size > 0

    def finish(self) -> None:
        """Take the last counts."""
        if self.stats_url:
            self.look()
            return
        taken = refused = 0
        for line in self.log.read_text(encoding="utf-8").splitlines():
            at_s, status, _ = line.split(" ", 2)
            taken, refused = taken + (status == "200"), refused + (status == "429")
            self.seen.append(Seen(float(at_s), taken, refused))

    def taken_by(self, after_s: float) -> float:
        """Return how many were taken within ``after_s`` of the first request."""
        began_s = next(seen.at_s for seen in self.seen if seen.taken or seen.refused)
        before = Seen(began_s, 0, 0)
        for seen in self.seen:
            if seen.at_s >= began_s + after_s:
                part = (began_s + after_s - before.at_s) / max(1e-9, seen.at_s - before.at_s)
                return before.taken + part * (seen.taken - before.taken)
            before = seen
        return before.taken


@dataclass(frozen=True, slots=True)
class Case:
    """One limit.

    Attributes:
        title: Its name for people.
        limits: The limit as `bulkdel emulate` takes it; nothing means nginx.
        steps: Requests per second from a second on.
        run_s: How long a client works.
    """

    title: str
    limits: Sequence[str]
    steps: Sequence[tuple[float, float]]
    run_s: float = 30.0

    def allowed(self, from_s: float, to_s: float) -> float:
        """Return how many the limit lets through in a span, saved-up ones aside."""
        ends = [*(begin_s for begin_s, _ in self.steps[1:]), to_s]
        spans = zip(self.steps, ends, strict=True)
        return sum(
            rate * max(0.0, min(end_s, to_s) - max(begin_s, from_s))
            for (begin_s, rate), end_s in spans
        )


CASES: Final = {
    "bucket": Case("bucket 200/s, burst 20", ["200/s,burst=20"], [(0, 200)]),
    "window": Case("window 1,000 per 5 s", ["1000per5s"], [(0, 200)]),
    "moving": Case(
        "200/s, after 20 s 80/s, after 40 s 300/s",
        ["200/s,burst=20@0", "80/s,burst=20@20", "300/s,burst=20@40"],
        [(0, 200), (20, 80), (40, 300)],
        run_s=59.0,
    ),
    "nginx": Case("nginx limit_req 200/s, burst 20 nodelay", [], [(0, 200)]),
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


# -- servers --------------------------------------------------------------------------


@contextmanager
def process(command: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a command until the block ends."""
    running = subprocess.Popen(
        [*map(str, command)], env=environment(), text=True, stdin=subprocess.DEVNULL, **options
    )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(_START_S)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextmanager
def emulator(case: Case, ids: Path, folder: Path) -> Iterator[Server]:
    """Run the emulator."""
    limits = [word for limit in case.limits for word in ("--limit", limit)]
    command = [*BULKDEL, "emulate", "-p", "ark", "--ids", ids, "--key", _KEY, *limits]
    with (
        (folder / "emulator.err").open("w") as err,
        process(command, stdout=subprocess.PIPE, stderr=err) as running,
    ):
        assert running.stdout is not None
        urls = {}
        for line in running.stdout:
            name, _, url = line.strip().partition(": ")
            urls[name] = url
            if name == "stats":
                break
        else:
            raise BenchmarkError("the emulator did not start")
        yield Server(urls["ark"], stats_url=urls["stats"])


@contextmanager
def nginx(_case: Case, _ids: Path, folder: Path) -> Iterator[Server]:
    """Run nginx with a configuration of its own."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise BenchmarkError("nginx is not installed (Debian: apt-get install nginx-light)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port), encoding="ascii")
    with process([program, "-e", folder / "error.log", "-c", config]) as running:
        until_s = time.monotonic() + _START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if running.poll() is not None or time.monotonic() > until_s:
                    raise BenchmarkError("nginx did not start") from None
                time.sleep(0.02)
        yield Server(f"http://127.0.0.1:{port}/api/v3", log=folder / "access.log")


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
    async with AsyncOpenAI(api_key=_KEY, base_url=base_url, max_retries=retries) as client:

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
        serve = emulator if case.limits else nginx
        with serve(case, ids, folder) as server:
            deleted, given_up = CLIENTS[client](case, ids, server, folder)
            server.finish()
    last = server.seen[-1]
    to_s = case.run_s - 0.5
    late = server.taken_by(to_s) - server.taken_by(SETTLED_S)
    return Row(
        case=case.title,
        client=client,
        settled_share=late / case.allowed(SETTLED_S, to_s),
        whole_share=server.taken_by(to_s) / case.allowed(0, to_s),
        refused_share=last.refused / (last.refused + last.taken),
        lost=given_up + max(0, last.taken - deleted),
        deleted=deleted,
    )


def markdown(rows: Sequence[Row], place: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    head = ["limit", "client", f"used after {SETTLED_S:.0f} s %", "used %", "refused %", "IDs lost"]
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
    return (
        "# Using a hidden limit, on real sockets\n\n"
        f"`python -m benchmarks.pacing_live`: {CONCURRENCY} in flight at most, loopback, each\n"
        f"client for {CASES['bucket'].run_s:.0f} s ({CASES['moving'].run_s:.0f} s where the limit"
        " moves) from a cold start.\nUsed: of what the limit lets through, a full bucket at the"
        " start aside.\n\n" + table(head, body) + "\n" + where_text(place)
    )


@click.command()
@click.option("--only", type=click.Choice(list(CASES)), multiple=True, help="Only these limits.")
@click.option("--peer", "peer_of", nargs=4, hidden=True)
def main(only: tuple[str, ...], peer_of: tuple[str, str, str, str] | None) -> None:
    """Measure bulkdel and the openai SDK at hidden limits."""
    if peer_of is not None:
        ids, base_url, retries, run_s = peer_of
        all_ids = Path(ids).read_text(encoding="utf-8").split()
        asyncio.run(peer(all_ids, base_url, int(retries), float(run_s)))
        return
    rows = []
    place = where()
    with TemporaryDirectory(prefix="bulkdel-pacing-ids-") as made:
        ids = Path(made) / "ids.txt"
        ids.write_text("".join(f"resp_{os.urandom(24).hex()}\n" for _ in range(40_000)))
        for name in only or CASES:
            for client in CLIENTS:
                row = measure(CASES[name], client, ids)
                rows.append(row)
                say(
                    f"{row.case}, {row.client}: {row.settled_share:.1%} settled,"
                    f" {row.whole_share:.1%} whole, {row.refused_share:.2%} refused, {row.lost} lost"
                )
    if not only:
        found = {"where": place, "rows": [asdict(row) for row in rows]}
        save(RESULTS, "pacing_live", found, markdown(rows, place))


if __name__ == "__main__":
    main()
