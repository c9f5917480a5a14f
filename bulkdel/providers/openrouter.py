"""OpenRouter: files, in its own shape of pages and confirmations.

openrouter 1.3.84 (its SDK), files.py and components: a page is ``{cursor, data, has_more}``. It can also
speak as OpenAI and Anthropic do; which one a client gets is "negotiated", so a confirmation in another
shape than its own confirms nothing here. How a missing file is worded is documented nowhere.
"""

from __future__ import annotations

from typing import Final

from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.declared import declared
from bulkdel.providers.listing import Listing

_SDK: Final = "openrouter 1.3.84, files.py"

PROVIDER: Final = Provider(
    name="openrouter",
    title="OpenRouter",
    base_url="https://openrouter.ai/api/v1",
    key_env="OPENROUTER_API_KEY",
    resources=by_name(
        declared(
            "files",
            "/files/{id}",
            confirmed={"id": "{id}", "type": "file_deleted"},
            listing=Listing(
                path="/files",
                paging="token",
                cursor_param="cursor",
                cursor_field="cursor",
                size=1000,
                source=_SDK,
            ),
            docs_url=_SDK,
        )
    ),
    rate_max=None,
    rate_note="no limit for deletions is documented",
)
