"""``bulkdel delete``: the job itself."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import click
import orjson

from bulkdel.cli import card
from bulkdel.cli.exits import INTERRUPTED, exit_code
from bulkdel.cli.options import LaneOptions, make_lanes, make_sources
from bulkdel.cli.output import summary_text
from bulkdel.cli.session import Session, backend_options, raise_open_files
from bulkdel.errors import ConfigError
from bulkdel.feeding import ReaderSource
from bulkdel.guards import parse_max_failures
from bulkdel.models import State, Summary
from bulkdel.resume import Index, load
from bulkdel.run import Run
from bulkdel.settings import Durability, RunSettings
from bulkdel.sources import FORMATS, STDIN, Source, SourceReader, open_source
from bulkdel.survey import LaneSurvey, survey

LOG_SUFFIX = ".bulkdel.jsonl"

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
    "--format",
    "format_",
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
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def delete(sources: tuple[str, ...], **flags: Any) -> None:
    """Delete the IDs of the sources, one request each.

    A SOURCE is a file (text with one ID a line, JSONL, CSV, TSV or Parquet, also as .gz
    or .zst), `-` for stdin, or LANE=FILE. Every ID ends as one line in the result log;
    start the same command again to resume.
    """
    job = _Job(sources, flags)
    if flags["dry_run"]:
        job.dry_run()
        return
    if not flags["yes"] and not job.is_confirmed():
        click.echo("Nothing was sent.", err=True)
        sys.exit(INTERRUPTED)
    summary = job.run()
    sys.exit(exit_code(summary))


class _Job:
    """One call of the command: its sources, lanes and log."""

    def __init__(self, arguments: Sequence[str], flags: dict[str, Any]) -> None:
        self._flags = flags
        self._sources = make_sources(
            arguments,
            provider=flags["provider"],
            format=flags["format_"],
            id_field=flags["id_field"],
            provider_field=flags["provider_field"],
        )
        self._log = flags["log"] or _default_log(self._sources)
        self._lanes = make_lanes(
            self._sources,
            LaneOptions(
                base_url=flags["base_url"],
                api_key_env=flags["api_key_env"],
                concurrency=flags["concurrency"],
                rate=flags["rate"],
                rate_max=flags["rate_max"],
                attempts=flags["attempts"],
                timeout=flags["timeout"],
                allow_http=flags["allow_http"],
            ),
            provider=flags["provider"],
            environ=os.environ,
            dry_run=flags["dry_run"],
        )
        most, share = None, None
        if flags["max_failures"] is not None:
            most, share = parse_max_failures(flags["max_failures"])
        self._settings = RunSettings(
            lanes=self._lanes,
            log=self._log,
            durability=Durability(flags["durability"]),
            max_delete=flags["max_delete"],
            max_failures=most,
            max_failures_share=share,
            retry_failed=flags["retry_failed"],
            allow_gone=flags["allow_gone"],
            wait_long=flags["wait_long"],
            outage_limit_s=flags["outage_limit"],
        )

    def dry_run(self) -> None:
        """Print what would be done."""
        found = self._survey()
        if self._flags["as_json"]:
            lanes = {
                name: {
                    "read": here.read,
                    "to_send": here.to_send,
                    "skipped": here.skipped,
                    "duplicates": here.duplicates,
                    "invalid": here.invalid,
                    "odd": here.odd,
                }
                for name, here in found.items()
            }
            click.echo(orjson.dumps({"dry_run": True, "log": str(self._log), "lanes": lanes}))
            return
        click.echo(card.card(self._lanes, found, str(self._log)))
        click.echo(card.first_urls(self._lanes, found))
        click.echo("Dry run: nothing was sent.")

    def is_confirmed(self) -> bool:
        """Show the card and ask; nothing to send needs no answer."""
        if any(source.name == STDIN for source in self._sources):
            text = card.unknown_card(self._lanes, str(self._log))
        else:
            if not sys.stderr.isatty():
                card.confirm("", typed_from_terminal=False)
            found = self._survey()
            if not any(here.to_send for here in found.values()):
                return True
            text = card.card(self._lanes, found, str(self._log))
        return card.confirm(text, typed_from_terminal=sys.stderr.isatty())

    def run(self) -> Summary:
        """Delete, show progress, print the summary."""
        raise_open_files(sum(lane.concurrency for lane in self._lanes))
        readers = self._open()
        run = Run(
            self._settings,
            [
                ReaderSource(reader, source.label, source.lane)
                for reader, source in zip(readers, self._sources, strict=True)
            ],
        )
        session = Session(run, self._sources, quiet=self._flags["quiet"])
        summary: Summary = anyio.run(session.run, backend_options=backend_options())
        if self._flags["as_json"]:
            click.echo(orjson.dumps(summary.as_dict()))
        else:
            click.echo(summary_text(summary))
        if summary.reason is not None:
            click.echo(f"bulkdel: stopped: {summary.reason}", err=True)
        if summary.state is State.INTERRUPTED:
            click.echo(f"Resume with: {self._resume_command()}", err=True)
        return summary

    def _open(self) -> list[SourceReader]:
        names = frozenset(lane.name for lane in self._lanes)
        readers: list[SourceReader] = []
        try:
            for source in self._sources:
                reader = open_source(source, lanes=names, stdin=sys.stdin.buffer)
                readers.append(reader)
        except BaseException:
            for reader in readers:
                reader.close()
            raise
        return readers

    def _survey(self) -> dict[str, LaneSurvey]:
        index = Index()
        if self._log.exists():
            index, _ = load(self._log, retry_failed=self._flags["retry_failed"])
        readers = self._open()
        try:
            return dict(survey(readers, self._lanes, index))
        finally:
            for reader in readers:
                reader.close()

    def _resume_command(self) -> str:
        command = shlex.join(["bulkdel", *sys.argv[1:]])
        if any(source.name == STDIN for source in self._sources):
            return f"{command}   (with the same IDs on stdin)"
        return command


def _default_log(sources: Sequence[Source]) -> Path:
    first = sources[0]
    if first.name == STDIN:
        raise ConfigError("give --log FILE: stdin has no name to make the log's name from")
    return Path(first.name + LOG_SUFFIX)
