"""What ``bulkdel delete`` is told: its options, as they were typed, each with its default.

Not here: what they mean. `lanes` makes sources and lanes of them, `delete_job` the settings of
the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from bulkdel.cli import choosing
from bulkdel.cli.completion import FormatName, LaneName, SourceName
from bulkdel.cli.fields import arguments, flag, option, optional, repeated
from bulkdel.cli.lane_values import ForLane, PerLane, header, number_or, param, share, whole
from bulkdel.reporting.progress import LINE_EVERY_S
from bulkdel.settings import (
    DEFAULT_ATTEMPTS,
    DEFAULT_CONCURRENCY,
    DEFAULT_DURABILITY,
    DEFAULT_OUTAGE_LIMIT_S,
    DEFAULT_TIMEOUT_S,
    Durability,
)
from bulkdel.sources import FORMATS

_FILE: Final = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """The options of the command; a lane's may be given for all and for one."""

    sources: tuple[str, ...] = arguments("[SOURCE]...", SourceName())
    provider: str | None = optional(
        "-p",
        "--provider",
        metavar="NAME",
        kind=LaneName(),
        help="Lane of the sources without LANE=: a provider's name, or PROVIDER-LABEL.",
    )
    from_list: str | None = optional(
        "--from-list",
        metavar="LANE",
        kind=LaneName(),
        help="List what is stored there to a file first, then delete that: openai:files, for example.",
    )
    older_than: str | None = choosing.older_than("Of a list, or by what IDs say: ")
    newer_than: str | None = choosing.newer_than("Of a list, or by what IDs say: ")
    before: str | None = choosing.before("Of a list, or by what IDs say: ")
    where: tuple[str, ...] = choosing.conditions("Of a list: ")
    limit: int | None = choosing.limit("Of a list: ")
    log: Path | None = optional(
        "--log",
        metavar="FILE",
        kind=_FILE,
        help="Result log; an existing one is resumed. [the first source's path + .bulkdel.jsonl; must be given with stdin]",
    )
    done: tuple[Path, ...] = repeated(
        "--done",
        metavar="LOG",
        kind=_FILE,
        help="Another result log, also as .gz or .zst: what is done there is skipped.",
    )
    format: str | None = optional(
        "--format",
        metavar="NAME",
        kind=FormatName(),
        help=f"Format of the sources: {', '.join(FORMATS)}, also with .gz or .zst. [by file name]",
    )
    id_field: str = option(
        "--id-field",
        metavar="NAME",
        kind=click.STRING,
        default="id",
        help="Field or column of the ID; `a.b` reaches into objects.",
    )
    delimiter: str | None = optional(
        "--delimiter",
        metavar="CHAR",
        kind=click.STRING,
        help="What separates the cells of CSV: `;`, `|`, `tab`. [comma; tab in TSV]",
    )
    no_header: bool = flag(
        "--no-header",
        help="CSV and TSV have no header: --id-field is the number of the column, from 1.",
    )
    provider_field: str | None = optional(
        "--provider-field",
        metavar="NAME",
        kind=click.STRING,
        help="Field or column that names each row's lane.",
    )
    any_id: bool = flag(
        "--any-id",
        help="Send also IDs that do not look like the provider's, as far as nothing can mistake them.",
    )
    base_url: tuple[ForLane[str], ...] = repeated(
        "--base-url",
        kind=PerLane("URL", str),
        help="Instead of the provider's own.",
    )
    api_key_env: tuple[ForLane[str], ...] = repeated(
        "--api-key-env",
        kind=PerLane("NAME", str),
        help="Environment variable of the key, instead of the provider's own.",
    )
    header: tuple[ForLane[tuple[str, str]], ...] = repeated(
        "--header",
        kind=PerLane("TEXT", header),
        help="Another header of every request, as `OpenAI-Project: proj_1`.",
    )
    param: tuple[ForLane[tuple[str, str]], ...] = repeated(
        "--param",
        kind=PerLane("NAME=ID", param),
        help="Whose objects: `vector_store_id=vs_1` of openai:vector_store_files.",
    )
    concurrency: tuple[ForLane[int], ...] = repeated(
        "--concurrency",
        kind=PerLane("N", whole),
        help=f"Most requests in flight, per lane. [{DEFAULT_CONCURRENCY}]",
    )
    rate: tuple[ForLane[float | None], ...] = repeated(
        "--rate",
        kind=PerLane("N", number_or("auto")),
        help="Requests per second, exactly, per lane; `auto` finds the provider's limit. [auto]",
    )
    rate_max: tuple[ForLane[float | None], ...] = repeated(
        "--rate-max",
        kind=PerLane("N", number_or("none")),
        help="Ceiling of `auto`, or `none`. [the provider's documented limit]",
    )
    leave: tuple[ForLane[float], ...] = repeated(
        "--leave",
        kind=PerLane("N%", share),
        help="Share of the limit that `auto` leaves free for others, or `none`."
        " [10% where the provider's limit is shared: fireworks]",
    )
    attempts: int = option(
        "--attempts",
        metavar="N",
        kind=click.INT,
        default=DEFAULT_ATTEMPTS,
        help="Requests per ID, refused ones not counted.",
    )
    timeout: float = option(
        "--timeout",
        metavar="S",
        kind=click.FLOAT,
        default=DEFAULT_TIMEOUT_S,
        help="Seconds per request.",
    )
    max_delete: int | None = optional(
        "--max-delete",
        metavar="N",
        kind=click.INT,
        help="Refuse before deletion N+1, counted over the whole log.",
    )
    max_failures: str | None = optional(
        "--max-failures",
        metavar="N|P%",
        kind=click.STRING,
        help="Stop when more than so many failed (a share counts from 100 IDs on).",
    )
    outage_limit: float = option(
        "--outage-limit",
        metavar="S",
        kind=click.FLOAT,
        default=DEFAULT_OUTAGE_LIMIT_S,
        help="Stop a lane when its provider has been down so many seconds.",
    )
    max_duration: str | None = optional(
        "--max-duration",
        metavar="TIME",
        kind=click.STRING,
        help="Take no more IDs after so long, as 90s, 30m or 8h; what is in flight is finished.",
    )
    wait_long: bool = flag(
        "--wait-long", help="Wait as long as the provider asks, also above 5 minutes."
    )
    retry_failed: bool = flag(
        "--retry-failed", help="Try again the IDs that the log says failed for good."
    )
    retry_gone: bool = flag(
        "--retry-gone", help="Ask again for the IDs that the log says are gone."
    )
    allow_gone: bool = flag(
        "--allow-gone",
        help="Believe what the provider calls gone, also the first 100 IDs or a long row of them.",
    )
    allow_http: bool = flag(
        "--allow-http",
        help="Accept http:// base URLs that are not loopback; the key travels in the clear.",
    )
    seal: bool = flag(
        "--seal", help="Seal the log by SHA-256 as it is written: `bulkdel check` finds any change."
    )
    durability: str = option(
        "--durability",
        kind=click.Choice([each.value for each in Durability]),
        default=DEFAULT_DURABILITY.value,
        help="Sync each group of lines; every second; leave it to the system.",
    )
    ray: str | None = optional(
        "--ray",
        metavar="[ADDRESS]",
        kind=click.STRING,
        bare="auto",
        help="Work on a Ray cluster: the running one, HOST:PORT, ray://…, or `local`. The log is a folder that every node sees.",
    )
    workers: int | None = optional(
        "--workers",
        metavar="N",
        kind=click.INT,
        help="Workers on the cluster, of one CPU each. [4]",
    )
    dry_run: bool = flag("--dry-run", help="Read, check and count; send nothing.")
    yes: bool = flag("-y", "--yes", help="Do not ask.")
    json: bool = flag("--json", help="The summary as one JSON object on stdout.")
    progress_every: float = option(
        "--progress-every",
        metavar="S",
        kind=click.FloatRange(min=0.5),
        default=LINE_EVERY_S,
        help="Seconds between two lines of progress where stderr is no terminal.",
    )
    metrics: str | None = optional(
        "--metrics",
        metavar="[HOST:]PORT",
        kind=click.STRING,
        help="Answer Prometheus there while it runs; loopback unless HOST says otherwise.",
    )
    verbose: bool = flag(
        "-v", "--verbose", help="Show each request and its answer, without the key."
    )
    quiet: bool = flag("-q", "--quiet", help="No progress.")
