"""Answers of the providers, and how the tests ask for a verdict on one.

The bodies are those that the providers document, or that were seen at them or at a
gateway in front of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bulkdel import providers
from bulkdel.models import Answer, Verdict
from bulkdel.providers import RESPONSES, Provider

SAME_WORDS = {
    name: "openai"
    for name, known in providers.PROVIDERS.items()
    if RESPONSES in known.resources
    and known.resource().delete.judge is providers.PROVIDERS["openai"].resource().delete.judge
    and name != "openai"
}
"""Providers whose responses are judged by another one's words: by the very same function."""
PROVIDERS: Mapping[str, Provider] = {
    name: known
    for name, known in providers.PROVIDERS.items()
    if RESPONSES in known.resources and name not in SAME_WORDS
}
"""Those that store responses; `test_declared` has all other kinds of objects."""

ID = "resp_021764229578658fe9a0f6cb2cc6c828e7a59adbdb971872aee70"
OTHER = "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b"
FLAG = {"id": ID, "object": "response", "deleted": True}
WORDS = {"message": "Response deleted successfully"}

CONFIRMED: Mapping[str, dict[str, Any]] = {
    "ark": FLAG,
    "fireworks": WORDS,
    "openai": FLAG,
    "litellm": FLAG,
}


def gone(provider: str, object_id: str) -> dict[str, Any]:
    """Return the body of a 404 with which a provider names an object as missing."""
    openai = {
        "error": {
            "message": f"Response with id '{object_id}' not found.",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    }
    if provider == "litellm":
        return in_litellm(json.dumps(openai))
    if provider == "fireworks":
        return {"detail": f"Response with id '{object_id}' not found"}
    if provider == "ark":
        message = f"The specified response {object_id} is not found. Request id: 0217642"
        error = {"code": "NotFound.ResponseId", "message": message, "param": "", "type": ""}
        return {"error": error}
    return openai


def in_litellm(body: str) -> dict[str, Any]:
    """Return what a LiteLLM proxy makes of the body of a 404 of the server behind it."""
    message = (
        f"litellm.NotFoundError: OpenAIException - {body}\n\nLiteLLM: model group 'model-1'"
        " failed with the error above. No fallback was attempted."
    )
    kind = "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": "404"}}


ODD_BODIES: Mapping[str, bytes] = {
    "empty": b"",
    "html": b"<!doctype html><title>200 Deleted</title>",
    "text": b"Response deleted successfully",
    "truncated": json.dumps(FLAG).encode()[:-1],
    "truncated words": json.dumps(WORDS).encode()[:-2],
    "trailing": json.dumps(FLAG).encode() + b"}",
    "nested": b'{"a":' * 11_000,
    "nested lists": b"[" * 65_536,
    "64 KiB of garbage": bytes(range(256)) * 256,
    "list": json.dumps([FLAG, WORDS]).encode(),
    "null": b"null",
    "true": b"true",
    "string": json.dumps("Response deleted successfully").encode(),
    "empty object": b"{}",
    "the object itself": json.dumps({"id": ID, "object": "response", "output": []}).encode(),
    "deleted false": json.dumps(FLAG | {"deleted": False}).encode(),
    "deleted as text": json.dumps(FLAG | {"deleted": "true"}).encode(),
    "deleted as number": json.dumps(FLAG | {"deleted": 1}).encode(),
    "deleted twice": b'{"deleted":true,"message":"deleted","deleted":false}',
    "with an error": json.dumps(FLAG | WORDS | {"error": {"code": "x"}}).encode(),
    "null id": json.dumps(FLAG | WORDS | {"id": None}).encode(),
    "not UTF-8": b'{"deleted":true,"message":"deleted \xff"}',
}


every_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda p: p.name)


def judge(
    provider: Provider | str,
    status: int,
    body: object,
    headers: Mapping[str, str] | None = None,
    object_id: str = ID,
) -> Verdict:
    """Return the verdict on an answer; a body that is not bytes is sent as JSON."""
    if isinstance(provider, str):
        provider = PROVIDERS[provider]
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return provider.resource().delete.judge(
        object_id, Answer(status, raw, headers or {}, received_s=1e9)
    )


def error(code: str | None, message: str = "", kind: str = "") -> dict[str, Any]:
    """Return an error body in the shape of OpenAI and Ark."""
    return {"error": {"code": code, "message": message, "param": "", "type": kind}}
