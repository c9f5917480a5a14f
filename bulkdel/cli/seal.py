"""``bulkdel seal`` and ``bulkdel check``: a log whose changes show."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from bulkdel.cli.exits import ALL_GONE, SOME_LEFT
from bulkdel.cli.output import say, tell
from bulkdel.errors import ConfigError
from bulkdel.result_log.blocks import is_there
from bulkdel.result_log.file import open_disk_log
from bulkdel.result_log.seal import check as check_log
from bulkdel.result_log.seal import read_chain
from bulkdel.utf8 import json_bytes

_SIGN: Final = """\b
The last seal stands for the whole log up to it. Keep it where who can write the
log cannot change it, or sign it with a tool that people trust:
  bulkdel check purge.jsonl --json > seal.json
  ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n bulkdel seal.json
  minisign -Sm seal.json
"""


@click.command(epilog=_SIGN)
@click.argument("log", metavar="LOG", type=click.Path(path_type=Path))
def seal(log: Path) -> None:
    """Seal a log by SHA-256 as it stands; `delete --seal` does it as the log is written."""
    if not is_there(log):
        raise ConfigError(f"{log}: there is no such log")
    with open_disk_log(log) as (file, _):
        chain = read_chain(log)
        if chain.size:
            new = chain.seal()
            file.write(new.line())
            file.sync()
            chain.take(new)
        file.close()
    last = chain.last
    if last is None:
        raise ConfigError(f"{log}: there is nothing in it to be sealed")
    tell(f"{log}: seal {last.number:,}, {last.sha256}")


@click.command(epilog=_SIGN)
@click.argument("log", metavar="LOG", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def check(log: Path, *, as_json: bool) -> None:
    """Check the seals of a log: was a byte changed, removed or added since?

    Exit code 0: all of it is sealed and as it was. 1: something was changed, or stands behind the
    last seal, or it has no seal.
    """
    found = check_log(log)
    sound = found.wrong is None and found.seals > 0 and not found.unsealed_bytes
    last = found.last
    if as_json:
        facts = {
            "log": str(log),
            "sound": sound,
            "seals": found.seals,
            "last": None if last is None else last.sha256,
            "sealed_bytes": found.sealed_bytes,
            "unsealed_bytes": found.unsealed_bytes,
            "wrong": found.wrong,
        }
        click.echo(json_bytes(facts))
        sys.exit(ALL_GONE if sound else SOME_LEFT)
    if found.wrong is not None:
        tell(f"{log}: CHANGED: {found.wrong}")
        say("What stands before that is as it was sealed; of what follows nothing is known.")
    elif last is None:
        tell(f"{log}: it has no seal; `bulkdel seal` makes one")
    else:
        tell(f"{log}: as it was sealed: {found.sealed_bytes:,} bytes, {found.seals:,} seals")
        tell(f"last seal: {last.sha256}")
        if found.unsealed_bytes:
            tell(f"{found.unsealed_bytes:,} bytes behind it are not sealed")
    sys.exit(ALL_GONE if sound else SOME_LEFT)
