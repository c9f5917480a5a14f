"""How the collections of the emulator are listed: which part of what is there a page has.

    objects, query ──Pager──> the body of a page, as one provider has it
    paged(pager, shown) ──> what a `Dialect` answers

The documents are silent on a cursor whose object is deleted; here it is a 400, as at ogx 1.5.

Not here: what the objects look like (`objects`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import orjson

from bulkdel.emulator.dialects import JSON, Reply

Shown = Callable[[str, float], dict[str, Any]]
"""An object as the provider shows it: of its ID and the time of its creation."""

Objects = Sequence[tuple[str, float]]
Pager = Callable[[Objects, Mapping[str, str], Shown], dict[str, Any] | None]
"""Makes a page of the objects that are there, oldest first; None for a cursor that is none."""


def after_last(param: str, default: int, most: int) -> Pager:
    """Return a pager whose next page begins after the last ID, which ``param`` names."""

    def page(there: Objects, query: Mapping[str, str], shown: Shown) -> dict[str, Any] | None:
        ordered = there if query.get("order", "desc") == "asc" else there[::-1]
        begin = 0
        if param in query:
            ids = [object_id for object_id, _ in ordered]
            if query[param] not in ids:
                return None
            begin = ids.index(query[param]) + 1
        size = min(most, int(query.get("limit", default)))
        data = [shown(*each) for each in ordered[begin : begin + size]]
        return {
            "object": "list",
            "data": data,
            "first_id": ordered[begin][0] if data else None,
            "last_id": ordered[begin + len(data) - 1][0] if data else None,
            "has_more": begin + len(data) < len(ordered),
        }

    return page


def by_token(items: str) -> Pager:
    """Return a pager whose next page begins at a token; ``items`` is the field of the objects."""

    def page(there: Objects, query: Mapping[str, str], shown: Shown) -> dict[str, Any] | None:
        token = query.get("pageToken", "t0")
        if not (token[:1] == "t" and token[1:].isdigit()):
            return None
        begin, size = int(token[1:]), min(100, int(query.get("pageSize", 10)))
        data = [shown(*each) for each in there[begin : begin + size]]
        more = begin + len(data) < len(there)
        return {
            **({items: data} if data else {}),  # the field is left out where there is none
            **({"nextPageToken": f"t{begin + len(data)}"} if more else {}),
        }

    return page


def by_cursor(there: Objects, query: Mapping[str, str], shown: Shown) -> dict[str, Any] | None:
    """Page as OpenRouter does: the next page begins at a cursor."""
    begin, size = int(query.get("cursor", 0)), min(1000, int(query.get("limit", 100)))
    data = [shown(*each) for each in there[begin : begin + size]]
    more = begin + len(data) < len(there)
    return {"data": data, "has_more": more, "cursor": str(begin + len(data)) if more else None}


def by_number(there: Objects, query: Mapping[str, str], shown: Shown) -> dict[str, Any] | None:
    """Page as Mistral does: pages have numbers, and none says whether it is the last."""
    size = int(query.get("page_size", 100))
    begin = int(query.get("page", 0)) * size
    return {"object": "list", "data": [shown(*each) for each in there[begin : begin + size]]}


def all_at_once(there: Objects, _: Mapping[str, str], shown: Shown) -> dict[str, Any] | None:
    """Return all there is: there is one page."""
    return {"object": "list", "data": [shown(*each) for each in there]}


def paged(pager: Pager, shown: Shown) -> Callable[[Objects, str], Reply]:
    """Return what answers the query of a list."""

    def answered(there: Objects, query: str) -> Reply:
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        body = pager(there, given, shown)
        if body is None:
            return Reply(400, b'{"error":{"message":"the cursor names no object"}}', JSON)
        return Reply(200, orjson.dumps(body), JSON)

    return answered
