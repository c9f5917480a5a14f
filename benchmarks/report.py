"""What a benchmark found, as JSON and as a Markdown table; and where it was found."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

RESULTS: Final = Path(__file__).parent / "results"

_PACKAGES: Final = ("bulkdel", "aiohttp", "uvloop", "orjson", "anyio", "numpy", "httpx", "openai")
_PROGRAMS: Final = {
    "nginx": ["nginx", "-v"],
    "curl": ["curl", "--version"],
    "GNU parallel": ["parallel", "--version"],
    "wrk": ["wrk", "-v"],
    "OpenSSL": ["openssl", "version"],
}


def say(line: str) -> None:
    """Tell how far a benchmark is."""
    print(line, file=sys.stderr, flush=True)


def save(folder: Path, name: str, found: dict[str, Any], markdown: str) -> None:
    """Write ``NAME.json``, one field a line, and ``NAME.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = ",\n".join(f"{json.dumps(key)}: {json.dumps(found[key])}" for key in found)
    (folder / f"{name}.json").write_text(f"{{\n{fields}\n}}\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(markdown, encoding="utf-8")


def where() -> dict[str, Any]:
    """Return machine, versions, commit and time."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {
            "cpu": _cpu(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
            "system": f"{platform.system()} {platform.release()}",
            "load_before": round(os.getloadavg()[0], 2),
        },
        "versions": {"Python": platform.python_version(), **_packages(), **_programs()},
    }


def where_text(place: dict[str, Any]) -> str:
    """Return the same as two lines of Markdown."""
    machine = place["machine"]
    versions = ", ".join(f"{name} {text}" for name, text in place["versions"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB,"
        f" {machine['system']}; {place['at']}, commit {place['commit']},"
        f" load before {machine['load_before']}.\n\n{versions}.\n"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table: the first column to the left, all others to the right."""
    aligned = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, aligned, *rows))


def number(value: float) -> str:
    """Return a figure with as many digits as it deserves: three, or all before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    digits = 1 if value >= 10 else 2 if value >= 0.1 else 3
    return f"{value:.{digits}f}"


def spread(values: dict[str, float]) -> str:
    """Return a median with its ends."""
    ends = f"{number(values['least'])}-{number(values['most'])}"
    return f"{number(values['median'])} ({ends})"


def _commit() -> str:
    """Return the commit, and whether the code that is measured differs from it."""
    name = _git("rev-parse", "--short", "HEAD")
    return f"{name} with changes" if _git("status", "--porcelain", "--", "bulkdel") else name


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parents[1]), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown CPU"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _packages() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _programs() -> dict[str, str]:
    found = {}
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    for name, command in _PROGRAMS.items():
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env={"PATH": path}
            )
        except OSError:
            continue
        words = (done.stdout + done.stderr).splitlines()[0].split()
        found[name] = next(
            (word.partition("/")[2] or word for word in words if any(map(str.isdigit, word))),
            "unknown",
        )
    return found
