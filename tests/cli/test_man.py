"""The manual pages say what ``--help`` says, and `man` can show them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from bulkdel.cli import cli
from bulkdel.cli.man import FOLDER, pages
from bulkdel.version import __version__

DRAWN = pages(cli, __version__)
ROOT = Path(__file__).parents[2]


def test_the_pages_are_those_of_the_commands_as_they_are() -> None:
    """If not: python -m bulkdel.cli.man."""
    there = {path.name: path.read_text(encoding="ascii") for path in FOLDER.iterdir()}

    assert sorted(there) == sorted(DRAWN)
    assert [name for name, text in DRAWN.items() if there[name] != text] == []


def test_the_wheel_puts_them_where_man_looks() -> None:
    """Beside the command: `man` finds share/man next to the bin of the PATH."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]

    assert build["targets"]["wheel"]["shared-data"] == {"bulkdel/man": "share/man/man1"}


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff on this machine")
@pytest.mark.parametrize("name", DRAWN)
def test_a_page_is_right_and_whole(name: str) -> None:
    """No warning, and the words of the options and the examples come out as they are."""
    shown = subprocess.run(
        ["groff", "-man", "-ww", "-Tascii", "-P-cbou", FOLDER / name],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
        timeout=60,
        check=True,
    )

    assert shown.stderr == ""
    words = " ".join(shown.stdout.split())
    command = cli if name == "bulkdel.1" else cli.commands[name[len("bulkdel-") : -2]]
    for param in command.params:
        for flag in param.opts:
            if flag.startswith("--"):
                assert flag in words
    lines = {" ".join(line.split()) for line in shown.stdout.splitlines()}
    for line in (command.epilog or "").splitlines():
        if line.startswith("  "):
            assert " ".join(line.split()) in lines
