"""The README says what is true: commands, flags, providers, exit codes, promises."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from bulkdel.cli import cli, exits
from bulkdel.cli.providers import table as table_of_providers
from bulkdel.models import Outcome

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DELETE = cli.commands["delete"]


def table(heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading, without its head."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]


def examples() -> list[str]:
    """Return every `bulkdel …` line of the README's examples, continued lines joined."""
    text = README.replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    return [line for line in lines if re.search(r"(^|[|&] ?)bulkdel ", line)]


def test_flags_of_delete_are_the_ones_of_the_command() -> None:
    """A flag that the README lacks, or invents, misleads at the worst moment."""
    said = set(
        re.findall(
            r"`?(--[a-z-]+|-[a-z])\b", " ".join(r[0] for r in table("Flags of `bulkdel delete`"))
        )
    )
    there = {
        name for param in DELETE.params if isinstance(param, click.Option) for name in param.opts
    }

    assert said == there


def test_defaults_of_flags_are_true() -> None:
    """A default is what most users run with."""
    rows = {
        re.findall(r"--([a-z-]+)", row[0])[-1]: row[1] for row in table("Flags of `bulkdel delete`")
    }
    for param in DELETE.params:
        if (
            isinstance(param, click.Option)
            and not param.is_flag
            and isinstance(param.default, (int, float, str))
        ):
            name = param.opts[-1].removeprefix("--")
            default = param.default
            shown = f"{default:g}" if isinstance(default, float) else str(default)
            assert re.search(rf"(?<![\w.]){re.escape(shown)}(?![\w.])", rows[name]), name


def test_provider_table_is_true() -> None:
    """Lanes, endpoints and key variables come from the provider modules."""
    rows = [line for line in README.splitlines() if line.startswith("| `") and "`DELETE " in line]

    assert rows == table_of_providers()


def test_exit_codes_are_the_ones_of_the_command() -> None:
    """Scripts branch on them."""
    said = {int(row[0]) for row in table("Exit codes")}

    assert said == {
        exits.ALL_GONE,
        exits.SOME_LEFT,
        exits.USAGE,
        exits.STOPPED,
        exits.LOG_UNWRITABLE,
        exits.BUSY,
        exits.INTERNAL,
        exits.INTERRUPTED,
        exits.READER_GONE,
    }


def test_outcomes_are_the_ones_of_the_log() -> None:
    """They are what an auditor reads."""
    assert [row[0].strip("`") for row in table("The result log")] == [o.value for o in Outcome]


@pytest.mark.parametrize("line", examples())
def test_example_parses(line: str) -> None:
    """Every example names a command and flags that exist."""
    words = shlex.split(re.split(r"[|&] *(?=bulkdel )", line)[-1], comments=True)
    command = cli.commands[words[1]]

    context = command.make_context(words[1], words[2:], resilient_parsing=True)

    assert context.command is command


def test_commands_are_shown() -> None:
    """Every command has its place in the README."""
    for name in cli.commands:
        assert f"bulkdel {name}" in README


def test_opens_with_the_two_lines() -> None:
    """They do all of the set-up, and CI runs them."""
    blocks = [line.strip() for line in README.splitlines() if line.startswith("    ")]

    assert blocks[:2] == ["pip install . && bulkdel demo", "pip install -e '.[test]' && pytest"]


def test_promises_name_tests_that_exist() -> None:
    """A promise is worth the test that holds it."""
    section = README.split("\n## What bulkdel promises\n")[1].split("\n## ")[0]
    named = re.findall(r"`(tests/[a-z_/]+\.py)(?:::(test_[a-z0-9_]+))?`", section)

    assert len(named) >= 8
    for path, test in named:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not test or f"def {test}(" in text
