"""``bulkdel report``: what was done, as a page for whoever has to know."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click
import orjson

from bulkdel.cli.log_reading import LogReading
from bulkdel.cli.output import say
from bulkdel.errors import ConfigError
from bulkdel.reporting.report.facts import Report
from bulkdel.reporting.report.gather import gather
from bulkdel.reporting.report.html import GENERATOR, html_report
from bulkdel.reporting.report.markdown import MARKER, markdown_report
from bulkdel.reporting.words import shell_word
from bulkdel.result_log.encode import utc
from bulkdel.utf8 import encodable, json_bytes
from bulkdel.version import __version__

_JSON_BEGIN: Final = b'{"bulkdel_report":1,'
_HEAD_BYTES: Final = 1024
_OF_SUFFIX: Final = {".html": "html", ".htm": "html", ".md": "md", ".json": "json"}

_EPILOG: Final = """\b
Examples:
  bulkdel report purge.jsonl -o report.html    one page; opens from disk, prints well
  bulkdel report purge.jsonl                   the same as Markdown, on the terminal
  bulkdel report purge.jsonl --format json     all figures, for scripts
  bulkdel report one.jsonl two.jsonl -o both.html

\b
Several logs count as one, in the order given. A log that is being written is
read as far as it is. Nothing is sent anywhere.
"""


@click.command("report", epilog=_EPILOG)
@click.argument("logs", metavar="LOG...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where the report goes. [stdout]",
)
@click.option(
    "--format",
    "form",
    envvar="BULKDEL_REPORT_FORMAT",
    type=click.Choice(("html", "md", "json")),
    help="[by the name of the file, else md]",
)
@click.option(
    "--samples",
    metavar="N",
    type=click.IntRange(0, 100),
    default=3,
    show_default=True,
    help="Failed IDs that are shown of each reason.",
)
def report(logs: tuple[Path, ...], *, output: Path | None, form: str | None, samples: int) -> None:
    """Report what was asked, what came of it, and the evidence: out of the logs alone."""
    if str(output) == "-":
        output = None
    form = form or _form(output)
    logs = _whole(logs)
    if output is not None:
        _check(output, logs)
    made = gather(
        logs,
        made_at=utc(time.time()),
        version=__version__,
        samples=samples,
        on_read=LogReading(logs, why="for the report"),
    )
    text = _FORMS[form](made)
    if output is None:
        click.echo(text, nl=False)
        return
    _write(output, text)
    say(f"Report: {shell_word(str(output))}")


def _whole(logs: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the logs with their whole paths, each once; a pipe is refused: it can be read only once."""
    whole = tuple(dict.fromkeys(Path(os.path.abspath(log)) for log in logs))  # noqa: PTH100 - links stay
    for log in whole:
        if log.exists() and not (log.is_file() or log.is_dir()):
            raise ConfigError(f"{log} is no file: a report reads a log more than once")
    return whole


def _form(output: Path | None) -> str:
    if output is None:
        return "md"
    form = _OF_SUFFIX.get(output.suffix.lower())
    if form is None:
        raise ConfigError(
            f"{output}: its name does not say what it is to be: call it .html, .md or .json, or"
            " say --format"
        )
    return form


def _json(made: Report) -> bytes:
    body = json_bytes(asdict(made), orjson.OPT_INDENT_2)
    return _JSON_BEGIN + body[1:] + b"\n"


_FORMS: Final[dict[str, Callable[[Report], bytes]]] = {
    "html": lambda made: encodable(html_report(made)).encode(),
    "md": lambda made: encodable(markdown_report(made)).encode(),
    "json": _json,
}


def _check(output: Path, logs: tuple[Path, ...]) -> None:
    """Refuse to write over what is no report of ours: a log, say, whose name was typed here."""
    if not output.parent.is_dir():
        raise ConfigError(f"{output}: there is no folder {output.parent}")
    if (output.exists() or output.is_symlink()) and (output.is_symlink() or not output.is_file()):
        raise ConfigError(f"{output} is no plain file, so it is not written over; name another one")
    try:
        with output.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise ConfigError(f"{output}: {exc.strerror}") from exc
    is_log = any(output.samefile(log) for log in logs if log.exists())
    is_ours = head.startswith((MARKER.encode(), _JSON_BEGIN)) or GENERATOR.encode() in head
    if is_log or not is_ours:
        raise ConfigError(
            f"{output} is no report of bulkdel, so it is not written over; name another file"
        )


def _write(output: Path, text: bytes) -> None:
    """Write the file whole, or leave the old one as it is."""
    made: Path | None = None
    try:
        fd, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name[:100]}.")
        made = Path(name)
        with os.fdopen(fd, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        made.chmod(output.stat().st_mode & 0o777 if output.exists() else 0o666 & ~_umask())
        made.replace(output)
    except OSError as exc:
        if made is not None:
            with contextlib.suppress(OSError):
                made.unlink()
        raise ConfigError(f"{output}: it cannot be written: {exc.strerror}") from exc


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
