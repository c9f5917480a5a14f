"""What the user sees before anything is sent: the confirmation, and the dry run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bulkdel.cli.output import say, stripped_text
from bulkdel.errors import ConfigError
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.reporting.plan import LaneSurvey
from bulkdel.reporting.words import duration
from bulkdel.result_log.encode import utc
from bulkdel.settings import Lane, RunSettings
from bulkdel.sources import NO_LANE

WORD = "delete"
"""What the user types to go on."""


def confirmation(
    lanes: Sequence[Lane],
    found: Mapping[str, LaneSurvey],
    log: str,
    estimates: Mapping[str, LimitEstimate | None],
) -> str:
    """Return what a run would do, lane by lane; ``estimates`` is what its log knows of limits."""
    lines = []
    for lane in lanes:
        survey = found[lane.name]
        lines.append(f"{lane.name}: {lane.title}, {lane.base_url}")
        lines.append(
            f"  {survey.to_send:,} ID{'s' * (survey.to_send != 1)} to delete{_how_long(lane, survey.to_send, estimates.get(lane.name))}"
        )
        lines += _left_there(lane)
        if survey.oldest_s is not None and survey.newest_s is not None:
            made = f"{utc(survey.oldest_s)[:16]} to {utc(survey.newest_s)[:16]}".replace("T", " ")
            lines.append(f"  made from {made} UTC, as far as their IDs say")
        lines += _details(lane, survey)
    stray = found.get(NO_LANE)
    if stray is not None:
        lines.append(f"{stray.invalid:,} rows name no lane of this run; they are logged as invalid")
        lines += [
            f"    line {row.line} of {row.source}: {row.reason}" for row in stray.invalid_rows
        ]
    lines.append(f"log: {log}")
    return "\n".join(lines)


def limits(settings: RunSettings, used: int) -> list[str]:
    """Return what the user's own limits do to a run; ``used`` places of --max-delete are taken."""
    lines = []
    if settings.max_delete is not None:
        left = max(0, settings.max_delete - used)
        lines.append(
            f"--max-delete {settings.max_delete:,}: at most {left:,} deletions,"
            f" since {used:,} of this log count"
        )
    if settings.max_failures is not None:
        lines.append(f"--max-failures {settings.max_failures:,}: it stops when more have failed")
    if settings.max_failures_share is not None:
        share = 100 * settings.max_failures_share
        lines.append(f"--max-failures {share:g}%: it stops when more of 100 or more have failed")
    return lines


def first_urls(lanes: Sequence[Lane], found: Mapping[str, LaneSurvey]) -> str:
    """Return the first requests of each lane, as they would be sent."""
    lines = ["first requests:"]
    for lane in lanes:
        delete = lane.resource.delete
        urls = (delete.url(lane.base_url, i) for i in found[lane.name].first_ids)
        lines += [f"  {delete.method} {url}" for url in urls]
    return "\n".join(lines) if len(lines) > 1 else "nothing would be sent"


def unknown_confirmation(lanes: Sequence[Lane], log: str) -> str:
    """Return the confirmation for IDs that come from stdin: nobody knows yet how many."""
    lines = []
    for lane in lanes:
        lines += [f"{lane.name}: {lane.title}, {lane.base_url}", *_left_there(lane)]
    return "\n".join([*lines, "  IDs come from stdin: how many is not known yet", f"log: {log}"])


def _left_there(lane: Lane) -> list[str]:
    leaves = lane.resource.leaves
    return [f"  it leaves {leaves}"] if leaves else []


def confirm(text: str, *, typed_from_terminal: bool) -> bool:
    """Show the confirmation and ask for the word; say whether it was typed.

    Raises:
        ConfigError: There is no terminal to ask on.
    """
    try:
        terminal = open("/dev/tty", "r+b", buffering=0)  # noqa: SIM115, PTH123 - stdin may be the IDs
    except OSError:
        terminal = None
    if terminal is None or not typed_from_terminal:
        if terminal is not None:
            terminal.close()
        raise ConfigError(
            "a deletion cannot be undone and there is no terminal to confirm it on:"
            " look with --dry-run, then give --yes"
        )
    with terminal:
        say(text)
        terminal.write(f"This cannot be undone. Type '{WORD}' to go on: ".encode())
        typed = terminal.readline().decode("utf-8", "replace").strip()
    return typed == WORD


def _how_long(lane: Lane, ids: int, estimate: LimitEstimate | None) -> str:
    rate = lane.rate or lane.ceiling
    if lane.rate is None and estimate is not None and estimate.rate and not estimate.unlimited:
        rate = min(estimate.rate, rate or estimate.rate)
    if not ids:
        return ""
    if rate is None and lane.provider.rate_max is not None:
        documented = lane.provider.rate_max
        return f", about {duration(ids / documented)} at the documented {documented:g}/s"
    if rate is None:
        return "; how long it takes depends on the provider's limit, which is not documented"
    return f", about {duration(ids / rate)} at {rate:.4g}/s"


def _details(lane: Lane, survey: LaneSurvey) -> list[str]:
    lines = []
    if survey.skipped:
        lines.append(f"  {survey.skipped:,} are done already in this log")
    if survey.skipped_failed:
        lines.append(
            f"    {survey.skipped_failed:,} of them failed for good or were invalid;"
            " --retry-failed tries the failed ones again"
        )
    if survey.kept:
        unknown = f", {survey.kept_unknown:,} of them of unknown age" * bool(survey.kept_unknown)
        lines.append(f"  {survey.kept:,} are kept for their age{unknown}")
    if survey.duplicates:
        lines.append(f"  {survey.duplicates:,} are duplicates, sent once")
    if survey.invalid:
        lines.append(f"  {survey.invalid:,} rows hold no ID and are logged as invalid:")
        lines += [
            f"    line {row.line} of {row.source}: {row.reason}" for row in survey.invalid_rows
        ]
    if survey.stripped:
        lines.append(f"  {stripped_text(survey.stripped)}")
    if survey.unchecked:
        lines.append(
            f"  {survey.unchecked:,} hide the ID that {lane.title} confirms: whose confirmation it"
            " is cannot be checked"
        )
    if survey.unusual:
        examples = ", ".join(survey.unusual_ids)
        prefixes = " or ".join(map(repr, lane.id_form.prefixes))
        usual = f", which begin with {prefixes}" if prefixes else ""
        lines.append(
            f"  CHECK: {survey.unusual:,} do not look like the IDs of {lane.title}"
            f"{usual}: {examples}"
        )
    return lines
