"""What can be asked of one kind of stored object: `Operation`, and `Resource`, its kind.

    Resource("files")
        delete  -->  DELETE /files/{id}, and which answer means what
        get     -->  GET    /files/{id}, likewise

What holds here, always:

1. An operation is data and one pure function. It is opened once per lane (`transport`), which
   keeps its request head, so that every operation is as fast and as strict as a deletion.
2. Its path has one place that differs from request to request, the ID's. A template with any
   other place is filled in before it is opened: what is left in braces is never sent.

Not here: where the API is and with which key (`base`), what the providers document (their own
modules).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from bulkdel.models import Answer, Verdict
from bulkdel.object_id import STRICT, IdForm, path_segment
from bulkdel.providers.listing import Listing

RESPONSES: Final = "responses"
"""The resource that a provider's bare name means."""

Judge = Callable[[str, Answer], Verdict]
"""What an answer about an ID means. Pure, and never raises, whatever a server sends."""

_PLACE: Final = "{id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request about one object, and how its answer is read.

    Attributes:
        method: HTTP method; neither has a body.
        path: Path below the base URL; ``{id}`` is the ID's place.
        judge: What an answer means.
    """

    method: Literal["DELETE", "GET"]
    path: str
    judge: Judge

    def around_id(self) -> tuple[str, str]:
        """Return the path before and after the ID.

        Raises:
            ValueError: It has not exactly one place, the ID's.
        """
        before, place, after = self.path.partition(_PLACE)
        if not place or set("{}") & set(before + after):
            raise ValueError(f"the path {self.path!r} must have {_PLACE} as its only place")
        return before, after

    def url(self, base_url: str, object_id: str) -> str:
        """Return the URL of one object, percent-encoded: send it as it is.

        Raises:
            ValueError: ``object_id`` cannot be an ID.
        """
        before, after = self.around_id()
        return f"{base_url.rstrip('/')}{before}{path_segment(object_id)}{after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind of stored object at one provider.

    Attributes:
        name: Its name in a lane's, after the colon: ``responses``, ``files``.
        delete: Delete one object.
        get: Show one object, or None where that is not known well enough.
        id_form: What its IDs look like, and what they usually begin with.
        docs_url: The page that documents the deletion.
        listing: How all of them are listed, or None if they cannot be.
        headers: Headers that its paths need beside the provider's.
        expires: What is known of its end by itself, for people.
        is_unchecked: Says of which IDs nothing in a confirmation can be compared with them;
            None where there are none. People are told how many there are.
        born: Returns when an object was made, by its ID alone, in seconds since 1970; None for
            one whose ID does not say. None where no ID says it (`birth`). IDs that say it sort by
            it: a time stands in front, in so many digits.
    """

    name: str
    delete: Operation
    get: Operation | None = None
    id_form: IdForm = STRICT
    docs_url: str
    listing: Listing | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    expires: str = ""
    is_unchecked: Callable[[str], bool] | None = None
    born: Callable[[str], float | None] | None = None
