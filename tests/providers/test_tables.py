"""Each provider's own table: status, code and words decide together."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bulkdel.models import LimitKind, Meaning
from tests.support.provider_answers import FLAG, ID, OTHER, PROVIDERS, WORDS, error, judge

COMMON_WORDS = [
    (400, {"code": "invalid-argument", "error": "Incorrect API key provided: xa***"}, "key"),
    (400, error("400", "API key not valid. Please pass a valid API key."), "key"),
    (400, {"error": {"code": 400, "details": [{"reason": "API_KEY_INVALID"}]}}, "key"),
    (403, {"code": "x", "error": "You have used all available credits"}, "account"),
    (429, error("insufficient_quota", "You exceeded your current quota"), "account"),
    (429, error("any", "no money", "insufficient_quota"), "account"),
    (429, error(None, "Too many concurrent requests"), LimitKind.CONCURRENCY),
    (429, error("engine_overloaded"), LimitKind.OVERLOAD),
    (429, error(None, "Rate limit reached"), LimitKind.RATE),
    (429, b"<html>", LimitKind.UNKNOWN),
    (503, error(None, "Service Overloaded"), LimitKind.OVERLOAD),
    (422, {"detail": [{"loc": ["path"], "msg": "bad", "type": "x"}]}, "failed"),
]
TABLES: Mapping[str, list[tuple[int, object, str | LimitKind]]] = {
    "ark": [
        (401, error("AuthenticationError", "The API key is missing or invalid"), "key"),
        (401, error("InvalidAccountStatus"), "account"),
        (403, error("AccountOverdueError"), "account"),
        (403, error("OperationDenied.ServiceOverdue"), "account"),
        (403, error("AccessDenied"), "key"),
        (403, error("OperationDenied.InvalidState", "InProgress"), "transient"),
        (403, error("OperationDenied.UnsupportedPhase"), "transient"),
        (400, error("InvalidSubscription"), "account"),
        (400, error("InvalidParameter.ResponseId"), "failed"),
        (404, error("InvalidEndpointOrModel.NotFound", f"{ID} not found"), "endpoint"),
        (404, error("ModelNotOpen"), "endpoint"),
        (404, error("NotFound.Model", "The specified model doubao is not found."), "endpoint"),
        (404, error("NotFound", "not found"), "endpoint"),
        (404, error("NotFound.Object", f"The specified thing {ID} is not found."), "endpoint"),
        (403, error("NotFound.ResponseId", f"{ID} is not found."), "key"),
        (404, error("NotFound.response_id", "It is not found. Request id: 02176"), "endpoint"),
        (429, error("SetLimitExceeded"), "account"),
        (429, error("QuotaExceeded", "It will reset at 2026-11-23"), "account"),
        (429, error("QuotaExceeded.AgentPlanQuotaExceeded"), "account"),
        (429, error("RequestBurstTooFast"), LimitKind.BURST),
        (429, error("InflightBatchsizeExceeded"), LimitKind.CONCURRENCY),
        (429, error("ServerOverloaded"), LimitKind.OVERLOAD),
        (429, error("APIAccountRpmRateLimitExceeded"), LimitKind.RATE),
        (429, error("AccountRateLimitExceeded"), LimitKind.RATE),
        (429, error("RateLimitExceeded.EndpointRPMExceeded"), LimitKind.RATE),
        (500, error("InternalServiceError"), "transient"),
    ],
    "fireworks": [
        (200, {"message": "Response has been deleted."}, "transient"),
        (200, {"message": f"Response {ID} deleted successfully"}, "transient"),
        (200, {"message": f"Response '{OTHER}' deleted successfully"}, "endpoint"),
        (200, {"message": "Response was not deleted"}, "transient"),
        (200, {"message": "Response could not be deleted"}, "transient"),
        (200, {"message": "Failed: response deleted"}, "transient"),
        (200, {"message": "Response scheduled to be deleted"}, "transient"),
        (200, {"message": "0 deleted"}, "transient"),
        (200, {"message": "Undeleted response"}, "transient"),
        (200, {"message": "ok"}, "transient"),
        (200, {"message": ["deleted"]}, "transient"),
        (200, FLAG, "transient"),
        (401, error("UNAUTHORIZED", "The API key you provided is invalid."), "key"),
        (404, {"detail": "Object not found"}, "endpoint"),
        (412, error(None, "Account suspended"), "account"),
    ],
    "openai": [
        (200, {"id": ID, "object": "response.deleted", "deleted": True}, "deleted"),
        (200, {"id": ID, "deleted": True}, "deleted"),
        (200, WORDS, "transient"),
        (401, error("invalid_api_key", "Incorrect API key provided"), "key"),
        (403, error(None, "Missing scopes: api.responses.write"), "key"),
        (404, error("unknown_url", "Invalid URL (DELETE /v1/response/x)"), "endpoint"),
        (412, b"", "failed"),
        (429, error("rate_limit_exceeded", kind="requests"), LimitKind.RATE),
        (429, error("slow_down", kind="rate_limit_error"), LimitKind.BURST),
        (503, error("slow_down"), LimitKind.BURST),
        (503, error("server_is_overloaded", kind="service_unavailable_error"), LimitKind.OVERLOAD),
        *(
            (429, error(code, "no", kind), "account")
            for kind in ("insufficient_quota", "")
            for code in (
                "credit_balance_exhausted",
                "organization_spend_limit_exceeded",
                "project_spend_limit_exceeded",
                "organization_usage_limit_exceeded",
            )
        ),
    ],
}
ROWS = [
    *((name, *row) for name in PROVIDERS for row in COMMON_WORDS),
    *((name, *row) for name, rows in TABLES.items() for row in rows),
]


@pytest.mark.parametrize(("name", "status", "body", "expected"), ROWS)
def test_words_decide(name: str, status: int, body: object, expected: str | LimitKind) -> None:
    """The same status means different things, and only the code or the words tell."""
    verdict = judge(name, status, body)

    if isinstance(expected, LimitKind):
        assert (verdict.meaning, verdict.limit) == (Meaning.REFUSED, expected)
    else:
        assert verdict.meaning is Meaning({"key": "key_refused"}.get(expected, expected))


def test_request_id_is_read_from_arks_message() -> None:
    """Ark's support asks for it, and it may stand in the message alone."""
    verdict = judge("ark", 500, error("InternalServiceError", "Oops. Request id: 0217abc."))

    assert verdict.request_id == "0217abc"


@pytest.mark.parametrize("name", ["ark", "openai"])
def test_not_deleted_says_so(name: str) -> None:
    """Ark documents `false` as "not deleted": the log must not speak of a garbled body."""
    verdict = judge(name, 200, FLAG | {"deleted": False})

    assert verdict.message == "the provider answered that it is not deleted"


def test_redirect_names_its_target() -> None:
    """Whoever set the wrong base URL sees the right one."""
    verdict = judge("openai", 308, b"", {"location": "https://api.example/v1/responses/x"})

    assert "https://api.example/v1/responses/x" in (verdict.message or "")
