"""An error says what it says whatever it is wrapped in, and nothing odd ends an ID or a run."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from bulkdel.models import LimitKind, Meaning
from bulkdel.providers.bodies import DEPTH_MAX, read_body
from tests.providers.test_real_answers import REAL
from tests.support.final_bodies import DOCUMENTED, Sample, is_final, spoilt
from tests.support.provider_answers import ID, PROVIDERS, judge
from tests.support.wrapped_bodies import damaged, wrapped

SEEDS = 4000
LEVELS_MAX = 6

SAID: list[tuple[int, dict[str, Any], Meaning]] = [
    (429, {"code": "insufficient_quota", "message": "You exceeded your quota"}, Meaning.ACCOUNT),
    (429, {"type": "insufficient_quota", "code": None}, Meaning.ACCOUNT),
    (400, {"message": "Incorrect API key provided: sk-1***"}, Meaning.KEY_REFUSED),
    (400, {"code": 400, "details": [{"reason": "API_KEY_INVALID"}]}, Meaning.KEY_REFUSED),
    (403, {"reason": "userRateLimitExceeded", "message": "Slower"}, Meaning.REFUSED),
    (403, {"error": "You have used all available credits"}, Meaning.ACCOUNT),
    (403, {"errorcode": "AccessDenied", "faultstring": "No."}, Meaning.KEY_REFUSED),
    (403, {"message": "Missing Authentication Token"}, Meaning.ENDPOINT),
    (422, {"msg": "bad", "loc": ["path"]}, Meaning.FAILED),
]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("status", "error", "meaning"), SAID)
def test_an_error_says_the_same_in_any_wrapping(
    provider: str, status: int, error: dict[str, Any], meaning: Meaning
) -> None:
    """Nobody can list what servers and gateways wrap errors in."""
    rng = random.Random(f"{provider} {status} {error}")
    for levels in range(LEVELS_MAX + 1):
        for _ in range(25):
            body = wrapped(rng, error, levels)
            assert judge(provider, status, body).meaning is meaning, json.dumps(body)


def test_which_limit_it_is_survives_any_wrapping() -> None:
    """The pace acts on it."""
    rng = random.Random(11)
    for levels in range(LEVELS_MAX + 1):
        body = wrapped(rng, {"message": "Too many concurrent requests"}, levels)
        assert judge("openai", 429, body).limit is LimitKind.CONCURRENCY


def test_what_a_server_error_quotes_deep_inside_is_not_about_us() -> None:
    """The server's own store may have refused the server's own key."""
    cause = {"code": "AccessDenied", "message": "incorrect API key; rate limit"}
    body = {"error": {"code": "InternalServiceError", "message": "Oops", "innererror": cause}}

    assert judge("ark", 500, body).meaning is Meaning.TRANSIENT
    assert judge("ark", 403, body).meaning is not Meaning.TRANSIENT


@pytest.mark.parametrize("provider", PROVIDERS)
def test_nothing_odd_ends_an_id_or_raises(provider: str) -> None:
    """Whatever a server sends: no exception, and no end but in the provider's whole words."""
    rng = random.Random(f"odd {provider}")
    bodies = [answer.sent for answer in REAL] + [known.sent for known in DOCUMENTED]
    statuses = [200, 200, 400, 403, 404, 404, 410, 422, 429, 500, 503, 599, 302, 99, 0]
    ended = 0
    for seed in range(SEEDS):
        body = damaged(rng, rng.choice((rng.choice(bodies), spoilt(seed).sent)))
        if b'"usage"' in body:  # tokens may be counted under any names; the oracle knows a few
            continue
        status = rng.choice(statuses)

        verdict = judge(provider, status, body, {"retry-after": rng.choice(("", "5", "x"))})

        assert len(verdict.message or "") <= 500
        assert (verdict.message or " ").isprintable()
        assert len(verdict.code or "") <= 200
        if verdict.meaning in (Meaning.DELETED, Meaning.GONE):
            ended += 1
            sample = Sample(provider, verdict.meaning.value, status, {}, "", raw=body)
            assert is_final(sample), body
    assert ended < SEEDS / 20


@pytest.mark.parametrize("known", DOCUMENTED, ids=lambda known: f"{known.provider}: {known.source}")
def test_the_whole_words_in_a_foreign_wrapping_end_nothing(known: Sample) -> None:
    """Beside or around them may stand what takes them back; only what is known is let through."""
    rng = random.Random(known.source)
    for levels in (1, 2, 3, 4, 5):
        for _ in range(20):
            sample = replace(known, raw=json.dumps(wrapped(rng, known.body, levels)).encode())

            meaning = judge(known.provider, known.status, sample.sent).meaning

            if meaning in (Meaning.DELETED, Meaning.GONE):
                assert is_final(sample), sample.sent


def test_a_body_is_looked_at_only_so_deep_and_so_far() -> None:
    """64 KiB of nesting must not hold up the lane."""
    error: Any = {"code": "insufficient_quota"}
    for _ in range(DEPTH_MAX + 1):
        error = {"error": error}

    assert read_body(json.dumps(error).encode()) == []
    assert len(read_body(json.dumps([{"code": "x"}] * 5000).encode())) < 300
    assert judge("openai", 400, {"message": f"{ID} " * 3000}).meaning is Meaning.FAILED
