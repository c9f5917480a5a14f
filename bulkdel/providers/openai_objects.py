"""What OpenAI stores beside responses: files, vector stores, conversations and others.

Paths, confirmations and lists: openapi.yaml of github.com/openai/openai-openapi. Of what is missing
it has the status 404 for evals alone; the words are those that clients have published, each with its
place. A container's deletion has no body, so it cannot be confirmed and is not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bulkdel.providers.declared import declared
from bulkdel.providers.listing import Listing
from bulkdel.providers.operations import Resource
from bulkdel.providers.tables import Rule
from bulkdel.providers.words import Missing

_SPEC: Final = "https://github.com/openai/openai-openapi, openapi.yaml"
_CODES: Final = frozenset({"invalid_request_error"})
_ASSISTANTS: Final = {"OpenAI-Beta": "assistants=v2"}
"""The official client still sends it for vector stores (openai-python 3.54)."""


def _listing(path: str, size: int = 100, time_field: str = "created_at") -> Listing:
    return Listing(
        path=path, size=size, time_field=time_field, query={"order": "asc"}, source=_SPEC
    )


def objects(rules: Sequence[Rule]) -> list[Resource]:
    """Return the resources; ``rules`` is OpenAI's table."""
    return [
        declared(
            "files",
            "/files/{id}",
            kinds={"file"},
            missing=[
                Missing(
                    text="No such File object: {id}",
                    codes=_CODES,
                    source="https://github.com/openai/openai-ruby/issues/240",
                ),
                Missing(
                    text="File '{id}' not found. Use 'client.files.list()' to list available Files.",
                    source="ogx 1.5.0, as it answers on loopback",
                ),
            ],
            rules=rules,
            prefixes=("file-",),
            listing=_listing("/files", size=1000),  # 10,000 are allowed
            expires="purpose=batch after 30 days; others never, unless expires_after was given",
            docs_url=f"{_SPEC}, DELETE /files",
        ),
        declared(
            "vector_stores",
            "/vector_stores/{id}",
            kinds={"vector_store.deleted"},
            missing=[
                Missing(
                    text="No vector store found with id '{id}'.",
                    codes=_CODES,
                    source="several clients match on these words",
                ),
                Missing(
                    text="Vector_store '{id}' not found",
                    statuses={400},
                    source="ogx 1.5.0, as it answers on loopback",
                ),
            ],
            rules=rules,
            prefixes=("vs_",),
            headers=_ASSISTANTS,
            listing=_listing("/vector_stores"),
            expires="never, unless expires_after was given",
            leaves="the files in it: they are openai:files",
            docs_url=f"{_SPEC}, DELETE /vector_stores",
        ),
        declared(
            "vector_store_files",
            "/vector_stores/{vector_store_id}/files/{id}",
            kinds={"vector_store.file.deleted"},
            rules=rules,  # a missing one is worded in several ways by those who quote it
            prefixes=("file-",),
            headers=_ASSISTANTS,
            listing=_listing("/vector_stores/{vector_store_id}/files"),
            leaves="the file itself: it is one of openai:files",
            docs_url=f"{_SPEC}, DELETE /vector_stores/{{vector_store_id}}/files",
        ),
        declared(
            "conversations",
            "/conversations/{id}",
            kinds={"conversation.deleted"},
            missing=[
                Missing(
                    text="Conversation '{id}' not found.",
                    source="ogx 1.5.0, as it answers on loopback",
                )
            ],
            rules=rules,
            prefixes=("conv_",),
            leaves='its items, as OpenAI says: "Items in the conversation will not be deleted."',
            docs_url=f"{_SPEC}, DELETE /conversations",
        ),
        declared(
            "chat_completions",
            "/chat/completions/{id}",
            kinds={"chat.completion.deleted"},
            rules=rules,
            prefixes=("chatcmpl-",),
            listing=_listing("/chat/completions", time_field="created"),
            docs_url=f"{_SPEC}, DELETE /chat/completions",
        ),
        declared(
            "videos",
            "/videos/{id}",
            kinds={"video.deleted"},
            rules=rules,
            prefixes=("video_",),
            listing=_listing("/videos"),
            docs_url=f"{_SPEC}, DELETE /videos",
        ),
        declared(
            "evals",
            "/evals/{id}",
            kinds={"eval.deleted"},
            confirmed={"eval_id": "{id}", "deleted": True},
            rules=rules,
            prefixes=("eval_",),
            listing=_listing("/evals"),
            docs_url=f"{_SPEC}, DELETE /evals",
        ),
        declared(
            "eval_runs",
            "/evals/{eval_id}/runs/{id}",
            kinds={"eval.run.deleted"},
            confirmed={"run_id": "{id}", "deleted": True},
            rules=rules,
            prefixes=("evalrun_",),
            listing=_listing("/evals/{eval_id}/runs"),
            docs_url=f"{_SPEC}, DELETE /evals/{{eval_id}}/runs",
        ),
        declared(
            "skills",
            "/skills/{id}",
            kinds={"skill.deleted"},
            rules=rules,
            listing=_listing("/skills"),
            docs_url="openai 3.57.0, resources/skills/skills.py and types/deleted_skill.py",
        ),
        declared(
            "chatkit_threads",
            "/chatkit/threads/{id}",
            kinds={"chatkit.thread.deleted"},
            rules=rules,
            prefixes=("cthr_",),
            headers={"OpenAI-Beta": "chatkit_beta=v1"},
            listing=_listing("/chatkit/threads"),
            docs_url="openai 3.57.0, resources/beta/chatkit/threads.py",
        ),
    ]
