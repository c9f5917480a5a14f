"""``bulkdel delete``: the job itself."""

from __future__ import annotations

import sys

import click

from bulkdel.cli.delete_job import Job
from bulkdel.cli.delete_options import DeleteOptions
from bulkdel.cli.exits import INTERRUPTED, exit_code
from bulkdel.cli.fields import takes
from bulkdel.cli.from_list import List, check_choosing, take_list
from bulkdel.cli.output import say

_EPILOG = """\b
Examples:
  bulkdel delete ids.txt -p ark --dry-run
  bulkdel delete ids.txt -p ark
  bulkdel delete ark=a.txt fireworks=b.csv.gz --log purge.jsonl --yes
  cat ids.txt | bulkdel delete - -p fireworks --log purge.jsonl --yes
  bulkdel delete rows.jsonl --provider-field provider --id-field response.id
  bulkdel delete --from-list openai:files --older-than 30d --log files.jsonl

\b
Exit codes:
  0 every ID is gone          3 stopped early by a guard
  1 some failed or invalid    4 the log cannot be written
  2 wrong usage, nothing sent 5 another process writes this log, nothing sent
  130 interrupted             70 a mistake inside: please report it

While it runs, kill -USR1 PID prints a status line.

\b
Keys come from the environment only: see `bulkdel providers`. Every flag can be set as
BULKDEL_DELETE_<FLAG>, for example BULKDEL_DELETE_YES=1, or in a file (--config).
"""


@click.command(epilog=_EPILOG)
@takes(DeleteOptions)
def delete(options: DeleteOptions) -> None:
    """Delete the IDs of the sources, one request each.

    A SOURCE is a file (text with one ID a line, JSONL, CSV, TSV or Parquet, also as .gz
    or .zst), `-` for stdin, or LANE=FILE. Every ID ends as one line in the result log;
    start the same command again to resume.
    """
    check_choosing(options)
    listed: List | None = None
    if options.from_list is not None:
        options, listed = take_list(options, options.from_list)
        if not listed.objects:
            say("Nothing fits: there is nothing to delete.")
            listed.put_away()
            return
    job = Job(options)
    if options.dry_run:
        job.dry_run()
        return
    try:
        goes_on = options.yes or job.is_confirmed()
    except KeyboardInterrupt:
        goes_on = False
    if not goes_on:
        say("\nNothing was sent.")
        sys.exit(INTERRUPTED)
    summary = job.run()
    if listed is not None:
        listed.worked_through(summary)
    sys.exit(exit_code(summary))
