"""The servers of `pacing_live`, with what they took and refused when.

emulator   bulkdel emulate: buckets and windows, also ones that change
nginx      limit_req, a leaky bucket
haproxy    a stick table's http_req_rate, which counts what it refuses, too
library    `limits_server`: the moving, counted and fixed windows of the ``limits`` library

Each tells what it did: the emulator when it is asked, the others in a log.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.request import urlopen

from benchmarks.measure import BULKDEL, KEY, BenchmarkError, environment

_START_S: Final = 10.0
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
  limit_req_zone $server_port zone=one:1m rate={rate}r/s;
  limit_req_status 429;
  server {{
    listen 127.0.0.1:{port};
    location /api/v3/responses/ {{
      limit_req zone=one burst={burst} nodelay;
      try_files /nothing @deleted;  # `return` alone would come before the limit
    }}
    location @deleted {{
      return 200 '{{"id":"$object_id","object":"response","deleted":true}}';
    }}
  }}
}}
"""

_HAPROXY: Final = """\
global
  maxconn 1024
  log stdout format raw local0
defaults
  mode http
  timeout client 60s
  timeout http-keep-alive 60s
frontend limited
  bind 127.0.0.1:{port}
  log global
  log-format "%Ts.%ms %ST %HP"
  stick-table type ip size 1k expire 60s store http_req_rate({window_s}s)
  http-request track-sc0 src
  http-request return status 429 content-type application/json \
    string '{{"error":{{"code":"TooManyRequests","message":"Slow down"}}}}' \
    if {{ sc_http_req_rate(0) gt {most} }}
  http-request return status 200 content-type application/json \
    lf-string '{{"id":"%[path,field(-1,/)]","object":"response","deleted":true}}'
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
        stats_url: Where it tells its counts; empty for one that has a log.
        log: Its log: time, status and ID of each deletion.
        seen: What it has seen, in order.
    """

    base_url: str
    stats_url: str = ""
    log: Path = Path()
    seen: list[Seen] = field(default_factory=list)

    def look(self) -> None:
        """Ask for the counts; a log is read at the end instead."""
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
            at_s, status, *_ = line.split(" ")
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
        steps: Requests per second from a second on.
        serve: What runs the server.
        limits: The limit in the words of that server.
        run_s: How long a client works.
        settled_s: The time after which utilisation counts.
        alone: Whether bulkdel alone is measured there.
    """

    title: str
    steps: Sequence[tuple[float, float]]
    serve: Callable[[Case, Path, Path], AbstractContextManager[Server]]
    limits: Sequence[str]
    run_s: float = 30.0
    settled_s: float = 9.5
    alone: bool = False

    def allowed(self, from_s: float, to_s: float) -> float:
        """Return how many the limit lets through in a span, saved-up ones aside."""
        ends = [*(begin_s for begin_s, _ in self.steps[1:]), to_s]
        spans = zip(self.steps, ends, strict=True)
        return sum(
            rate * max(0.0, min(end_s, to_s) - max(begin_s, from_s))
            for (begin_s, rate), end_s in spans
        )


@contextmanager
def process(command: Sequence[object], **options: Any) -> Iterator[subprocess.Popen[str]]:
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
    command = [*BULKDEL, "emulate", "-p", "ark", "--ids", ids, "--key", KEY, *limits]
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
def nginx(case: Case, _ids: Path, folder: Path) -> Iterator[Server]:
    """Run nginx with a configuration of its own; its limit is rate and burst."""
    rate, burst = case.limits
    config, log = folder / "nginx.conf", folder / "access.log"
    port = _free_port()
    config.write_text(
        _NGINX.format(folder=folder, port=port, rate=rate, burst=burst), encoding="ascii"
    )
    command = [_program("nginx", "nginx-light"), "-e", folder / "error.log", "-c", config]
    with process(command) as running:
        _await_port(running, port)
        yield Server(f"http://127.0.0.1:{port}/api/v3", log=log)


@contextmanager
def haproxy(case: Case, _ids: Path, folder: Path) -> Iterator[Server]:
    """Run haproxy with a configuration of its own; its limit is requests and seconds."""
    most, window_s = case.limits
    config, log = folder / "haproxy.cfg", folder / "access.log"
    port = _free_port()
    config.write_text(_HAPROXY.format(port=port, most=most, window_s=window_s), encoding="ascii")
    command = [_program("haproxy", "haproxy"), "-db", "-f", config]
    with log.open("w") as out, process(command, stdout=out) as running:
        _await_port(running, port)
        yield Server(f"http://127.0.0.1:{port}/api/v3", log=log)


@contextmanager
def library(case: Case, _ids: Path, folder: Path) -> Iterator[Server]:
    """Run `limits_server`; its limit is a strategy and a limit in the library's words."""
    log = folder / "access.log"
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.limits_server", port, *case.limits]
    with log.open("w") as out, process(command, stdout=out) as running:
        _await_port(running, port)
        yield Server(f"http://127.0.0.1:{port}/api/v3", log=log)


def _program(name: str, package: str) -> str:
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if program is None:
        raise BenchmarkError(f"{name} is not installed (Debian: apt-get install {package})")
    return program


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def _await_port(running: subprocess.Popen[str], port: int) -> None:
    """Wait until a server takes connections."""
    until_s = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if running.poll() is not None or time.monotonic() > until_s:
                raise BenchmarkError("a server did not start") from None
            time.sleep(0.02)
        else:
            return
