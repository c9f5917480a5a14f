"""How Volcengine Ark answers.

* Confirmation: https://www.volcengine.com/docs/82379/1584286; ``deleted`` may be false.
* Errors: ``{"error": {"code", "message", "param", "type"}}`` with ``param`` and ``type``
  often empty; codes and statuses: https://www.volcengine.com/docs/82379/1299023.
* A path that does not exist: 404 with an empty body, as seen by users of the live service.

The documents are silent on these, which follow the table's own shape: an unknown ID
(``NotFound.{Param}``), which of the rate codes a deletion gets, a wrong method.
"""

from __future__ import annotations

from typing import Final

import orjson

from bulkdel.emulator.dialects import Dialect, Problem, Words, confirmation, stored_response

_PROBLEMS: Final = {
    Problem.KEY_MISSING: Words(
        401,
        "AuthenticationError",
        "Unauthorized",
        "The API key or AK/SK in the request is missing or invalid.",
    ),
    Problem.KEY_REFUSED: Words(
        401,
        "AuthenticationError",
        "Unauthorized",
        "The API key or AK/SK in the request is missing or invalid.",
    ),
    Problem.FORBIDDEN: Words(
        403, "AccessDenied", "Forbidden", "You do not have access to the requested resource."
    ),
    Problem.UNPAID: Words(
        403,
        "AccountOverdueError",
        "Forbidden",
        "The request failed because your account has an overdue balance.",
    ),
    Problem.QUOTA: Words(
        429,
        "QuotaExceeded",
        "TooManyRequests",
        "You have exceeded the quota of your plan. It will reset at 2026-01-02 00:00:00 +0800 CST.",
    ),
    Problem.REFUSED: Words(
        429,
        "AccountRateLimitExceeded",
        "TooManyRequests",
        "The requests of your account exceed the rate limit. Please try again later.",
    ),
    Problem.REFUSED_IN_FLIGHT: Words(
        429,
        "InflightBatchsizeExceeded",
        "TooManyRequests",
        "The number of concurrent requests exceeds the limit. Please lower the concurrency.",
    ),
    Problem.MISSING: Words(
        404, "NotFound.ResponseId", "NotFound", "The specified response {id} is not found."
    ),
    Problem.BUSY: Words(
        403,
        "OperationDenied.InvalidState",
        "Forbidden",
        "The operation is denied because the resource is in the state InProgress.",
    ),
    Problem.REJECTED: Words(
        400,
        "InvalidParameter.ResponseId",
        "BadRequest",
        "The parameter response_id specified in the request is not valid.",
    ),
    Problem.NO_ROUTE: Words(404, body=b""),
    Problem.NO_METHOD: Words(405, body=b""),
    Problem.ERROR: Words(
        500,
        "InternalServiceError",
        "InternalServerError",
        "The service encountered an unexpected internal error.",
    ),
    Problem.OVERLOADED: Words(
        503, "ServerOverloaded", "ServiceUnavailable", "The service is overloaded."
    ),
    Problem.NOT_IMPLEMENTED: Words(501, body=b""),
}


def _error_body(words: Words, message: str, request_id: str) -> bytes:
    error = {
        "code": words.code,
        "message": f"{message} Request id: {request_id}",
        "param": "",
        "type": words.kind,
    }
    return orjson.dumps({"error": error})


ARK: Final = Dialect(
    name="ark",
    root="/api/",
    base_path="/api/v3",
    problems=_PROBLEMS,
    error_body=_error_body,
    deleted=confirmation(True),
    not_deleted=confirmation(False),
    stored=lambda object_id: stored_response(object_id, expire_at=1_767_484_800),
    request_id=lambda number: f"021767225600000{number:038x}",
    request_id_header="X-Request-Id",
)
