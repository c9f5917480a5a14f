"""``bulkdel failed``: what failed or was invalid, for a pipe, a script or a person."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from bulkdel.cli.output import say
from bulkdel.reporting.words import shell_word
from bulkdel.result_log.queries import Line, iter_failed, last_lines, reason
from bulkdel.utf8 import json_bytes, shown

_EPILOG = """\b
Examples:
  bulkdel failed purge.jsonl > retry.txt      the IDs, one a line
  bulkdel failed purge.jsonl --why            lane, ID and reason
  bulkdel failed purge.jsonl --invalid        rows that cannot be IDs: where, and why
  bulkdel failed purge.jsonl --json | jq .    the last line of each in the log
"""


@click.command(epilog=_EPILOG)
@click.argument("logs", metavar="LOG...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--invalid", is_flag=True, help="The rows that were invalid, not the failed IDs.")
@click.option("--why", is_flag=True, help="Lane, ID and reason, with tabs between them.")
@click.option(
    "--json",
    "as_json",
    envvar="BULKDEL_FAILED_JSON",
    is_flag=True,
    help="The last line of each in the log: all that is known.",
)
def failed(logs: tuple[Path, ...], *, invalid: bool, why: bool, as_json: bool) -> None:
    """Print the failed IDs of the logs, one a line, for a pipe."""
    found = _print(_lines(logs, invalid=invalid, why=why, as_json=as_json))
    if found:
        return
    if invalid:
        say("No row was invalid.")
        return
    rows = sum(1 for _ in last_lines(logs, "invalid"))
    if rows:
        word = "row was" if rows == 1 else "rows were"
        names = " ".join(shell_word(str(log)) for log in logs)
        say(f"No ID failed, but {rows:,} {word} invalid: bulkdel failed {names} --invalid")
    else:
        say("No ID failed.")


def _lines(logs: tuple[Path, ...], *, invalid: bool, why: bool, as_json: bool) -> Iterator[bytes]:
    if not (invalid or why or as_json):
        yield from map(str.encode, iter_failed(logs))
        return
    for line in last_lines(logs, "invalid" if invalid else "failed"):
        yield json_bytes(line) if as_json else _words(line).encode("utf-8", "backslashreplace")


def _words(line: Line) -> str:
    if line["outcome"] == "invalid":
        where = f"{line.get('source', '?')}:{line.get('line', '?')}"
        return "\t".join(map(shown, (where, reason(line), line["id"])))
    return "\t".join(map(shown, (line["lane"], line["id"], reason(line))))


def _print(lines: Iterable[bytes]) -> int:
    count = 0
    out = sys.stdout.buffer
    for line in lines:
        out.write(line + b"\n")
        count += 1
    out.flush()
    return count
