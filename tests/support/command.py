"""Run the real command against an emulator, for tests.

    with emulated(ark=AccountSettings(ids=ids)) as emulator:
        job = Job(emulator, "ark", ids, tmp_path)
        ended = job.delete("--json")
        assert ended.code == 0

Every command is a process of its own, in an environment made for it and not inherited.
Every wait has an end: a command that hangs fails its test. The emulator runs in a thread
of the test, or by `bulkdel emulate` where it must not share the interpreter.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from anyio.from_thread import start_blocking_portal

import bulkdel
from bulkdel.emulator import PARENT, AccountSettings, Emulator, EmulatorSettings, serve
from bulkdel.providers import find

TIMEOUT_S: Final = 60.0
"""No command of a test takes longer, on the slowest machine."""

KEY: Final = "test-key"
KEYS: Final = dict.fromkeys(
    ("ARK_API_KEY", "FIREWORKS_API_KEY", "OPENAI_API_KEY", "LITELLM_PROXY_API_KEY"), KEY
)

_ROOT: Final = Path(bulkdel.__file__).parents[1]
_INSTALLED: Final = Path(sys.executable).with_name("bulkdel")
_START: Final = [sys.executable, "-c", "from bulkdel.__main__ import main; main()"]

COMMAND: Final[Sequence[str]] = [str(_INSTALLED)] if _INSTALLED.exists() else _START
"""The command as it is installed, or the same by its entry point."""


def whose(lane: str) -> list[str]:
    """Return the words that say whose objects the emulator holds, if they are below others."""
    return [word for name in find(lane)[1].params for word in ("--param", f"{name}={PARENT}")]


class Ended(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON object and nothing else."""
        return json.loads(self.out)


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a command: no keys, no proxy, nothing of the machine's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    kept["XDG_CONFIG_HOME"] = str(_ROOT / "no-such-folder")  # nobody's own bulkdel.toml
    return {**kept, "PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "COLUMNS": "100", **more}


def run_command(
    *arguments: str | Path,
    stdin: str | bytes = b"",
    env: Mapping[str, str] = KEYS,
    cwd: Path | None = None,
    limit: Callable[[], object] | None = None,
) -> Ended:
    """Run the command to its end. ``limit`` is called in the new process before it starts."""
    words = [*COMMAND, *map(str, arguments)]
    return _run(words, stdin.encode() if isinstance(stdin, str) else stdin, env, cwd, limit)


def _run(
    words: Sequence[str],
    stdin: bytes,
    env: Mapping[str, str],
    cwd: Path | None,
    limit: Callable[[], object] | None = None,
) -> Ended:
    done = subprocess.run(
        words,
        input=stdin,
        capture_output=True,
        env=environment(**env),
        cwd=cwd,
        timeout=TIMEOUT_S,
        check=False,
        start_new_session=True,  # no terminal, whatever the tests are run from
        preexec_fn=limit,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def run_shell(line: str, *, cwd: Path, env: Mapping[str, str] = KEYS) -> Ended:
    """Run a line in a shell in which ``bulkdel`` is the command under test."""
    start = f'bulkdel() {{ {shlex.join(COMMAND)} "$@"; }}; '
    return _run(["bash", "-c", start + line], b"", env, cwd)


class Running:
    """A command that was started and is still running."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def send(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self) -> Ended:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=TIMEOUT_S)
        return Ended(self.process.returncode, (out or b"").decode(), (err or b"").decode())


@contextmanager
def started(
    *arguments: str | Path, env: Mapping[str, str] = KEYS, stdin: int = subprocess.DEVNULL
) -> Iterator[Running]:
    """Start the command; it is killed at the end of the block if it still runs."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**env),
        start_new_session=True,
    )
    try:
        yield Running(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def wait_until(holds: Callable[[], bool], what: str, timeout_s: float = TIMEOUT_S) -> None:
    """Wait until something holds; it must within ``timeout_s``."""
    until_s = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > until_s:
            raise AssertionError(f"waited {timeout_s:.0f} s in vain until {what}")
        time.sleep(0.005)


@contextmanager
def emulated(**accounts: AccountSettings) -> Iterator[Emulator]:
    """Serve accounts, by name of their provider, from a thread."""
    settings = EmulatorSettings(accounts=accounts, seed=1)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve(settings)) as emulator,
    ):
        yield emulator


@dataclass
class Job:
    """IDs that one emulated provider holds, and the command that deletes them.

    Attributes:
        emulator: Where they are.
        provider: Name of the provider.
        ids: The IDs, written to ``ids.txt``.
        folder: Where the files are.
    """

    emulator: Emulator
    provider: str
    ids: Sequence[str]
    folder: Path
    file: Path = field(init=False)
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.file = self.folder / "ids.txt"
        self.log = self.folder / "ids.txt.bulkdel.jsonl"
        self.file.write_text("".join(f"{object_id}\n" for object_id in self.ids), encoding="utf-8")

    @property
    def arguments(self) -> list[str]:
        """``delete`` with the source, the provider and where it is, fast and unasked."""
        url = self.emulator.base_url(self.provider)
        usual = ["--base-url", url, "--rate", "20000", "--yes"]
        return ["delete", str(self.file), "-p", self.provider, *usual]

    def delete(self, *flags: str, env: Mapping[str, str] = KEYS) -> Ended:
        """Delete the IDs; a flag given here wins."""
        return run_command(*self.arguments, *flags, env=env)

    @property
    def present(self) -> int:
        """Objects left at the provider."""
        return self._counts["present"]

    @property
    def requests(self) -> int:
        """Deletions that have arrived there."""
        return self._counts["requests"]

    @property
    def _counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.emulator.stats()["providers"][self.provider]
        return counts


def log_lines(log: Path) -> list[dict[str, Any]]:
    """Return the lines of a log; each must be whole and the last one ended."""
    data = log.read_bytes()
    assert data.endswith(b"\n")
    return [json.loads(line) for line in data.splitlines()]


def results(log: Path) -> list[dict[str, Any]]:
    """Return the result lines of a log."""
    return [line for line in log_lines(log) if "id" in line]


def assert_adds_up(counts: Mapping[str, Any]) -> None:
    """Check the promise of every summary: each ID that was read is counted once."""
    ends = ("duplicates", "skipped", "deleted", "gone", "failed", "invalid", "pending")
    assert counts["read"] == sum(counts[name] for name in ends)
    if "lanes" in counts:
        for name in ("read", *ends, "requests", "refused"):
            assert counts[name] == sum(lane[name] for lane in counts["lanes"].values())
        for lane in counts["lanes"].values():
            assert_adds_up(lane)
