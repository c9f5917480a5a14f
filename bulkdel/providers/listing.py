"""How the objects of a resource are listed: which request, and what a page says. Pure.

    Listing.first, next_to   path and query of a page
    Listing.read             the body of one --> Page: objects, and where the next begins

What holds here, always:

1. The ID and the time of an object stand in one form, whatever the provider calls them: `Listed`.
2. A page that cannot be read is an error, never an empty page: what is not listed is not deleted.

The pages of the providers differ: the next one begins after the last ID (OpenAI, Ark), at a token
(Gemini), at a number (Mistral), or there is one page alone (Groq). A cursor whose object has been
deleted is an error at some servers and the first page again at others (both seen on servers that run
on loopback: ogx 1.5), so nothing is deleted while it is listed.

Not here: asking (`engine.listing`), what is chosen of the objects (`engine.choice`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlencode

import orjson


class Listed(NamedTuple):
    """One object of a list.

    Attributes:
        object_id: The ID by which it is deleted.
        created_s: When it was made, in seconds since 1970; None if it does not say.
        fields: All that the provider says of it.
    """

    object_id: str
    created_s: float | None
    fields: Mapping[str, object]


class Page(NamedTuple):
    """One page of a list.

    Attributes:
        objects: What is on it.
        cursor: Where the next page begins, or None after the last.
    """

    objects: list[Listed]
    cursor: str | None


class PageError(ValueError):
    """The body of a page is none that this provider sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How one kind of object is listed.

    Attributes:
        path: Path below the base URL.
        source: Where it is documented.
        items: The field that has the objects; None if the body is the list itself.
        paging: How the next page is asked for: ``after`` the last ID, a ``token``, a ``number``,
            or not at all.
        cursor_param: The parameter for that.
        cursor_field: The field of a page with the token of the next.
        size_param: The parameter for the size of a page.
        size: Objects on a page: the most that is allowed, 1,000 at most.
        query: What is asked for beside that, as the oldest first.
        id_field: The field with the ID.
        id_may_be_null: Whether an object may have none: then there is nothing of it to be deleted.
        id_head: What stands before the ID there, and is no part of it.
        time_field: The field with the time when it was made: seconds since 1970, or RFC 3339.
    """

    path: str
    source: str
    items: str | None = "data"
    paging: Literal["after", "token", "number", "none"] = "after"
    cursor_param: str = "after"
    cursor_field: str = "next_page_token"
    size_param: str = "limit"
    size: int = 100
    query: Mapping[str, str] = field(default_factory=dict)
    id_field: str = "id"
    id_may_be_null: bool = False
    id_head: str = ""
    time_field: str = "created_at"

    def target(self, cursor: str | None) -> str:
        """Return path and query of the page that begins at ``cursor``; None is the first."""
        query = dict(self.query)
        if self.paging != "none":
            query[self.size_param] = str(self.size)
        if cursor is not None:
            query[self.cursor_param] = cursor
        elif self.paging == "number":
            query[self.cursor_param] = "0"
        return self.path + (f"?{urlencode(query, quote_via=quote)}" if query else "")

    def read(self, body: bytes, cursor: str | None) -> Page:
        """Read the page that began at ``cursor``.

        Raises:
            PageError: It is none; the message says why.
        """
        try:
            page = orjson.loads(body)
        except ValueError:
            raise PageError("the page is not JSON") from None
        items = page if self.items is None else self._items(page)
        if not isinstance(items, list):
            raise PageError(f"the page has no list {self.items!r}")
        objects = [self._listed(item) for item in items if not self._is_nameless(item)]
        return Page(objects, self._next(page, objects, cursor))

    def _items(self, page: object) -> object:
        if not isinstance(page, dict):
            raise PageError("the page is no JSON object")
        # Gemini leaves the field out when there is none; Ark's may be null.
        found = page.get(self.items)
        if found is None and (self.items in page or self.paging == "token"):
            return []
        return found

    def _is_nameless(self, item: object) -> bool:
        if not self.id_may_be_null or not isinstance(item, dict):
            return False
        return self.id_field in item and item[self.id_field] is None

    def _listed(self, item: object) -> Listed:
        if not isinstance(item, dict):
            raise PageError("an object of the page is no JSON object")
        named = item.get(self.id_field)
        if not isinstance(named, str) or not named.startswith(self.id_head):
            raise PageError(f"an object of the page has no {self.id_field!r}")
        return Listed(named[len(self.id_head) :], seconds(item.get(self.time_field)), item)

    def _next(self, page: Any, objects: list[Listed], cursor: str | None) -> str | None:
        if self.paging == "token":
            token = page.get(self.cursor_field)
            return token if isinstance(token, str) and token else None
        if not objects and self.id_may_be_null and page.get("has_more") is True:
            raise PageError("no object of the page has an ID, so nobody can ask for the next")
        if not objects or self.paging == "none":
            return None
        if self.paging == "number":
            return str(int(cursor or 0) + 1) if len(objects) >= self.size else None
        return objects[-1].object_id if page.get("has_more") is True else None


def seconds(value: object) -> float | None:
    """Return a time as seconds since 1970: it is, or it is written as RFC 3339 has it."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
