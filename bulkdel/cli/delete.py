"""``bulkdel delete``: the job itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from bulkdel.cli.delete_job import Job
from bulkdel.cli.exits import INTERRUPTED, exit_code
from bulkdel.cli.output import say
from bulkdel.settings import Durability
from bulkdel.sources import FORMATS

_EPILOG = """\b
Examples:
  bulkdel delete ids.txt -p ark --dry-run
  bulkdel delete ids.txt -p ark
  bulkdel delete ark=a.txt fireworks=b.csv.gz --log purge.jsonl --yes
  cat ids.txt | bulkdel delete - -p fireworks --log purge.jsonl --yes
  bulkdel delete rows.jsonl --provider-field provider --id-field response.id

\b
Exit codes:
  0 every ID is gone          3 stopped early by a guard
  1 some failed or invalid    4 the log cannot be written
  2 wrong usage, nothing sent 130 interrupted

While it runs, kill -USR1 PID prints a status line.

\b
Keys come from the environment only: see `bulkdel providers`. Every flag can be set as
BULKDEL_DELETE_<FLAG>, for example BULKDEL_DELETE_YES=1.
"""


@click.command(epilog=_EPILOG)
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option(
    "-p",
    "--provider",
    metavar="NAME",
    help="Lane of the sources without LANE=: a provider's name, or PROVIDER-LABEL.",
)
@click.option(
    "--log",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Result log; an existing one is resumed. [the first source's path + .bulkdel.jsonl; must be given with stdin]",
)
@click.option(
    "--done",
    metavar="LOG",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Another result log, also as .gz or .zst: what is done there is skipped.",
)
@click.option(
    "--format",
    "format_",
    envvar="BULKDEL_DELETE_FORMAT",
    metavar="NAME",
    help=f"Format of the sources: {', '.join(FORMATS)}, also with .gz or .zst. [by file name]",
)
@click.option(
    "--id-field",
    metavar="NAME",
    default="id",
    show_default=True,
    help="Field or column of the ID; `a.b` reaches into objects.",
)
@click.option(
    "--provider-field", metavar="NAME", help="Field or column that names each row's lane."
)
@click.option(
    "--any-id",
    is_flag=True,
    help="Send also IDs that do not look like the provider's, as far as nothing can mistake them.",
)
@click.option(
    "--base-url", metavar="[LANE=]URL", multiple=True, help="Instead of the provider's own."
)
@click.option(
    "--api-key-env",
    metavar="[LANE=]NAME",
    multiple=True,
    help="Environment variable of the key, instead of the provider's own.",
)
@click.option(
    "--concurrency",
    metavar="[LANE=]N",
    multiple=True,
    help="Most requests in flight, per lane. [128]",
)
@click.option(
    "--rate",
    metavar="[LANE=]N",
    multiple=True,
    help="Requests per second, exactly, per lane; `auto` finds the provider's limit. [auto]",
)
@click.option(
    "--rate-max",
    metavar="[LANE=]N",
    multiple=True,
    help="Ceiling of `auto`, or `none`. [the provider's documented limit]",
)
@click.option(
    "--attempts",
    metavar="N",
    type=int,
    default=5,
    show_default=True,
    help="Requests per ID, refused ones not counted.",
)
@click.option(
    "--timeout",
    metavar="S",
    type=float,
    default=30.0,
    show_default=True,
    help="Seconds per request.",
)
@click.option(
    "--max-delete",
    metavar="N",
    type=int,
    help="Refuse before deletion N+1, counted over the whole log.",
)
@click.option(
    "--max-failures",
    metavar="N|P%",
    help="Stop when more than so many failed (a share counts from 100 IDs on).",
)
@click.option(
    "--outage-limit",
    metavar="S",
    type=float,
    default=600.0,
    show_default=True,
    help="Stop a lane when its provider has been down so many seconds.",
)
@click.option(
    "--wait-long", is_flag=True, help="Wait as long as the provider asks, also above 5 minutes."
)
@click.option(
    "--retry-failed", is_flag=True, help="Try again the IDs that the log says failed for good."
)
@click.option("--allow-gone", is_flag=True, help="Do not stop when the first 100 IDs do not exist.")
@click.option(
    "--allow-http",
    is_flag=True,
    help="Accept http:// base URLs that are not loopback; the key travels in the clear.",
)
@click.option(
    "--durability",
    type=click.Choice([d.value for d in Durability]),
    default="normal",
    show_default=True,
    help="Sync each group of lines; every second; leave it to the system.",
)
@click.option("--dry-run", is_flag=True, help="Read, check and count; send nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--json",
    "as_json",
    envvar="BULKDEL_DELETE_JSON",
    is_flag=True,
    help="The summary as one JSON object on stdout.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def delete(sources: tuple[str, ...], **flags: Any) -> None:
    """Delete the IDs of the sources, one request each.

    A SOURCE is a file (text with one ID a line, JSONL, CSV, TSV or Parquet, also as .gz
    or .zst), `-` for stdin, or LANE=FILE. Every ID ends as one line in the result log;
    start the same command again to resume.
    """
    job = Job(sources, flags)
    if flags["dry_run"]:
        job.dry_run()
        return
    try:
        goes_on = flags["yes"] or job.is_confirmed()
    except KeyboardInterrupt:
        goes_on = False
    if not goes_on:
        say("\nNothing was sent.")
        sys.exit(INTERRUPTED)
    sys.exit(exit_code(job.run()))
