"""ogx (before: llama-stack), a server of one's own: responses, files, vector stores.

All of it was seen on ogx 1.5.0 on loopback; its words stand in OpenAI's tables. Conversations are not
listed (a GET of all of them is a 405).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bulkdel.providers import openai
from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.listing import Listing

_SEEN: Final = "ogx 1.5.0, as it answers on loopback"


def _listing(path: str, size: int) -> Listing:
    return Listing(path=path, size=size, query={"order": "asc"}, source=_SEEN)


PROVIDER: Final = Provider(
    name="ogx",
    title="ogx",
    base_url="http://127.0.0.1:8321/v1",
    key_env="OGX_CLIENT_API_KEY",
    resources=by_name(
        replace(
            openai.PROVIDER.resource(),
            docs_url=_SEEN,
            listing=_listing("/responses", 100),
            expires="",
            born=None,
        ),
        replace(
            openai.PROVIDER.resource("files"),
            docs_url=_SEEN,
            listing=_listing("/files", 1000),
            expires="after a year (expires_at)",
        ),
        replace(
            openai.PROVIDER.resource("vector_stores"),
            docs_url=_SEEN,
            listing=_listing("/vector_stores", 100),
            expires="",
            leaves="the files in it: they are ogx:files",
        ),
        replace(
            openai.PROVIDER.resource("vector_store_files"),
            docs_url=_SEEN,
            listing=None,  # how it pages was not seen
            leaves="the file itself: it is one of ogx:files",
        ),
        replace(openai.PROVIDER.resource("conversations"), docs_url=_SEEN, leaves=""),
    ),
    rate_max=None,
    rate_note="a server of one's own: none but its own limits",
)
