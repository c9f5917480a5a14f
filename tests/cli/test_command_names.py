"""The real command on files whose names are not UTF-8, in locales that cannot write them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bulkdel.emulator import AccountSettings, Emulator, make_ids
from tests.support.command import (
    KEYS,
    TIMEOUT_S,
    emulated,
    environment,
    log_lines,
    results,
    run_command,
    started,
    wait_until,
)

NAME = os.fsdecode("ids Ω ".encode() + b"\xff\xe9.txt")
SHOWN = r"ids Ω \xff\xe9.txt"
ENCODINGS = ("utf-8:strict", "latin-1:strict", "ascii:strict")


@pytest.fixture
def ids() -> Sequence[str]:
    """Return what the provider holds."""
    return make_ids("ark", 300)


@pytest.fixture
def emulator(ids: Sequence[str]) -> Iterator[Emulator]:
    """Serve them."""
    with emulated(ark=AccountSettings(ids=ids, latency_s=0.01)) as emulator:
        yield emulator


@pytest.fixture
def source(tmp_path: Path, ids: Sequence[str]) -> Path:
    """Write the IDs and one row that holds none into a file with a bad name."""
    path = tmp_path / NAME
    try:
        path.write_text("".join(f"{one}\n" for one in [*ids, "a b"]), encoding="utf-8")
    except OSError:
        pytest.skip("the file system takes no such name")
    return path


def arguments(source: Path, emulator: Emulator, *more: str) -> list[str]:
    """Return the arguments that delete the IDs."""
    url = emulator.base_url("ark")
    return ["delete", str(source), "-p", "ark", "--base-url", url, "--yes", *more]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("flags", [(), ("--json",), ("--dry-run",), ("--dry-run", "--json")])
def test_a_run_ends_as_any_other(
    source: Path, emulator: Emulator, flags: Sequence[str], encoding: str
) -> None:
    """It was a traceback: before the first deletion, or after the last."""
    log = f"{source}.bulkdel.jsonl"
    env = {**KEYS, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}

    ended = run_command(*arguments(source, emulator, "--rate", "20000", *flags), env=env)

    dry = "--dry-run" in flags
    assert "Traceback" not in ended.err
    assert ended.code == (0 if dry else 1), ended.err  # one row is invalid
    if "--json" in flags:
        assert ended.json["log"] == f"{source.parent}/{SHOWN}.bulkdel.jsonl"
    else:
        assert r"\xff\xe9.txt.bulkdel.jsonl" in ended.out
    if dry:
        assert not Path(log).exists()
        return
    header, *_, end = log_lines(Path(log))
    assert header["run"]["sources"] == [f"{source.parent}/{SHOWN}"]
    assert end["end"]["deleted"] == 300
    assert end["end"]["log"] == f"{source.parent}/{SHOWN}.bulkdel.jsonl"
    [invalid] = [line for line in results(Path(log)) if line["outcome"] == "invalid"]
    assert invalid["source"] == f"{source.parent}/{SHOWN}"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_commands_that_read_such_a_log(
    source: Path, emulator: Emulator, encoding: str, tmp_path: Path
) -> None:
    """Also as ``--done``."""
    run_command(*arguments(source, emulator, "--rate", "20000"))
    log = f"{source}.bulkdel.jsonl"
    env = {**KEYS, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}

    for command in ("status", "explain"):
        as_text = run_command(command, log, env=env)
        as_json = run_command(command, "--json", log, env=env)
        assert (as_text.code, as_json.code) == (0, 0), (as_text.err, as_json.err)
        assert r"\xff\xe9.txt.bulkdel.jsonl: " in as_text.out
        assert as_json.json["log"] == f"{source.parent}/{SHOWN}.bulkdel.jsonl"
    assert run_command("failed", log, env=env).code == 0
    other = str(tmp_path / "other.jsonl")
    done = run_command(*arguments(source, emulator, "--log", other, "--done", log), env=env)
    assert "301 done before" in done.out


def test_what_is_wrong_with_such_a_file_is_one_line(tmp_path: Path, emulator: Emulator) -> None:
    """The message names the file that is meant."""
    for command in (["status"], ["explain"], ["failed"], ["delete", "--yes", "-p", "ark"]):
        ended = run_command(*command, str(tmp_path / NAME))
        assert ended.code == 2
        assert SHOWN in ended.err
        assert ended.err.count("\n") == 1
    field = run_command(*arguments(tmp_path / "x.jsonl", emulator, "--id-field", "\udcff"))
    assert field.code == 2
    assert "is not UTF-8" in field.err


def test_the_command_that_resumes_can_be_pasted(source: Path, emulator: Emulator) -> None:
    """A shell takes its words for the bytes of the name."""
    with started(*arguments(source, emulator, "--rate", "100")) as running:
        wait_until(lambda: emulator.stats()["totals"]["deleted"] > 5, "some are deleted")
        running.send(signal.SIGINT)
        ended = running.end()
    [command] = [line for line in ended.err.splitlines() if line.startswith("Resume with: ")]

    words = command.removeprefix("Resume with: bulkdel ")
    printed = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {words}"],
        capture_output=True,
        env=environment(),
        timeout=TIMEOUT_S,
        check=True,
    ).stdout.split(b"\0")[:-1]

    assert printed == [*map(os.fsencode, arguments(source, emulator, "--rate", "100"))]
    assert ended.code == 130
