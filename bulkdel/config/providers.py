"""A provider as a file declares it: like one that is built in, or in its own words.

    [providers.acme]
    base_url = "https://api.acme.example/v1"
    api_key_env = "ACME_API_KEY"
    [providers.acme.resources.files]
    like = "openai:files"

What holds here, always: a resource says what confirms a deletion, by itself or by the one that it
is like. Without that nothing would ever be called deleted, or anything would.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Literal, cast

from bulkdel.config.table import Table
from bulkdel.errors import ConfigError
from bulkdel.providers import BUILT_IN, Provider, Resource, find
from bulkdel.providers.base import bearer, by_name
from bulkdel.providers.declared import FLAG, declared
from bulkdel.providers.listing import Listing
from bulkdel.providers.operations import Operation, params_of
from bulkdel.providers.words import Missing
from bulkdel.settings import LEAVE_MAX, check_base_url

_KEYS: Final = (
    "title",
    "base_url",
    "api_key_env",
    "key_header",
    "headers",
    "rate_max",
    "leave",
    "resources",
)
_RESOURCE_KEYS: Final = (
    "like",
    "path",
    "docs_url",
    "kinds",
    "confirmed",
    "missing",
    "prefixes",
    "headers",
    "expires",
    "list",
)
_LIST_KEYS: Final = (
    "path",
    "items",
    "paging",
    "cursor_param",
    "cursor_field",
    "size_param",
    "size",
    "query",
    "id_field",
    "id_head",
    "time_field",
)
_PAGINGS: Final = ("after", "token", "number", "none")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,30}").fullmatch
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_.~:@+-]+|\{[a-z][a-z0-9_]*\}").fullmatch
_HEADER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*").fullmatch


def provider_of(name: str, table: Table) -> Provider:
    """Return the provider that a table declares.

    Raises:
        ConfigError: Something in it is wrong; the message has file, line and key.
    """
    table.check_keys(_KEYS)
    if not _NAME(name):
        raise table.wrong(None, "a provider's name is a-z, 0-9 and '_'")
    if name in BUILT_IN:
        raise table.wrong(
            None,
            f"{name!r} is built in; for another account of it declare a lane: [lanes.{name}-eu]",
        )
    base_url = table.text("base_url").rstrip("/")
    try:
        check_base_url(base_url, allow_http=True)  # whether it may be is the run's question
    except ConfigError as exc:
        raise table.wrong("base_url", str(exc)) from exc
    key_env = table.text("api_key_env")
    if not _VARIABLE(key_env):
        raise table.wrong("api_key_env", "it is the name of a variable, not the key")
    leave = table.number("leave", 0.0) or 0.0
    if not 0.0 <= leave <= LEAVE_MAX:
        raise table.wrong("leave", f"it is a share from 0 to {LEAVE_MAX}")
    rate_max = table.number("rate_max")
    if rate_max is not None and not 0.001 <= rate_max <= 1_000_000:
        raise table.wrong("rate_max", "it must be 0.001 to 1,000,000 requests per second")
    resources = [_resource(each, own) for each, own in table.tables_in("resources")]
    if not resources:
        raise table.wrong(None, f"it needs a resource: [providers.{name}.resources.files]")
    return Provider(
        name=name,
        title=table.text("title", name),
        base_url=base_url,
        key_env=key_env,
        resources=by_name(*resources),
        rate_max=rate_max,
        rate_note="as the configuration file says",
        leave=leave,
        headers=_key_headers(table),
    )


def _key_headers(table: Table) -> Callable[[str], dict[str, str]]:
    """Return what makes the headers of a key."""
    fixed = _headers(table)
    header = table.text("key_header", "")
    if header and not _HEADER(header):
        raise table.wrong("key_header", "a header's name is letters, digits and '-'")

    def headers(key: str) -> dict[str, str]:
        return {**fixed, **({header: key} if header else bearer(key))}

    return headers


def _headers(table: Table) -> dict[str, str]:
    if "headers" not in table:
        return {}
    headers = table.table("headers")
    found = {name: headers.text(name) for name in headers}
    for name, value in found.items():
        if not _HEADER(name) or not (value.isascii() and value.isprintable()):
            raise headers.wrong(name, "a header is a name and printable ASCII")
    return found


def _resource(name: str, table: Table) -> Resource:
    table.check_keys(_RESOURCE_KEYS)
    if not _NAME(name):
        raise table.wrong(None, "a resource's name is a-z, 0-9 and '_'")
    if "like" in table:
        return _like(name, table)
    docs_url = table.text("docs_url")
    confirmed = table.values("confirmed") if "confirmed" in table else dict(FLAG)
    if "{id}" not in confirmed.values():
        raise table.wrong("confirmed", 'one of its fields must be the ID again, as id = "{id}"')
    path = _path(table, "path")
    listing = _listing(table.table("list"), docs_url) if "list" in table else None
    _check_parents(table, path, listing)
    return declared(
        name,
        path,
        docs_url=docs_url,
        kinds=frozenset(table.texts("kinds")),
        confirmed=confirmed,
        missing=[_missing(each, docs_url) for each in table.tables("missing")],
        prefixes=tuple(table.texts("prefixes")),
        listing=listing,
        headers=_headers(table),
        expires=table.text("expires", ""),
    )


def _like(name: str, table: Table) -> Resource:
    """Return a resource of a provider that is built in, at another place."""
    for key in ("kinds", "confirmed", "missing"):
        if key in table:
            raise table.wrong(key, "with `like` these are the words of the other")
    try:
        model = find(table.text("like"))[1]
    except ConfigError as exc:
        raise table.wrong("like", str(exc)) from exc
    path = _path(table, "path") if "path" in table else model.delete.path
    listing = model.listing
    if "list" in table:
        listing = _listing(table.table("list"), table.text("docs_url", model.docs_url), listing)
    _check_parents(table, path, listing)
    prefixes = tuple(table.texts("prefixes")) or model.id_form.prefixes
    return replace(
        model,
        name=name,
        id_form=replace(model.id_form, prefixes=prefixes),
        docs_url=table.text("docs_url", model.docs_url),
        delete=_at(path, model.delete),
        get=None if model.get is None else _at(path, model.get),
        listing=listing,
        headers={**model.headers, **_headers(table)},
        expires=table.text("expires", "not known of this provider"),
        leaves="",  # what the other's documents say of it
    )


def _at(path: str, operation: Operation) -> Operation:
    return replace(operation, path=path)


def _path(table: Table, key: str, *, of_object: bool = True) -> str:
    """Return a path below the base URL, with one place for the ID or none."""
    path = table.text(key)
    parts = path.split("/")[1:]
    fits = path.startswith("/") and all(_SEGMENT(each) and set(each) != {"."} for each in parts)
    if not fits or path.count("{id}") != int(of_object):
        wanted = "/files/{id}" if of_object else "/files"
        raise table.wrong(key, f"it must be a path below the base URL, as {wanted}")
    return path


def _check_parents(table: Table, path: str, listing: Listing | None) -> None:
    """Refuse a list below another parent than the objects: it would list those of all."""
    if listing is not None and set(params_of(listing.path)) != set(params_of(path)):
        raise table.wrong("path", f"its list is {listing.path}: both need the same places")


def _missing(table: Table, source: str) -> Missing:
    table.check_keys(["text", "statuses", "codes"])
    text = table.text("text")
    if "{id}" not in text:
        raise table.wrong("text", "it must name the object: {id} is its place")
    statuses = (
        {int(each) for each in table.scalars("statuses") if each.isdigit()}
        if "statuses" in table
        else {404}
    )
    if not statuses <= {400, 404, 410}:
        raise table.wrong("statuses", "an object that is missing is 404, 410 or 400")
    return Missing(
        text=text, source=source, statuses=statuses, codes=frozenset(table.texts("codes"))
    )


def _listing(table: Table, source: str, model: Listing | None = None) -> Listing:
    table.check_keys(_LIST_KEYS)
    paging = table.text("paging", model.paging if model else "after")
    if paging not in _PAGINGS:
        raise table.wrong("paging", f"it must be one of: {', '.join(_PAGINGS)}")
    before = model or Listing(path="/", source=source)
    path = before.path if model and "path" not in table else _path(table, "path", of_object=False)
    query: dict[str, Any] = dict(before.query)
    if "query" in table:
        given = table.table("query")
        query = {name: given.scalar(name.replace("-", "_")) for name in given}
    return replace(
        before,
        path=path,
        source=source,
        items=table.text("items", before.items or "") or None,
        paging=cast("Literal['after', 'token', 'number', 'none']", paging),
        size=table.whole("size", before.size, 1000),
        query=query,
        id_may_be_null=before.id_may_be_null,
        **{
            key: table.text(key, getattr(before, key))
            for key in (
                "cursor_param",
                "cursor_field",
                "size_param",
                "id_field",
                "id_head",
                "time_field",
            )
        },
    )
