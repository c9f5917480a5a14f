"""``bulkdel list``: all objects of one kind as JSON lines, to be looked at, kept, or deleted.

Not here: the listing (`list_job`), writing (`list_output`).
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio
import click

from bulkdel.cli import choosing
from bulkdel.cli.choosing import choice_of, words_of
from bulkdel.cli.completion import LaneName
from bulkdel.cli.config_file import in_file, with_file
from bulkdel.cli.delete_options import DeleteOptions
from bulkdel.cli.fields import arguments, flag, option, optional, repeated, takes
from bulkdel.cli.lane_values import ForLane, PerLane, param
from bulkdel.cli.lanes import one_lane
from bulkdel.cli.list_job import list_to
from bulkdel.cli.list_output import KeptFile, Stdout, Target, what_of
from bulkdel.cli.output import say
from bulkdel.errors import ConfigError
from bulkdel.process import backend_options
from bulkdel.reporting.words import shell_word
from bulkdel.settings import DEFAULT_ATTEMPTS, DEFAULT_TIMEOUT_S, Lane

_EPILOG = """\b
Examples:
  bulkdel list openai:files --older-than 30d -o old.jsonl
  bulkdel delete old.jsonl -p openai:files --log old.log.jsonl
  bulkdel list openai:files --where purpose=batch | bulkdel delete - \\
      -p openai:files --format jsonl --log purge.jsonl --yes
  bulkdel list anthropic:files --before 2026-01-31 --limit 10

\b
The objects come with all that the provider says of them, `id` and `created_at`
(UTC) first. An object whose time or field is not known fits no condition on it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """The options of ``bulkdel list``."""

    lane: tuple[str, ...] = arguments("LANE", LaneName())
    output: Path | None = optional(
        "-o",
        "--output",
        metavar="FILE",
        kind=click.Path(path_type=Path, dir_okay=False),
        help="Write there instead of to stdout. If it was interrupted, the same command goes on.",
    )
    older_than: str | None = choosing.older_than()
    newer_than: str | None = choosing.newer_than()
    before: str | None = choosing.before()
    where: tuple[str, ...] = choosing.conditions()
    limit: int | None = choosing.limit()
    base_url: str | None = optional(
        "--base-url", metavar="URL", kind=click.STRING, help="Instead of the provider's own."
    )
    api_key_env: str | None = optional(
        "--api-key-env",
        metavar="NAME",
        kind=click.STRING,
        help="Environment variable of the key, instead of the provider's own.",
    )
    param: tuple[ForLane[tuple[str, str]], ...] = repeated(
        "--param",
        kind=PerLane("NAME=ID", param),
        help="Whose objects: `vector_store_id=vs_1` of openai:vector_store_files.",
    )
    allow_http: bool = flag("--allow-http", help="Allow http:// for other hosts than this one.")
    rate: float | None = optional(
        "--rate",
        metavar="N",
        kind=click.FLOAT,
        help="Pages per second, exactly, instead of as fast as the provider takes them.",
    )
    attempts: int = option(
        "--attempts",
        metavar="N",
        kind=click.INT,
        default=DEFAULT_ATTEMPTS,
        help="Requests per page, refused ones not counted.",
    )
    timeout: float = option(
        "--timeout",
        metavar="S",
        kind=click.FLOAT,
        default=DEFAULT_TIMEOUT_S,
        help="Seconds per request.",
    )
    quiet: bool = flag("-q", "--quiet", help="No progress and no summary.")


@click.command("list", epilog=_EPILOG)
@takes(ListOptions)
def list_objects(options: ListOptions) -> None:
    """List all objects of one kind as JSON lines: LANE is openai:files, for example."""
    if len(options.lane) != 1:
        raise ConfigError(
            "give one lane, as openai:files; `bulkdel providers` says which there are"
        )
    lane = _lane(options.lane[0], options)
    file = in_file()
    if file is not None and not options.quiet:
        say(f"Settings from {file.path}.")
    now_s = time.time()
    choice_of(options, now_s)  # what cannot be read is said before a file is made
    with ExitStack() as closing:
        if options.output is None:
            target: Target = Stdout(sys.stdout.buffer)
        else:
            what = what_of(lane, words_of(options))
            target = closing.enter_context(KeptFile.open(options.output, what, now_s))
        choice = choice_of(options, target.began_s or now_s)
        run = partial(list_to, limit=options.limit, quiet=options.quiet)
        seen = anyio.run(run, target, lane, choice, backend_options=backend_options())
        target.end()
    if not options.quiet:
        say(seen)
    if options.output is not None:
        say(f"Next: bulkdel delete {shell_word(str(options.output))} -p {lane.name} --dry-run")


def _lane(name: str, options: ListOptions) -> Lane:
    given = with_file(_flags(options), place_only=True)
    # What is documented of deletions says nothing of lists.
    return replace(one_lane(name, given, os.environ), rate_max=None, leave=0.0)


def _flags(options: ListOptions) -> DeleteOptions:
    return DeleteOptions(
        base_url=() if options.base_url is None else (ForLane(options.base_url),),
        api_key_env=() if options.api_key_env is None else (ForLane(options.api_key_env),),
        param=options.param,
        allow_http=options.allow_http,
        attempts=options.attempts,
        timeout=options.timeout,
        rate=() if options.rate is None else (ForLane(options.rate),),
    )
