"""The samples run as they are."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from bulkdel.cli import cli
from bulkdel.emulator import AccountSettings
from tests.support.command import COMMAND, TIMEOUT_S, emulated, environment

SAMPLES = Path(__file__).parents[1] / "samples"
IDS = [
    line
    for line in (SAMPLES / "ids.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def commands() -> list[list[str]]:
    """Return the words of each `bulkdel delete …` in the samples for running it."""
    found = []
    for path in sorted(SAMPLES.iterdir()):
        text = path.read_text(encoding="utf-8")
        if path.suffix in (".service", ".sh") or path.name == "Containerfile":
            found += re.findall(r"bulkdel (delete [^#|\n]*?)(?: \|\| .*)?$", text, re.MULTILINE)
        for line in re.findall(r"args: (\[.*\])", text):
            found.append(" ".join(json.loads(line)))
    return [shlex.split(each) for each in found]


def test_commands_of_the_samples_are_ones() -> None:
    """A flag that there is not would show at half past two in the night."""
    words = commands()

    assert len(words) >= 4
    for command, *rest in words:
        cli.commands[command].make_context(command, rest)


def test_library_sample_deletes_the_sample_ids(tmp_path: Path) -> None:
    """The first program that a user of the library copies."""
    with emulated(ark=AccountSettings(ids=IDS)) as emulator:
        done = subprocess.run(
            [sys.executable, SAMPLES / "library.py"],
            env=environment(
                ARK_API_KEY="test-key",
                ARK_BASE_URL=emulator.base_url("ark"),
                BULKDEL_LOG=str(tmp_path / "log.jsonl"),
            ),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [
            *(f"{object_id} deleted" for object_id in IDS),
            "3 deleted, 0 still to do",
        ]
        assert emulator.present("ark") == []


def test_retention_sample_deletes_and_resumes(tmp_path: Path) -> None:
    """The script that a cron job copies: quiet, without questions, again and again."""
    ids = tmp_path / "ids.txt"
    ids.write_text((SAMPLES / "ids.txt").read_text(encoding="utf-8"), encoding="utf-8")
    on_path = tmp_path / "bin"
    on_path.mkdir()
    command = on_path / "bulkdel"
    quoted = " ".join(f"'{word}'" for word in COMMAND)
    command.write_text(f'#!/bin/sh\nexec {quoted} "$@"\n', encoding="utf-8")
    command.chmod(0o755)

    with emulated(ark=AccountSettings(ids=IDS)) as emulator:
        for _ in range(2):
            done = subprocess.run(
                ["sh", SAMPLES / "retention.sh", ids],
                env=environment(
                    ARK_API_KEY="test-key",
                    BULKDEL_DELETE_BASE_URL=emulator.base_url("ark"),
                    PATH=f"{on_path}:/usr/bin:/bin",
                ),
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout.endswith("every ID is gone\n")

        assert emulator.present("ark") == []
        assert emulator.stats()["totals"]["requests"] == len(IDS)
