"""Together: files.

Confirmation and list: together 3.1.1 (its SDK), resources/files.py, where both fields of a confirmation
are optional: one that lacks the ID or the flag confirms nothing. The list is one page. How a missing
file is worded is documented nowhere, so a comparison finds it out.
"""

from __future__ import annotations

from typing import Final

from bulkdel.providers.base import Provider, by_name
from bulkdel.providers.declared import declared
from bulkdel.providers.listing import Listing

_SDK: Final = "together 3.1.1, resources/files.py"

PROVIDER: Final = Provider(
    name="together",
    title="Together",
    base_url="https://api.together.xyz/v1",
    key_env="TOGETHER_API_KEY",
    resources=by_name(
        declared(
            "files",
            "/files/{id}",
            prefixes=("file-",),
            listing=Listing(path="/files", paging="none", source=_SDK),
            docs_url=_SDK,
        )
    ),
    rate_max=None,
    rate_note="no limit for deletions is documented",
)
