"""Gemini: files and cached contents.

Confirmations, lists and the header: google-genai 3.4.0, files.py and caches.py. A deletion is confirmed by an empty object. An unknown file is
answered 403, "You do not have permission to access the File … or it may not exist.", and so is a
project with an unpaid bill (github.com/googleapis/python-genai/issues/1218): that is no proof, so it
is not called gone. Its name is ``files/abc``; the ID is ``abc``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.declared import Shows, declared
from bulkdel.providers.listing import Listing


def _headers(key: str) -> dict[str, str]:
    return {"x-goog-api-key": key}


def _named(collection: str) -> Shows:
    def shows(object_id: str, body: Mapping[str, Any]) -> bool:
        return body.get("name") == f"{collection}/{object_id}"

    return shows


def _listing(collection: str, size: int) -> Listing:
    return Listing(
        path=f"/{collection}",
        items=collection,
        paging="token",
        cursor_param="pageToken",
        cursor_field="nextPageToken",
        size_param="pageSize",
        size=size,
        id_field="name",
        id_head=f"{collection}/",
        time_field="createTime",
        source="google-genai 3.4.0",
    )


_FILES: Final = declared(
    "files",
    "/files/{id}",
    confirmed={},
    shows=_named("files"),
    listing=_listing("files", 100),
    expires="after 48 hours",
    docs_url="google-genai 3.4.0, files.py",
)

_CACHES: Final = declared(
    "cached_contents",
    "/cachedContents/{id}",
    confirmed={},
    shows=_named("cachedContents"),
    listing=_listing("cachedContents", 100),
    expires="at its expireTime",
    docs_url="google-genai 3.4.0, caches.py",
)

PROVIDER: Final = Provider(
    name="gemini",
    title="Google Gemini",
    base_url="https://generativelanguage.googleapis.com/v1beta",
    key_env="GEMINI_API_KEY",
    resources=by_name(_FILES, _CACHES),
    rate_max=None,
    rate_note="no limit for deletions is documented",
    headers=_headers,
)
