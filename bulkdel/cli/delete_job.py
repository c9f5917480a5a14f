"""One call of ``bulkdel delete``: its sources, lanes and log, checked; then what is asked.

Everything that can be wrong with the arguments is found when a `Job` is made, before
anything is sent.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import anyio
import click

from bulkdel.cli import confirm
from bulkdel.cli.asked import answer_asked
from bulkdel.cli.choosing import choice_by_id
from bulkdel.cli.cluster_job import check_folder, check_options, cluster_run
from bulkdel.cli.config_file import in_file, with_file
from bulkdel.cli.delete_options import DeleteOptions
from bulkdel.cli.id_check import LookedAt, check_looks
from bulkdel.cli.lane_values import is_lane
from bulkdel.cli.lanes import DRY_RUN_KEY, key_variable, make_lanes, make_sources
from bulkdel.cli.log_reading import LogReading
from bulkdel.cli.open_files import fit_open_files
from bulkdel.cli.output import say, summary_text, tell
from bulkdel.cli.recorded import command_line
from bulkdel.cli.row_lanes import lanes_of_rows
from bulkdel.cli.streams import drop_stdout
from bulkdel.cli.terminal import Session
from bulkdel.cli.verbose import told
from bulkdel.cluster.driver import ClusterRun
from bulkdel.engine.aging import ByAge
from bulkdel.engine.choice import parse_age
from bulkdel.engine.edge import REAL
from bulkdel.engine.feeder import BlockReader
from bulkdel.engine.inputs import ReaderSource
from bulkdel.engine.resume import KnownLogs, deletions, learned_limit, unknown
from bulkdel.engine.run import Run
from bulkdel.errors import ConfigError, OutputError
from bulkdel.guards import parse_max_failures
from bulkdel.models import State, Summary
from bulkdel.object_id import IdForm
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.process import backend_options
from bulkdel.reporting.metrics import Metrics, parse_address
from bulkdel.reporting.plan import LaneSurvey, survey
from bulkdel.reporting.words import shell_word
from bulkdel.result_log.blocks import is_there
from bulkdel.result_log.encode import utc
from bulkdel.result_log.folder import holder_of
from bulkdel.result_log.reader import LogFacts
from bulkdel.settings import Durability, RunSettings
from bulkdel.sources import STDIN, Source, SourceReader, open_sources
from bulkdel.utf8 import json_bytes

LOG_SUFFIX: Final = ".bulkdel.jsonl"


class Job:
    """One call of the command: its sources, lanes and log."""

    def __init__(self, options: DeleteOptions) -> None:
        file = in_file()
        options = with_file(options)
        if file is not None and not options.quiet:
            say(f"Settings from {file.path}.")
        self._options = options
        self._sources = make_sources(options)
        check_options(options, self._sources)
        self._log = options.log or _default_log(self._sources)
        _check_log(self._log, self._sources)
        self._lanes = make_lanes(
            self._sources,
            options,
            environ=os.environ,
            named=lanes_of_rows(self._sources),
            in_file=frozenset() if file is None else file.lanes,
        )
        self._sources = [self._watched(source) for source in self._sources]
        self._now_s = time.time()
        self._choice = choice_by_id(options, self._lanes, self._now_s)
        self._estimates: dict[str, LimitEstimate | None] = {}
        self._known: KnownLogs | None = None
        self._refusal: ConfigError | None = None
        self._metrics = None if options.metrics is None else parse_address(options.metrics)
        most, share = None, None
        if options.max_failures is not None:
            most, share = parse_max_failures(options.max_failures)
        self._settings = RunSettings(
            lanes=self._lanes,
            log=self._log,
            done_logs=options.done,
            durability=Durability(options.durability),
            seal=options.seal,
            max_delete=options.max_delete,
            max_failures=most,
            max_failures_share=share,
            retry_failed=options.retry_failed,
            retry_gone=options.retry_gone,
            allow_gone=options.allow_gone,
            wait_long=options.wait_long,
            outage_limit_s=options.outage_limit,
            max_duration_s=_duration_s(options.max_duration),
            command=command_line(self._log, [lane.secret for lane in self._lanes]),
        )
        check_folder(options, self._settings, self._sources)

    def _watched(self, source: Source) -> Source:
        """Let a pipe whose rows name lanes end at one that has no key: it is not read before."""
        if source.lane is not None or Path(source.name).is_file() or self._options.ray is not None:
            return source
        return replace(source, unready=self._why_unready)

    def _why_unready(self, lane: str) -> str | None:
        if not is_lane(lane):
            return None
        variable = key_variable(lane, self._options)
        return f"this row names the lane {lane!r}, and {variable} is not set in the environment"

    def dry_run(self) -> None:
        """Print what would be done."""
        found = self._survey()
        if self._options.json:
            lanes = {
                name: {
                    "read": lane_survey.read,
                    "to_send": lane_survey.to_send,
                    "skipped": lane_survey.skipped,
                    "skipped_failed": lane_survey.skipped_failed,
                    "duplicates": lane_survey.duplicates,
                    "invalid": lane_survey.invalid,
                    "unusual_prefix": lane_survey.unusual,
                    "unchecked": lane_survey.unchecked,
                    "stripped": lane_survey.stripped,
                    "oldest_at": _at(lane_survey.oldest_s),
                    "newest_at": _at(lane_survey.newest_s),
                    "kept": lane_survey.kept,
                    "kept_unknown": lane_survey.kept_unknown,
                }
                for name, lane_survey in found.items()
            }
            click.echo(
                json_bytes(
                    {
                        "dry_run": True,
                        "log": str(self._log),
                        "max_delete": self._settings.max_delete,
                        "places_used": self._places_used(),
                        "would_refuse": self._would_refuse(),
                        "lanes": lanes,
                    }
                )
            )
            return
        tell(confirm.confirmation(self._lanes, found, str(self._log), self._estimates))
        tell(confirm.first_urls(self._lanes, found))
        for line in confirm.limits(self._settings, self._places_used()):
            tell(line)
        for why in self._would_refuse():
            tell(f"A run would be refused: {why}")
        tell("Dry run: nothing was sent.")

    def _places_used(self) -> int:
        """Return the places of --max-delete that the log has taken."""
        facts = self._known.facts if self._known is not None else LogFacts()
        return deletions(facts) + unknown(facts)

    def _would_refuse(self) -> list[str]:
        """Return why a run would end with exit 2 or 5, as far as one can tell without it."""
        reasons = [
            f"lane {lane.name}: no key is set"
            f" ({key_variable(lane.name, self._options)} in the environment)"
            for lane in self._lanes
            if lane.secret == DRY_RUN_KEY
        ]
        if self._refusal is not None:
            reasons.append(str(self._refusal))
        folder = self._log.resolve().parent
        writer = holder_of(self._log)
        if writer is not None:
            reasons.append(f"log {self._log}: {writer} is writing it")
        elif not folder.is_dir():
            reasons.append(f"log {self._log}: there is no folder {folder}")
        elif not os.access(self._log if self._log.exists() else folder, os.W_OK):
            reasons.append(f"log {self._log}: it cannot be written")
        return reasons

    def is_confirmed(self) -> bool:
        """Show the confirmation and ask; nothing to send needs no answer."""
        if any(source.name == STDIN for source in self._sources):
            text = confirm.unknown_confirmation(self._lanes, str(self._log))
        else:
            if not sys.stderr.isatty():
                confirm.confirm("", typed_from_terminal=False)
            found = self._survey()
            if self._refusal is not None:
                raise self._refusal
            if not any(lane_survey.to_send for lane_survey in found.values()):
                return True
            text = confirm.confirmation(self._lanes, found, str(self._log), self._estimates)
        return confirm.confirm(text, typed_from_terminal=sys.stderr.isatty())

    def run(self) -> Summary:
        """Delete, show progress, print the summary."""
        readers = self._open()
        try:
            self._check_looks(readers)
        except ConfigError:
            _close(readers)
            raise
        run: Run | ClusterRun
        if self._options.ray is not None:  # its workers open them
            _close(readers)
            run = cluster_run(self._options, self._settings, self._sources)
        else:
            run = self._run_here(readers)
        if self._known is None and isinstance(run, Run):
            run.on_log_read = self._reading()
        every_s = None if self._options.quiet else self._options.progress_every
        session = Session(run, self._sources, every_s)
        try:
            with self._measured(session):
                summary: Summary = anyio.run(session.run, backend_options=backend_options())
        except Exception:
            if run.final is not None:
                self._print(run.final)
            raise
        self._print(summary)
        if summary.reason is not None:
            say(f"bulkdel: stopped: {summary.reason}")
        if summary.state is State.INTERRUPTED:
            say(f"Resume with: {self._resume_command()}")
        return summary

    @contextmanager
    def _measured(self, session: Session) -> Iterator[None]:
        """Answer Prometheus, if that is asked for."""
        if self._metrics is None:
            yield
            return
        host, port = self._metrics
        metrics = session.metrics = Metrics()
        with metrics.served(host, port):
            shown = f"[{host}]" if ":" in host else host
            say(f"Metrics: http://{shown}:{port}/metrics")
            yield

    def _run_here(self, readers: Sequence[SourceReader]) -> Run:
        return Run(
            fit_open_files(self._settings, len(self._sources)),
            [
                ReaderSource(
                    self._aged(self._looked_at(reader, source), source), source.label, source.lane
                )
                for reader, source in zip(readers, self._sources, strict=True)
            ],
            known=self._known,
            edge=replace(REAL, transport=told(REAL.transport)) if self._options.verbose else REAL,
        )

    def _print(self, summary: Summary) -> None:
        """Print the summary; that it cannot be printed changes nothing about the run."""
        try:
            if self._options.json:
                click.echo(json_bytes(summary.as_dict()))
            else:
                tell(summary_text(summary))
        except OutputError as exc:
            drop_stdout()
            if not exc.reader_gone:
                say(f"{exc}; the summary is the last line of the log")

    def _open(self) -> list[SourceReader]:
        stdin = None if sys.stdin is None else sys.stdin.buffer
        return open_sources(self._sources, lanes=self._forms(), stdin=stdin)

    def _forms(self) -> dict[str, IdForm]:
        return {lane.name: lane.id_form for lane in self._lanes}

    def _looks(self) -> dict[str, IdForm]:
        """Return what IDs look like; what only speaks the same API may give other beginnings."""
        return {
            lane.name: lane.id_form
            if lane.base_url == lane.provider.base_url
            else replace(lane.id_form, prefixes=())
            for lane in self._lanes
        }

    def _check_looks(self, readers: Sequence[SourceReader]) -> None:
        if not self._options.any_id:
            check_looks(self._sources, readers, self._looks())

    def _looked_at(self, reader: SourceReader, source: Source) -> SourceReader | LookedAt:
        if self._options.any_id or Path(source.name).is_file():
            return reader
        return LookedAt(reader, source, self._looks())

    def _aged(self, reader: BlockReader, source: Source) -> BlockReader:
        """Return the reader without what is to be kept for its age."""
        if self._choice is None:
            return reader
        born = {
            lane.name: lane.resource.born for lane in self._lanes if lane.resource.born is not None
        }
        return ByAge(reader, source.label, born, self._choice, self._now_s)

    def _survey(self) -> dict[str, LaneSurvey]:
        answer_asked("it reads the log and the sources; nothing is sent yet")
        known = self._known = KnownLogs.read(self._settings, self._reading())
        self._estimates = {lane.name: learned_limit(known.facts, lane.name) for lane in self._lanes}
        readers = self._open()
        try:
            self._check_looks(readers)
        except ConfigError as exc:
            self._refusal = exc
        try:
            aged = [
                self._aged(reader, source)
                for reader, source in zip(readers, self._sources, strict=True)
            ]
            found = dict(survey(aged, self._lanes, known.index))
            answer_asked("it waits for an answer to its question; nothing is sent yet")
            return found
        finally:
            _close(readers)

    def _reading(self) -> Callable[[int], None]:
        """Return what says how far it is with reading the logs."""
        if self._options.quiet:
            return lambda _: None
        return LogReading([*self._options.done, self._log])

    def _resume_command(self) -> str:
        command = " ".join(["bulkdel", *map(shell_word, sys.argv[1:])])
        if any(source.name == STDIN for source in self._sources):
            return f"{command}   (with the same IDs on stdin)"
        return command


def _at(time_s: float | None) -> str | None:
    return None if time_s is None else utc(time_s)


def _duration_s(text: str | None) -> float | None:
    try:
        return None if text is None else parse_age(text)
    except ConfigError:
        raise ConfigError(
            f"--max-duration is a number and a unit, as 90s, 30m or 8h, not {text!r}"
        ) from None


def _close(readers: Sequence[SourceReader]) -> None:
    for reader in readers:
        reader.close()


def _default_log(sources: Sequence[Source]) -> Path:
    first = sources[0]
    if first.name == STDIN:
        raise ConfigError("give --log FILE: stdin has no name to make the log's name from")
    return Path(first.name + LOG_SUFFIX)


def _check_log(log: Path, sources: Sequence[Source]) -> None:
    if str(log) == STDIN:
        raise ConfigError("--log takes the name of a file, not -: the log must outlive the run")
    if not is_there(log):
        return
    for source in sources:
        path = Path(source.name)
        if source.name != STDIN and _is_same(log, path):
            raise ConfigError(f"log {log}: this is the source {source.name}; name another --log")


def _is_same(log: Path, source: Path) -> bool:
    try:
        return log.samefile(source)
    except OSError:  # opening the source says what is wrong with it
        return False
