"""Bodies nested, wrapped and damaged at random, seeded: what no table of real ones has.

wrapped   an error in objects, lists and texts, beside other fields: it says what it said
damaged   any body with types changed, parts cut, doubled or buried: it may say anything
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final

_NAMES: Final = (
    *("error", "errors", "detail", "details", "fault", "data", "result", "response", "body"),
    *("exception", "problem", "inner", "innererror", "cause", "Error", "failure", "upstream"),
    *("message", "meta", "x", "", "0", "é", "__root__", "deleted", "id", "object"),
)
_BESIDE: Final[dict[str, Any]] = {
    "success": False,
    "status": 400,
    "statusCode": "400",
    "timestamp": "2026-01-01T00:00:00Z",
    "path": "/v1/responses/x",
    "request_id": "req_1",
    "result": None,
    "messages": [],
    "documentation_url": "https://api.example.com/errors",
    "trace": {"id": "t1", "spans": [1, 2, [3, {"a": "b"}]]},
    "count": 3,
    "ok": 0.5,
    "retryable": True,
}
_ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1e308, 2**63, "", " ", "\x00", "\u202e", "x" * 9000, [], {}, [[]]),
    *({"": ""}, [None] * 50, "deleted", "not found", "{", '{"error":', "<html>", "429", "é" * 700),
)


def wrapped(rng: random.Random, error: Any, levels: int) -> Any:
    """Return an error wrapped so many times, beside fields that say nothing of it."""
    value = error
    for _ in range(levels):
        value = rng.choice(_WRAPPINGS)(rng, value)
    return value


def _in_object(rng: random.Random, value: Any) -> Any:
    beside = rng.sample(sorted(_BESIDE), rng.randrange(4))
    name = rng.choice([name for name in _NAMES if name not in beside])
    fields = [(name, value), *((each, _BESIDE[each]) for each in beside)]
    rng.shuffle(fields)
    return dict(fields)


def _in_list(rng: random.Random, value: Any) -> Any:
    values = [value, *rng.choices((None, {}, 1, [], {"code": 0}), k=rng.randrange(3))]
    rng.shuffle(values)
    return values


def _in_text(rng: random.Random, value: Any) -> Any:
    text = json.dumps(value if isinstance(value, dict) else {"error": value})
    before = rng.choice(("", "upstream: ", "Exception - ", "b'"))
    after = rng.choice(("", ".", "\n\nNo fallback was attempted.", "'"))
    return {rng.choice(("message", "detail", "error", "msg")): before + text + after}


_WRAPPINGS: Final[tuple[Callable[[random.Random, Any], Any], ...]] = (
    *(_in_object, _in_object, _in_object, _in_list, _in_text),
)


def damaged(rng: random.Random, body: bytes) -> bytes:
    """Return a body with one to three things done to it."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        body = rng.choice(_DAMAGES)(rng, body)
    return body[:65_537]


def _other_types(rng: random.Random, body: bytes) -> bytes:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body + b'{"error":'
    return json.dumps(_changed(rng, value)).encode("utf-8", "surrogatepass")


def _changed(rng: random.Random, value: Any, depth: int = 0) -> Any:
    if rng.random() < 0.2 or depth > 20:
        return rng.choice(_ODD)
    if isinstance(value, dict):
        return {
            (rng.choice(_NAMES) if rng.random() < 0.1 else name): _changed(rng, held, depth + 1)
            for name, held in value.items()
        }
    if isinstance(value, list):
        return [_changed(rng, held, depth + 1) for held in value]
    return value


def _cut(rng: random.Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body) + 1)]


def _flipped(rng: random.Random, body: bytes) -> bytes:
    flipped = bytearray(body or b" ")
    for _ in range(rng.randrange(1, 4)):
        flipped[rng.randrange(len(flipped))] = rng.randrange(256)
    return bytes(flipped)


def _doubled(rng: random.Random, body: bytes) -> bytes:  # noqa: ARG001 - as the others
    return body + body


def _named_twice(rng: random.Random, body: bytes) -> bytes:
    twice = rng.choice((b'"deleted":false,', b'"error":{"code":"x"},', b'"message":"no",'))
    return body.replace(b"{", b"{" + twice, 1)


def _buried(rng: random.Random, body: bytes) -> bytes:
    depth = rng.choice((3, 40, 500, 1023, 1024, 5000))
    opening, closing = rng.choice(((b'{"error":', b"}"), (b"[", b"]"), (b'{"detail":[', b"]}")))
    return opening * depth + body + closing * depth


def _in_page(rng: random.Random, body: bytes) -> bytes:
    tag = rng.choice((b"pre", b"script", b"title", b"Code", b"!--"))
    return b"<html><" + tag + b">" + body + b"</" + tag + b"></html>"


def _garbage(rng: random.Random, body: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    filler = rng.choice(
        (b"<" * 3000, b"&#" * 900, b"\xff\xfe", b'{"' * 400, b"\\", b"\xef\xbb\xbf")
    )
    return body[:at] + filler + body[at:]


_DAMAGES: Final[tuple[Callable[[random.Random, bytes], bytes], ...]] = (
    *(_other_types, _other_types, _cut, _flipped, _doubled, _named_twice, _buried, _in_page),
    _garbage,
)
