"""Logs of every kind for reports: drawn histories of runs, damage, and words that are an attack."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

HOSTILE: Final = (
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "]]> --> <!-- </title>",
    "| ` * _ # [a](javascript:alert(1)) ``` \\",
    "a\x00b\x1b[31mc\u202ed\u200be",
    "&amp;&lt;&#x3c;script&#x3e;",
    "\ud800 half",
    "x" * 5_000,
)
"""What a provider's error, a file's name or an ID may hold."""

BEGAN_S: Final = 1_795_000_000.0


def at(seconds: float) -> str:
    """Return a time as the log writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def header(began_s: float, lanes: list[str], sources: list[str] | None = None) -> dict[str, Any]:
    """Return the header of a run."""
    sources = ["ids.txt"] if sources is None else sources
    return {
        "run": {
            "at": at(began_s),
            "version": "0.1.0",
            "lanes": {
                lane: {"provider": lane, "resource": "responses", "base_url": "https://example.com"}
                for lane in lanes
            },
            "sources": sources,
        }
    }


def result(lane: str, object_id: str, outcome: str, at_s: float, **more: Any) -> dict[str, Any]:
    """Return a result."""
    head = {"id": object_id, "lane": lane, "outcome": outcome, "status": 200, "attempts": 1}
    return {**head, "at": at(at_s), "ms": 84, **more}


def pace(lane: str, at_s: float, requests: int, refused: int) -> dict[str, Any]:
    """Return a pace record."""
    return {
        "pace": {
            "lane": lane,
            "at_s": at_s,
            "ended": requests,
            "requests": requests,
            "refused": refused,
            "rate": 20.0,
            "limit": "about 20/s",
            "learned": {"rate": 20.0},
            "bound_s": {"rate": at_s * 0.9, "busy": at_s * 0.1},
            "cpu_s": 0.1,
        }
    }


def end(
    at_s: float, elapsed_s: float, lanes: dict[str, dict[str, int]], **more: Any
) -> dict[str, Any]:
    """Return the end of a run; its counts are the sums."""
    names = {name for counts in lanes.values() for name in counts}
    sums = {name: sum(counts.get(name, 0) for counts in lanes.values()) for name in names}
    body = {"state": "finished", "reason": None, **sums, "elapsed_s": elapsed_s, "lanes": lanes}
    return {"end": {**body, **more}, "at": at(at_s)}


def write(path: Path, records: list[Any]) -> Path:
    """Write records as a log; bytes stand as they are."""
    lines = [each if isinstance(each, bytes) else orjson.dumps(each) + b"\n" for each in records]
    path.write_bytes(b"".join(lines))
    return path


def history(rng: random.Random) -> list[Any]:
    """Return the records of some drawn runs: with pauses of days, kills, resumes, retries, damage."""
    lanes = rng.sample(["ark", "fireworks", "openai:files", "ä <b>"], rng.randint(1, 3))
    now_s = BEGAN_S
    records: list[Any] = []
    for _ in range(rng.randint(1, 5)):
        began_s, records = now_s, [*records, header(now_s, lanes)]
        asked = dict.fromkeys(lanes, 0)
        for _ in range(rng.randint(0, 60)):
            now_s += rng.choice([0.0, 0.05, 1.0, 9.0])
            lane = rng.choice(lanes)
            asked[lane] += 1
            outcome = rng.choice(["deleted"] * 6 + ["gone", "failed", "invalid"])
            more: dict[str, Any] = {"ms": rng.choice([0, 3, 90, 30_000])}
            if outcome == "failed":
                more |= {
                    "status": 503,
                    "retryable": rng.random() < 0.5,
                    "error": rng.choice(HOSTILE[:6]),
                }
            records.append(result(lane, f"id_{rng.randrange(80)}", outcome, now_s, **more))
            if rng.random() < 0.1:
                records.append(pace(lane, now_s - began_s + 0.01, asked[lane], rng.randrange(3)))
            if rng.random() < 0.03:
                order = {"order": rng.choice(["rate", "pause"]), "lane": rng.choice([None, lane])}
                records.append(
                    {"control": {**order, "value": rng.choice([None, 5.0])}, "at": at(now_s)}
                )
            if rng.random() < 0.02:
                records.append(b'{"id":"x","lane":"ark","outc\n')
        if rng.random() < 0.7:
            counts = {
                lane: {"requests": count, "pending": rng.randrange(3)}
                for lane, count in asked.items()
            }
            records.append(end(now_s, now_s - began_s, counts))
        now_s += rng.choice([1.0, 100.0, 9e4, 5e6])
    return records


def mangled(rng: random.Random, value: Any) -> Any:
    """Return a value in which something is of another kind, as a damaged file or a newer version has it."""
    odd = [None, True, -1, 1e300, "", "x", [], {}, [1], {"a": 1}, 10**18, "2026-99-99T00:00:00Z"]
    if rng.random() < 0.15:
        return rng.choice(odd)
    if isinstance(value, dict):
        return {name: mangled(rng, of) for name, of in value.items() if rng.random() > 0.05}
    if isinstance(value, list):
        return [mangled(rng, of) for of in value]
    return value
