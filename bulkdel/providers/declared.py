"""Declare one kind of stored object in a few lines: paths, words, list.

    declared("files", "/files/{id}", kinds={"file"}, …) --> Resource

Not here: what words mean (`words`), what any other answer means (`rules`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Final

from bulkdel.models import Answer, Meaning, Verdict
from bulkdel.object_id import STRICT
from bulkdel.providers import answers
from bulkdel.providers.listing import Listing
from bulkdel.providers.operations import Judge, Operation, Resource
from bulkdel.providers.rules import deletion, judge
from bulkdel.providers.tables import Rule
from bulkdel.providers.words import Confirmation, Missing, Words

FLAG: Final[Mapping[str, object]] = {"id": "{id}", "deleted": True}
"""The usual confirmation: the ID again, and that it is deleted."""

Shows = Callable[[str, Mapping[str, Any]], bool]
"""Whether the body of a GET shows the object of this ID."""


def shows_id(object_id: str, body: Mapping[str, Any]) -> bool:
    """Say whether a body is the object of this ID."""
    return body.get("id") == object_id


def declared(
    name: str,
    path: str,
    *,
    docs_url: str,
    kinds: AbstractSet[str] = frozenset(),
    confirmed: Mapping[str, object] = FLAG,
    missing: Sequence[Missing] = (),
    rules: Sequence[Rule] = (),
    prefixes: tuple[str, ...] = (),
    shows: Shows = shows_id,
    listing: Listing | None = None,
    headers: Mapping[str, str] | None = None,
    expires: str = "",
    leaves: str = "",
) -> Resource:
    """Return a resource.

    Args:
        name: Its name in a lane's, after the colon.
        path: Path of one object; ``{id}`` is the ID's place, ``{vector_store_id}`` that of a parent.
        docs_url: The page that documents the deletion.
        kinds: What the provider calls one in a confirmation: its ``object``.
        confirmed: The fields of the body of a 200 that confirms a deletion.
        missing: The wordings for an object that does not exist. Where they are documented nowhere
            there are none, and a comparison has to find out (`engine.comparison`).
        rules: The provider's own table.
        prefixes: How its IDs usually begin.
        shows: Whether the body of a GET shows the object.
        listing: How all of them are listed, if they can be.
        headers: Headers that its paths need beside the provider's.
        expires: What is known of its end by itself, for people.
        leaves: What such a deletion leaves, for people.
    """
    words = Words(
        kinds=kinds,
        confirmations=[Confirmation(fields=confirmed, source=docs_url)],
        missing=missing,
    )
    return Resource(
        name=name,
        id_form=replace(STRICT, name=name, prefixes=prefixes),
        docs_url=docs_url,
        delete=Operation(method="DELETE", path=path, judge=deletion(words, rules)),
        get=Operation(method="GET", path=path, judge=_look(words, rules, shows)),
        listing=listing,
        headers=dict(headers or {}),
        expires=expires,
        leaves=leaves,
    )


def _look(words: Words, rules: Sequence[Rule], shows: Shows) -> Judge:
    def judge_look(object_id: str, answer: Answer) -> Verdict:
        body = answers.json_object(answer.body)
        if answer.status == 200 and body is not None and shows(object_id, body):
            return Verdict(Meaning.PRESENT)
        return judge(object_id, answer, body, words=words, rules=rules)

    return judge_look
