"""Answer a run with damaged and odd answers: nothing but a result or a stop may come of them.

    python -m tests.fuzz.answers --seconds 60            as many as it can
    python -m tests.fuzz.answers --seconds 0 --from 17   one seed alone

A seed runs some IDs of one provider at a search for its pace, on a clock that jumps. Each answer is
a body that ends an ID or almost does (`final_bodies`), its bytes damaged in many, with any status,
and with headers of limits that hold anything. Whatever the run meets, it ends by a summary that adds
up; an exception of any other kind has come from nowhere but a mistake of ours.
"""

from __future__ import annotations

import argparse
import json
import random
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from itertools import count, takewhile
from typing import Any, Final

import anyio
from trio.testing import MockClock

from bulkdel import Lane, State, delete_ids
from bulkdel.models import Answer
from tests.support.engine_fakes import FakeTransport, deleted, edge, wall_clock
from tests.support.final_bodies import ID, spoilt
from tests.support.hostile import damaged
from tests.support.lane_job import ids
from tests.support.provider_answers import PROVIDERS

FAILURES_MAX: Final = 20

HEADERS: Final = (
    *("retry-after", "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests"),
    *("x-ratelimit-reset-requests", "ratelimit", "ratelimit-policy", "ratelimit-limit"),
    *("ratelimit-remaining", "ratelimit-reset", "x-ratelimit-limit", "x-ratelimit-remaining"),
    *("x-ratelimit-reset", "retry-after-ms", "x-request-id", "date", "content-type"),
)
VALUES: Final = (
    *("", "0", "-1", "1", "20", "1e400", "nan", "inf", "-0", "9" * 400, "0x10", "1_000", "²", "٣"),
    *("1s", "6m0s", "20ms", "1h", "Wed, 21 Oct 2055 07:28:00 GMT", "Wed, 99 Foo 0 0:0:0 GMT"),
    *('"default";r=50;t=30', '"default";q=100;w=60', ";;;=", "limit=10, remaining=", "\xff", ","),
    *("2055-01-01T00:00:00Z", "0000-00-00", "1795000000", "17950000000000", "10;w=60", "text"),
)
BODIES: Final = (
    *(
        b"",
        b"null",
        b"0",
        b"[]",
        b'""',
        b"{}",
        b"[" * 5000,
        b'{"a":' * 5000,
        b"\xff\xfe",
        b"<html>",
    ),
    *(b'{"error":null}', b'{"error":[]}', b'{"error":{"error":{"error":"x"}}}', b"9" * 5000),
    *(b'{"error":{"message":{"a":1},"code":[],"type":{}}}', b'{"detail":[{"loc":[1],"msg":null}]}'),
)


def make_answer(object_id: str, dice: random.Random) -> Answer:
    """Make an answer, most of them sound."""
    if dice.random() < 0.85:
        return deleted(object_id)
    sample = spoilt(dice.getrandbits(32))
    body = json.dumps(sample.body).encode().replace(ID.encode(), object_id.encode())
    status = sample.status
    if dice.random() < 0.3:
        body = dice.choice(BODIES)
    if dice.random() < 0.5:
        body = damaged(body, dice)
    if dice.random() < 0.5:
        status = dice.choice([200, 201, 204, 301, 400, 401, 404, 408, 409, 429, 500, 503, 599, 999])
    some = {dice.choice(HEADERS): dice.choice(VALUES) for _ in range(dice.randrange(4))}
    return Answer(status, body, some, received_s=wall_clock())


class AnswerFuzzer:
    """Tries seeds.

    Attributes:
        counts: What happened.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def try_seed(self, seed: int) -> None:
        """Try the run of one seed.

        Raises:
            Exception: What came out that must not.
        """
        dice = random.Random(seed)
        provider = dice.choice(list(PROVIDERS.values()))
        transport = FakeTransport(lambda object_id, _: make_answer(object_id, dice))
        lane = Lane(provider=provider, api_key="key", attempts_max=3, concurrency=8)
        options: dict[str, Any] = {
            "allow_gone": dice.random() < 0.7,
            "wait_long": dice.random() < 0.3,
        }

        async def run() -> None:
            with anyio.fail_after(1000 * 3600):
                summary = await delete_ids(ids(40), lane=lane, edge=edge(transport), **options)
            assert summary.counts.pending >= 0
            assert summary.state is not State.INTERRUPTED
            assert bool(summary.reason) == (summary.state is State.STOPPED)
            self.counts[f"runs {summary.state.value}"] += 1
            self.counts["answers"] += summary.counts.requests
            self.counts["IDs ended"] += summary.counts.ended

        anyio.run(run, backend="trio", backend_options={"clock": MockClock(autojump_threshold=0)})

    def try_seeds(self, seeds: Iterable[int]) -> list[str]:
        """Try the runs of many seeds, until `FAILURES_MAX` failed; return what failed."""
        failures: list[str] = []
        for seed in seeds:
            try:
                self.try_seed(seed)
            except Exception:  # noqa: BLE001 - whatever comes out is what is looked for
                failures.append(f"seed {seed}:\n{traceback.format_exc()}")
            if len(failures) == FAILURES_MAX:
                break
        return failures


def main() -> int:
    """Try seeds for as long as the command line says."""
    parser = argparse.ArgumentParser(description="Answer runs with damaged answers.")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    options = parser.parse_args()
    fuzzer = AnswerFuzzer()
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
