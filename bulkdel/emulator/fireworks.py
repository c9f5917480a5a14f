"""How Fireworks answers.

* Confirmation ``{"message": …}`` and the 422:
  https://docs.fireworks.ai/api-reference/delete-response.md
* Statuses: https://docs.fireworks.ai/guides/inference-error-codes
* ``{"error": {"message", "code", "type"}}`` with ``UNAUTHORIZED``, ``NOT_FOUND`` and, for a
  suspended account, 412 ``PRECONDITION_FAILED``: as users of the live service report them.
* 429 whose ``error`` is a *string* beside a ``message``: https://github.com/GordeyZuev/LEAP/issues/6

The documents are silent on these: the 404 of an unknown ID and of an unknown path follow
FastAPI, whose 422 the service documents; the codes of 402, 403, 409, 500, 501 and 503 and
the 200 that does not confirm are made in the same shape.
"""

from __future__ import annotations

from typing import Final

import orjson

from bulkdel.emulator.dialects import Dialect, Problem, Words, json_string, stored_response

_PROBLEMS: Final = {
    Problem.KEY_MISSING: Words(
        401, "UNAUTHORIZED", "error", "The API key you provided is invalid."
    ),
    Problem.KEY_REFUSED: Words(
        401, "UNAUTHORIZED", "error", "The API key you provided is invalid."
    ),
    Problem.FORBIDDEN: Words(
        403, "FORBIDDEN", "error", "The API key is not permitted to perform this operation."
    ),
    Problem.UNPAID: Words(
        402, "PAYMENT_REQUIRED", "error", "Payment is required to perform this operation."
    ),
    Problem.QUOTA: Words(
        412,
        "PRECONDITION_FAILED",
        "error",
        "Account emulated is suspended, possibly due to reaching the monthly spending limit"
        " or failure to pay past invoices.",
    ),
    Problem.REFUSED: Words(
        429,
        body=b'{"error":"Too Many Requests","message":"You have exceeded your usage limits.'
        b' Please try again later or contact Fireworks to explore dedicated capacity."}',
    ),
    Problem.REFUSED_IN_FLIGHT: Words(
        429, "RESOURCE_EXHAUSTED", "error", "Too many concurrent requests."
    ),
    Problem.MISSING: Words(404, "detail", message="Response with id '{id}' not found"),
    Problem.BUSY: Words(409, "CONFLICT", "error", "The response is still in progress."),
    Problem.REJECTED: Words(
        422,
        body=b'{"detail":[{"loc":["path","response_id"],"msg":"string does not match the'
        b' expected pattern","type":"value_error"}]}',
    ),
    Problem.NO_ROUTE: Words(404, body=b'{"detail":"Not Found"}'),
    Problem.NO_METHOD: Words(405, body=b'{"detail":"Method Not Allowed"}'),
    Problem.ERROR: Words(500, "INTERNAL_SERVER_ERROR", "error", "Internal server error."),
    Problem.OVERLOADED: Words(503, "SERVICE_UNAVAILABLE", "error", "Service Overloaded"),
    Problem.NOT_IMPLEMENTED: Words(501, "NOT_IMPLEMENTED", "error", "Not implemented."),
}


def _error_body(words: Words, message: str, request_id: str) -> bytes:  # noqa: ARG001 - none named
    if words.code == "detail":
        return b'{"detail":' + json_string(message) + b"}"
    return orjson.dumps({"error": {"message": message, "code": words.code, "type": words.kind}})


FIREWORKS: Final = Dialect(
    name="fireworks",
    root="/inference/",
    base_path="/inference/v1",
    problems=_PROBLEMS,
    error_body=_error_body,
    deleted=lambda object_id: b'{"message":"Response deleted successfully"}',  # noqa: ARG005
    not_deleted=lambda object_id: b'{"message":"Response could not be deleted"}',  # noqa: ARG005
    stored=stored_response,
    request_id=lambda number: f"{number:032x}",
)
