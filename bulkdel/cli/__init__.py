"""The command line: the only place that prints and reads the environment.

One module per command; `options` turns arguments into lanes and sources, `output` words
what people read. Exit codes are in `exits`.
"""

from __future__ import annotations

import sys

import click

from bulkdel.cli.bench import bench
from bulkdel.cli.delete import delete
from bulkdel.cli.demo import demo
from bulkdel.cli.emulate import emulate
from bulkdel.cli.exits import LOG_UNWRITABLE, USAGE
from bulkdel.cli.explain import explain
from bulkdel.cli.failed import failed
from bulkdel.cli.output import say
from bulkdel.cli.providers import providers
from bulkdel.cli.status import status
from bulkdel.errors import BulkdelError, ResultLogError
from bulkdel.process import give_memory_back
from bulkdel.version import __version__

_EPILOG = """\b
Begin here:
  bulkdel demo                                the whole job, on this machine alone
  bulkdel delete ids.txt -p ark --dry-run     what would be done; sends nothing
  bulkdel delete ids.txt -p ark               do it; start it again to resume
  bulkdel status ids.txt.bulkdel.jsonl        what the log says
"""


@click.group(
    epilog=_EPILOG,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "BULKDEL",
        "max_content_width": 100,
    },
)
@click.version_option(__version__, prog_name="bulkdel")
def cli() -> None:
    """Delete stored objects at LLM providers by the million, one request each.

    Every ID ends as one line in a result log, so a run can be stopped, killed and resumed.
    """


for _command in (delete, status, failed, explain, providers, demo, emulate, bench):
    cli.add_command(_command)


def main() -> None:
    """Run the command line; an expected error is one clear line, not a traceback."""
    give_memory_back()
    try:
        cli(prog_name="bulkdel")
    except ResultLogError as exc:
        say(f"bulkdel: error: {exc}. {exc.advice}")
        sys.exit(LOG_UNWRITABLE)
    except BulkdelError as exc:
        say(f"bulkdel: error: {exc}")
        sys.exit(USAGE)
