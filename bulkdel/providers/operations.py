"""What can be asked of one kind of stored object: `Operation`, and `Resource`, its kind.

    Resource("files")
        delete  -->  DELETE /files/{id}, and which answer means what
        get     -->  GET    /files/{id}, likewise

What holds here, always:

1. An operation is data and one pure function. It is opened once per lane (`transport`), which
   keeps its request head, so that every operation is as fast and as strict as a deletion.
2. Its path has one place that differs from request to request, the ID's. Any other place, its
   parent's ID, is filled in for the lane (`at`): what is left in braces is never sent.
3. A parent's ID is one path segment, like an ID: it can no more than an ID lead to another place.

Not here: where the API is and with which key (`base`), what the providers document (their own
modules).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from bulkdel.models import Answer, Verdict
from bulkdel.object_id import STRICT, IdForm, path_segment
from bulkdel.providers.listing import Listing

RESPONSES: Final = "responses"
"""The resource that a provider's bare name means."""

Judge = Callable[[str, Answer], Verdict]
"""What an answer about an ID means. Pure, and never raises, whatever a server sends."""

_PLACE: Final = "{id}"
_PARAM: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def params_of(path: str) -> tuple[str, ...]:
    """Return the names of the places in a path beside the ID's, in their order."""
    return tuple(name for name in _PARAM.findall(path) if name != "id")


def filled(path: str, params: Mapping[str, str]) -> str:
    """Return a path with these values in their places, each as one segment.

    Raises:
        ValueError: A value cannot be an ID.
    """
    for name, value in params.items():
        path = path.replace(f"{{{name}}}", path_segment(value))
    return path


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

    def at(self, params: Mapping[str, str]) -> Operation:
        """Return it below the parents that are named; see `filled`."""
        return replace(self, path=filled(self.path, params))

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
        leaves: What such a deletion leaves, for people: they may think that it is gone, too.
        whose: The IDs of its parents, by name, once they are filled in (`at`).
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
    leaves: str = ""
    whose: Mapping[str, str] = field(default_factory=dict)
    is_unchecked: Callable[[str], bool] | None = None
    born: Callable[[str], float | None] | None = None

    @property
    def params(self) -> tuple[str, ...]:
        """The names of its parents, which stand in its paths: ``vector_store_id``."""
        return params_of(self.delete.path)

    def at(self, params: Mapping[str, str]) -> Resource:
        """Return it below the parents that are named.

        Raises:
            ValueError: One is missing, unknown, or cannot be an ID; the message says which.
        """
        for name in self.params:
            if name not in params:
                raise ValueError(f"it needs --param {name}=ID: whose {self.name} they are")
        for name, value in params.items():
            if name not in self.params:
                known = ", ".join(self.params) or "none"
                raise ValueError(f"there is no param {name!r} in its paths (known: {known})")
            reason = STRICT.invalid_reason(value)
            if reason is not None:
                raise ValueError(f"param {name}: {reason}")
        if not params:
            return self
        listing = self.listing
        return replace(
            self,
            delete=self.delete.at(params),
            get=None if self.get is None else self.get.at(params),
            listing=listing and replace(listing, path=filled(listing.path, params)),
            whose=dict(params),
        )
