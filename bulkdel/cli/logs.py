"""``bulkdel logs``: the logs in a folder and how they stand, at a glance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from bulkdel.cli.list_job import size_text
from bulkdel.cli.output import say, tell
from bulkdel.errors import ConfigError
from bulkdel.result_log.folder import holder_of, is_job, newest_run
from bulkdel.result_log.glance import Glance, glance
from bulkdel.utf8 import json_bytes

_COUNTS = ("deleted", "gone", "failed", "invalid")


@dataclass(frozen=True, slots=True)
class _Found:
    """A log that was found.

    Attributes:
        path: Where it is.
        seen: Its two ends.
        holder: Who writes it, or None.
    """

    path: Path
    seen: Glance
    holder: str | None

    @property
    def state(self) -> str:
        """How the newest run stands."""
        if self.holder is not None:
            return "running"
        return "killed" if self.seen.end is None else str(self.seen.end.get("state"))

    def facts(self) -> dict[str, object]:
        """Return it for scripts."""
        end = self.seen.end or {}
        return {
            "log": str(self.path),
            "state": self.state,
            "holder": self.holder,
            "lanes": list(_of(self.seen.run, "lanes")),
            "began_at": self.seen.run.get("at"),
            "ended_at": end.get("at"),
            "newest": {name: end[name] for name in (*_COUNTS, "pending") if name in end} or None,
            "reason": end.get("reason"),
            "bytes": self.seen.size,
        }

    def text(self) -> str:
        """Return it for people."""
        end = self.seen.end or {}
        state = {"running": f"running: {self.holder}", "killed": "killed, or its machine went down"}
        began = str(self.seen.run.get("at", ""))[:16].replace("T", " ")
        lines = [f"{self.path}: {state.get(self.state, self.state)}"]
        words = [f"{end[name]:,} {name}" for name in _COUNTS if end.get(name)]
        if end.get("pending"):
            words.append(f"{end['pending']:,} still to do")
        newest = f"; the newest run: {', '.join(words) or 'nothing new'}" if end else ""
        lanes = ", ".join(_of(self.seen.run, "lanes"))
        lines.append(f"  {lanes}, begun {began}, {size_text(self.seen.size)}{newest}")
        if end.get("reason"):
            lines.append(f"  it stopped: {end['reason']}")
        return "\n".join(lines)


@click.command("logs", epilog="\b\nExamples:\n  bulkdel logs\n  bulkdel logs /var/purges --json")
@click.argument("folders", metavar="[FOLDER]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a log on stdout.")
def logs(folders: tuple[Path, ...], *, as_json: bool) -> None:
    """List the result logs in a folder, this one by default, and how their newest runs stand.

    Only both ends of each are read; `bulkdel status LOG` reads all of it.
    """
    count = 0
    for folder in folders or (Path(),):
        for found in _found(folder):
            count += 1
            if as_json:
                click.echo(json_bytes(found.facts()))
            else:
                tell(found.text())
    if not count and not as_json:
        say("No result log here; they are called as their source, with .bulkdel.jsonl behind.")


def _found(folder: Path) -> Iterator[_Found]:
    """Yield the logs in a folder, by name; files that cannot be read are said and left out."""
    try:
        paths = sorted(folder.iterdir())
    except OSError as exc:
        raise ConfigError(f"{folder}: {exc.strerror}") from exc
    for path in paths:
        try:
            if is_job(path):
                file = newest_run(path)
            elif path.is_file():
                file = path
            else:
                continue
            holder = holder_of(path)  # before it is read: what ends meanwhile has written its end
            seen = None if file is None else glance(file)
        except (OSError, ConfigError) as exc:
            say(f"{path}: {exc}")
            continue
        if seen is not None:
            yield _Found(path, seen, holder)


def _of(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = record.get(name)
    return value if isinstance(value, dict) else {}
