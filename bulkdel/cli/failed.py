"""``bulkdel failed``: the IDs whose last result is ``failed``, one a line."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bulkdel.result_log.index import iter_failed


@click.command(epilog="\b\nExample:\n  bulkdel failed purge.jsonl > retry.txt")
@click.argument("logs", metavar="LOG...", nargs=-1, required=True, type=click.Path(path_type=Path))
def failed(logs: tuple[Path, ...]) -> None:
    """Print the failed IDs of the logs, one a line, for a pipe."""
    out = sys.stdout.buffer
    for object_id in iter_failed(logs):
        out.write(object_id.encode() + b"\n")
    out.flush()
