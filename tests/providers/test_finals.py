"""``deleted`` and ``gone`` only for a documented answer, matched whole.

A careful reader with the documents before them is the measure: what they would not call
final must not end an ID. `final_bodies` has the documented answers and a grammar that spoils
them; `HELD_OUT` was written before the code, and nothing was tuned on it.
"""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from bulkdel.models import Answer, Meaning
from bulkdel.providers import ark, fireworks, openai
from bulkdel.providers.rules import deletion
from tests.support.final_bodies import DOCUMENTED, ID, OTHER, Sample, is_final, spoilt
from tests.support.provider_answers import error, judge
from tests.support.seeds import seeds

SEEDS = seeds(8000)


def outcome(sample: Sample) -> str | None:
    """Return the word that ends the ID, or None if it does not end."""
    meaning = judge(sample.provider, sample.status, sample.sent).meaning
    return meaning.value if meaning in (Meaning.DELETED, Meaning.GONE) else None


@pytest.mark.parametrize(
    "sample", DOCUMENTED, ids=lambda sample: f"{sample.provider}: {sample.source}"
)
def test_every_documented_answer_is_final(sample: Sample) -> None:
    """Being careful is easy; the documented words must be understood, too."""
    assert is_final(sample)
    assert outcome(sample) == sample.outcome


def test_almost_documented_is_not_final() -> None:
    """Seeded: words put in, left out, turned round, other IDs, failure beside it, wrappings."""
    wrong = []
    final = Counter[bool]()
    for seed in SEEDS:
        sample = spoilt(seed)
        right = sample.outcome if is_final(sample) else None
        final[right is not None] += 1
        if outcome(sample) != right:
            wrong.append(
                f"seed {seed}: {outcome(sample)}, not {right}: {sample.how}: {sample.sent!r}"
            )

    assert not wrong, f"{len(wrong)} of {len(SEEDS)}:\n" + "\n".join(wrong[:10])
    assert min(final.values()) > len(SEEDS) / 20, "the grammar makes both kinds"


IDS = [
    ID,
    OTHER,
    "id",
    "deleted",
    "message",
    "response",
    "true",
    "some_other_ID-0",
    'a"b',
    "é",
    "\\n",
]


def test_what_came_before_does_not_change_what_is_read() -> None:
    """Bodies are remembered with the ID taken out; an ID may be any word of its own body."""
    rng = random.Random(7)
    fresh = {"ark": ark, "fireworks": fireworks, "openai": openai}
    deleted = 0
    for seed in range(4000):
        sample = spoilt(seed)
        if sample.provider not in fresh:
            continue
        object_id, named = rng.choice(IDS), rng.choice(IDS)
        body = sample.sent.replace(ID.encode(), json.dumps(named)[1:-1].encode())
        if rng.random() < 0.5:
            body, named = body.replace(b'"id"', b'"request_id"', 1), object_id
        answer = Answer(sample.status, body)
        module = fresh[sample.provider]

        remembering = judge(sample.provider, sample.status, body, object_id=object_id)

        assert remembering == deletion(module._WORDS, module.RULES)(object_id, answer)
        deleted += remembering.meaning is Meaning.DELETED
    assert deleted > 20


@pytest.mark.parametrize(
    ("provider", "object_id", "before", "after"),
    [
        (
            "fireworks",
            "deleted",
            b'{"message":"Response deleted successfully"}',
            b'{"message":"Response %b successfully"}',
        ),
        (
            "fireworks",
            "message",
            b'{"message":"Response deleted successfully"}',
            b'{"%b":"Response deleted successfully"}',
        ),
        (
            "ark",
            OTHER,
            b'{"request_id":"%b","id":"%b","deleted":true}' % (2 * (OTHER.encode(),)),
            b'{"request_id":"%%b","id":"%b","deleted":true}' % OTHER.encode(),
        ),
    ],
)
def test_an_id_that_is_a_word_of_its_confirmation_stands_for_nothing_else(
    provider: str, object_id: str, before: bytes, after: bytes
) -> None:
    """What is remembered of one ID must not confirm the next in a body that names another."""
    assert judge(provider, 200, before, object_id=object_id).meaning is Meaning.DELETED

    assert judge(provider, 200, after % ID.encode()).meaning is not Meaning.DELETED


def test_a_mark_in_the_ids_place_confirms_nothing() -> None:
    """A zero byte stands for the ID in what is remembered; a garbled body may hold one."""
    body = b'{"id":"%b","object":"response","deleted":true}'
    assert judge("ark", 200, body % ID.encode()).meaning is Meaning.DELETED

    assert judge("ark", 200, body % b"\0").meaning is Meaning.TRANSIENT
    assert judge("ark", 200, body % b"\0", object_id="\0").meaning is not Meaning.DELETED


FLAG = {"id": ID, "object": "response", "deleted": True}
HELD_OUT: list[tuple[int, object]] = [
    # 404s that speak of something else, or of nothing for certain.
    *(
        (404, shape)
        for words in (
            "API key object not found",
            "Upstream response not found",
            f"Response {ID} not found in this region",
            f"Response with id '{ID}' not found, or you do not have access to it.",
            f"Response with id '{ID}' not found. Replication lag, try again",
            f"Response with id '{ID}' not found in cache, checking the database",
            f"We could not determine whether response {ID} exists",
            f"Response {ID} was not found to be deletable",
            f"No response: {ID} timed out",
            f"Response '{ID}' cannot be found right now",
            f"Response store for '{ID}' not found",
            f"Item of response {ID} not found",
            f"The response {ID} does not exist yet",
            f"Response {ID} not found (shard 3 is offline)",
            f"Response with id '{ID}' not found under project proj_123",
            f"Response with id '{ID}' not found for api-version 2024-02-01",
            f"Owner of Response '{ID}' not found",
            f"{ID}: policy object not found",
            f"no such object: bucket for {ID}",
            f"Object not found: backend for {ID} is not registered",
            "response not found",
            "Object not found",
            "The requested response does not exist",
            f"Deployment for response {ID} does not exist",
            f"Response {ID} already deleted? Check the audit log",
            f"Cannot find tenant of {ID}; response not found",
            f"Response '{ID}' not found, falling back to region eu-west",
            f"Response with id '{ID}…' not found.",
            f"Response with id '{ID}' found.",
            f"Response with id '{ID}' not found by replica 2 of 3.",
        )
        for shape in (error(None, words), {"detail": words}, {"message": words})
    ),
    (404, error("service_unavailable", f"Response with id '{ID}' not found.")),
    (404, error(None, f"Response with id '{ID}' not found.", "server_error")),
    (404, {**error(None, f"Response with id '{ID}' not found."), "retryable": True}),
    (404, {**error(None, f"Response with id '{ID}' not found."), "exists": True}),
    (410, error(None, "This API version is gone. Response not found")),
    (200, error(None, f"Response with id '{ID}' not found.")),
    (503, error(None, f"Response with id '{ID}' not found.")),
    # 200s that do not say that it is done.
    (200, {**FLAG, "status": "in_progress"}),
    (200, {**FLAG, "lifecycle": "soft_deleted"}),
    (200, {**FLAG, "purge_at": 1_800_000_000}),
    (200, {**FLAG, "async": True}),
    (200, {**FLAG, "dry_run": True}),
    (200, {**FLAG, "simulated": "yes"}),
    (200, {**FLAG, "restorable_until": "2026-12-31"}),
    (200, {**FLAG, "job": {"state": "queued"}}),
    (200, {**FLAG, "http_code": 409}),
    (200, {**FLAG, "exception": "TimeoutError"}),
    (200, {**FLAG, "failures": 1}),
    (200, {**FLAG, "detail": "the storage backend did not answer"}),
    (200, {"data": FLAG}),
    (200, {"id": ID, "object": "response", "deleted": True, "object_deleted": False}),
    (200, {"deleted": True}),
    (200, {"object": "response", "deleted": True}),
    (200, {"deleted": [ID]}),
    (200, {"message": "Response deletion successfully queued"}),
    (200, {"message": "Model deleted successfully"}),
    (200, {"message": "Response deleted successfully", "success": False}),
    (200, {"message": "Response deleted successfully", "status": "error"}),
    (200, {"message": "Response deleted successfully from cache"}),
    (200, {"message": "Response deleted"}),
    (200, {"message": "deleted response was successfully with this model"}),
    (200, {"message": f"Response {OTHER} deleted successfully"}),
    (200, {"message": "Response deleted successfully", "deleted": False}),
    (200, {"message": "Response deleted successfully", "deleted": 0}),
    (202, {"message": "Response deleted successfully"}),
]


@pytest.mark.parametrize("provider", ["ark", "fireworks", "openai", "litellm"])
def test_what_a_careful_reader_would_not_call_final_is_not(provider: str) -> None:
    """None of these was looked at while the code was written."""
    believed = [
        (status, body)
        for status, body in HELD_OUT
        if judge(provider, status, body).meaning in (Meaning.DELETED, Meaning.GONE)
    ]

    assert not believed, f"{len(believed)} of {len(HELD_OUT)}"
