"""Fireworks AI.

Deletion: https://docs.fireworks.ai/api-reference/delete-response. A 200 has ``message``
and nothing else, with "Response deleted successfully" as its example; no ``id``, no
``deleted``. Only 200 and 422 (FastAPI's ``detail`` as a list) are documented, so a
missing response is recognised by its words in any of the known shapes. Statuses:
https://docs.fireworks.ai/guides/inference-error-codes. 404 also stands for a wrong path
or model there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from bulkdel.models import Answer, Meaning, Verdict
from bulkdel.object_id import RESPONSE_ID
from bulkdel.providers import answers, rules
from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.operations import RESPONSES, Operation, Resource
from bulkdel.providers.rules import Rule

RULES: Final[Sequence[Rule]] = (
    # 412: "account suspended or payment failed". 402 is in the common table.
    Rule(meaning=Meaning.ACCOUNT, statuses={412}),
)

_HARMLESS: Final = re.compile(
    "a|and|been|deleted|has|id|immediately|is|model|object|ok|permanently|response"
    "|successfully|the|this|was|with",
    re.IGNORECASE,
).fullmatch
"""Words that a confirmation may consist of. The documented text is only an example, so
others are taken too, but not one with a word that could turn it round: "not deleted",
"failed", "0 deleted", "already", "scheduled to be". A wording that is not understood
costs a retry; a wrong one would be a false line in the log."""
_PUNCTUATION: Final = ".,:;!'\"`()"
_MESSAGE_CHARS_MAX: Final = 2048


def _confirmed(object_id: str, body: dict[str, Any]) -> Verdict | None:
    message = body.get("message")
    if message == "Response deleted successfully" and len(body) == 1:
        return rules.DELETED
    if not isinstance(message, str) or len(message) > _MESSAGE_CHARS_MAX:
        return None
    if body.get("deleted", True) is not True or body.get("error") is not None:
        return None
    names = [word.strip(_PUNCTUATION) for word in message.split()]
    # An ID may stand among them, told by its prefix: any other ID could also read "not".
    ids = [name for name in names if name.startswith("resp_")]
    said = [name for name in names if name and name not in ids]
    if not all(map(_HARMLESS, said)) or "deleted" not in [word.lower() for word in said]:
        return None
    others = [name for name in ids if name != object_id]
    if others:
        body = {**body, "id": others[0]}
    return rules.other_object(object_id, body) or rules.DELETED


def deleted(object_id: str, answer: Answer) -> Verdict:
    """Return what Fireworks' answer to the deletion of ``object_id`` means."""
    body = answers.json_object(answer.body)
    if answer.status == 200 and body is not None:
        confirmed = _confirmed(object_id, body)
        if confirmed is not None:
            return confirmed
    return rules.judge(object_id, answer, body, rules=RULES)


_RESPONSES: Final = Resource(
    name=RESPONSES,
    id_form=RESPONSE_ID,
    docs_url="https://docs.fireworks.ai/api-reference/delete-response",
    delete=Operation(method="DELETE", path="/responses/{id}", judge=deleted),
)

PROVIDER: Final = Provider(
    name="fireworks",
    title="Fireworks AI",
    base_url="https://api.fireworks.ai/inference/v1",
    key_env="FIREWORKS_API_KEY",
    resources=by_name(_RESPONSES),
    # https://docs.fireworks.ai/guides/quotas_usage/account-quotas: 6,000 requests per
    # minute for everything the account does, so a fifth is left to the user's inference.
    rate_max=80.0,
    rate_note=(
        "80 of the 100 requests/s (6,000 RPM) that the whole account shares;"
        " 10 RPM without a payment method"
    ),
)
