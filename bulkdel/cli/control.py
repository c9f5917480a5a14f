"""``bulkdel control``: see a running job from another terminal, and steer it."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from bulkdel.cli.output import tell
from bulkdel.control.client import NotRunningError, ask
from bulkdel.control.wire import STATUS
from bulkdel.engine.steering import Order, Verb
from bulkdel.errors import ConfigError
from bulkdel.reporting.words import duration
from bulkdel.utf8 import json_bytes

_EPILOG: Final = """\b
Orders:
  status                   how it goes; the default
  pause [LANE]             send nothing more; what is in flight is finished
  resume [LANE]            go on
  rate [LANE=]N            exactly N requests a second
  rate [LANE=]auto         find the provider's limit, from what is known of it
  concurrency [LANE=]N     at most N requests in flight
  stop                     end as Ctrl-C does: start again to resume

\b
Examples:
  bulkdel control purge.jsonl
  bulkdel control purge.jsonl rate 5
  bulkdel control purge.jsonl pause openai:files
  bulkdel control purge.jsonl status --watch

\b
Each order is a line in the log. Only the user who runs the job may give one: it
listens at LOG.control, a socket beside the log.
"""
_WATCH_S: Final = 2.0


@click.command("control", epilog=_EPILOG)
@click.argument("log", metavar="LOG", type=click.Path(path_type=Path))
@click.argument(
    "order",
    metavar="[ORDER]",
    default=STATUS,
    type=click.Choice((STATUS, *(verb.value for verb in Verb))),
)
@click.argument("value", metavar="[VALUE]", required=False)
@click.option("--json", "as_json", is_flag=True, help="The answer as one JSON object on stdout.")
@click.option("--watch", is_flag=True, help=f"The status again every {_WATCH_S:.0f} s, to the end.")
def control(log: Path, order: str, value: str | None, *, as_json: bool, watch: bool) -> None:
    """See how the run that writes LOG goes, or steer it."""
    if order == STATUS:
        if value is not None:
            raise ConfigError(f"status takes no value, not {value!r}")
        _status(log, as_json=as_json, watch=watch)
        return
    if watch:
        raise ConfigError("--watch is for status alone")
    answer = ask(log, _order(Verb(order), value))
    if as_json:
        click.echo(json_bytes(answer))
    else:
        tell(str(answer.get("said")))


def _order(verb: Verb, value: str | None) -> Order:
    """Return the order that was typed.

    Raises:
        ConfigError: It makes no sense.
    """
    if verb in (Verb.PAUSE, Verb.RESUME):
        return Order(verb, value)
    if verb is Verb.STOP:
        if value is not None:
            raise ConfigError(f"stop ends the whole run and takes no value, not {value!r}")
        return Order(verb)
    if value is None:
        raise ConfigError(f"{verb.value} takes a value: bulkdel control LOG {verb.value} [LANE=]N")
    lane, equals, number = value.rpartition("=")
    if equals and not lane:  # an empty variable of a script must not mean every lane
        raise ConfigError(f"{verb.value} takes [LANE=]N; {value!r} names no lane")
    if verb is Verb.RATE and number == "auto":
        return Order(verb, lane or None)
    try:
        return Order(verb, lane or None, float(number))
    except (ValueError, OverflowError):
        other = " or auto" if verb is Verb.RATE else ""
        raise ConfigError(f"{verb.value} takes a number{other}, not {number!r}") from None


def _status(log: Path, *, as_json: bool, watch: bool) -> None:
    shown = 0
    while True:
        try:
            status = ask(log, None).get("status")
        except NotRunningError:
            if not shown:
                raise
            return  # it has ended while we watched
        if not isinstance(status, dict):
            raise ConfigError(f"{log}: the run gives an answer that is none")
        if as_json:
            click.echo(json_bytes(status))
        else:
            text = _text(status)
            if shown and sys.stdout.isatty():
                click.echo(f"\x1b[{shown}A\x1b[J", nl=False)
            tell(text)
            shown = text.count("\n") + 1
        if not watch:
            return
        shown = shown or 1
        sys.stdout.flush()
        time.sleep(_WATCH_S)


def _text(status: Mapping[str, object]) -> str:
    """Return a status for people; what a newer version may not say is left out."""
    took = status.get("elapsed_s")
    words = duration(took) if isinstance(took, (int, float)) else "some time"
    head = f"process {status.get('pid')} on host {status.get('host')}, for {words}"
    lanes = status.get("lanes")
    lines = [str(lane.get("line")) for lane in lanes.values()] if isinstance(lanes, dict) else []
    if sys.stdout.isatty():  # a line that wraps could not be written over
        width = shutil.get_terminal_size().columns
        lines = [line if len(line) < width else line[: width - 2] + "…" for line in lines]
    return "\n".join([head, *lines])
