"""Completion in the shell: lanes, formats, files; as the shell asks for it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.command import COMMAND, TIMEOUT_S, environment, run_command


def completed(*words: str, cwd: Path | None = None) -> list[str]:
    """Return what the shell is told for the last word."""
    done = subprocess.run(
        COMMAND,
        env=environment(
            _BULKDEL_COMPLETE="bash_complete",
            COMP_WORDS=" ".join(["bulkdel", *words]),
            COMP_CWORD=str(len(words)),
        ),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.stdout.splitlines()


def test_lanes_formats_and_flags_are_completed() -> None:
    """Names of 30 letters are typed wrong, and an account is then another one."""
    assert {"plain,openai", "plain,openai:files", "plain,openai:vector_stores"} <= set(
        completed("delete", "ids.txt", "-p", "open")
    )
    assert completed("list", "gemini:c") == ["plain,gemini:cached_contents"]
    assert "plain,ark:files" in completed("delete", "--from-list", "ark")
    assert "plain,ark=" in completed("delete", "--rate", "ar")
    assert {"plain,json", "plain,jsonl"} == set(completed("delete", "--format", "json"))
    assert completed("delete", "--durab") == ["plain,--durability"]
    assert completed("delete", "ids") == ["file,ids"]
    assert "plain,verify" in completed("ver")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_of_that_shell(shell: str, tmp_path: Path) -> None:
    """It is evaluated at the start of each shell."""
    made = run_command("completion", shell)

    assert made.code == 0, made.err
    assert "_BULKDEL_COMPLETE" in made.out
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(made.out)
        checked = subprocess.run([shell, "-n", script], capture_output=True, check=False)
        assert checked.returncode == 0, checked.stderr
