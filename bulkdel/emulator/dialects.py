"""How one provider talks: its paths, the bodies it answers with, the shapes of its errors.

    Dialect.deleted("resp_1")                the body of a confirmed deletion
    Dialect.problem(Problem.KEY_REFUSED, …)  a whole answer: status, body, headers

The tables stand in `ark`, `fireworks`, `openai` and `litellm`, each with the source of what
it says. They are written apart from the modules under test (`bulkdel.providers`), so that a
wrong reading there is not repeated here. Not here: when to answer what (`account`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple

import orjson

JSON: Final = {"Content-Type": "application/json"}


class Problem(StrEnum):
    """Why a request is not carried out. Where `faults.Fault` has the same word, it means it."""

    KEY_MISSING = "key_missing"
    KEY_REFUSED = "key_refused"
    FORBIDDEN = "forbidden"
    UNPAID = "unpaid"
    QUOTA = "quota"
    REFUSED = "refused"
    REFUSED_IN_FLIGHT = "refused_in_flight"
    MISSING = "missing"
    """No such object, or no longer."""
    BUSY = "busy"
    REJECTED = "rejected"
    NO_ROUTE = "no_route"
    NO_METHOD = "no_method"
    ERROR = "error"
    OVERLOADED = "overloaded"
    NOT_IMPLEMENTED = "not_implemented"


class Reply(NamedTuple):
    """One HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = JSON


@dataclass(frozen=True, slots=True)
class Words:
    """How a provider words one problem.

    Attributes:
        status: HTTP status.
        code: The provider's error code, or None.
        kind: The provider's error type.
        message: With ``{id}``, ``{key}`` (masked) and ``{request}`` (method and path) where
            the provider repeats them.
        body: The whole body, where it has a shape of its own.
    """

    status: int
    code: str | None = None
    kind: str = ""
    message: str = ""
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The words of one provider.

    Attributes:
        name: Name of the provider.
        root: Paths below it that are no route are answered by this provider.
        base_path: Path of the API; ``/{collection}/{id}`` follows.
        problems: The words for each problem.
        error_body: An error's body out of its words, the filled-in message and the ID of
            the request.
        deleted: The body of a confirmed deletion of an ID.
        not_deleted: The body of a 200 that does not confirm it.
        stored: The body that shows an object.
        request_id: The ID of the request with this number.
        request_id_header: Header that carries it, or None.
        collection: What it holds, as it stands in a path: ``files``, or ``stores/PARENT/files``.
        parent_missing: What it says where another parent stands in the path, which does not exist.
        key_header: Header that carries the key; as a bearer token in ``Authorization``.
        page: A page of the list of what is there: of the objects with their times, oldest first,
            and the query. None if they are not listed.
        id_named: The ID by which it names an object to the one who asks with this ID.
    """

    name: str
    root: str
    base_path: str
    problems: Mapping[Problem, Words]
    error_body: Callable[[Words, str, str], bytes]
    deleted: Callable[[str], bytes]
    not_deleted: Callable[[str], bytes]
    stored: Callable[[str], bytes]
    request_id: Callable[[int], str]
    request_id_header: str | None = None
    id_named: Callable[[str], str] = str
    collection: str = "responses"
    parent_missing: str = ""
    key_header: str = "Authorization"
    page: Callable[[Sequence[tuple[str, float]], str], Reply] | None = None
    prefix: str = field(init=False)
    """What stands before the ID in a path."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", f"{self.base_path}/{self.collection}/")

    def other_parent(self, path: str) -> str | None:
        """Return the parent in a path that would be one of its own, but for that parent."""
        if not self.parent_missing:
            return None
        before, own, after = self.collection.split("/")
        parts = path.partition("?")[0].removeprefix(f"{self.base_path}/").split("/")
        if parts[0] != before or parts[2:3] != [after] or len(parts) > 4 or parts[1] == own:
            return None
        return parts[1]

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """Return the key of a request, or None if it has none."""
        value = headers.get(self.key_header)
        return value if value is None or self.key_header != "Authorization" else value[7:]

    def headers(self, number: int) -> Mapping[str, str]:
        """Return the headers of the answer to the request with this number."""
        if self.request_id_header is None:
            return JSON
        return {**JSON, self.request_id_header: self.request_id(number)}

    def wording(self, problem: Problem, message: str) -> Dialect:
        """Return the same dialect with other words for one problem."""
        words = replace(self.problems[problem], message=message)
        return replace(self, problems={**self.problems, problem: words})

    def problem(self, problem: Problem, number: int, **values: str) -> Reply:
        """Return the answer to a request that meets a problem."""
        words = self.problems[problem]
        headers = self.headers(number)
        if words.body is not None:
            return Reply(words.status, words.body, headers)
        if "id" in values:
            values["id"] = self.id_named(values["id"])
        message = words.message.format_map(_Values(values))
        return Reply(
            words.status, self.error_body(words, message, self.request_id(number)), headers
        )


class _Values(dict[str, str]):
    """What a message may repeat; what is not known at that place stays empty."""

    def __missing__(self, key: str) -> str:
        return ""


def json_string(text: str) -> bytes:
    """Return ``text`` as a JSON string."""
    return orjson.dumps(text)


def confirmation(deleted: bool) -> Callable[[str], bytes]:
    """Return what builds ``{"id": …, "object": "response", "deleted": …}``."""
    tail = (
        b',"object":"response","deleted":true}'
        if deleted
        else (b',"object":"response","deleted":false}')
    )

    def body(object_id: str) -> bytes:
        return b'{"id":' + orjson.dumps(object_id) + tail

    return body


def stored_response(object_id: str, **more: object) -> bytes:
    """Return a stored response as all of them show it, as short as their schemas allow."""
    return orjson.dumps(
        {
            "id": object_id,
            "object": "response",
            "created_at": 1_767_225_600,
            "status": "completed",
            "model": "emulated",
            "output": [],
            **more,
        }
    )


def masked(key: str) -> str:
    """Return a key as OpenAI repeats it: the first and the last characters, stars between."""
    return f"{key[:4]}{'*' * 8}{key[-4:]}" if len(key) >= 16 else "*" * 8
