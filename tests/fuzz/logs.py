"""Damage result logs and give records other shapes, then let every command read them, and resume.

    python -m tests.fuzz.logs --seconds 60            as many as it can
    python -m tests.fuzz.logs --seconds 0 --from 17   one seed alone

A seed takes the log of two real runs, gives some of its values another type (a newer version, a
slip of an editor), damages its bytes (`hostile.damaged`), and gives it to `status`, `failed`,
`explain` and `delete --dry-run`, as people read it and as JSON; then a run resumes it, on a fake
network. Nothing but a `BulkdelError` may come out, on a terminal nothing but text; and when a run
has finished, the next one sends nothing. It exits with 1 if a seed failed, and prints it.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import count, takewhile
from pathlib import Path
from typing import Any, Final

import anyio
from click.testing import CliRunner
from trio.testing import MockClock

from bulkdel import State, delete_ids
from bulkdel.cli import cli
from bulkdel.errors import BulkdelError
from bulkdel.models import Answer
from bulkdel.pacing.estimate import LimitEstimate
from bulkdel.settings import Lane
from tests.support.engine_fakes import FakeTransport, deleted, edge, failing, gone
from tests.support.hostile import damaged
from tests.support.lane_job import ids, lane

FAILURES_MAX: Final = 20
IDS: Final = ids(24)
LEARNED: Final = (
    LimitEstimate(rate=20.5, burst=5.0, latency_s=0.05),
    LimitEstimate(rate=3.0, window_s=60.0),
    LimitEstimate(in_flight_max=7, queues=True),
)
OTHERS: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 0.5, 1e308, -0.0, 1 << 63, 1 << 70, float("nan"), float("inf")),
    *(
        "",
        "x",
        "20",
        "\x1b[31mred",
        "a\rb\x07",
        "\ud800",
        "resp_1",
        "x" * 5000,
        "\u202e",
        "9" * 400,
    ),
    *([], {}, [[]], [None, 1], {"a": {}}, {"": None}, [{"lane": 1}], {"rate": {"rate": "x"}}),
)
"""What stands where something else is expected."""


@cache
def _usual() -> bytes:
    """Return the log of two runs over some of `IDS`: every outcome, and pace records."""

    def answering(object_id: str, _: int) -> Answer:
        number = int(object_id.removeprefix("resp_"))
        if number % 7 == 3:
            return gone(object_id)
        if number % 7 == 5:
            return failing(400, "no\nsuch\tthing", "odd")
        return failing(500) if number % 7 == 6 else deleted(object_id)

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.jsonl")
        for some in ([*IDS[:12], "bad id"], [*IDS[6:20], "worse\0id"]):
            _resume(some, log, FakeTransport(answering))
            _append_paces(log)
        return log.read_bytes()


def _append_paces(log: Path) -> None:
    """Add pace records that know a limit; the fixed rate of the runs finds none."""
    *lines, end = log.read_bytes().splitlines(keepends=True)
    pace = {"at_s": 20.0, "ended": 9, "requests": 11, "refused": 1, "rate": 20.9, "cpu_s": 0.4}
    for learned in LEARNED:
        record = {"lane": "openai", **pace, "limit": learned.describe()}
        record |= {"learned": learned.to_json(), "bound_s": {"rate": 18.2, "busy": 1.8}}
        lines.append(json.dumps({"pace": record}).encode() + b"\n")
    log.write_bytes(b"".join([*lines, end]))


def _resume(
    some: Iterable[str], log: Path, transport: FakeTransport, rate: float | None = 10_000
) -> tuple[State, int]:
    """Run over a log on a clock that jumps; return how it ended and the requests sent."""
    by_the_log: Lane = lane(attempts_max=2, rate=rate)

    async def run() -> tuple[State, int]:
        with anyio.fail_after(12 * 3600):
            summary = await delete_ids(some, lane=by_the_log, log=log, edge=edge(transport))
        counts = summary.counts
        assert counts.pending >= 0, counts
        return summary.state, counts.requests

    return anyio.run(
        run, backend="trio", backend_options={"clock": MockClock(autojump_threshold=0)}
    )


def make_log(dice: random.Random) -> bytes:
    """Make a log, some of its values of other types, and most of them damaged."""
    lines = _usual().splitlines(keepends=True)
    for _ in range(dice.choice([0, 0, 1, 1, 2, 5])):
        at = dice.choice([n for n, line in enumerate(lines) if _is_record(line)] or [0])
        if dice.random() < 0.2:
            at = dice.randrange(len(lines))
        lines[at] = _reshaped(lines[at], dice)
    data = b"".join(lines)
    ends = dice.random()
    if ends < 0.1:
        data = data.replace(b"\n", dice.choice([b"\r\n", b"\r"]))
    return damaged(data, dice) if dice.random() < 0.6 else data


def _is_record(line: bytes) -> bool:
    return not line.startswith(b'{"id"')


def _reshaped(line: bytes, dice: random.Random) -> bytes:
    """Put something else in the place of one value, or of one name."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    places = list(_places(entry))
    if not places:
        return line
    holder, key = dice.choice(places)
    if isinstance(holder, dict) and dice.random() < 0.2:
        value = holder.pop(key)
        holder[dice.choice(["", "x", "\x1b[2J", "lanes", "pace", "learned", "id"])] = value
    else:
        holder[key] = copy.deepcopy(dice.choice(OTHERS))
    return json.dumps(entry).encode() + b"\n"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a JSON value: what holds it, and its key or number."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield value, key
        yield from _places(inner)


class LogFuzzer:
    """Tries seeds.

    Attributes:
        counts: What happened.
    """

    COMMANDS: Final = (
        *(["status", "LOG"], ["status", "--json", "LOG"], ["failed", "LOG"]),
        *(["explain", "LOG"], ["explain", "--json", "LOG"]),
        ["delete", "IDS", "-p", "openai", "--log", "LOG", "--dry-run"],
        ["delete", "IDS", "-p", "openai", "--done", "LOG", "--dry-run", "--json"],
    )

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def try_seed(self, seed: int) -> None:
        """Try the log of one seed.

        Raises:
            Exception: What came out that must not.
        """
        dice = random.Random(seed)
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "log.jsonl")
            log.write_bytes(make_log(dice))
            source = Path(folder, "ids.txt")
            source.write_text("".join(f"{object_id}\n" for object_id in IDS), encoding="utf-8")
            for words in self.COMMANDS:
                names = {"LOG": str(log), "IDS": str(source)}
                self._command([names.get(word, word) for word in words])
            self._resume_twice(log)
        self.counts["logs"] += 1

    def try_seeds(self, seeds: Iterable[int]) -> list[str]:
        """Try the logs of many seeds, until `FAILURES_MAX` failed; return what failed."""
        failures: list[str] = []
        for seed in seeds:
            try:
                self.try_seed(seed)
            except Exception:  # noqa: BLE001 - whatever comes out is what is looked for
                failures.append(f"seed {seed}:\n{traceback.format_exc()}")
            if len(failures) == FAILURES_MAX:
                break
        return failures

    def _command(self, words: list[str]) -> None:
        ended = CliRunner().invoke(cli, words)
        if ended.exception is not None and not isinstance(
            ended.exception, SystemExit | BulkdelError
        ):
            raise AssertionError(words[:2]) from ended.exception
        strange = [c for c in ended.output if not c.isprintable() and c != "\n"]
        is_text = words[0] != "failed" and "--json" not in words
        assert not (is_text and strange), (words, strange)
        self.counts[f"{words[0]}: {'refused' if ended.exception else 'read'}"] += 1

    def _resume_twice(self, log: Path) -> None:
        try:
            state, requests = _resume(IDS, log, FakeTransport(), rate=None)
        except BulkdelError:
            self.counts["resume: refused"] += 1
            return
        self.counts["resume: requests"] += requests
        self.counts[f"resume: {state.value}"] += 1
        if state is State.FINISHED:
            assert _resume(IDS, log, FakeTransport()) == (State.FINISHED, 0)


def main() -> int:
    """Try seeds for as long as the command line says."""
    parser = argparse.ArgumentParser(description="Damage result logs and read them.")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    options = parser.parse_args()
    fuzzer = LogFuzzer()
    until_s = time.monotonic() + options.seconds
    seeds = takewhile(
        lambda seed: seed == options.first or time.monotonic() < until_s, count(options.first)
    )
    failures = fuzzer.try_seeds(seeds)
    print(*failures, sep="\n")
    for what, number in sorted(fuzzer.counts.items()):
        print(f"{what:20} {number:12,}")
    print(f"{len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
