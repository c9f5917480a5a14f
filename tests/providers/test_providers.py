"""The conformance suite over all providers.

A new provider is done when it passes: add its confirmation and its words for a missing
object to `CONFIRMED` and `gone` in ``provider_answers``.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkdel.errors import ConfigError
from bulkdel.models import Meaning
from bulkdel.providers import Provider, get
from tests.support.provider_answers import (
    CONFIRMED,
    FLAG,
    ID,
    ODD_BODIES,
    OTHER,
    PROVIDERS,
    WORDS,
    error,
    every_provider,
    gone,
    judge,
)

# --- every provider ---------------------------------------------------------------------


@every_provider
def test_documented_confirmation_is_deleted(provider: Provider) -> None:
    """The one body that may end an ID as deleted."""
    assert judge(provider, 200, CONFIRMED[provider.name]).meaning is Meaning.DELETED


@every_provider
@pytest.mark.parametrize("status", [201, 202, 204, 206, 299, 300, 404, 500])
def test_confirmation_with_another_status_is_not_deleted(provider: Provider, status: int) -> None:
    """Only 200 is documented; 202 would be a promise, and a cache may answer 206."""
    assert judge(provider, status, CONFIRMED[provider.name]).meaning is not Meaning.DELETED


@every_provider
@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES.keys())
def test_success_that_cannot_be_understood_is_tried_again(provider: Provider, body: bytes) -> None:
    """Both official SDKs throw the body away and call each of these a success."""
    verdict = judge(provider, 200, body)

    assert verdict.meaning is Meaning.TRANSIENT
    assert verdict.message


@every_provider
@pytest.mark.parametrize("change", [{"id": OTHER}, {"id": ID.upper()}, {"object": "file"}])
def test_confirmation_of_another_object_stops_the_lane(
    provider: Provider, change: dict[str, str]
) -> None:
    """What deletes something else than it is told to must not be asked a million times."""
    verdict = judge(provider, 200, CONFIRMED[provider.name] | change)

    assert verdict.meaning is Meaning.ENDPOINT
    assert next(iter(change.values())) in (verdict.message or "")


@every_provider
def test_missing_object_is_gone(provider: Provider) -> None:
    """An ID that no longer exists needs no further attempt."""
    verdict = judge(provider, 404, gone(provider.name, ID))

    assert verdict.meaning is Meaning.GONE
    assert "not found" in (verdict.message or "")


@every_provider
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>404 Not Found</h1></html>",
        b"404 page not found",
        {},
        {"detail": "Not Found"},
        {"error": {"code": "404", "message": "Resource not found"}},
        {"message": f"Route DELETE:/v1/responses/{ID} not found", "error": "Not Found"},
        {"message": f"Cannot DELETE /v1/responses/{ID}", "error": "Not Found", "statusCode": 404},
        {"timestamp": 1, "status": 404, "error": "Not Found", "path": f"/responses/{ID}"},
        error("NOT_FOUND", "Model not found, inaccessible, and/or not deployed"),
        error("NOT_FOUND", f"The path /v1/responses/{ID} does not exist"),
        error(None, f"Response with id '{OTHER}' not found."),
        error(None, f"Response with id {ID}0 not found."),
        error("NotFound.ResponseId", f"The specified response {OTHER} is not found."),
        error(None, "Response not found, id: 4711"),
        error(None, f"Response not found: {OTHER}"),
        error(None, "Previous response not found"),
        error(None, "No response from upstream"),
        # It may well be missing, but nobody has seen a provider say it so. Each was believed.
        {"detail": f"Response with id {ID} not found"},
        {"detail": f"{ID} not found."},
        {"detail": "Response not found"},
        {"error": f"No such response: {ID}", "code": "not-found"},
        {"code": "NOT_FOUND", "message": f'Response "{ID}" does not exist'},
        {"message": f"Response not found: {ID}"},
        {"detail": {"message": f"Response {ID} has already been deleted"}},
        # Also for one that is there, but not ours to see (MatrixOrigin Genesis).
        error("response_state_not_found", "response state not found"),
        error(None, f"Response '{ID}' not found. Use 'client.responses.list()' to list them."),
    ],
)
def test_404_about_something_else_stops_the_lane(provider: Provider, body: object) -> None:
    """A mistyped base URL answers 404 to everything, and would look like "all gone"."""
    assert judge(provider, 404, body).meaning is Meaning.ENDPOINT


@every_provider
@pytest.mark.parametrize(
    "object_id", ["not", "id", "a", "response", "found", "0", "l'été/1+=", "{id}", "{0}", r"\d+"]
)
def test_any_id_may_stand_in_the_words_for_gone(provider: Provider, object_id: str) -> None:
    """An ID may be a word of the sentence it stands in, or read like a template."""
    body = gone(provider.name, object_id)

    assert judge(provider, 404, body, object_id=object_id).meaning is Meaning.GONE
    assert judge(provider, 404, body, object_id=ID).meaning is Meaning.ENDPOINT


def test_gone_at_400_only_in_the_words_that_come_with_it() -> None:
    """Older llama-stack answers 400; any other 400 is a plain failure."""
    words = {"error": {"detail": f"Invalid value: Response with id {ID} not found"}}

    assert judge("openai", 400, words).meaning is Meaning.GONE
    assert judge("openai", 404, words).meaning is Meaning.ENDPOINT
    assert judge("openai", 400, gone("openai", ID)).meaning is Meaning.FAILED
    assert judge("ark", 400, words).meaning is Meaning.FAILED


@every_provider
@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "60"}, 60.0),
        ({"retry-after": "Sun, 09 Sep 2001 01:47:10 GMT"}, 30.0),
    ],
)
def test_refused_carries_the_wait(
    provider: Provider, headers: dict[str, str], wait_s: float | None
) -> None:
    """The pace and the next attempt both go by it."""
    verdict = judge(provider, 429, error("too_many", "Slow down"), headers)

    assert verdict.meaning is Meaning.REFUSED
    assert verdict.retry_after_s == wait_s
    assert judge(provider, 503, b"", headers).retry_after_s == wait_s


BY_STATUS = [
    (401, Meaning.KEY_REFUSED),
    (402, Meaning.ACCOUNT),
    (403, Meaning.KEY_REFUSED),
    *((status, Meaning.ENDPOINT) for status in (301, 302, 304, 307, 308, 405, 407, 501)),
    *((status, Meaning.TRANSIENT) for status in (0, 100, 408, 409, 425, 500, 502, 503, 504, 529)),
    *((status, Meaning.FAILED) for status in (400, 413, 422, 431, 451)),
    (429, Meaning.REFUSED),
]


@every_provider
@pytest.mark.parametrize(("status", "meaning"), BY_STATUS)
@pytest.mark.parametrize("body", [b"", b"<html>\x1b[31mno</html>", error("X", "something")])
def test_status_decides_where_the_body_says_nothing(
    provider: Provider, status: int, meaning: Meaning, body: object
) -> None:
    """A proxy answers in HTML or not at all, and the lane must still do the right thing."""
    verdict = judge(provider, status, body)

    if status == 403 and isinstance(body, bytes) and body:
        meaning = Meaning.ENDPOINT  # a page refuses, which says nothing about the key
    assert verdict.meaning is meaning
    assert verdict.message
    assert verdict.message.isprintable()


@every_provider
def test_an_id_that_reads_like_a_denial_confirms_nothing(provider: Provider) -> None:
    """An ID is foreign text: it must not take the word "not" out of a sentence."""
    body = {"message": "Response not deleted"}

    assert judge(provider, 200, body, object_id="not").meaning is Meaning.TRANSIENT


@every_provider
def test_messages_are_short_clean_and_without_the_key(provider: Provider) -> None:
    """A message goes to the log and a terminal; a proxy may quote our own request."""
    text = "bad\r\n\x1b[2J\u202e\x00 header 'Authorization: Bearer sk-secret' " + "x" * 9000

    verdict = judge(provider, 500, error("E\n1", text), {"x-request-id": "req\n1"})

    assert verdict.message is not None
    assert len(verdict.message) == 500
    assert verdict.message.isprintable()
    assert "sk-secret" not in verdict.message
    assert (verdict.code, verdict.request_id) == ("E 1", "req 1")


# --- properties -------------------------------------------------------------------------

_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=20),
    st.sampled_from([ID, OTHER, "response", "file", "deleted", "Response deleted successfully"]),
    st.sampled_from(["not deleted", "Response not found", f"Response {ID} not found", "NotFound"]),
)
_keys = st.sampled_from(["id", "object", "deleted", "message", "error", "code", "detail", "type"])
_objects = st.dictionaries(_keys, st.one_of(_values, st.dictionaries(_keys, _values)))
_bodies = st.one_of(
    st.binary(max_size=200),
    _objects.map(lambda value: json.dumps(value).encode()),
    st.lists(_objects, max_size=3).map(lambda value: json.dumps(value).encode()),
    st.sampled_from([json.dumps(FLAG).encode(), json.dumps(WORDS).encode()]),
)
_statuses = st.one_of(st.sampled_from([200, 200, 400, 404, 429]), st.integers(0, 999))
_headers = st.dictionaries(
    st.sampled_from(["retry-after", "retry-after-ms", "date", "location", "x-request-id"]),
    st.text(max_size=30),
)


def is_documented(name: str, status: int, body: bytes) -> bool:
    """Say whether this is the confirmation of `ID` that the provider documents."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if status != 200 or not isinstance(value, dict) or value.get("id", ID) != ID:
        return False
    if name == "fireworks":
        said = str(value.get("message")).lower()
        return "deleted" in said and "not" not in said and "fail" not in said
    return value.get("deleted") is True


@every_provider
@given(status=_statuses, body=_bodies, headers=_headers)
@example(status=200, body=json.dumps(FLAG | WORDS).encode(), headers={})
def test_deleted_only_by_the_documented_body(
    provider: Provider, status: int, body: bytes, headers: dict[str, str]
) -> None:
    """Whatever a server sends: no exception, and no deletion that it did not confirm."""
    verdict = judge(provider, status, body, headers)

    if verdict.meaning is Meaning.DELETED:
        assert is_documented(provider.name, status, body)
    if verdict.meaning is Meaning.GONE:
        assert status in (400, 404, 410, 422)
        assert any(word in body.lower() for word in (b"not found", b"exist", b"notfound"))


# --- the registry -----------------------------------------------------------------------


def test_facts_of_the_providers() -> None:
    """URLs, keys and limits are what a million requests go by."""
    facts = {
        p.name: (p.resource().delete.url(p.base_url, "resp_1"), p.key_env, p.rate_max)
        for p in PROVIDERS.values()
    }

    assert facts == {
        "ark": (
            "https://ark.cn-beijing.volces.com/api/v3/responses/resp_1",
            "ARK_API_KEY",
            20.0,
        ),
        "fireworks": (
            "https://api.fireworks.ai/inference/v1/responses/resp_1",
            "FIREWORKS_API_KEY",
            80.0,
        ),
        "openai": ("https://api.openai.com/v1/responses/resp_1", "OPENAI_API_KEY", None),
        "litellm": ("http://127.0.0.1:4000/v1/responses/resp_1", "LITELLM_PROXY_API_KEY", None),
    }


def test_a_documented_limit_names_its_source() -> None:
    """A job of hours goes by it, and `bulkdel providers` is where people look it up."""
    for provider in PROVIDERS.values():
        if provider.rate_max is not None:
            assert "https://" in provider.rate_note or "github.com/" in provider.rate_note


def test_names_are_looked_up_with_a_suggestion() -> None:
    """A typing error must not leave the user to search the manual."""
    assert get("ark") is PROVIDERS["ark"]
    with pytest.raises(
        ConfigError, match=r"'Firework'.*ark, fireworks, openai, litellm.*'fireworks'\?"
    ):
        get("Firework")
    with pytest.raises(ConfigError, match=r"known are: ark, fireworks, openai, litellm, .*xai\.$"):
        get("")
