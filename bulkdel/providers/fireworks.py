"""Fireworks AI.

Deletion: https://docs.fireworks.ai/api-reference/delete-response. A 200 has ``message``
and nothing else, with "Response deleted successfully" as its example; no ``id``, no
``deleted``. Only 200 and 422 (FastAPI's ``detail`` as a list) are documented, so a
missing response is recognised by its words in any of the known shapes. Statuses:
https://docs.fireworks.ai/guides/inference-error-codes. 404 also stands for a wrong path
or model there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bulkdel.models import Meaning
from bulkdel.object_id import RESPONSE_ID
from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.listing import Listing
from bulkdel.providers.operations import RESPONSES, Operation, Resource
from bulkdel.providers.rules import deletion, look
from bulkdel.providers.tables import Rule
from bulkdel.providers.words import Confirmation, Missing, Words

_DELETION: Final = "https://docs.fireworks.ai/api-reference/delete-response"

RULES: Final[Sequence[Rule]] = (
    # 412: "account suspended or payment failed". 402 is in the common table.
    Rule(meaning=Meaning.ACCOUNT, statuses={412}),
)

_WORDS: Final = Words(
    kinds={"response"},
    confirmations=[
        # The schema has `message` alone, with these words as its example, and the guide prints
        # the same. What is worded otherwise is asked again; see `words`.
        Confirmation(fields={"message": "Response deleted successfully"}, source=_DELETION),
    ],
    missing=[
        # Documented nowhere. This is what FastAPI, whose 422 is documented, would make of
        # OpenAI's words; it names our ID and says one thing.
        Missing(text="Response with id '{id}' not found", source="inferred from the 422"),
    ],
)

_RESPONSES: Final = Resource(
    name=RESPONSES,
    id_form=RESPONSE_ID,
    docs_url=_DELETION,
    delete=Operation(method="DELETE", path="/responses/{id}", judge=deletion(_WORDS, RULES)),
    # https://docs.fireworks.ai/api-reference/get-response
    get=Operation(method="GET", path="/responses/{id}", judge=look(_WORDS, RULES)),
    listing=Listing(
        path="/responses",
        source="https://docs.fireworks.ai/api-reference/list-responses",
        id_may_be_null=True,  # of one that was not stored
    ),
    expires="after 30 days",
)

PROVIDER: Final = Provider(
    name="fireworks",
    title="Fireworks AI",
    base_url="https://api.fireworks.ai/inference/v1",
    key_env="FIREWORKS_API_KEY",
    resources=by_name(_RESPONSES),
    # 6,000 requests per minute are for everything the account does, so a fifth is left to the
    # user's inference.
    rate_max=80.0,
    leave=0.1,
    rate_note=(
        "80 of the 100 requests/s (6,000 RPM) that the whole account shares;"
        " 10 RPM without a payment method:"
        " https://docs.fireworks.ai/guides/quotas_usage/account-quotas"
    ),
)
