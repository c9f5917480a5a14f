"""A LiteLLM proxy: IDs that hold another server's, and what is said of them.

The IDs and answers called "real" came from a LiteLLM 1.109.1 that ran on loopback.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkdel.models import Meaning
from bulkdel.object_id import RESPONSE_ID
from bulkdel.providers.litellm_ids import is_sealed, names
from tests.support.final_bodies import DOCUMENTED, is_final, spoilt
from tests.support.provider_answers import FLAG, ID, OTHER, gone, in_litellm, judge

REAL_SEALED = (
    "resp_eXS5koBbFZW1SQz3qjvS898foDKbkAadAkOLjdhfeYROH7-KMvadpfW54s8FnBSYAUGMqQRCshtneWZS8kwnO_KXlkz"
    "_0Zw-ssLXAPZ8psDzS5AUl2YXytiHwDGaQU3RjNL0Lew4eIDVsFfc9xBEUuEi94rK6epqCX4EFv3xfofCmbsolEoYOjk5jbe"
    "_ctsBnHVaaTW30oxGTO-LUHA9ia_vvk5wjA2lt0ZI6crTk0uPyRKXbyaaKc8B1fQhiHJaRHAXn9ZtgeKp_F_6npdB_xhga5T"
    "cycQqISxG10Wew0O4xNOr2z0cNQy0_kx_8h5gxDiHMAWREVzW7IsUkGFpPpmWX_cDIM5pR5gbg0VZU-XnqJlf0w=="
)
REAL_MANAGED = (
    "resp_bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVyOm9wZW5haTttb2RlbF9pZDptb2RlbC0xO3Jlc3BvbnNlX2lkOnJlc3Bf"
    "NjdjY2QyYmVkMWVjODE5MGIxNGY5NjRhYmMwNTQyNjcwYmI2YTZiNDUyZDM3OTVi"
)


def managed(inner: str, provider: str = "openai", model: str = "model-1") -> str:
    """Return the ID that a LiteLLM proxy makes of the ID of the server behind it."""
    text = f"litellm:custom_llm_provider:{provider};model_id:{model};response_id:{inner}"
    return f"resp_{base64.b64encode(text.encode()).decode()}"


GCM = "resp_v2:gcm:" + base64.urlsafe_b64encode(bytes(range(190))).decode()


@pytest.mark.parametrize(
    ("object_id", "known", "sealed"),
    [
        (REAL_MANAGED, [OTHER], False),
        (REAL_SEALED, [], True),
        (GCM, [], True),
        (ID, [], False),
        ("litellm_poll_1b4e28ba-2fa1-11d2-883f-0016d3cca427", [], False),
        (managed(managed(ID)), [managed(ID), ID], False),
        (managed(REAL_SEALED), [REAL_SEALED], True),
        (managed(ID, provider="", model="a/b-c.d"), [ID], False),
        # None of them is of such a form, though nearly.
        (managed(ID).replace("resp_", "file_"), [], False),
        (managed(ID)[:-1], [], False),
        (managed(""), [], False),
        ("resp_" + base64.b64encode(b"litellm:response_id:x").decode(), [], False),
        ("resp_" + "\u00e9" * 200, [], False),
        ("resp_" + "a" * 131, [], False),
        ("resp_v2:gcm:", [], False),
        ("resp_", [], False),
        ("", [], False),
    ],
)
def test_what_an_id_holds(object_id: str, known: list[str], sealed: bool) -> None:
    """A confirmation is compared with it, so what is no such ID must not be read as one."""
    assert names(object_id).known == (object_id, *known)
    assert is_sealed(object_id) is sealed


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda b: base64.b64encode(b).decode()))
@example("bGl0ZWxsbTo" * 30)
def test_any_text_may_be_an_id(text: str) -> None:
    """IDs come from files of users; none may end a run in a traceback."""
    for object_id in (text, f"resp_{text}", managed(text)):
        assert names(object_id).known[0] == object_id
        judge("litellm", 200, FLAG, object_id=object_id)
        judge("litellm", 404, gone("litellm", ID), object_id=object_id)


def test_ids_behind_two_proxies_are_not_too_long() -> None:
    """The longest known has 1,189 bytes; a limit of 1,024 called all of them invalid."""
    plaintext = 40 + len(managed(REAL_SEALED)) + len(";user_id:;team_id:") + 2 * 36
    sealed = f"resp_{base64.urlsafe_b64encode(bytes(40 + plaintext)).decode()}"

    assert len(sealed) > 1024 - 64
    for object_id in (sealed, managed(managed(REAL_SEALED)), "resp_" + "A" * 1184):
        assert RESPONSE_ID.invalid_reason(object_id) is None


@pytest.mark.parametrize(
    ("object_id", "named", "meaning"),
    [
        (managed(ID), ID, Meaning.DELETED),
        (managed(managed(ID)), ID, Meaning.DELETED),
        (managed(managed(ID)), managed(ID), Meaning.DELETED),
        (managed(ID), managed(ID), Meaning.DELETED),
        (ID, ID, Meaning.DELETED),
        ("litellm_poll_1", "litellm_poll_1", Meaning.DELETED),
        (REAL_SEALED, ID, Meaning.DELETED),
        (managed(REAL_SEALED), ID, Meaning.DELETED),
        (GCM, REAL_SEALED, Meaning.DELETED),
        (managed(ID), OTHER, Meaning.ENDPOINT),
        (managed(ID), ID[:-1], Meaning.ENDPOINT),
        (managed(ID), managed(OTHER), Meaning.ENDPOINT),
        (managed(managed(ID)), OTHER, Meaning.ENDPOINT),
        (ID, OTHER, Meaning.ENDPOINT),
        (REAL_SEALED, "file-1", Meaning.ENDPOINT),
        (REAL_SEALED, "resp_a b", Meaning.ENDPOINT),
        (REAL_SEALED, "", Meaning.ENDPOINT),
    ],
)
def test_a_confirmation_is_compared_with_the_id_inside(
    object_id: str, named: str, meaning: Meaning
) -> None:
    """Of a sealed ID only the proxy knows what it holds; all others are compared."""
    assert judge("litellm", 200, {**FLAG, "id": named}, object_id=object_id).meaning is meaning


@pytest.mark.parametrize("object_id", [managed(ID), REAL_SEALED, ID])
@pytest.mark.parametrize(
    "change", [{"deleted": False}, {"status": "failed"}, {"error": {"code": 1}}, {"id": None}]
)
def test_a_confirmation_is_believed_only_whole(object_id: str, change: dict[str, object]) -> None:
    """As with every other provider."""
    assert judge("litellm", 200, FLAG | change, object_id=object_id).meaning is Meaning.TRANSIENT


@pytest.mark.parametrize("object_id", [managed(ID), REAL_SEALED, managed(REAL_SEALED), ID])
def test_what_the_server_behind_it_says_is_read_by_that_servers_rules(object_id: str) -> None:
    """Final if that server's own words would be, and nothing else may stand beside them."""
    seen = 0
    for seed in range(6000):
        sample = spoilt(seed)
        if sample.provider == "litellm" or sample.status != 404 or b"usage" in sample.sent:
            continue
        try:
            inner = sample.sent.decode()
        except UnicodeDecodeError:
            continue
        # Which response a sealed ID stands for nobody knows, so any is taken for it.
        about = re.sub(r"\bresp_[\w.:+=-]+", ID, inner) if is_sealed(object_id) else inner
        answer = replace(sample, raw=about.encode())
        final = inner.startswith("{") and any(
            is_final(replace(answer, provider=behind)) for behind in ("openai", "ark", "fireworks")
        )

        verdict = judge("litellm", 404, in_litellm(inner), object_id=object_id)

        assert (verdict.meaning is Meaning.GONE) == final, (seed, inner)
        seen += final
    assert seen > 100


@pytest.mark.parametrize("known", [each for each in DOCUMENTED if each.outcome == "gone"])
def test_missing_words_about_another_response_are_not_about_ours(known: object) -> None:
    """An ID that can be read is compared in errors, too."""
    body = in_litellm(json.dumps(getattr(known, "body", None)))

    for object_id in (managed(OTHER), managed(managed(OTHER)), OTHER):
        assert judge("litellm", 404, body, object_id=object_id).meaning is Meaning.ENDPOINT


TAIL = "failed with the error above"
NO_GROUP = (
    f"{TAIL} and no fallback model group was found for it, so the request was not retried on another"
    " model. No fallbacks are configured. Add a fallbacks entry for that model group (Router fallbacks"
    " or proxy router_settings.fallbacks) to retry on another model."
)


@pytest.mark.parametrize(
    ("old", "new", "is_gone"),
    [
        (f"{TAIL}. No fallback was attempted.", NO_GROUP, True),
        ("NotFoundError: Open", "NotFoundError: NotFoundError: Azure", True),
        ("OpenAIException - ", "AzureException NotFoundError - ", True),
        ("attempted.", "attempted. LiteLLM Retried: 2 times, LiteLLM Max Retries: 2", True),
        ("'model-1'", "'gpt-5 (eu)'", True),
        ("litellm.NotFoundError", "litellm.APIConnectionError", False),
        ("litellm.NotFoundError", "Mock litellm.NotFoundError", False),
        ("attempted.", "attempted. Fallback model said: found.", False),
        (TAIL, "did not fail", False),
        ("OpenAIException - ", "OpenAIException - cache miss; ", False),
    ],
)
def test_what_stands_around_the_servers_words_is_known_whole(
    old: str, new: str, is_gone: bool
) -> None:
    """A fallback that found the object would stand there."""
    body = gone("litellm", ID)
    assert old in body["error"]["message"]
    body["error"]["message"] = body["error"]["message"].replace(old, new)

    assert (judge("litellm", 404, body, object_id=managed(ID)).meaning is Meaning.GONE) is is_gone


@pytest.mark.parametrize(
    ("change", "status"),
    [({"code": "500"}, 404), ({"type": "server_error"}, 404), ({"x": "retry"}, 404), ({}, 500)],
)
def test_beside_them_stands_nothing_but_a_404(change: dict[str, str], status: int) -> None:
    """Versions that answer 500 for it are asked again: so does any trouble of their own."""
    body = {"error": gone("litellm", ID)["error"] | change}

    assert judge("litellm", status, body, object_id=managed(ID)).meaning is not Meaning.GONE


def test_two_proxies_wrap_twice() -> None:
    """Each puts what the one behind it said into a message."""
    twice = in_litellm(json.dumps(gone("litellm", ID)))

    for object_id in (managed(managed(ID)), managed(REAL_SEALED), REAL_SEALED):
        assert judge("litellm", 404, twice, object_id=object_id).meaning is Meaning.GONE
    assert judge("litellm", 404, twice, object_id=managed(OTHER)).meaning is Meaning.ENDPOINT


@pytest.mark.parametrize("object_id", [managed(ID), REAL_SEALED])
@pytest.mark.parametrize(("status", "body"), [(200, FLAG), (404, gone("litellm", ID))])
def test_openai_rules_name_the_provider_to_give(
    object_id: str, status: int, body: dict[str, object]
) -> None:
    """Its API is OpenAI's, but for the IDs, so that is what people try first."""
    verdict = judge("openai", status, body, object_id=object_id)

    assert verdict.meaning is Meaning.ENDPOINT
    assert "--provider litellm" in (verdict.message or "")
