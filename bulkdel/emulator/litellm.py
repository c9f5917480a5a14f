"""How a LiteLLM proxy answers that has OpenAI behind it.

* An ID is ``resp_`` and the base64 of a text that holds the ID of the server behind the proxy, or
  of a ciphertext, which here stands for an ID that is made from it: nobody can decrypt it.
* A deletion is confirmed with that server's ID; its errors are put into a message, with the name
  of LiteLLM's exception before them and a line about fallbacks behind them. 400 "No connected
  db." for a wrong key. All of these as seen at a LiteLLM 1.109.1 that ran, with its master key
  set and no database.
* ``budget_exceeded``: ``litellm/proxy/auth/auth_exception_handler.py``.

These are made in the same shape: 409, 501, the limit on requests in flight.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Final

import orjson

from bulkdel.emulator.dialects import Dialect, Problem, Words, confirmation, stored_response

_CODES: Final = {
    "Rate limit reached on requests per min (RPM). Please try again later.": "rate_limit_exceeded",
    "You have no credits left. Please check your plan and billing details.": "insufficient_quota",
}
"""The codes of errors of the server behind it, by their words."""

_PROBLEMS: Final = {
    Problem.KEY_MISSING: Words(
        401,
        kind="auth_error",
        message="Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer `"
        " prefix.",
    ),
    Problem.KEY_REFUSED: Words(400, kind="no_db_connection", message="No connected db."),
    Problem.FORBIDDEN: Words(
        403,
        "BadRequestError",
        "permission_error",
        "You have insufficient permissions for this operation. Missing scopes:"
        " api.responses.write.",
    ),
    Problem.UNPAID: Words(
        429,
        "RateLimitError",
        "throttling_error",
        "You have no credits left. Please check your plan and billing details.",
    ),
    Problem.QUOTA: Words(
        429,
        kind="budget_exceeded",
        message="Budget has been exceeded! Current cost: 10.01, Max budget: 10.0",
    ),
    Problem.REFUSED: Words(
        429,
        "RateLimitError",
        "throttling_error",
        "Rate limit reached on requests per min (RPM). Please try again later.",
    ),
    Problem.REFUSED_IN_FLIGHT: Words(
        429,
        kind="throttling_error",
        message="Rate limit exceeded for api_key. Limit type: max_parallel_requests.",
    ),
    Problem.MISSING: Words(
        404, "NotFoundError", "invalid_request_error", "Response with id '{id}' not found."
    ),
    Problem.BUSY: Words(
        409, "APIError", "invalid_request_error", "Response with id '{id}' is still in progress."
    ),
    Problem.REJECTED: Words(
        400, "BadRequestError", "invalid_request_error", "Invalid 'response_id': '{id}'."
    ),
    Problem.NO_ROUTE: Words(404, body=b'{"detail":"Not Found"}'),
    Problem.NO_METHOD: Words(405, body=b'{"detail":"Method Not Allowed"}'),
    Problem.ERROR: Words(
        500,
        "InternalServerError",
        "internal_server_error",
        "The server had an error while processing your request. Sorry about that!",
    ),
    Problem.OVERLOADED: Words(
        503,
        "ServiceUnavailableError",
        "internal_server_error",
        "The server is currently overloaded. Please try again later.",
    ),
    Problem.NOT_IMPLEMENTED: Words(501, "APIError", "internal_server_error", "Not implemented."),
}
"""A `Words.code` is LiteLLM's exception around an error of the server behind it."""

_SAID_ONCE: Final = {"NotFoundError", "BadRequestError"}
"""Exceptions whose name stands once before the words; that of the others stands twice."""


def _error_body(words: Words, message: str, request_id: str) -> bytes:  # noqa: ARG001 - none named
    if words.code is not None:
        inner = {
            "message": message,
            "type": "invalid_request_error",
            "param": None,
            "code": _CODES.get(message),
        }
        again = "" if words.code in _SAID_ONCE else f"{words.code}: "
        message = (
            f"litellm.{words.code}: {again}OpenAIException - {orjson.dumps({'error': inner}).decode()}"
            "\n\nLiteLLM: model group 'model-1' failed with the error above."
            " No fallback was attempted."
        )
    error = {
        "message": message,
        "type": words.kind,
        "param": None,
        "code": str(words.status),
    }
    return orjson.dumps({"error": error})


def id_behind(object_id: str) -> str:
    """Return the ID that an object has at the server behind the proxy."""
    encoded = object_id.removeprefix("resp_")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    _, managed, inner = text.partition(";response_id:")
    if managed:
        return inner
    if len(encoded) > 120:  # a ciphertext: what it holds is made up here
        return f"resp_{hashlib.sha256(encoded.encode()).hexdigest()[:50]}"
    return object_id


def _confirmation(deleted: bool) -> Callable[[str], bytes]:
    confirm = confirmation(deleted)
    return lambda object_id: confirm(id_behind(object_id))


LITELLM: Final = Dialect(
    name="litellm",
    root="/litellm/",
    base_path="/litellm/v1",
    problems=_PROBLEMS,
    error_body=_error_body,
    deleted=_confirmation(True),
    not_deleted=_confirmation(False),
    stored=lambda object_id: stored_response(
        object_id, parallel_tool_calls=True, tool_choice="auto", tools=[]
    ),
    request_id=lambda number: f"{number:032x}",
    request_id_header="x-litellm-call-id",
    id_named=id_behind,
)
