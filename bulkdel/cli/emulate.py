"""``bulkdel emulate``: the providers on loopback, to try things on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import click

from bulkdel.cli.fields import option, optional, repeated, takes
from bulkdel.emulator import (
    PROVIDERS,
    AccountSettings,
    Changing,
    Emulator,
    EmulatorSettings,
    Fault,
    FaultRule,
    FixedWindow,
    Limit,
    TokenBucket,
    make_ids,
    serve,
)
from bulkdel.emulator.settings import RetryAfter
from bulkdel.errors import ConfigError
from bulkdel.process import backend_options

_RETRY_AFTER: Final[Sequence[RetryAfter]] = ("seconds", "date", "ms")

_EPILOG = """\b
Examples:
  bulkdel emulate --make 50000 --ids ids.txt --port 8080 --latency 0.02 \\
      --fault error=1% --fault drop=1%
  ARK_API_KEY=test-key bulkdel delete ids.txt -p ark --rate-max none --yes \\
      --base-url http://127.0.0.1:8080/api/v3
  curl http://127.0.0.1:8080/_emulator/stats

\b
Limits: 200/s (token bucket with a burst of 1: one place each 5 ms), 200/s,burst=20, 1000per5s
(fixed window); several, each with a start in seconds, follow each other:
200/s@0 80/s@60 300/s@120
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulateOptions:
    """What the command is told, as it was typed."""

    provider: str = option(
        "-p",
        "--provider",
        kind=click.Choice(PROVIDERS),
        default="ark",
        help="Provider that holds the objects.",
    )
    ids: Path | None = optional(
        "--ids",
        metavar="FILE",
        kind=click.Path(path_type=Path),
        help="The IDs it holds, one a line; with --make they are written there.",
    )
    make: int | None = optional(
        "--make", metavar="N", kind=click.IntRange(0, 20_000_000), help="Make so many IDs."
    )
    port: int | None = optional(
        "--port", kind=click.IntRange(0, 65535), help="Port on 127.0.0.1. [a free one]"
    )
    key: str = option(
        "--key", kind=click.STRING, default="test-key", help="The key that is accepted."
    )
    limit: tuple[str, ...] = repeated(
        "--limit",
        metavar="LIMIT",
        kind=click.STRING,
        help="Limit on deletions; see below. [none]",
    )
    retry_after: RetryAfter | None = optional(
        "--retry-after",
        kind=click.Choice(_RETRY_AFTER),
        help="How a refusal says when to come back. [not at all]",
    )
    in_flight_max: int | None = optional(
        "--in-flight-max",
        metavar="N",
        kind=click.IntRange(1),
        help="Refuse above so many at once.",
    )
    latency: float = option(
        "--latency", metavar="S", kind=click.FLOAT, default=0.0, help="Seconds to every answer."
    )
    fault: tuple[str, ...] = repeated(
        "--fault",
        metavar="NAME=SHARE",
        kind=click.STRING,
        help="A fault and its share, as error=1%. Names: "
        + ", ".join(f.value for f in Fault)
        + ".",
    )
    seed: int = option("--seed", kind=click.INT, default=0, help="Seed of IDs and faults.")


@click.command(epilog=_EPILOG)
@takes(EmulateOptions)
def emulate(options: EmulateOptions) -> None:
    """Serve Ark, Fireworks, OpenAI and LiteLLM deletions on loopback, until Ctrl-C.

    GET /_emulator/stats says what is present, deleted, deleted twice, how many requests
    and refusals there were and how many were in flight at most.
    """
    ids = _ids(options.provider, options.ids, options.make, options.seed)
    account = AccountSettings(
        ids=ids,
        key=options.key,
        limit=parse_limits(options.limit),
        in_flight_max=options.in_flight_max,
        retry_after=options.retry_after,
        latency_s=options.latency,
        faults=[parse_fault(text) for text in options.fault],
    )
    settings = EmulatorSettings(accounts={options.provider: account}, seed=options.seed)
    anyio.run(_serve, settings, options, len(ids), backend_options=backend_options())


async def _serve(settings: EmulatorSettings, options: EmulateOptions, held: int) -> None:
    import signal

    async with serve(settings, port=options.port or 0) as emulator:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
            _greet(emulator, options.provider, held)
            async for _ in received:
                break
        totals = emulator.stats()["totals"]
    click.echo(
        f"{totals['requests']:,} requests, {totals['deleted']:,} deleted,"
        f" {totals['present']:,} left, {totals['refusals']:,} refused",
        err=True,
    )


def _greet(emulator: Emulator, provider: str, held: int) -> None:
    click.echo(f"{provider} holds {held:,} objects; Ctrl-C ends it.", err=True)
    for name in PROVIDERS:
        click.echo(f"{name}: {emulator.base_url(name)}")
    click.echo(f"stats: {emulator.url}/_emulator/stats")


def _ids(provider: str, path: Path | None, make: int | None, seed: int) -> list[str]:
    if make is not None:
        ids = make_ids(provider, make, seed)
        if path is not None:
            if path.exists():
                raise ConfigError(f"{path} exists already; name a new file for the made IDs")
            path.write_text("".join(f"{object_id}\n" for object_id in ids), encoding="utf-8")
        return ids
    if path is None:
        return []
    try:
        return path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: {exc}") from exc


def parse_fault(text: str) -> FaultRule:
    """Read ``NAME=SHARE``, the share as ``1%`` or ``0.01``.

    Raises:
        ConfigError: It is not of that form.
    """
    name, _, share = text.partition("=")
    try:
        fault = Fault(name)
        value = float(share.removesuffix("%")) / (100 if share.endswith("%") else 1)
    except ValueError:
        known = ", ".join(f.value for f in Fault)
        raise ConfigError(
            f"fault {text!r}: write NAME=SHARE, as error=1%; names are {known}"
        ) from None
    return FaultRule(fault=fault, share=value)


def parse_limits(texts: tuple[str, ...]) -> Limit | None:
    """Read limits; several, each with ``@seconds``, follow each other.

    Raises:
        ConfigError: One is not of its form.
    """
    steps = []
    for text in texts:
        limit, _, start = text.partition("@")
        try:
            steps.append((float(start or 0), _limit(limit)))
        except ValueError:
            raise ConfigError(
                f"limit {text!r}: write 200/s, 200/s,burst=20 or 1000per5s, with @seconds after it"
            ) from None
    if not steps:
        return None
    return steps[0][1] if len(steps) == 1 else Changing(steps)


def _limit(text: str) -> Limit:
    if match := re.fullmatch(r"([\d.]+)/s(?:,burst=([\d.]+))?", text):
        return TokenBucket(float(match[1]), float(match[2] or 1))
    if match := re.fullmatch(r"(\d+)per([\d.]+)s", text):
        return FixedWindow(int(match[1]), float(match[2]))
    raise ValueError(text)
