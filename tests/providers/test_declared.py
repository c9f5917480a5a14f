"""The conformance suite over all kinds of objects but responses: each has a case for each verdict.

A resource without an entry in `CASES` fails; so does one whose documents say more than its entry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from bulkdel.models import Answer, Meaning
from bulkdel.providers import PROVIDERS, RESPONSES, Resource
from bulkdel.providers.words import Missing

ID = "file-abc123DEF456ghi789"
OTHER = "file-zzz999YYY888xxx777"


class Case(NamedTuple):
    """What a provider answers about `ID`.

    Attributes:
        confirmed: The body that confirms its deletion.
        shown: The body of a GET that shows it.
    """

    confirmed: dict[str, Any]
    shown: dict[str, Any]


def flag(kind: str | None, shown: str = "") -> Case:
    """Return the usual case: the ID, its kind, and that it is deleted."""
    named = {} if kind is None else {"object": kind}
    return Case({"id": ID, **named, "deleted": True}, {"id": ID, "object": shown or kind})


CASES: Mapping[str, Case] = {
    "ark:files": flag("file"),
    "openai:files": flag("file"),
    "openai:vector_stores": flag("vector_store.deleted", "vector_store"),
    "openai:vector_store_files": flag("vector_store.file.deleted", "vector_store.file"),
    "openai:eval_runs": Case(
        {"object": "eval.run.deleted", "deleted": True, "run_id": ID},
        {"id": ID, "object": "eval.run"},
    ),
    "openai:skills": flag("skill.deleted", "skill"),
    "openai:chatkit_threads": flag("chatkit.thread.deleted", "chatkit.thread"),
    "azure:vector_store_files": flag("vector_store.file.deleted", "vector_store.file"),
    "ogx:vector_store_files": flag("vector_store.file.deleted", "vector_store.file"),
    "openai:conversations": flag("conversation.deleted", "conversation"),
    "openai:chat_completions": flag("chat.completion.deleted", "chat.completion"),
    "openai:videos": flag("video.deleted", "video"),
    "openai:evals": Case(
        {"object": "eval.deleted", "deleted": True, "eval_id": ID}, {"id": ID, "object": "eval"}
    ),
    "anthropic:files": Case({"id": ID, "type": "file_deleted"}, {"id": ID, "type": "file"}),
    "anthropic:message_batches": Case(
        {"id": ID, "type": "message_batch_deleted"}, {"id": ID, "type": "message_batch"}
    ),
    "gemini:files": Case({}, {"name": f"files/{ID}"}),
    "gemini:cached_contents": Case({}, {"name": f"cachedContents/{ID}"}),
    "mistral:files": Case(
        {"id": ID, "object": "file", "deleted": True},
        {"id": ID, "object": "file", "deleted": False},
    ),
    "groq:files": flag("file"),
    "azure:files": flag("file"),
    "azure:vector_stores": flag("vector_store.deleted", "vector_store"),
    "ogx:files": flag("file"),
    "ogx:vector_stores": flag("vector_store.deleted", "vector_store"),
    "ogx:conversations": flag("conversation.deleted", "conversation"),
    "xai:files": flag(None, "file"),
    "together:files": flag(None, "file"),
    "openrouter:files": Case({"id": ID, "type": "file_deleted"}, {"id": ID, "type": "file"}),
}
RESOURCES: Mapping[str, Resource] = {
    f"{provider.name}:{resource.name}": resource
    for provider in PROVIDERS.values()
    for resource in provider.resources.values()
    if resource.name != RESPONSES
}
every_resource = pytest.mark.parametrize("lane", RESOURCES)


def judged(lane: str, status: int, body: object, *, get: bool = False) -> Meaning:
    """Return what an answer means."""
    resource = RESOURCES[lane]
    operation = resource.get if get else resource.delete
    assert operation is not None
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return operation.judge(ID, Answer(status, raw, {}, received_s=1e9)).meaning


def test_every_resource_has_its_case() -> None:
    """A declaration that nobody has tried is none."""
    assert set(RESOURCES) == set(CASES)


@every_resource
def test_the_documented_confirmation_is_deleted_and_with_200_alone(lane: str) -> None:
    """The one body that may end an ID as deleted; a 202 would be a promise."""
    confirmed = CASES[lane].confirmed

    assert judged(lane, 200, confirmed) is Meaning.DELETED
    for status in (201, 202, 204, 206, 300, 404, 500):
        assert judged(lane, status, confirmed) is not Meaning.DELETED


@every_resource
def test_a_confirmation_that_is_not_whole_is_asked_again(lane: str) -> None:
    """A part of it, another form of it, a word beside it: nobody knows."""
    confirmed = CASES[lane].confirmed
    odd: list[object] = [b"", b"null", b"[]", b"<html>deleted</html>", {**confirmed, "error": "x"}]
    odd += [{**confirmed, "status": "failed"}, {**confirmed, "message": "try again"}]
    for name in confirmed:
        odd.append(
            {key: value for key, value in confirmed.items() if key != name or key == "object"}
        )
        odd.append({**confirmed, name: None})
    for body in odd:
        if body != confirmed:
            assert judged(lane, 200, body) is not Meaning.DELETED, body


@every_resource
def test_a_confirmation_of_another_object_is_none(lane: str) -> None:
    """What deletes something else than it is told to must not be asked a million times."""
    confirmed = CASES[lane].confirmed
    for name, value in confirmed.items():
        if value == ID:
            assert judged(lane, 200, {**confirmed, name: OTHER}) is not Meaning.DELETED
        elif isinstance(value, str):
            assert judged(lane, 200, {**confirmed, name: "another.deleted"}) is not Meaning.DELETED


@every_resource
def test_every_wording_of_a_missing_object_is_gone_for_our_id_alone(lane: str) -> None:
    """And what is not known to be one is not."""
    words = _missing(lane)
    for each in words:
        for status in each.statuses:
            ours = {"error": {"message": each.text.replace("{id}", ID), "type": "", "code": None}}
            another = {"error": {"message": each.text.replace("{id}", OTHER), "code": None}}
            assert judged(lane, status, ours) is Meaning.GONE
            assert judged(lane, status, another) is not Meaning.GONE
    for status in (400, 403, 404, 410):
        assert judged(lane, status, {"error": {"message": f"no {ID} here"}}) is not Meaning.GONE


def _missing(lane: str) -> list[Missing]:
    """Return the wordings that are declared, out of the closure that judges by them."""
    found: list[Missing] = []
    for cell in RESOURCES[lane].delete.judge.__closure__ or ():
        found += getattr(cell.cell_contents, "missing", [])
    return found


@every_resource
def test_a_get_shows_the_object_of_our_id_alone(lane: str) -> None:
    """It proves that the endpoint sees objects."""
    shown = CASES[lane].shown

    assert judged(lane, 200, shown, get=True) is Meaning.PRESENT
    another = json.loads(json.dumps(shown).replace(ID, OTHER))
    assert judged(lane, 200, another, get=True) is not Meaning.PRESENT
    assert judged(lane, 404, shown, get=True) is not Meaning.PRESENT


@every_resource
@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (401, Meaning.KEY_REFUSED),
        (402, Meaning.ACCOUNT),
        (429, Meaning.REFUSED),
        (500, Meaning.TRANSIENT),
        (503, Meaning.TRANSIENT),
        (302, Meaning.ENDPOINT),
        (404, Meaning.ENDPOINT),
        (405, Meaning.ENDPOINT),
        (400, Meaning.FAILED),
    ],
)
def test_what_any_other_answer_means(lane: str, status: int, meaning: Meaning) -> None:
    """As everywhere: what would hit every ID stops the lane, what may pass is asked again."""
    assert judged(lane, status, b"") is meaning


def test_a_file_that_mistral_shows_as_deleted_is_not_there() -> None:
    """Its schema has the field, so a 200 alone proves nothing."""
    body = {"id": ID, "object": "file", "deleted": True}

    assert judged("mistral:files", 200, body, get=True) is not Meaning.PRESENT


def test_what_gemini_says_of_an_unknown_file_is_no_proof() -> None:
    """The same words came for a project with an unpaid bill."""
    message = f"You do not have permission to access the File {ID} or it may not exist."
    body = {"error": {"code": 403, "message": message, "status": "PERMISSION_DENIED"}}

    assert judged("gemini:files", 403, body) is Meaning.KEY_REFUSED
