"""``--metrics``: a run as Prometheus reads it."""

from __future__ import annotations

import socket
import time
import urllib.request
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, TokenBucket, make_ids
from bulkdel.errors import ConfigError
from bulkdel.reporting.metrics import parse_address
from tests.support.command import KEY, emulated, run_command, started

parser = pytest.importorskip("prometheus_client.parser")


def free_port() -> int:
    """Return a port that was free just now."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def test_a_run_is_read_while_it_works(tmp_path: Path) -> None:
    """By Prometheus' own parser; no ID, no key, no address is in it."""
    ids, port = make_ids("ark", 300), free_port()
    (tmp_path / "ids.txt").write_text("".join(f"{one}\n" for one in ids))
    found: dict[str, float] = {}
    text = ""
    account = AccountSettings(ids=ids, key=KEY, limit=TokenBucket(60, 5))
    with emulated(ark=account) as emulator:
        usual = ("-p", "ark", "--base-url", emulator.base_url("ark"), "--rate", "60", "--yes")
        with started(
            *("delete", tmp_path / "ids.txt", *usual, "--metrics", str(port), "--log"),
            tmp_path / "log",
        ) as running:
            while running.process.poll() is None and not found.get("deleted"):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                        text = answer.read().decode()
                except OSError:
                    time.sleep(0.05)
                    continue
                for family in parser.text_string_to_metric_families(text):
                    for sample in family.samples:
                        found[sample.labels.get("outcome", sample.name)] = sample.value
            ended = running.end()

    assert ended.code == 0, ended.err
    assert f"Metrics: http://127.0.0.1:{port}/metrics" in ended.err
    assert 0 < found["deleted"] <= 300
    assert found["bulkdel_requests_total"] >= found["deleted"]
    assert found["bulkdel_lane_paused"] == 0
    assert found["bulkdel_pace_requests_per_second"] == 60
    assert not any(word in text for word in (*ids[:50], KEY, "127.0.0.1"))


def test_a_port_that_is_taken_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    """A scrape of another program would be believed."""
    (tmp_path / "ids.txt").write_text("resp_1\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run_command(
            *("delete", "ids.txt", "-p", "ark", "--yes", "--metrics", str(port)), cwd=tmp_path
        )

    assert ended.code == 2
    assert f"--metrics 127.0.0.1:{port}: Address already in use" in ended.err
    assert not (tmp_path / "ids.txt.bulkdel.jsonl").exists()


def test_addresses() -> None:
    """Only this machine may ask, unless it is said otherwise."""
    assert parse_address("9400") == ("127.0.0.1", 9400)
    assert parse_address("0.0.0.0:9400") == ("0.0.0.0", 9400)
    assert parse_address("[::]:9400") == ("::", 9400)
    for wrong in ("", "x", "0", "65536", "localhost", "a:b"):
        with pytest.raises(ConfigError, match="HOST:"):
            parse_address(wrong)
