"""OpenAI, and with ``--base-url`` what is compatible: Azure, xAI, Alibaba, ogx and others.

Deletion: operation ``deleteResponse`` in github.com/openai/openai-openapi, openapi.yaml.
A missing response is a 404 whose ``code`` is null: only "Response with id '…' not
found." tells it from a wrong route (Azure: 404 with code "404", "Resource not found").
Some 429s are about money and never pass by waiting.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bulkdel.models import Answer, LimitKind, Meaning, Verdict
from bulkdel.object_id import RESPONSE_ID
from bulkdel.providers import birth
from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.litellm_ids import names
from bulkdel.providers.openai_objects import objects
from bulkdel.providers.operations import RESPONSES, Operation, Resource
from bulkdel.providers.rules import deletion, look
from bulkdel.providers.tables import Rule
from bulkdel.providers.words import Confirmation, Missing, Words

RULES: Final[Sequence[Rule]] = (
    # https://learn.microsoft.com/microsoft-cloud/dev/dev-proxy/concepts/openai-insufficient-quota
    Rule(
        meaning=Meaning.ACCOUNT,
        statuses={402, 403, 429},
        code=re.compile(
            "credit_balance_exhausted|insufficient_quota|organization_spend_limit_exceeded"
            "|project_spend_limit_exceeded|organization_usage_limit_exceeded"
        ),
    ),
    # The rate rose too fast; it was a 503 before it became a 429.
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429, 503},
        code=re.compile("slow_down"),
        limit=LimitKind.BURST,
    ),
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429},
        code=re.compile("rate_limit_exceeded"),
        limit=LimitKind.RATE,
    ),
)


_WORDS: Final = Words(
    # The documents have "response", a reader's report "response.deleted":
    # https://github.com/openai/openai-openapi/issues/507. Alibaba leaves it out.
    kinds={"response", "response.deleted"},
    confirmations=[
        Confirmation(
            fields={"id": "{id}", "deleted": True},
            source="openapi.yaml, deleteResponse;"
            " https://www.alibabacloud.com/help/en/model-studio/delete-a-response",
        ),
    ],
    missing=[
        Missing(
            text="Response with id '{id}' not found.",
            codes={
                "invalid_request_error",  # OpenAI, Azure, vLLM
                "response_not_found",  # fastresponses, with the next as its type
                "not_found",
            },
            source="https://github.com/BerriAI/litellm/issues/34422 (Azure);"
            " https://github.com/vllm-project/vllm/pull/22137;"
            " azure-ai-agentserver-responses 2.3.0, hosting/_validation.py;"
            " fastresponses 0.1.0, server.py",
        ),
        Missing(
            text="Response with id '{id}' not found.",
            statuses={400, 404},  # it is not documented which
            codes={"InvalidParameter"},
            source="https://www.alibabacloud.com/help/en/model-studio/delete-a-response",
        ),
        Missing(
            text="Response with ID '{id}' not found.",
            source="https://docs.aleph-alpha.com, managing responses",
        ),
        Missing(
            text="Response '{id}' not found."
            " Use 'client.responses.list()' to list available Responses.",
            source="ogx-api 1.5.0, common/errors.py",
        ),
        Missing(
            text="Response '{id}' not found",
            codes={"invalid_request_error", "response_not_found"},
            source="graphserve 0.2.3, routes/responses.py",
        ),
        Missing(
            text="Invalid value: Response with id {id} not found",
            statuses={400},
            source="llama-stack 0.2.12, distribution/server/server.py and"
            " providers/utils/responses/responses_store.py",
        ),
    ],
)

_judge_openai: Final = deletion(_WORDS, RULES)


def _judge(object_id: str, answer: Answer) -> Verdict:
    """Return what an answer means, with a hint where a LiteLLM proxy seems to answer."""
    verdict = _judge_openai(object_id, answer)
    if verdict.meaning is Meaning.ENDPOINT:
        ours = names(object_id)
        if ours.is_sealed or len(ours.known) > 1:
            hint = "; the IDs are those of a LiteLLM proxy: give --provider litellm"
            return replace(verdict, message=f"{verdict.message}{hint}", unread=False)
    return verdict


_RESPONSES: Final = Resource(
    name=RESPONSES,
    id_form=RESPONSE_ID,
    docs_url="https://platform.openai.com/docs/api-reference/responses/delete",
    delete=Operation(method="DELETE", path="/responses/{id}", judge=_judge),
    # https://platform.openai.com/docs/api-reference/responses/get
    get=Operation(method="GET", path="/responses/{id}", judge=look(_WORDS, RULES)),
    born=birth.openai_response,
)

PROVIDER: Final = Provider(
    name="openai",
    title="OpenAI",
    base_url="https://api.openai.com/v1",
    key_env="OPENAI_API_KEY",
    resources=by_name(_RESPONSES, *objects(RULES)),
    rate_max=None,
    rate_note="no limit for deletions is documented",
)
