"""What the providers store beside responses: how each is confirmed, missed and shown.

    openai:files      DELETE, GET /v1/files/ID, GET /v1/files?limit=…&after=…
    anthropic:files, gemini:files, mistral:files, groq:files, ark:files and others, likewise

Sources: openapi.yaml of github.com/openai/openai-openapi; the official Python clients of Anthropic
(2.12.0), Google (google-genai 3.4.0), Mistral (3.7.0), Groq (1.7.0), Volcengine Ark (5.0.54). What a
missing object is answered with is documented for few of them; the rest is made in the shape of
the provider's errors.

Not here: how they are listed (`paging`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from bulkdel.emulator.ark import ARK
from bulkdel.emulator.dialects import Dialect, Problem, Words, stored_response
from bulkdel.emulator.ids import CREATED_S
from bulkdel.emulator.openai import OPENAI
from bulkdel.emulator.paging import (
    Pager,
    Shown,
    after_last,
    all_at_once,
    by_cursor,
    by_number,
    by_token,
    paged,
)

APART_S: Final = 60
"""Seconds between the creation of one object and the next."""

PARENT: Final = "parent_1"
"""Whose objects there are, where objects are below others."""


def created_s(number: int) -> int:
    """Return when the object with this number was created, in seconds since 1970."""
    return int(CREATED_S) + number * APART_S


def _rfc3339(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


def _flag(kind: str | None, name: str = "id") -> Callable[[bool], Callable[[str], bytes]]:
    def made(deleted: bool) -> Callable[[str], bytes]:
        def body(object_id: str) -> bytes:
            fields: dict[str, object] = {name: object_id}
            if kind is not None:
                fields["object"] = kind
            return orjson.dumps({**fields, "deleted": deleted})

        return body

    return made


def _typed(kind: str) -> Callable[[bool], Callable[[str], bytes]]:
    def made(deleted: bool) -> Callable[[str], bytes]:
        word = kind if deleted else kind.replace("deleted", "pending")
        return lambda object_id: orjson.dumps({"id": object_id, "type": word})

    return made


def _openai_object(kind: str, time_field: str = "created_at") -> Shown:
    return lambda object_id, at_s: {"id": object_id, "object": kind, time_field: int(at_s)}


def _file(object_id: str, at_s: float) -> dict[str, Any]:
    return {
        "id": object_id,
        "object": "file",
        "bytes": 1000 + len(object_id),
        "created_at": int(at_s),
        "filename": f"{object_id}.jsonl",
        "purpose": "batch" if int(at_s / APART_S) % 2 else "user_data",
    }


# -- the tables ----------------------------------------------------------------------------


def _anthropic_body(words: Words, message: str, request_id: str) -> bytes:
    error = {"type": words.kind, "message": message}
    return orjson.dumps({"type": "error", "error": error, "request_id": request_id})


def _xai_body(words: Words, message: str, _: str) -> bytes:
    return orjson.dumps({"code": words.kind, "error": message})


def _google_body(words: Words, message: str, _: str) -> bytes:
    error = {"code": words.status, "message": message, "status": words.kind}
    return orjson.dumps({"error": error})


_ANTHROPIC: Final = {
    Problem.KEY_MISSING: Words(401, None, "authentication_error", "x-api-key header is required"),
    Problem.KEY_REFUSED: Words(401, None, "authentication_error", "invalid x-api-key"),
    Problem.FORBIDDEN: Words(403, None, "permission_error", "Your API key lacks the permission."),
    Problem.UNPAID: Words(402, None, "billing_error", "Your credit balance is too low."),
    Problem.QUOTA: Words(429, None, "rate_limit_error", "You have used up your quota."),
    Problem.REFUSED: Words(429, None, "rate_limit_error", "This request would exceed your limit."),
    Problem.REFUSED_IN_FLIGHT: Words(429, None, "rate_limit_error", "Too many requests at once."),
    Problem.MISSING: Words(404, None, "not_found_error", "File not found: {id}"),
    Problem.BUSY: Words(409, None, "invalid_request_error", "It is still in progress."),
    Problem.REJECTED: Words(400, None, "invalid_request_error", "The ID is not valid."),
    Problem.NO_ROUTE: Words(404, None, "not_found_error", "Not Found"),
    Problem.NO_METHOD: Words(405, None, "invalid_request_error", "Method Not Allowed"),
    Problem.ERROR: Words(500, None, "api_error", "Internal server error"),
    Problem.OVERLOADED: Words(529, None, "overloaded_error", "Overloaded"),
    Problem.NOT_IMPLEMENTED: Words(501, None, "api_error", "Not implemented"),
}

_GOOGLE: Final = {
    Problem.KEY_MISSING: Words(403, None, "PERMISSION_DENIED", "The request is missing a key."),
    Problem.KEY_REFUSED: Words(400, None, "INVALID_ARGUMENT", "API key not valid."),
    Problem.FORBIDDEN: Words(403, None, "PERMISSION_DENIED", "The caller has no permission."),
    Problem.UNPAID: Words(403, None, "PERMISSION_DENIED", "Billing is disabled."),
    Problem.QUOTA: Words(429, None, "RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    Problem.REFUSED: Words(429, None, "RESOURCE_EXHAUSTED", "Resource has been exhausted."),
    Problem.REFUSED_IN_FLIGHT: Words(429, None, "RESOURCE_EXHAUSTED", "Too many at once."),
    Problem.MISSING: Words(
        403,
        None,
        "PERMISSION_DENIED",
        "You do not have permission to access the File {id} or it may not exist.",
    ),
    Problem.BUSY: Words(409, None, "ABORTED", "It is being processed."),
    Problem.REJECTED: Words(400, None, "INVALID_ARGUMENT", "The name is not valid."),
    Problem.NO_ROUTE: Words(404, body=b"<html><title>Error 404 (Not Found)!!1</title></html>"),
    Problem.NO_METHOD: Words(405, body=b""),
    Problem.ERROR: Words(500, None, "INTERNAL", "An internal error has occurred."),
    Problem.OVERLOADED: Words(503, None, "UNAVAILABLE", "The service is overloaded."),
    Problem.NOT_IMPLEMENTED: Words(501, None, "UNIMPLEMENTED", "Not implemented."),
}


def _at(
    base: Dialect,
    name: str,
    collection: str,
    confirms: Callable[[bool], Callable[[str], bytes]],
    shown: Shown,
    pager: Pager | None,
    missing: str | None = None,
    parent_missing: str = "",
) -> Dialect:
    """Return the dialect of a collection: like the base, but for these."""
    dialect = base if missing is None else base.wording(Problem.MISSING, missing)
    return replace(
        dialect,
        name=name,
        collection=collection,
        parent_missing=parent_missing,
        deleted=confirms(True),
        not_deleted=confirms(False),
        stored=lambda object_id: orjson.dumps(shown(object_id, CREATED_S)),
        page=None if pager is None else paged(pager, shown),
    )


_OPENAI_PAGE: Final = after_last("after", 20, 100)


def listed_responses(dialect: Dialect) -> Dialect:
    """Return a dialect of responses that can be listed, too."""
    return replace(dialect, page=paged(_OPENAI_PAGE, _response))


def _response(object_id: str, at_s: float) -> dict[str, Any]:
    shown: dict[str, Any] = orjson.loads(stored_response(object_id, created_at=int(at_s)))
    return shown


_ANTHROPIC_BASE: Final = replace(
    OPENAI,
    name="anthropic",
    root="/anthropic/",
    base_path="/anthropic/v1",
    problems=_ANTHROPIC,
    error_body=_anthropic_body,
    key_header="x-api-key",
    request_id_header="request-id",
)
_GEMINI_BASE: Final = replace(
    OPENAI,
    name="gemini",
    root="/gemini/",
    base_path="/gemini/v1beta",
    problems=_GOOGLE,
    error_body=_google_body,
    key_header="x-goog-api-key",
    request_id_header=None,
)
_MISTRAL_BASE: Final = replace(OPENAI, name="mistral", root="/mistral/", base_path="/mistral/v1")
_AZURE_BASE: Final = replace(
    OPENAI,
    name="azure",
    root="/azure/",
    base_path="/azure/openai/v1",
    key_header="api-key",
    request_id_header="apim-request-id",
)
_OGX_BASE: Final = replace(OPENAI, name="ogx", root="/ogx/", base_path="/ogx/v1")
_XAI_BASE: Final = replace(
    OPENAI, name="xai", root="/xai/", base_path="/xai/v1", error_body=_xai_body
)
_TOGETHER_BASE: Final = replace(
    OPENAI, name="together", root="/together/", base_path="/together/v1"
)
_OPENROUTER_BASE: Final = replace(
    OPENAI, name="openrouter", root="/openrouter/", base_path="/openrouter/api/v1"
)
_GROQ_BASE: Final = replace(OPENAI, name="groq", root="/groq/", base_path="/groq/openai/v1")


def _anthropic(kind: str) -> Shown:
    return lambda object_id, at_s: {"id": object_id, "type": kind, "created_at": _rfc3339(at_s)}


def _google(collection: str) -> Shown:
    return lambda object_id, at_s: {
        "name": f"{collection}/{object_id}",
        "createTime": _rfc3339(at_s),
        "sizeBytes": "1000",
    }


COLLECTIONS: Final[Sequence[Dialect]] = (
    _at(
        OPENAI,
        "openai:files",
        "files",
        _flag("file"),
        _file,
        after_last("after", 10_000, 10_000),
        "No such File object: {id}",
    ),
    _at(
        OPENAI,
        "openai:vector_stores",
        "vector_stores",
        _flag("vector_store.deleted"),
        _openai_object("vector_store"),
        _OPENAI_PAGE,
        "No vector store found with id '{id}'.",
    ),
    _at(
        OPENAI,
        "openai:vector_store_files",
        f"vector_stores/{PARENT}/files",
        _flag("vector_store.file.deleted"),
        _openai_object("vector_store.file"),
        _OPENAI_PAGE,
        "No file found with id '{id}' in vector store.",
        "No vector store found with id '{id}'.",
    ),
    _at(
        OPENAI,
        "openai:conversations",
        "conversations",
        _flag("conversation.deleted"),
        _openai_object("conversation"),
        None,
        "Conversation with id '{id}' not found.",
    ),
    _at(
        OPENAI,
        "openai:chat_completions",
        "chat/completions",
        _flag("chat.completion.deleted"),
        _openai_object("chat.completion", "created"),
        _OPENAI_PAGE,
        "Chat completion {id} not found.",
    ),
    _at(
        OPENAI,
        "openai:videos",
        "videos",
        _flag("video.deleted"),
        _openai_object("video"),
        _OPENAI_PAGE,
        "Video {id} not found.",
    ),
    _at(
        OPENAI,
        "openai:evals",
        "evals",
        _flag("eval.deleted", "eval_id"),
        _openai_object("eval"),
        _OPENAI_PAGE,
        "No eval found with id {id}.",
    ),
    _at(
        OPENAI,
        "openai:eval_runs",
        f"evals/{PARENT}/runs",
        _flag("eval.run.deleted", "run_id"),
        _openai_object("eval.run"),
        _OPENAI_PAGE,
        "No run found with id {id}.",
        "No eval found with id {id}.",
    ),
    _at(
        OPENAI,
        "openai:skills",
        "skills",
        _flag("skill.deleted"),
        _openai_object("skill"),
        _OPENAI_PAGE,
        "Skill {id} not found.",
    ),
    _at(
        OPENAI,
        "openai:chatkit_threads",
        "chatkit/threads",
        _flag("chatkit.thread.deleted"),
        _openai_object("chatkit.thread"),
        _OPENAI_PAGE,
        "Thread {id} not found.",
    ),
    _at(
        ARK,
        "ark:files",
        "files",
        _flag("file"),
        _file,
        after_last("after", 100, 1000),
        "The specified file {id} is not found.",
    ),
    _at(
        _ANTHROPIC_BASE,
        "anthropic:files",
        "files",
        _typed("file_deleted"),
        _anthropic("file"),
        after_last("after_id", 20, 1000),
    ),
    _at(
        _ANTHROPIC_BASE,
        "anthropic:message_batches",
        "messages/batches",
        _typed("message_batch_deleted"),
        _anthropic("message_batch"),
        after_last("after_id", 20, 1000),
    ),
    _at(
        _GEMINI_BASE,
        "gemini:files",
        "files",
        lambda deleted: lambda _: b"{}" if deleted else b'{"done":false}',
        _google("files"),
        by_token("files"),
    ),
    _at(
        _GEMINI_BASE,
        "gemini:cached_contents",
        "cachedContents",
        lambda deleted: lambda _: b"{}" if deleted else b'{"done":false}',
        _google("cachedContents"),
        by_token("cachedContents"),
    ),
    _at(
        _MISTRAL_BASE,
        "mistral:files",
        "files",
        _flag("file"),
        lambda object_id, at_s: {**_file(object_id, at_s), "deleted": False},
        by_number,
        "File {id} does not exist.",
    ),
    listed_responses(_AZURE_BASE),
    listed_responses(_OGX_BASE),
    _XAI_BASE.wording(Problem.MISSING, "The response {id} could not be found."),
    _at(
        _XAI_BASE,
        "xai:files",
        "files",
        _flag(None),
        _file,
        None,
        "The file {id} could not be found.",
    ),
    _at(
        _AZURE_BASE,
        "azure:files",
        "files",
        _flag("file"),
        _file,
        after_last("after", 10_000, 10_000),
        "The file {id} could not be found.",
    ),
    _at(
        _AZURE_BASE,
        "azure:vector_stores",
        "vector_stores",
        _flag("vector_store.deleted"),
        _openai_object("vector_store"),
        _OPENAI_PAGE,
        "No vector store found with id '{id}'.",
    ),
    _at(
        _AZURE_BASE,
        "azure:vector_store_files",
        f"vector_stores/{PARENT}/files",
        _flag("vector_store.file.deleted"),
        _openai_object("vector_store.file"),
        _OPENAI_PAGE,
        "The file {id} could not be found.",
        "No vector store found with id '{id}'.",
    ),
    _at(
        _OGX_BASE,
        "ogx:vector_store_files",
        f"vector_stores/{PARENT}/files",
        _flag("vector_store.file.deleted"),
        _openai_object("vector_store.file"),
        None,
        "File {id} not found.",
        "Vector_store '{id}' not found",
    ),
    _at(
        _OGX_BASE,
        "ogx:files",
        "files",
        _flag("file"),
        _file,
        after_last("after", 10_000, 10_000),
        "File '{id}' not found. Use 'client.files.list()' to list available Files.",
    ),
    _at(
        _OGX_BASE,
        "ogx:vector_stores",
        "vector_stores",
        _flag("vector_store.deleted"),
        _openai_object("vector_store"),
        _OPENAI_PAGE,
        "No vector store found with id '{id}'.",
    ),
    _at(
        _OGX_BASE,
        "ogx:conversations",
        "conversations",
        _flag("conversation.deleted"),
        _openai_object("conversation"),
        None,
        "Conversation '{id}' not found.",
    ),
    _at(
        _TOGETHER_BASE,
        "together:files",
        "files",
        _flag(None),
        _file,
        all_at_once,
        "File {id} was not found.",
    ),
    _at(
        _OPENROUTER_BASE,
        "openrouter:files",
        "files",
        _typed("file_deleted"),
        lambda object_id, at_s: {
            "id": object_id,
            "type": "file",
            "created_at": _rfc3339(at_s),
            "size_bytes": 1000,
        },
        by_cursor,
        "File {id} was not found.",
    ),
    _at(
        _GROQ_BASE,
        "groq:files",
        "files",
        _flag("file"),
        _file,
        all_at_once,
        "File {id} was not found.",
    ),
)
"""A collection each, under the name of its lane."""
