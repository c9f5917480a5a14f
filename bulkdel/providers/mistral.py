"""Mistral: files.

Confirmation, list and GET: openapi.yaml of github.com/mistralai/platform-docs-public; mistralai
3.7.0, files.py. A GET may show a file that is deleted: its schema has ``deleted``. How a missing file
is worded is documented nowhere, so a comparison finds it out. A conversation's deletion has no body,
so it cannot be confirmed and is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.declared import declared
from bulkdel.providers.listing import Listing


def _shows(object_id: str, body: Mapping[str, Any]) -> bool:
    return body.get("id") == object_id and body.get("deleted") is False


_FILES: Final = declared(
    "files",
    "/files/{id}",
    kinds={"file"},
    shows=_shows,
    listing=Listing(
        path="/files",
        paging="number",
        cursor_param="page",
        size_param="page_size",
        size=100,
        source="mistralai 3.7.0, files.py",
    ),
    docs_url="https://github.com/mistralai/platform-docs-public, openapi.yaml",
)

PROVIDER: Final = Provider(
    name="mistral",
    title="Mistral",
    base_url="https://api.mistral.ai/v1",
    key_env="MISTRAL_API_KEY",
    resources=by_name(_FILES),
    rate_max=None,
    rate_note="no limit for deletions is documented",
)
