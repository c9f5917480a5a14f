"""Groq: files.

Confirmation and list: groq 1.7.0 (its SDK), resources/files.py. The
list is one page. How a missing file is worded is documented nowhere, so a comparison finds it out.
"""

from __future__ import annotations

from typing import Final

from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.declared import declared
from bulkdel.providers.listing import Listing

PROVIDER: Final = Provider(
    name="groq",
    title="Groq",
    base_url="https://api.groq.com/openai/v1",
    key_env="GROQ_API_KEY",
    resources=by_name(
        declared(
            "files",
            "/files/{id}",
            kinds={"file"},
            prefixes=("file_",),
            listing=Listing(path="/files", paging="none", source="groq 1.7.0, resources/files.py"),
            docs_url="groq 1.7.0, resources/files.py",
        )
    ),
    rate_max=None,
    rate_note="no limit for deletions is documented",
)
