r"""The manual pages: the help of each command as `man` shows it.

    python -m bulkdel.cli.man            writes bulkdel/man/, which the wheel puts where `man` looks

A page a command, out of the same words as ``--help``, so there is nothing to keep up by hand. They are
committed, since whoever installs from source has no reason to need what draws them; a test says when
they are old.

What holds here, always: a page is the same however often it is drawn, with no date and nothing of the
machine in it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

FOLDER: Final = Path(__file__).parents[1] / "man"
_VERBATIM: Final = "\b"


def pages(group: click.Group, version: str) -> dict[str, str]:
    """Return the text of each page by the name of its file."""
    root = click.Context(group, info_name=group.name, **group.context_settings)
    names = sorted(group.commands)
    found = {f"{group.name}.1": _page(group, root, version, names)}
    for name in names:
        context = click.Context(group.commands[name], info_name=name, parent=root)
        found[f"{group.name}-{name}.1"] = _page(group.commands[name], context, version, [])
    return found


def _page(command: click.Command, context: click.Context, version: str, others: list[str]) -> str:
    path = context.command_path
    name = path.replace(" ", "-")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f'.TH "{name.upper()}" 1 "" "bulkdel {version}" "bulkdel manual"']
    lines += [".ad l", ".nh"]  # flags are long words: no line is filled up, none is broken
    lines += [".SH NAME", rf"{_text(name)} \- {_text(command.get_short_help_str(200).rstrip('.'))}"]
    lines += [".SH SYNOPSIS", rf"\fB{_text(path)}\fR {_text(usage)}"]
    lines += [".SH DESCRIPTION", *_paragraphs(inspect.cleandoc(command.help or ""))]
    lines += [".SH OPTIONS", *_options(command, context)]
    if isinstance(command, click.Group) and others:
        lines += [".SH COMMANDS"]
        for other in others:
            short = command.commands[other].get_short_help_str(200)
            lines += [".TP", rf"\fB{_text(f'{name}-{other}')}\fR(1)", _text(short)]
    lines += _paragraphs(inspect.cleandoc(command.epilog or ""))
    see = [f"{name}-{other}" for other in others] or [name.partition("-")[0]]
    lines += [".SH SEE ALSO", ",\n".join(rf"\fB{_text(each)}\fR(1)" for each in see)]
    return "\n".join(lines) + "\n"


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record is not None and isinstance(param, click.Option):
            flags, words = record
            yield ".TP"
            flags = _text(flags).replace("|", r"|\:")  # there a line may be broken after all
            yield rf"\fB{flags}\fR"
            yield _text(" ".join(words.split()))


def _paragraphs(text: str) -> Iterator[str]:
    """Yield paragraphs; one that begins as click's verbatim ones do keeps its lines.

    If its first line ends in a colon and is a word or two, that is the heading of a section.
    """
    for paragraph in text.split("\n\n"):
        lines = paragraph.strip("\n").split("\n")
        if lines[0] != _VERBATIM:
            yield from (".PP", _text(" ".join(paragraph.split())))
            continue
        lines = lines[1:]
        if lines and lines[0].endswith(":") and len(lines[0].split()) <= 2:
            yield f".SH {_text(lines[0][:-1].upper())}"
            lines = inspect.cleandoc("\n".join(lines[1:])).split("\n")
        else:
            yield ".PP"
        yield ".nf"
        yield from map(_text, lines)
        yield ".fi"


def _text(text: str) -> str:
    """Return text that is nothing but text to roff."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("`", r"\(ga").replace("'", r"\(aq")
    text = text.replace("~", r"\(ti").replace("^", r"\(ha").replace("…", "...")
    return "\\&" + text if text.startswith((".", "'")) else text


def main() -> None:
    """Write all pages."""
    from bulkdel.cli import cli
    from bulkdel.version import __version__

    FOLDER.mkdir(exist_ok=True)
    drawn = pages(cli, __version__)
    for old in FOLDER.glob("*.1"):
        if old.name not in drawn:
            old.unlink()
    for name, text in drawn.items():
        (FOLDER / name).write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
