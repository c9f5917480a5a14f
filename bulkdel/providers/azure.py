"""Azure OpenAI and Foundry, on the v1 API: responses, files, vector stores.

The base URL is the resource's own. Deletion and list of responses: ai.azure.com, API reference;
learn.microsoft.com, azure/foundry/reference/rest, list-responses; of files: the same, files. How a missing
response is worded stands in OpenAI's table; how a missing file is, is not documented, so a comparison finds
it out. The dated API (``?api-version=``) is not served: its query would have to go with every
request.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bulkdel.providers import openai
from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.declared import declared
from bulkdel.providers.listing import Listing

_FILES_STAY: Final = "the files in it: they are azure:files"
_FILE_STAYS: Final = "the file itself: it is one of azure:files"

PROVIDER: Final = Provider(
    name="azure",
    title="Azure OpenAI",
    base_url="https://{resource}.openai.azure.com/openai/v1",
    key_env="AZURE_OPENAI_API_KEY",
    resources=by_name(
        replace(
            openai.PROVIDER.resource(),
            docs_url="https://ai.azure.com/api-reference/llm/responses/delete-response.md",
            listing=Listing(
                path="/responses",
                query={"order": "asc"},
                source="https://learn.microsoft.com/azure/foundry/reference/rest/list-responses",
            ),
            expires="after 30 days",
            born=None,  # what its IDs say is not known
        ),
        declared(
            "files",
            "/files/{id}",
            kinds={"file"},
            rules=openai.RULES,
            prefixes=("file-", "assistant-"),
            listing=Listing(
                path="/files",
                size=100,
                query={"order": "asc"},
                source="https://learn.microsoft.com/azure/foundry/reference/rest/files-list-files",
            ),
            expires="purpose=batch after 30 days; others never, unless expires_after was given",
            docs_url="https://learn.microsoft.com/rest/api/azureopenai/files/delete",
        ),
        replace(openai.PROVIDER.resource("vector_stores"), expires="", leaves=_FILES_STAY),
        replace(openai.PROVIDER.resource("vector_store_files"), leaves=_FILE_STAYS),
    ),
    rate_max=None,
    rate_note="no limit for deletions is documented",
    headers=lambda key: {"api-key": key},
)
