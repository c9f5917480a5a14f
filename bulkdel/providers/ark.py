"""Volcengine Ark (BytePlus ModelArk has the same API on its own hosts).

Deletion: https://www.volcengine.com/docs/82379/1584286. A 200 has ``id``, ``object`` and
``deleted``; ``deleted: false`` is documented as "not deleted". Error codes:
https://www.volcengine.com/docs/82379/1299023. Errors carry all of ``code``, ``message``,
``param`` and ``type``, the last two often empty, so the code decides. A path that does
not exist answers 404 with an empty body, which is why an empty 404 is not "gone".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bulkdel.models import LimitKind, Meaning
from bulkdel.object_id import RESPONSE_ID
from bulkdel.providers import birth
from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.declared import declared
from bulkdel.providers.listing import Listing
from bulkdel.providers.operations import RESPONSES, Operation, Resource
from bulkdel.providers.rules import deletion, look
from bulkdel.providers.tables import Rule
from bulkdel.providers.words import Confirmation, Missing, Words

_DELETION: Final = "https://www.volcengine.com/docs/82379/1584286"

RULES: Final[Sequence[Rule]] = (
    # Unpaid, suspended, no subscription, or a quota that refills in hours or never.
    Rule(
        meaning=Meaning.ACCOUNT,
        code=re.compile(
            r"AccountOverdueError|OperationDenied\.(?:ServiceOverdue|FileQuotaExceeded)"
            r"|InvalidAccountStatus|InvalidSubscription|SetLimitExceeded|QuotaExceeded(?:\..*)?"
        ),
    ),
    Rule(meaning=Meaning.KEY_REFUSED, code=re.compile("AuthenticationError|AccessDenied")),
    # Busy or in the wrong phase: both pass with time. If not, the ID ends as failed and
    # retryable, so a later run asks again.
    Rule(
        meaning=Meaning.TRANSIENT,
        code=re.compile(r"OperationDenied\.(?:InvalidState|UnsupportedPhase)"),
    ),
    # These come with a 404, but miss a model: not the endpoint that we want.
    Rule(
        meaning=Meaning.ENDPOINT,
        code=re.compile(r"InvalidEndpointOrModel(?:\..*)?|ModelNotOpen"),
    ),
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429},
        code=re.compile("RequestBurstTooFast"),
        limit=LimitKind.BURST,
    ),
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429},
        code=re.compile("InflightBatchsizeExceeded"),
        limit=LimitKind.CONCURRENCY,
    ),
    # Also AccountRateLimitExceeded, APIAccountRpmRateLimitExceeded, ModelAccountTpm….
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429},
        code=re.compile(r".*RateLimitExceeded(?:\..*)?"),
        limit=LimitKind.RATE,
    ),
)


_CODES: Final = "https://www.volcengine.com/docs/82379/1299023"
_NOUNS: Final = ("response", "Response", "response_id", "ResponseId")

_WORDS: Final = Words(
    kinds={"response"},
    confirmations=[
        Confirmation(fields={"id": "{id}", "deleted": True}, source=_DELETION),
    ],
    # The table has NotFound.{Param}, "The specified {ResourceType} {…} is not found.", but not
    # what both are for a response: these are the ways to write that one word.
    missing=[
        Missing(
            text=f"The specified {noun} {{id}} is not found.",
            codes={"NotFound", *(f"NotFound.{param}" for param in _NOUNS)},
            source=_CODES,
        )
        for noun in _NOUNS
    ],
)

_RESPONSES: Final = Resource(
    name=RESPONSES,
    id_form=RESPONSE_ID,
    docs_url=_DELETION,
    delete=Operation(method="DELETE", path="/responses/{id}", judge=deletion(_WORDS, RULES)),
    # https://www.volcengine.com/docs/82379/1783709
    get=Operation(method="GET", path="/responses/{id}", judge=look(_WORDS, RULES)),
    born=birth.ark_response,
)

_FILES: Final = declared(
    "files",
    "/files/{id}",
    kinds={"file"},
    rules=RULES,
    prefixes=("file-",),
    listing=Listing(
        path="/files",
        query={"order": "asc"},
        source="volcengine-ark-runtime 5.0.54, resources/files.py",
    ),
    expires="at its expire_at: 7 days, or 1 to 30 as asked for",
    docs_url="volcengine-ark-runtime 5.0.54, resources/files.py",
)

PROVIDER: Final = Provider(
    name="ark",
    title="Volcengine Ark",
    base_url="https://ark.cn-beijing.volces.com/api/v3",
    key_env="ARK_API_KEY",
    resources=by_name(_RESPONSES, _FILES),
    # skills/volcengine-ark/references/responses.md there.
    rate_max=20.0,
    rate_note=(
        "20 deletions/s per account, raised on request by ticket: Ark's pages of 2026-07-20 as"
        " github.com/fxp/skillify quotes them"
    ),
)
