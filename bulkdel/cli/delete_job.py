"""One call of ``bulkdel delete``: its sources, lanes and log, checked; then what is asked.

Everything that can be wrong with the arguments is found when a `Job` is made, before
anything is read or sent.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import anyio
import click
import orjson

from bulkdel.cli import confirm
from bulkdel.cli.options import LaneOptions, make_lanes, make_sources
from bulkdel.cli.output import say, summary_text
from bulkdel.cli.terminal import Session
from bulkdel.engine.inputs import ReaderSource
from bulkdel.engine.resume import KnownLogs, learned_limit
from bulkdel.engine.run import Run
from bulkdel.errors import ConfigError, ResultLogError
from bulkdel.guards import parse_max_failures
from bulkdel.models import State, Summary
from bulkdel.pacing.learned import Learned
from bulkdel.process import backend_options, raise_open_files
from bulkdel.reporting.plan import LaneSurvey, survey
from bulkdel.settings import Durability, RunSettings
from bulkdel.sources import STDIN, Source, SourceReader, open_source

LOG_SUFFIX: Final = ".bulkdel.jsonl"


class Job:
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
        _check_log_is_no_source(self._log, self._sources)
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
                any_id=flags["any_id"],
            ),
            provider=flags["provider"],
            environ=os.environ,
            dry_run=flags["dry_run"],
        )
        self._learned: dict[str, Learned | None] = {}
        self._known: KnownLogs | None = None
        most, share = None, None
        if flags["max_failures"] is not None:
            most, share = parse_max_failures(flags["max_failures"])
        self._settings = RunSettings(
            lanes=self._lanes,
            log=self._log,
            done_logs=flags["done"],
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
                    "unusual_prefix": here.unusual,
                    "stripped": here.stripped,
                }
                for name, here in found.items()
            }
            click.echo(orjson.dumps({"dry_run": True, "log": str(self._log), "lanes": lanes}))
            return
        click.echo(confirm.confirmation(self._lanes, found, str(self._log), self._learned))
        click.echo(confirm.first_urls(self._lanes, found))
        click.echo("Dry run: nothing was sent.")

    def is_confirmed(self) -> bool:
        """Show the confirmation and ask; nothing to send needs no answer."""
        if any(source.name == STDIN for source in self._sources):
            text = confirm.unknown_confirmation(self._lanes, str(self._log))
        else:
            if not sys.stderr.isatty():
                confirm.confirm("", typed_from_terminal=False)
            found = self._survey()
            if not any(here.to_send for here in found.values()):
                return True
            text = confirm.confirmation(self._lanes, found, str(self._log), self._learned)
        return confirm.confirm(text, typed_from_terminal=sys.stderr.isatty())

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
            known=self._known,
        )
        if self._known is None:
            self._say_reading()
        session = Session(run, self._sources, quiet=self._flags["quiet"])
        try:
            summary: Summary = anyio.run(session.run, backend_options=backend_options())
        except ResultLogError as exc:
            if exc.summary is not None:
                self._print(exc.summary)
            raise
        self._print(summary)
        if summary.reason is not None:
            say(f"bulkdel: stopped: {summary.reason}")
        if summary.state is State.INTERRUPTED:
            say(f"Resume with: {self._resume_command()}")
        return summary

    def _print(self, summary: Summary) -> None:
        if self._flags["as_json"]:
            click.echo(orjson.dumps(summary.as_dict()))
        else:
            click.echo(summary_text(summary))

    def _open(self) -> list[SourceReader]:
        forms = {lane.name: lane.id_form for lane in self._lanes}
        readers: list[SourceReader] = []
        try:
            for source in self._sources:
                reader = open_source(source, lanes=forms, stdin=sys.stdin.buffer)
                readers.append(reader)
        except BaseException:
            for reader in readers:
                reader.close()
            raise
        return readers

    def _survey(self) -> dict[str, LaneSurvey]:
        self._say_reading()
        known = self._known = KnownLogs.read(self._settings)
        self._learned = {lane.name: learned_limit(known.facts, lane.name) for lane in self._lanes}
        readers = self._open()
        try:
            return dict(survey(readers, self._lanes, known.index))
        finally:
            for reader in readers:
                reader.close()

    def _say_reading(self) -> None:
        """Say that it reads the log, where that takes a second or more."""
        if not self._flags["quiet"] and self._log.exists():
            size_mb = self._log.stat().st_size / 1e6
            if size_mb >= 100:
                say(f"Reading {self._log} ({size_mb:,.0f} MB) to resume…")

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


def _check_log_is_no_source(log: Path, sources: Sequence[Source]) -> None:
    for source in sources:
        path = Path(source.name)
        if source.name != STDIN and log.exists() and path.exists() and log.samefile(path):
            raise ConfigError(f"log {log}: this is the source {source.name}; name another --log")
