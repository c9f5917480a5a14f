"""``bulkdel list``: all objects of one kind as JSON lines, to be looked at, kept, or deleted.

    Lister ──objects──> Choice ──wanted──> stdout, or FILE beside which FILE.cursor says how far it is

Not here: asking (`engine.listing`), writing (`list_output`).
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import anyio
import click

from bulkdel.cli.config_file import in_file, with_file
from bulkdel.cli.delete_options import DeleteOptions
from bulkdel.cli.fields import arguments, flag, option, optional, repeated, takes
from bulkdel.cli.lane_values import ForLane
from bulkdel.cli.lanes import one_lane
from bulkdel.cli.list_output import KeptFile, Stdout, Target
from bulkdel.cli.output import say
from bulkdel.engine.choice import Choice, parse_age, parse_date, parse_where
from bulkdel.engine.listing import Lister
from bulkdel.errors import ConfigError
from bulkdel.pacing.choose import make_pace
from bulkdel.process import backend_options
from bulkdel.providers.listing import Listed
from bulkdel.retry import RetryPolicy
from bulkdel.settings import DEFAULT_ATTEMPTS, DEFAULT_TIMEOUT_S, Lane
from bulkdel.transport.pages import open_pages

PROGRESS_EVERY_S: Final = 10.0
_SIZES: Final = ("bytes", "size_bytes", "sizeBytes", "usage_bytes")
"""What providers call the size of an object."""

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

    lane: tuple[str, ...] = arguments("LANE")
    output: Path | None = optional(
        "-o",
        "--output",
        metavar="FILE",
        kind=click.Path(path_type=Path, dir_okay=False),
        help="Write there instead of to stdout. If it was interrupted, the same command goes on.",
    )
    older_than: str | None = optional(
        "--older-than", metavar="AGE", kind=click.STRING, help="Made longer ago: 30d, 12h, 2w."
    )
    newer_than: str | None = optional(
        "--newer-than", metavar="AGE", kind=click.STRING, help="Made since then."
    )
    before: str | None = optional(
        "--before", metavar="DATE", kind=click.STRING, help="Made before: 2026-01-31, in UTC."
    )
    where: tuple[str, ...] = repeated(
        "--where",
        metavar="FIELD=VALUE",
        kind=click.STRING,
        help="Only with this value in a field; also !=, <, > and ~ (has it in it).",
    )
    limit: int | None = optional(
        "--limit", metavar="N", kind=click.IntRange(1), help="End after so many."
    )
    base_url: str | None = optional(
        "--base-url", metavar="URL", kind=click.STRING, help="Instead of the provider's own."
    )
    api_key_env: str | None = optional(
        "--api-key-env",
        metavar="NAME",
        kind=click.STRING,
        help="Environment variable of the key, instead of the provider's own.",
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
    choice = _choice(options, time.time())
    with ExitStack() as closing:
        if options.output is None:
            target: Target = Stdout(sys.stdout.buffer)
        else:
            what = {"lane": lane.name, "base_url": lane.base_url, "choice": _words(options)}
            target = closing.enter_context(KeptFile.open(options.output, what))
        anyio.run(_list, lane, choice, options, target, backend_options=backend_options())


def _lane(name: str, options: ListOptions) -> Lane:
    given = with_file(_flags(options), place_only=True)
    # What is documented of deletions says nothing of lists.
    return replace(one_lane(name, given, os.environ), rate_max=None, leave=0.0)


def _flags(options: ListOptions) -> DeleteOptions:
    return DeleteOptions(
        base_url=() if options.base_url is None else (ForLane(options.base_url),),
        api_key_env=() if options.api_key_env is None else (ForLane(options.api_key_env),),
        allow_http=options.allow_http,
        attempts=options.attempts,
        timeout=options.timeout,
        rate=() if options.rate is None else (ForLane(options.rate),),
    )


def _choice(options: ListOptions, now_s: float) -> Choice:
    befores = []
    if options.older_than is not None:
        befores.append(now_s - parse_age(options.older_than))
    if options.before is not None:
        befores.append(parse_date(options.before))
    return Choice(
        before_s=min(befores, default=None),
        since_s=None if options.newer_than is None else now_s - parse_age(options.newer_than),
        where=[parse_where(text) for text in options.where],
    )


def _words(options: ListOptions) -> list[str]:
    given = [options.older_than, options.newer_than, options.before, *options.where]
    return [text for text in given if text is not None]


async def _list(lane: Lane, choice: Choice, options: ListOptions, target: Target) -> None:
    seen = _Counts(quiet=options.quiet)
    async with open_pages(lane) as fetch:
        lister = Lister(
            lane,
            fetch=fetch,
            pace=make_pace(lane),
            retry=RetryPolicy(attempts_max=lane.attempts_max),
            known=target.known(lane),
        )
        async for batch in lister.pages(target.cursor):
            wanted = [each for each in batch.objects if choice.fits(each)]
            if options.limit is not None:
                wanted = wanted[: options.limit - seen.wanted]
            target.write(wanted, batch.cursor)
            seen.note(batch.objects, wanted)
            if options.limit is not None and seen.wanted >= options.limit:
                break
    target.end()
    if lister.in_circles:
        say("The provider answered with the same pages again: there may be more than are listed.")
    if not options.quiet:
        say(seen.text(lane, lister))


class _Counts:
    """What was seen so far."""

    def __init__(self, *, quiet: bool) -> None:
        self.seen = self.wanted = self.size = 0
        self._oldest_s = self._newest_s = 0.0
        self._quiet = quiet
        self._told_s = time.monotonic()

    def note(self, objects: list[Listed], wanted: list[Listed]) -> None:
        """Count a page, and say how far it is now and then."""
        self.seen += len(objects)
        self.wanted += len(wanted)
        for each in wanted:
            self.size += size_of(each)
            if each.created_s is not None:
                self._oldest_s = min(self._oldest_s or each.created_s, each.created_s)
                self._newest_s = max(self._newest_s, each.created_s)
        if not self._quiet and time.monotonic() - self._told_s >= PROGRESS_EVERY_S:
            self._told_s = time.monotonic()
            say(f"{self.seen:,} objects listed, {self.wanted:,} chosen")

    def text(self, lane: Lane, lister: Lister) -> str:
        """Return the summary."""
        parts = [f"{lane.name}: {self.seen:,} objects"]
        if self.wanted != self.seen:
            parts.append(f"{self.wanted:,} chosen")
        if self._newest_s:
            parts.append(f"made from {_day(self._oldest_s)} to {_day(self._newest_s)}")
        if self.size:
            parts.append(f"{size_text(self.size)} in all")
        parts.append(f"{lister.requests:,} pages asked for")
        return ", ".join(parts) + "."


def size_of(each: Listed) -> int:
    """Return the bytes that an object has, as the provider says; 0 if it does not."""
    for name in _SIZES:
        value = each.fields.get(name)
        if isinstance(value, str) and value.isdigit():  # Google writes 64-bit numbers as texts
            return int(value)
        if isinstance(value, int):
            return value
    return 0


def size_text(size: int) -> str:
    """Return a size for people."""
    for number, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= number:
            return f"{size / number:.3g} {unit}"
    return f"{size} bytes"


def _day(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")
