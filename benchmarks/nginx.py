"""The server of the benchmarks: nginx with one worker on loopback, and what reached it.

It answers as Ark and OpenAI do, with the ID of the request in the confirmation, so that a
client may check what it deleted. Its log has a line for each request; `Server.arrived`
compares them with what was sent.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measure import BenchmarkError

BASE_PATH: Final = "/api/v3"
PREFIX: Final = f"{BASE_PATH}/responses/"

_START_S: Final = 5.0
_ARRIVE_S: Final = 10.0
"""nginx writes its buffered log once in 200 ms; this is the end of our patience."""

_CONFIG: Final = """\
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  log_format arrived '$msec $request_method $request_uri';
  access_log {folder}/access.log arrived buffer=64k flush=200ms;
  keepalive_requests 1000000000; keepalive_timeout 600s;
  default_type application/json;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
  fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{http_port} backlog=4096;
    listen 127.0.0.1:{https_port} ssl backlog=4096;
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
    location ~ ^/api/v3/responses/(?<object_id>[^/]+)$ {{
      return 200 '{{"id":"$object_id","object":"response","deleted":true}}';
    }}
    location / {{ return 404 '{{"error":{{"code":"NoRoute","message":"no such route"}}}}'; }}
  }}
  server {{
    listen 127.0.0.1:{request_ids_port} backlog=4096;
    add_header x-request-id $request_id;
    location ~ ^/api/v3/responses/(?<object_id>[^/]+)$ {{
      return 200 '{{"id":"$object_id","object":"response","deleted":true}}';
    }}
  }}
}}
"""


@dataclass(slots=True)
class Server:
    """A running nginx.

    Attributes:
        http: Base URL of the API over HTTP.
        https: The same over HTTPS.
        request_ids: The same over HTTP, with a request ID of its own in the head of each
            answer, as most providers have it; so no head comes twice.
        ca: The certificate that clients are to trust.
        log: Its access log.
        began_at: Where in the log the current run begins.
    """

    http: str
    https: str
    request_ids: str
    ca: Path
    log: Path
    began_at: int = 0

    def begin(self) -> None:
        """Begin a run: what has arrived so far belongs to earlier ones."""
        self.began_at = self.log.stat().st_size

    def arrived(self, least: int) -> Iterator[bytes]:
        """Return the log lines of the run, once there are ``least`` of them or no more come."""
        until_s = time.monotonic() + _ARRIVE_S
        while self._count() < least and time.monotonic() < until_s:
            time.sleep(0.1)
        return self._lines()

    def _count(self) -> int:
        with self.log.open("rb") as file:
            file.seek(self.began_at)
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))

    def _lines(self) -> Iterator[bytes]:
        with self.log.open("rb") as file:
            file.seek(self.began_at)
            yield from (line for line in file if line.endswith(b"\n"))


def check_arrived(lines: Iterable[bytes], ids: Iterable[str]) -> None:
    """Check that each of ``ids`` arrived, once, and nothing else.

    Args:
        lines: Lines of nginx's log.
        ids: The IDs of the run, all different.

    Raises:
        BenchmarkError: With what is missing or too much.
    """
    missing = {f"DELETE {PREFIX}{object_id}\n".encode() for object_id in ids}
    sent = len(missing)
    unexpected: list[str] = []
    for line in lines:
        _, _, request = line.partition(b" ")
        if request in missing:
            missing.remove(request)
        else:
            unexpected.append(request.decode(errors="replace").strip())
    if missing or unexpected:
        raise BenchmarkError(
            f"of {sent:,} IDs {len(missing):,} did not arrive; {len(unexpected):,} requests were"
            f" repeated or for something else: {', '.join(unexpected[:3])}"
        )


def first_at_s(lines: Iterable[bytes]) -> float:
    """Return the wall clock of the first answer, in seconds since 1970."""
    return min(float(line.split(b" ", 1)[0]) for line in lines)


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Run nginx in ``folder`` until the block ends.

    Raises:
        BenchmarkError: It is not installed, or does not start.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise BenchmarkError("nginx is not installed (Debian: apt-get install nginx-light)")
    _make_certificates(folder)
    http_port, https_port, request_ids_port = _free_ports(3)
    config = folder / "nginx.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder,
            http_port=http_port,
            https_port=https_port,
            request_ids_port=request_ids_port,
        ),
        encoding="ascii",
    )
    process = subprocess.Popen(
        [program, "-e", str(folder / "error.log"), "-c", str(config)], stdin=subprocess.DEVNULL
    )
    try:
        _wait_for(http_port, process, folder / "error.log")
        yield Server(
            http=f"http://127.0.0.1:{http_port}{BASE_PATH}",
            https=f"https://127.0.0.1:{https_port}{BASE_PATH}",
            request_ids=f"http://127.0.0.1:{request_ids_port}{BASE_PATH}",
            ca=folder / "ca.pem",
            log=folder / "access.log",
        )
    finally:
        process.terminate()
        process.wait(timeout=_START_S)


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def _wait_for(port: int, process: subprocess.Popen[bytes], error_log: Path) -> None:
    until_s = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > until_s:
                said = error_log.read_text(encoding="utf-8") if error_log.exists() else ""
                raise BenchmarkError(f"nginx did not start: {said}") from None
            time.sleep(0.02)
        else:
            return


def _make_certificates(folder: Path) -> None:
    """Make a CA of our own, and a certificate for loopback that it signs."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    key, request = folder / "server.key", folder / "server.csr"
    ca, ca_key = folder / "ca.pem", folder / "ca.key"
    _openssl("req", "-x509", *curve, "-days", "2", "-subj", "/CN=bulkdel benchmark CA",
             "-keyout", ca_key, "-out", ca)  # fmt: skip
    _openssl("req", *curve, "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", request)
    _openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
             "-days", "2", "-extfile", extensions, "-out", folder / "server.pem")  # fmt: skip


def _openssl(*arguments: str | os.PathLike[str]) -> None:
    try:
        done = subprocess.run(["openssl", *arguments], capture_output=True, check=False, timeout=30)
    except FileNotFoundError:
        raise BenchmarkError("openssl is not installed") from None
    if done.returncode:
        raise BenchmarkError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace')}")
