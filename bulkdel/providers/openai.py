"""OpenAI, and with ``--base-url`` what is compatible: Azure, xAI, Alibaba, ogx and others.

Deletion: operation ``deleteResponse`` in github.com/openai/openai-openapi, openapi.yaml.
A missing response is a 404 whose ``code`` is null: only "Response with id '…' not
found." tells it from a wrong route (Azure: 404 with code "404", "Resource not found").
Some 429s are about money and never pass by waiting.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bulkdel.models import Answer, LimitKind, Meaning, Verdict
from bulkdel.object_id import RESPONSE_ID
from bulkdel.providers import answers, rules
from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.operations import RESPONSES, Operation, Resource
from bulkdel.providers.rules import Rule

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


def deleted(object_id: str, answer: Answer) -> Verdict:
    """Return what OpenAI's answer to the deletion of ``object_id`` means."""
    body = answers.json_object(answer.body)
    if answer.status == 200 and body is not None:
        confirmed = rules.confirm_by_flag(object_id, body)
        if confirmed is not None:
            return confirmed
    return rules.judge(object_id, answer, body, rules=RULES)


_RESPONSES: Final = Resource(
    name=RESPONSES,
    id_form=RESPONSE_ID,
    docs_url="https://platform.openai.com/docs/api-reference/responses/delete",
    delete=Operation(method="DELETE", path="/responses/{id}", judge=deleted),
)

PROVIDER: Final = Provider(
    name="openai",
    title="OpenAI",
    base_url="https://api.openai.com/v1",
    key_env="OPENAI_API_KEY",
    resources=by_name(_RESPONSES),
    rate_max=None,
    rate_note="no limit for deletions is documented",
)
