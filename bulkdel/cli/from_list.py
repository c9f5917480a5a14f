"""``bulkdel delete --from-list LANE``: what is stored is listed to a file first, then deleted.

    lane ──list_job──> LOG.list.jsonl ──as a source──> delete_job
                                      └──worked through──> LOG.list.jsonl.done

What holds here, always:

1. All IDs are on the disk before the first is deleted: a cursor whose object is gone is an error
   at some providers, and the first page again at others.
2. A list is listed anew only when the last one was worked through, whatever became of its IDs:
   what was interrupted goes on, so a daily job never works on two lists.

Not here: the list itself (`list_job`), the deletion (`delete_job`).
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio

from bulkdel.cli import confirm
from bulkdel.cli.choosing import choice_of, words_of
from bulkdel.cli.config_file import with_file
from bulkdel.cli.delete_options import DeleteOptions
from bulkdel.cli.lanes import one_lane
from bulkdel.cli.list_job import Tally, list_to
from bulkdel.cli.list_output import KeptFile, what_of
from bulkdel.cli.output import say
from bulkdel.errors import ConfigError
from bulkdel.models import State, Summary
from bulkdel.process import backend_options
from bulkdel.result_log.encode import utc

SUFFIX = ".list.jsonl"


@dataclass(frozen=True, slots=True)
class List:
    """A list that is a source now.

    Attributes:
        path: Where it is.
        objects: How many it holds.
    """

    path: Path
    objects: int

    def worked_through(self, summary: Summary) -> None:
        """Put it away if nothing of it is left to do: the next call lists anew."""
        if summary.state is State.FINISHED and not summary.counts.pending:
            self.put_away()

    def put_away(self) -> None:
        """Put it away."""
        self.path.replace(self.path.with_name(self.path.name + ".done"))
        KeptFile.forget(self.path)


def check_choosing(options: DeleteOptions) -> None:
    """Refuse flags of a list where there is none, and of sources where there is one.

    Raises:
        ConfigError: One would have no effect.
    """
    if options.from_list is None:
        for words in words_of(replace(options, older_than=None, newer_than=None, before=None)):
            raise ConfigError(
                f"{words} has no effect without --from-list LANE: IDs alone say their age at most"
            )
        return
    for flag, value in (
        ("SOURCE", options.sources[0] if options.sources else None),
        ("-p", options.provider),
        ("--provider-field", options.provider_field),
        ("--format", options.format),
        ("--delimiter", options.delimiter),
        ("--no-header", "" if options.no_header else None),
        ("--ray", options.ray),
    ):
        if value is not None:
            raise ConfigError(
                f"{flag} {value}".rstrip() + " has no effect beside --from-list, which says where"
                " the IDs come from: give one of them"
            )


def take_list(options: DeleteOptions, name: str) -> tuple[DeleteOptions, List]:
    """List the lane ``name``, or go on; return the options with the list as the source.

    Raises:
        ConfigError: A flag is wrong, or there is no terminal to confirm on.
        ListingError: It cannot be listed to its end; the same command goes on.
    """
    if not (options.yes or options.dry_run) and not sys.stderr.isatty():
        confirm.confirm("", typed_from_terminal=False)  # says so, before anything is asked
    lane = one_lane(name, with_file(replace(options, dry_run=False)), os.environ)
    lane = replace(lane, rate=None, rate_max=None, leave=0.0)  # those are of deletions
    log = options.log or Path(f"{name.replace(':', '-')}.bulkdel.jsonl")
    path = log.with_name(log.name + SUFFIX)
    now_s = time.time()
    choice_of(options, now_s)  # what cannot be read is said before a file is made
    what = what_of(lane, words_of(options))
    with KeptFile.open(path, what, now_s) as target:
        if target.is_whole:
            made = utc(target.began_s or now_s)
            say(f"Going on with the list {path} of {made}; remove it to list anew.")
        else:
            choice = choice_of(options, target.began_s or now_s)
            run = partial(list_to, limit=options.limit, quiet=options.quiet)
            seen = anyio.run(run, target, lane, choice, backend_options=backend_options())
            target.end(keep_note=True)
            if not options.quiet:
                say(seen)
    tally = Tally.of_file(path)
    if not options.quiet:
        say(", ".join([f"{tally.objects:,} objects in {path}", *tally.words()]) + ".")
    source = replace(
        options, from_list=None, sources=(str(path),), provider=name, format="jsonl", log=log
    )
    return source, List(path, tally.objects)
