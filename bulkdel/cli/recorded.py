"""The command of a run as its log keeps it: the words that make the same options again.

    what was typed, the environment, the file of settings ──> options ──> words ──> the log's header

What holds here, always:

1. The words, typed in the same folder, make the options of this run, but for those that only say how
   it is shown and that nobody is asked.
2. No value of a header and no part of a key is among them. A header stands there without its value: such
   words are refused until somebody fills it in, so that they never reach another account.

Not here: who shows them (`reporting.report.left`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource

from bulkdel.cli.config_file import in_file
from bulkdel.cli.lane_values import ForLane
from bulkdel.secret import Secret
from bulkdel.settings import CommandLine
from bulkdel.utf8 import encodable

_HOW_IT_IS_SHOWN: Final = {
    "yes",
    "dry_run",
    "json",
    "quiet",
    "verbose",
    "metrics",
    "progress_every",
}


def command_line(log: Path, secrets: Sequence[Secret]) -> CommandLine | None:
    """Return the words of the command that runs; None if there is none, or a key may be in them.

    Args:
        log: Its log, also if the command line left it to a default.
        secrets: The keys of its lanes.
    """
    context = click.get_current_context(silent=True)
    if context is None or not context.command.name:
        return None
    words = [context.command.name, *_words(context, log)]
    found = CommandLine(folder=str(Path.cwd()), words=tuple(words), log=str(log.resolve()))
    for text in (found.folder, found.log, *words):
        if text != encodable(text) or any(secret.hide(text) != text for secret in secrets):
            return None
    return found


def _words(context: click.Context, log: Path) -> Iterator[str]:
    """Yield the words: the sources, then each option that has no default value."""
    sources: list[str] = []
    options: list[str] = []

    def is_given(name: str) -> bool:
        return context.get_parameter_source(name) is not ParameterSource.DEFAULT

    for parameter in context.command.params:
        name = parameter.name or ""
        value = context.params.get(name)
        if isinstance(parameter, click.Argument):
            sources += map(str, value or ())
        elif name == "log":
            options += _option("--log", str(log))
        elif name in context.params and name not in _HOW_IT_IS_SHOWN and is_given(name):
            options += _of(parameter, value)
    file = in_file()
    if file is not None:
        options += _option("--config", str(file.path))
    if any(source.startswith("-") and source != "-" for source in sources):
        yield from [*options, "--", *sources]
    else:
        yield from [*sources, *options]


def _of(parameter: click.Parameter, value: object) -> Iterator[str]:
    """Yield the words of one option."""
    flag = parameter.opts[0]
    if isinstance(value, bool):
        if value:
            yield flag
        return
    for each in value if isinstance(value, tuple) else (value,):
        if each is not None:
            yield from _option(flag, _text(parameter, each), whole=flag == "--ray")


def _text(parameter: click.Parameter, value: object) -> str:
    """Return a value as it is typed."""
    if not isinstance(value, ForLane):
        return str(value)
    if parameter.name != "header":
        return value.text
    lane = f"{value.lane}=" if value.lane else ""
    return f"{lane}{value.value[0]}: "


def _option(flag: str, text: str, *, whole: bool = False) -> list[str]:
    """Return a flag and its value; in one word if two would be read in another way."""
    if not (whole or text.startswith("-")):
        return [flag, text]
    return [f"{flag}={text}" if flag.startswith("--") else f"{flag}{text}"]
