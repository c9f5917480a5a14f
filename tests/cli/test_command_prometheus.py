"""``--metrics`` and a real Prometheus: it scrapes a run, and its own tool finds nothing wrong."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from bulkdel.emulator import AccountSettings, TokenBucket, make_ids
from bulkdel.reporting.metrics import Metrics
from tests.cli.test_command_metrics import free_port
from tests.support.command import KEY, emulated, run_command, started
from tests.support.snapshots import snapshot

pytest.importorskip("prometheus_client")

SAMPLES: Final = Path(__file__).parents[2] / "samples"
WAIT_S: Final = 60.0
SERVER: Final = shutil.which("prometheus")
TOOL: Final = shutil.which("promtool")


def expressions() -> list[str]:
    """Return what the dashboard asks for."""
    board = json.loads((SAMPLES / "grafana.json").read_text())
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    """A name that is spelled otherwise is an empty panel, and nobody says why."""
    metrics = Metrics()
    metrics.update({"ark": snapshot()})
    names = set()
    for family in metrics.collect():
        names.add(family.name + ("_total" if family.type == "counter" else ""))

    asked = {name for each in expressions() for name in re.findall(r"bulkdel_\w+", each)}

    assert asked <= names, asked - names
    assert len(asked) >= 10


def get(url: str) -> Any:
    """Return the JSON at a URL, or None if nobody answers yet."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.loads(answer.read())
    except (OSError, ValueError):
        return None


@contextmanager
def prometheus(folder: Path, target: int) -> Iterator[str]:
    """Start the server with the sample's settings, for one port; it is ended with the block."""
    port = free_port()
    config = (SAMPLES / "prometheus.yml").read_text()
    config = config.replace("127.0.0.1:9400", f"127.0.0.1:{target}").replace("5s", "200ms")
    config = config.replace(
        "scrape_interval: 200ms", "scrape_interval: 200ms\n    scrape_timeout: 200ms"
    )
    (folder / "prometheus.yml").write_text(config)
    command = [
        str(SERVER),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}/api/v1/query?query="
    finally:
        process.terminate()
        process.wait(WAIT_S)


@pytest.mark.skipif(not (SERVER and TOOL), reason="there is no Prometheus on this machine")
def test_a_real_prometheus_reads_a_run(tmp_path: Path) -> None:
    """Each panel's question has an answer, and the tool finds no name against its conventions."""
    ids, port = make_ids("ark", 30_000), free_port()
    (tmp_path / "ids.txt").write_text("".join(f"{one}\n" for one in ids))
    values: dict[str, list[Any]] = {}
    account = AccountSettings(ids=ids, key=KEY, limit=TokenBucket(200, 10))
    with emulated(ark=account) as emulator:
        at = ("-p", "ark", "--base-url", emulator.base_url("ark"), "--yes", "--rate-max", "none")
        run = ("delete", tmp_path / "ids.txt", *at, "--metrics", str(port))
        with started(*run, "--log", tmp_path / "log") as running, prometheus(tmp_path, port) as ask:
            end_s = time.monotonic() + WAIT_S
            while len(values) < len(expressions()):
                assert time.monotonic() < end_s, set(expressions()) - set(values)
                for expression in expressions():
                    asked = expression.replace("$lane", ".*").replace("$__rate_interval", "2s")
                    answer = get(ask + urllib.parse.quote(asked))
                    if answer is not None:
                        assert answer["status"] == "success", answer
                        if answer["data"]["result"]:
                            values[expression] = answer["data"]["result"]
                time.sleep(0.1)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
                text = page.read()
            run_command("control", tmp_path / "log", "stop")
            running.end()
    checked = subprocess.run(
        [str(TOOL), "check", "metrics"],
        input=text,
        capture_output=True,
        timeout=WAIT_S,
        check=False,
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    deleted = values['sum(bulkdel_ids_total{lane=~"$lane",outcome="deleted"})']
    assert float(deleted[0]["value"][1]) > 0


@pytest.mark.skipif(not TOOL, reason="there is no promtool on this machine")
def test_the_sample_is_a_configuration() -> None:
    """Prometheus' own tool reads it."""
    command = [str(TOOL), "check", "config", str(SAMPLES / "prometheus.yml")]
    checked = subprocess.run(command, capture_output=True, timeout=WAIT_S, check=False)

    assert checked.returncode == 0, checked.stderr
