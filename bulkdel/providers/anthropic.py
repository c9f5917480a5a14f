"""Anthropic: files and message batches.

Confirmations, lists and headers: anthropic-sdk-python 2.12.0, resources/files.py and
types/messages/deleted_message_batch.py. A missing
object is a 404 of the type not_found_error, whose words are documented nowhere: a comparison
finds them out. A batch can be deleted when it has ended.
"""

from __future__ import annotations

from typing import Final

from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.declared import declared
from bulkdel.providers.listing import Listing

_VERSION: Final = "2023-06-01"
_SDK: Final = "anthropic-sdk-python 2.12.0"


def _headers(key: str) -> dict[str, str]:
    return {"x-api-key": key, "anthropic-version": _VERSION}


_FILES: Final = declared(
    "files",
    "/files/{id}",
    confirmed={"id": "{id}", "type": "file_deleted"},
    prefixes=("file_",),
    headers={"anthropic-beta": "files-api-2025-04-14"},
    listing=Listing(
        path="/files",
        size=1000,
        cursor_param="after_id",
        source=f"{_SDK}, types/beta/file_list_params.py, in the form of that beta header",
    ),
    expires="never, unless expires_in_seconds was given",
    docs_url=f"{_SDK}, resources/files.py",
)

_BATCHES: Final = declared(
    "message_batches",
    "/messages/batches/{id}",
    confirmed={"id": "{id}", "type": "message_batch_deleted"},
    prefixes=("msgbatch_",),
    listing=Listing(
        path="/messages/batches",
        size=1000,
        cursor_param="after_id",
        source=f"{_SDK}, types/messages/batch_list_params.py",
    ),
    docs_url=f"{_SDK}, types/messages/deleted_message_batch.py",
)

PROVIDER: Final = Provider(
    name="anthropic",
    title="Anthropic",
    base_url="https://api.anthropic.com/v1",
    key_env="ANTHROPIC_API_KEY",
    resources=by_name(_FILES, _BATCHES),
    rate_max=None,
    rate_note="no limit for deletions is documented",
    headers=_headers,
)
