"""xAI: responses and files.

Paths and confirmations: docs.x.ai, REST API reference, responses; xai-sdk 1.21.0, files, whose
confirmation names no kind. Its errors are ``{"code": …, "error": "words"}``: a wrong key is a 400, used up
credits are a 403, both in `tables`. How a missing object is worded is documented nowhere, so a comparison
finds it out. What the list of files takes over REST is not documented either: `bulkdel list` has none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bulkdel.providers import openai
from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.declared import declared

PROVIDER: Final = Provider(
    name="xai",
    title="xAI",
    base_url="https://api.x.ai/v1",
    key_env="XAI_API_KEY",
    resources=by_name(
        replace(
            openai.PROVIDER.resource(),
            docs_url="https://docs.x.ai/developers/rest-api-reference",
            expires="after 30 days",
            born=None,
        ),
        declared(
            "files",
            "/files/{id}",
            expires="never, unless it was uploaded with expires_after",
            docs_url="https://docs.x.ai/developers/files/managing-files",
        ),
    ),
    rate_max=None,
    rate_note="no limit for deletions is documented",
)
