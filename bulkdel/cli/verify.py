"""``bulkdel verify``: ask whether what a log calls deleted or gone is really gone."""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import click

from bulkdel.cli.config_file import with_file
from bulkdel.cli.delete_options import DeleteOptions
from bulkdel.cli.exits import ALL_GONE, SOME_LEFT
from bulkdel.cli.fields import arguments, flag, option, optional, takes
from bulkdel.cli.lane_values import ForLane
from bulkdel.cli.lanes import one_lane
from bulkdel.cli.output import say
from bulkdel.cli.verbose import told
from bulkdel.engine.verify import FINDINGS_SUFFIX, Finding, Found, Verifier, most_present
from bulkdel.errors import ConfigError
from bulkdel.pacing.choose import make_pace
from bulkdel.process import backend_options
from bulkdel.reporting.words import shell_word
from bulkdel.result_log.encode import utc
from bulkdel.result_log.reader import LineState, LogFacts, read_log, read_with
from bulkdel.retry import RetryPolicy
from bulkdel.settings import Lane
from bulkdel.transport import open_transport
from bulkdel.utf8 import json_bytes

_ONLY: Final = ("deleted", "gone", "after_unknown")

_EPILOG = """\b
Examples:
  bulkdel verify purge.jsonl --sample 3000
  bulkdel verify purge.jsonl --only after_unknown
  bulkdel verify purge.jsonl > alive.txt && bulkdel delete alive.txt -p ark --log again.jsonl

\b
The IDs that are still there are printed, one a line; all findings are in
LOG.verify.jsonl. Exit code 0: none is there, and of each one can tell.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """The options of ``bulkdel verify``."""

    log: tuple[str, ...] = arguments("LOG")
    sample: str | None = optional(
        "--sample",
        metavar="N|P%",
        kind=click.STRING,
        help="Ask for so many, or for a share, by chance. [all of them]",
    )
    only: str | None = optional(
        "--only", kind=click.Choice(_ONLY), help="Only those with this outcome or mark."
    )
    output: Path | None = optional(
        "-o",
        "--output",
        metavar="FILE",
        kind=click.Path(path_type=Path, dir_okay=False),
        help="Where the findings go. [LOG.verify.jsonl]",
    )
    base_url: str | None = optional(
        "--base-url", metavar="URL", kind=click.STRING, help="Instead of the one in the log."
    )
    api_key_env: str | None = optional(
        "--api-key-env",
        metavar="NAME",
        kind=click.STRING,
        help="Environment variable of the key, instead of the provider's own.",
    )
    allow_http: bool = flag("--allow-http", help="Allow http:// for other hosts than this one.")
    rate: float | None = optional(
        "--rate", metavar="N", kind=click.FLOAT, help="Requests per second, exactly."
    )
    concurrency: int = option(
        "--concurrency", metavar="N", kind=click.INT, default=32, help="Requests in flight."
    )
    verbose: bool = flag(
        "-v", "--verbose", help="Show each request and its answer, without the key."
    )
    as_json: bool = flag("--json", help="The counts as one JSON object, instead of the IDs.")


@click.command("verify", epilog=_EPILOG)
@takes(VerifyOptions)
def verify(options: VerifyOptions) -> None:
    """Ask for the IDs of a log whether they are really gone. Nothing is deleted."""
    if len(options.log) != 1:
        raise ConfigError("give one log: bulkdel verify purge.jsonl")
    log = Path(options.log[0])
    if options.sample is not None:
        _sample(options.sample)
    places = _places(log)
    lanes = {name: _lane(name, place, options) for name, place in places.items()}
    found: dict[str, Counter[Found]] = {}
    target = options.output or log.with_name(log.name + FINDINGS_SUFFIX)
    try:
        file = target.open("ab")
    except OSError as exc:
        raise ConfigError(f"{target}: {exc.strerror}") from exc
    with file:

        def tell(lane: str, finding: Finding) -> None:
            line = {
                "id": finding.object_id,
                "lane": lane,
                "found": finding.found.value,
                "status": finding.status,
                "at": utc(time.time()),
            }
            why = {} if finding.why is None else {"why": finding.why}
            file.write(json_bytes({**line, **why}) + b"\n")
            if finding.found is Found.PRESENT and not options.as_json:
                sys.stdout.buffer.write(finding.object_id.encode() + b"\n")

        async def ask() -> None:
            for name, lane in lanes.items():
                verifier = Verifier(
                    lane,
                    opener=told(open_transport) if options.verbose else open_transport,
                    pace=make_pace(lane),
                    retry=RetryPolicy(attempts_max=lane.attempts_max),
                )
                found[name] = verifier.counts
                await verifier.run(_chosen(log, name, options), partial(tell, name))

        anyio.run(ask, backend_options=backend_options())
    sys.stdout.buffer.flush()
    if options.as_json:
        click.echo(json_bytes({name: _counts(counts) for name, counts in found.items()}))
    for name, counts in found.items():
        say(_text(name, counts, sampled=options.sample is not None))
    say(f"Findings: {shell_word(str(target))}")
    clean = not any(counts[Found.PRESENT] or counts[Found.UNKNOWN] for counts in found.values())
    sys.exit(ALL_GONE if clean else SOME_LEFT)


def _places(log: Path) -> dict[str, Mapping[str, object]]:
    """Return the lanes of a log, and where each is."""
    facts = LogFacts()
    for _ in read_log(log, facts):
        pass
    lanes: dict[str, Mapping[str, object]] = {}
    for header in facts.runs:
        known = header.get("lanes")
        for name, place in known.items() if isinstance(known, dict) else ():
            if isinstance(place, dict):
                lanes[str(name)] = place
    lanes = {name: place for name, place in lanes.items() if name in facts.lanes}
    if not lanes:
        raise ConfigError(f"{log}: it has no results of a lane that it names")
    return lanes


def _lane(name: str, place: Mapping[str, object], options: VerifyOptions) -> Lane:
    base_url = options.base_url or str(place.get("base_url") or "")
    whose = place.get("params")
    given = DeleteOptions(
        param=tuple(ForLane((name, str(value))) for name, value in whose.items())
        if isinstance(whose, dict)
        else (),
        base_url=(ForLane(base_url),) if base_url else (),
        api_key_env=() if options.api_key_env is None else (ForLane(options.api_key_env),),
        allow_http=options.allow_http,
        concurrency=(ForLane(options.concurrency),),
        rate=() if options.rate is None else (ForLane(options.rate),),
    )
    return replace(one_lane(name, with_file(given, place_only=True), os.environ), leave=0.0)


def _chosen(log: Path, lane: str, options: VerifyOptions) -> Iterator[str]:
    """Yield the IDs of a lane that are asked for."""
    if options.sample is None:
        yield from _ids(log, lane, options.only)
        return
    rng = random.Random()  # noqa: S311 - a sample, no secret
    count, share = _sample(options.sample)
    if share is not None:
        yield from (one for one in _ids(log, lane, options.only) if rng.random() < share)
        return
    kept: list[str] = []
    for number, one in enumerate(_ids(log, lane, options.only)):  # a reservoir
        if number < count:
            kept.append(one)
        elif (place := rng.randrange(number + 1)) < count:
            kept[place] = one
    rng.shuffle(kept)
    yield from kept


def _sample(text: str) -> tuple[int, float | None]:
    number, percent, _ = text.partition("%")
    try:
        if percent and 0 < float(number) <= 100:
            return 0, float(number) / 100
        if not percent and int(number) > 0:
            return int(number), None
    except ValueError:
        pass
    raise ConfigError(f"--sample takes a number or a share, as 3000 or 1%, not {text!r}")


def _ids(log: Path, lane: str, only: str | None) -> Iterator[str]:
    if only == "after_unknown":
        for line in read_with(log, b"after_unknown"):
            if line["lane"] == lane and line.get("after_unknown") is True:
                yield line["id"]
        return
    wanted = {LineState.DELETED, LineState.GONE, LineState.DOUBTED}
    if only is not None:
        wanted = {LineState.DELETED} if only == "deleted" else wanted - {LineState.DELETED}
    for part in read_log(log, LogFacts()):
        if part.lane == lane:
            for object_id, state in zip(part.ids, part.states, strict=True):
                if state in wanted:
                    yield object_id.decode()


def _counts(counts: Counter[Found]) -> dict[str, object]:
    asked = sum(counts.values())
    return {
        "asked": asked,
        **{each.value: counts[each] for each in Found},
        "most_present": most_present(asked - counts[Found.UNKNOWN], counts[Found.PRESENT]),
    }


def _text(lane: str, counts: Counter[Found], *, sampled: bool) -> str:
    asked, present, unknown = counts.total(), counts[Found.PRESENT], counts[Found.UNKNOWN]
    told = asked - unknown
    text = f"{lane}: {present:,} of {told:,} are still there"
    if sampled and told:
        most = most_present(told, present)
        text += f": fewer than {100 * most:.2g} % of all, at 95 % confidence"
    if unknown:
        text += f"; of {unknown:,} more nobody can tell"
    return text + "."
