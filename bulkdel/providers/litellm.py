"""A LiteLLM proxy before any of the others.

It gives responses IDs of its own (`litellm_ids`) and confirms a deletion with the ID of the
server behind it: ``{"id":"resp_<that server's>","object":"response","deleted":true}``. So that ID
is compared with the one that ours holds. Where ours is sealed nothing can be compared, and the
confirmation is believed for any ID of a response.

    200                              --> judged as said of the ID that it names, if that is ours
    404 litellm.NotFoundError: X - … --> what X said, taken out, judged by the rules of such a server
    the rest                         --> the tables; JSON inside of messages is read as well

Read in LiteLLM 1.109.1: ``litellm/proxy/response_api_endpoints/endpoints.py`` (``delete_response``),
``litellm/types/responses/main.py`` (``DeleteResponseResult``), ``litellm/exceptions.py``,
``litellm/litellm_core_utils/exception_mapping_utils.py`` and ``routing_common_utils.py`` (what is
put around another server's words), ``litellm/proxy/_types.py`` (``ProxyErrorTypes``).

What cannot be known here: behind it, a deletion at Fireworks is confirmed for whatever answer has
a status below 400 (``litellm/llms/fireworks_ai/responses/transformation.py`` makes it up). Versions
that answer 500 where the server behind them said 404 are asked again and end as failed:
https://github.com/BerriAI/litellm/issues/34422.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from bulkdel.models import Answer, LimitKind, Meaning, Verdict
from bulkdel.object_id import RESPONSE_ID
from bulkdel.providers import answers, ark, fireworks, openai
from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.litellm_ids import PROXIES_MAX, Names, is_sealed, names
from bulkdel.providers.operations import RESPONSES, Judge, Operation, Resource
from bulkdel.providers.rules import deletion
from bulkdel.providers.tables import Rule, anycase
from bulkdel.providers.words import Confirmation, Missing, Words, mute

RULES: Final[Sequence[Rule]] = (
    # A key that is not the master key, where there is no database of keys.
    Rule(meaning=Meaning.KEY_REFUSED, statuses={400}, code=re.compile("no_db_connection")),
    Rule(
        meaning=Meaning.ACCOUNT,
        statuses=range(400, 500),
        code=re.compile("budget_exceeded|insufficient_quota|credit_balance_exhausted"),
    ),
    # Of this ID: the proxy did not give it, or gave it to another user or team. Where all are
    # like that, the first ten stop the lane.
    Rule(
        meaning=Meaning.FAILED,
        statuses={403},
        text=re.compile("was not issued by this proxy|is not associated with the (?:user|team),"),
    ),
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429},
        text=anycase("max_parallel_requests"),
        limit=LimitKind.CONCURRENCY,
    ),
)

_ENDPOINTS: Final = "LiteLLM 1.109.1, litellm/proxy/response_api_endpoints/endpoints.py"

_WORDS: Final = Words(
    kinds={"response", "response.deleted"},
    confirmations=[Confirmation(fields={"id": "{id}", "deleted": True}, source=_ENDPOINTS)],
    missing=[Missing(text="Polling response {id} not found", source=_ENDPOINTS)],
)
"""What it says itself; the words of the servers behind it stand in their modules."""

_BEHIND: Final[Sequence[Judge]] = [
    provider.resource().delete.judge
    for provider in (openai.PROVIDER, ark.PROVIDER, fireworks.PROVIDER)
]

_NOT_FOUND: Final = re.compile(
    r"litellm\.NotFoundError: (?:NotFoundError: )?\w{1,60}Exception (?:NotFoundError )?- (\{.+\})"
    r"(?:\n\nLiteLLM: model group '[^'\n]{1,300}' failed with the error above(?:"
    r"\. No fallback was attempted\."
    r"| and no fallback model group was found for it, so the request was not retried on another"
    r" model\. (?:No fallbacks are configured\.|Fallbacks are configured for: [^\n]{1,1000}\.) Add a"
    r" fallbacks entry for that model group \(Router fallbacks or proxy"
    r" router_settings\.fallbacks\) to retry on another model\."
    r"))?(?: LiteLLM Retried: \d{1,3} times)?(?:, LiteLLM Max Retries: \d{1,3})?",
    re.DOTALL,
)
"""The whole message of a 404, with the body of the server behind it."""

_KINDS: Final = {"", "None", "invalid_request_error"}
_AN_ID: Final = re.compile(r"\bresp_[\w.:+=-]+")

_judge_own: Final = deletion(_WORDS, RULES)


def _judge(object_id: str, answer: Answer) -> Verdict:
    """Return what an answer about an ID means."""
    ours = names(object_id)
    if answer.status == 200:
        return _judge_own(_confirmed(ours, answer.body), answer)
    behind = _behind(answer)
    if behind is not None:
        for name in _possible(ours, behind.body):
            for judge in _BEHIND:
                verdict = judge(name, behind)
                if verdict.meaning is Meaning.GONE:
                    return verdict
    return _judge_own(object_id, answer)


def _confirmed(ours: Names, body: bytes) -> str:
    """Return the ID that a confirmation names, if it may be one of ours; else the proxy's."""
    read = answers.json_object(body)
    named = None if read is None else read.get("id")
    if isinstance(named, str) and (named in ours.known or (ours.is_sealed and _is_usual(named))):
        return named
    return ours.known[0]


def _possible(ours: Names, body: bytes) -> Iterator[str]:
    """Return the IDs that an answer from behind may name as missing, and be about ours."""
    yield from ours.known
    if ours.is_sealed:
        text = answers.read_error(answers.json_object(body)).message
        yield from (each for each in _AN_ID.findall(text)[:1] if _is_usual(each))


def _is_usual(named: str) -> bool:
    """Say whether this is an ID as servers give them, where none is there to compare it with."""
    return not RESPONSE_ID.is_unusual(named) and RESPONSE_ID.invalid_reason(named) is None


def _behind(answer: Answer) -> Answer | None:
    """Return the 404 of the server behind the proxy, or None if there is none in this answer."""
    found = None
    body = answer.body
    for _ in range(PROXIES_MAX if answer.status == 404 else 0):
        error = answers.read_error(answers.json_object(body))
        inside = _NOT_FOUND.fullmatch(error.message)
        if inside is None:
            break
        beside = all(mute(name, value) for name, value in error.rest)
        if not beside or error.kind not in _KINDS or error.code != "404":
            return None
        body = inside.group(1).encode("utf-8", "replace")
        found = answer._replace(body=body)
    return found


_RESPONSES: Final = Resource(
    name=RESPONSES,
    id_form=RESPONSE_ID,
    docs_url="https://docs.litellm.ai/docs/response_api",
    delete=Operation(method="DELETE", path="/responses/{id}", judge=_judge),
    is_unchecked=is_sealed,
)

PROVIDER: Final = Provider(
    name="litellm",
    title="LiteLLM proxy",
    # Where one runs by default: https://docs.litellm.ai/docs/proxy/quick_start.
    base_url="http://127.0.0.1:4000/v1",
    key_env="LITELLM_PROXY_API_KEY",
    resources=by_name(_RESPONSES),
    rate_max=None,
    rate_note="its own limits and those of the servers behind it",
)
