"""``bulkdel demo``: the whole job against the embedded emulator, with limits and faults."""

from __future__ import annotations

import secrets
import sys
import tempfile
from pathlib import Path
from typing import Final

import anyio
import click

from bulkdel.cli.exits import SOME_LEFT, exit_code
from bulkdel.cli.output import summary_text, tell
from bulkdel.cli.terminal import Session
from bulkdel.emulator import (
    AccountSettings,
    Emulator,
    EmulatorSettings,
    Fault,
    FaultRule,
    TokenBucket,
    make_ids,
    serve,
)
from bulkdel.engine.inputs import ReaderSource
from bulkdel.engine.run import Run
from bulkdel.models import Summary
from bulkdel.process import backend_options
from bulkdel.providers import get
from bulkdel.reporting.progress import LINE_EVERY_S
from bulkdel.reporting.words import shell_word
from bulkdel.settings import Lane, RunSettings
from bulkdel.sources import Source, open_source

IDS: Final = {"ark": 12_000, "fireworks": 8_000}
RATES: Final = {"ark": 1200.0, "fireworks": 800.0}
"""Limits of the emulated accounts, per second: far above the real ones, to be short."""

_NEXT = """\
Now with your own IDs, one a line in ids.txt:
  export ARK_API_KEY=...                      (or FIREWORKS_API_KEY, OPENAI_API_KEY)
  bulkdel delete ids.txt -p ark --dry-run     shows what would be done, sends nothing
  bulkdel delete ids.txt -p ark               does it; start it again to resume"""


@click.command(epilog="\b\nExample:\n  bulkdel demo")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def demo(*, quiet: bool) -> None:
    """Show the whole job: 20,000 made IDs, two lanes, limits and faults, on this machine.

    Nothing leaves this machine: the providers are emulated on loopback.
    """
    folder = Path(tempfile.mkdtemp(prefix="bulkdel-demo-"))
    tell(
        "Deleting 20,000 made objects at two emulated providers on this machine, with limits,"
        '\nserver errors, lost connections and answers that say "deleted": false.\n'
    )
    summary, left = anyio.run(_run, folder, quiet, backend_options=backend_options())
    tell(summary_text(summary))
    tell(f"Left at the providers, as they say: {left:,}\n")
    if summary.log is not None:
        tell(f"As a page: bulkdel report {shell_word(summary.log)} -o report.html\n")
    tell(_NEXT)
    sys.exit(exit_code(summary) if not left else SOME_LEFT)


async def _run(folder: Path, quiet: bool) -> tuple[Summary, int]:
    ids = {name: make_ids(name, count) for name, count in IDS.items()}
    key = secrets.token_hex(16)
    accounts = {
        name: AccountSettings(
            ids=ids[name],
            key=key,
            limit=TokenBucket(RATES[name], RATES[name] / 10),
            latency_s=0.02,
            faults=[
                FaultRule(fault=Fault.ERROR, share=0.005),
                FaultRule(fault=Fault.DROP_AFTER, share=0.002),
                FaultRule(fault=Fault.NOT_DELETED, share=0.001),
            ],
        )
        for name in IDS
    }
    async with serve(EmulatorSettings(accounts=accounts)) as emulator:
        sources = []
        for name in IDS:
            path = folder / f"{name}.txt"
            path.write_text("".join(f"{object_id}\n" for object_id in ids[name]), encoding="utf-8")
            sources.append(Source(name=str(path), lane=name))
        run = _make_run(folder, emulator, sources, key)
        summary = await Session(run, sources, None if quiet else LINE_EVERY_S).run()
        return summary, emulator.stats()["totals"]["present"]


def _make_run(folder: Path, emulator: Emulator, sources: list[Source], key: str) -> Run:
    lanes = [
        Lane(
            provider=get(name),
            api_key=key,
            base_url=emulator.base_url(name),
            rate_max=None,
        )
        for name in IDS
    ]
    settings = RunSettings(lanes=lanes, log=folder / "demo.jsonl")
    return Run(
        settings,
        [ReaderSource(open_source(source), source.label, source.lane) for source in sources],
    )
