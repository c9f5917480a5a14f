"""What a provider is: a few facts and one pure function, `Provider.verdict`.

A provider module holds what its API documents, with the source of each fact, and
nothing that acts. `answers` has what several of them share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bulkdel.models import Answer, Verdict
from bulkdel.object_id import RESPONSE_ID, IdForm, path_segment


def bearer(key: str) -> dict[str, str]:
    """Return the request headers for a key sent as ``Authorization: Bearer``."""
    return {"Authorization": f"Bearer {key}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One remote API and its rules.

    Attributes:
        name: Its name on the command line and in the log.
        title: Its name for people.
        base_url: Where its API is, without a slash at the end.
        key_env: Environment variable that holds the key.
        path: Path below ``base_url`` of one object; ``{id}`` is the ID's place.
        id_form: What its IDs look like.
        rate_max: Documented limit for deletions, requests per second per account, as
            far as bulkdel uses it by default; None if none is documented.
        rate_note: Where that limit comes from, for people.
        docs_url: The page that documents the deletion.
        verdict: What an answer to the deletion of an ID means. Pure.
        headers: The request headers for a key.
    """

    name: str
    title: str
    base_url: str
    key_env: str
    rate_max: float | None
    rate_note: str
    docs_url: str
    verdict: Callable[[str, Answer], Verdict]
    path: str = "/responses/{id}"
    id_form: IdForm = RESPONSE_ID
    headers: Callable[[str], dict[str, str]] = field(default=bearer)

    def url(self, object_id: str, *, base_url: str | None = None) -> str:
        """Return the URL of one object, percent-encoded: send it as it is.

        Raises:
            ValueError: ``object_id`` cannot be an ID.
        """
        base = (base_url or self.base_url).rstrip("/")
        return base + self.path.replace("{id}", path_segment(object_id))
