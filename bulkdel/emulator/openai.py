"""How OpenAI answers.

* Confirmation, ``Error`` and ``TooManyRequests``: ``openapi.yaml`` of
  https://github.com/openai/openai-openapi, operation ``deleteResponse``.
* 404 of an unknown ID (``code`` is null, only the message tells), as captured in
  https://github.com/BerriAI/litellm/issues/34422.
* 404 of an unknown path: https://github.com/openai/openai-python/issues/263.
* Error codes: https://developers.openai.com/api/docs/guides/error-codes.
* A wrong key is repeated with stars in its middle, as the live service does.

The documents are silent on these, made in the same shape: 409, 501, and a limit on
requests in flight (here ``slow_down``).
"""

from __future__ import annotations

from typing import Final

import orjson

from bulkdel.emulator.dialects import Dialect, Problem, Words, confirmation, stored_response

_INVALID: Final = "invalid_request_error"
_KEYS_URL: Final = "https://platform.openai.com/account/api-keys"

_PROBLEMS: Final = {
    Problem.KEY_MISSING: Words(
        401,
        None,
        _INVALID,
        "You didn't provide an API key. You need to provide your API key in an Authorization"
        f" header using Bearer auth. You can obtain an API key from {_KEYS_URL}.",
    ),
    Problem.KEY_REFUSED: Words(
        401,
        "invalid_api_key",
        _INVALID,
        f"Incorrect API key provided: {{key}}. You can find your API key at {_KEYS_URL}.",
    ),
    Problem.FORBIDDEN: Words(
        403,
        None,
        _INVALID,
        "You have insufficient permissions for this operation. Missing scopes:"
        " api.responses.write.",
    ),
    Problem.UNPAID: Words(
        429,
        "credit_balance_exhausted",
        "insufficient_quota",
        "You have no credits left. Please check your plan and billing details.",
    ),
    Problem.QUOTA: Words(
        429,
        "organization_spend_limit_exceeded",
        "insufficient_quota",
        "Your organization has reached its spend limit.",
    ),
    Problem.REFUSED: Words(
        429,
        "rate_limit_exceeded",
        "requests",
        "Rate limit reached on requests per min (RPM). Please try again later.",
    ),
    Problem.REFUSED_IN_FLIGHT: Words(
        429, "slow_down", "rate_limit_error", "Too many requests at once. Please slow down."
    ),
    Problem.MISSING: Words(404, None, _INVALID, "Response with id '{id}' not found."),
    Problem.BUSY: Words(409, None, _INVALID, "Response with id '{id}' is still in progress."),
    Problem.REJECTED: Words(400, "invalid_value", _INVALID, "Invalid 'response_id': '{id}'."),
    Problem.NO_ROUTE: Words(404, None, _INVALID, "Invalid URL ({request})"),
    Problem.NO_METHOD: Words(
        405,
        None,
        _INVALID,
        "Not allowed: {request}. (HINT: Perhaps you meant to use a different HTTP method?)",
    ),
    Problem.ERROR: Words(
        500,
        None,
        "server_error",
        "The server had an error while processing your request. Sorry about that!",
    ),
    Problem.OVERLOADED: Words(
        503,
        "server_is_overloaded",
        "service_unavailable_error",
        "The server is currently overloaded. Please try again later.",
    ),
    Problem.NOT_IMPLEMENTED: Words(501, None, "server_error", "Not implemented."),
}


def _error_body(words: Words, message: str, request_id: str) -> bytes:  # noqa: ARG001 - in a header
    error = {"message": message, "type": words.kind, "param": None, "code": words.code}
    return orjson.dumps({"error": error})


OPENAI: Final = Dialect(
    name="openai",
    root="/v1/",
    base_path="/v1",
    problems=_PROBLEMS,
    error_body=_error_body,
    deleted=confirmation(True),
    not_deleted=confirmation(False),
    stored=lambda object_id: stored_response(
        object_id, parallel_tool_calls=True, tool_choice="auto", tools=[]
    ),
    request_id=lambda number: f"req_{number:032x}",
    request_id_header="x-request-id",
)
