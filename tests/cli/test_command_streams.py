"""The real command with standard files that are closed, full or not read, and odd variables."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, make_ids
from tests.support.command import (
    COMMAND,
    KEYS,
    TIMEOUT_S,
    Ended,
    Job,
    emulated,
    environment,
    log_lines,
    run_command,
)

LOG = (
    '{"run":{"at":"2026-11-22T00:40:12.123Z","version":"9","lanes":{}}}\n'
    '{"id":"resp_1","lane":"ark","outcome":"failed","status":400,"attempts":1,"at":"x","ms":1}\n'
    '{"end":{"state":"stopped\\u001b[31m","reason":"\\u202ex"}}\n'
)
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")


def _shell(arguments: list[str], redirected: str, folder: Path) -> Ended:
    """Run the command from a shell that redirects its files."""
    line = f"{shlex.join([*COMMAND, *arguments])} {redirected}"
    done = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", line],
        capture_output=True,
        env=environment(**KEYS),
        cwd=folder,
        timeout=TIMEOUT_S,
        check=False,
        text=True,
    )
    assert "Traceback" not in done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("arguments", ["status LOG", "failed LOG", "providers", "--help"])
@pytest.mark.parametrize(
    ("redirected", "code", "words"),
    [
        (">&-", 2, "standard output is closed"),
        pytest.param(">/dev/full", 2, "No space left", marks=needs_full),
        ("| true", 141, ""),
        pytest.param(">&- 2>/dev/full", 2, "", marks=needs_full),
        ("<&- >&- 2>&-", 2, ""),
    ],
)
def test_output_that_cannot_be_written_is_an_error(
    tmp_path: Path, arguments: str, redirected: str, code: int, words: str
) -> None:
    """An empty list of failed IDs must not be one that could not be written."""
    tmp_path.joinpath("LOG").write_text(LOG)

    ended = _shell(arguments.split(), redirected, tmp_path)

    assert ended.code == code
    assert words in ended.err
    assert bool(words) == bool(ended.err)


@pytest.mark.parametrize(
    "redirected",
    [
        "<&- >&- 2>&-",
        "<&-",
        "2>&-",
        "| true",
        pytest.param(">/dev/full", marks=needs_full),
        pytest.param(">/dev/full 2>/dev/full", marks=needs_full),
    ],
)
def test_a_run_does_not_need_its_standard_files(tmp_path: Path, redirected: str) -> None:
    """What matters is in the log; a closed file must be neither a crash nor the log's number."""
    ids = make_ids("ark", 30)
    with emulated(ark=AccountSettings(ids=ids)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)

        ended = _shell(job.arguments, redirected, tmp_path)

        assert job.present == 0
    assert ended.code == 0
    assert log_lines(job.log)[-1]["end"]["deleted"] == 30


def test_stdin_that_is_closed_is_no_empty_source(tmp_path: Path) -> None:
    """Nothing read because there was nothing to read from is not a finished job."""
    ended = _shell(["delete", "-", "-p", "ark", "--log", "log", "--yes"], "<&-", tmp_path)

    assert ended.code == 2
    assert "stdin" in ended.err
    assert not tmp_path.joinpath("log").exists()


@pytest.mark.parametrize("command", ["status", "explain"])
def test_a_log_cannot_steer_the_terminal(tmp_path: Path, command: str) -> None:
    """Its words come from providers, files and whoever could write to it."""
    log = tmp_path / "log.jsonl"
    pace = '{"pace":{"lane":"a\\u001b]0;x\\u0007rk","at_s":1}}\n'
    log.write_text(LOG.replace('{"end"', pace + '{"end"'))

    ended = run_command(command, log)

    assert ended.code == 0
    assert "\\x1b[31m" in ended.out
    assert not [c for c in ended.out if not c.isprintable() and c != "\n"]


@pytest.mark.parametrize(
    "variables",
    [
        {"TQDM_MININTERVAL": "x"},
        {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"},
        {"COLUMNS": "x", "TERM": "\x1b", "TMPDIR": "/nonexistent"},
        {"HTTPS_PROXY": "http://[", "SSL_CERT_FILE": "/nonexistent"},
    ],
)
def test_odd_variables_are_no_crash(tmp_path: Path, variables: dict[str, str]) -> None:
    """Containers and cron jobs have environments that nobody has looked at."""
    tmp_path.joinpath("ids.txt").write_text("resp_1\n")

    ended = run_command(
        *["delete", "ids.txt", "-p", "ark", "--yes", "--attempts", "1", "--outage-limit", "0"],
        *["--base-url", "https://127.0.0.1:1/é"],
        env={**KEYS, **variables},
        cwd=tmp_path,
    )

    assert ended.code in (1, 2, 3)
    assert ended.out or ended.err
    assert "Traceback" not in ended.err
