"""What a provider says of one kind of object when it ends an ID: matched whole.

    200 + body  --> Words.confirmed  --> DELETED, or what speaks against it
    4xx + error --> Words.misses     --> whether it names our object as missing

What holds here, always:

1. A body is final only if every part of it is known: the documented fields with their
   documented values, the documented words from the first letter to the last with our ID in its
   place, and beside them nothing but what is `mute`. No pattern is searched for, so no word
   that is put before, behind or between can turn it round.
2. Each confirmation and each wording names its source, so that a reader can check it there.
3. What is not known is not final. That costs another request, or a question to the user; a
   wrong "deleted" or "gone" would be a false line in the log, for ever.

Not here: what any other answer means (`rules`), the words of one provider (its own module).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from bulkdel.models import Meaning, Verdict
from bulkdel.providers import answers
from bulkdel.providers.answers import ApiError

DELETED: Final = Verdict(Meaning.DELETED)
"""The confirmed case, which nearly every ID is: one object for all of them."""

_OUR_ID: Final = "{id}"

_REQUEST_IDS: Final = frozenset(
    {"request_id", "requestId", "request-id", "RequestId", "trace_id", "traceId"}
)
_TIMES: Final = frozenset({"created_at", "deleted_at", "timestamp"})
_TOKEN: Final = re.compile(r"[\w.:-]{1,200}", re.ASCII).fullmatch
_TIME: Final = re.compile(r"\d[\d:.TZ+-]{0,39}", re.ASCII).fullmatch
_USAGE_DEPTH_MAX: Final = 2
_ID_HEAD: Final = re.compile(r"[A-Za-z]+[_-]").match
"""How IDs of one kind begin, as ``resp_``: so another one is told from any other word."""
_PUNCTUATION: Final = ".,:;!'\"`()"
_PARAMS: Final = frozenset({"id", "response_id", "file_id"})
"""What an error's ``param`` may be: the name of the ID's place."""


def mute(name: str, value: object) -> bool:
    """Say whether a field beside the documented ones says nothing about the outcome.

    That is a field without content, a request's ID, a time, or counted tokens. Anything else
    might say "failed", "queued" or "try again" in words that nobody has listed.
    """
    if value is None or value == "" or value in ([], {}) or volatile(name, value):
        return True
    return name == "usage" and isinstance(value, dict) and _counts(value, _USAGE_DEPTH_MAX)


def volatile(name: str, value: object) -> bool:
    """Say whether a field is a request's ID or a time: another one in each answer."""
    if name in _REQUEST_IDS:
        return isinstance(value, str) and _TOKEN(value) is not None
    if name in _TIMES:
        return _is_number(value) or (isinstance(value, str) and _TIME(value) is not None)
    return False


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _counts(value: object, depth: int) -> bool:
    """Say whether a value is numbers by name, and such again."""
    if not isinstance(value, dict):
        return value is None or _is_number(value)
    return depth > 0 and all(
        name.endswith(("tokens", "tokens_details", "details")) and _counts(each, depth - 1)
        for name, each in value.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """The body of a 200 that confirms a deletion.

    Attributes:
        fields: The fields that must be there, with their values; ``{id}`` is our ID.
        source: Where it is documented.
    """

    fields: Mapping[str, object]
    source: str

    def fits(self, body: Mapping[str, Any]) -> bool:
        """Say whether the body has these fields, whichever ID it names."""
        return all(
            isinstance(body.get(name), str)
            if value == _OUR_ID
            else type(body.get(name)) is type(value) and body[name] == value
            for name, value in self.fields.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One wording with which a server says that an object does not exist.

    Attributes:
        text: The whole message; ``{id}`` is our ID, without which nothing says whose it is.
        source: Where it is documented or was seen.
        statuses: HTTP statuses that it comes with.
        codes: What may stand beside it as the error's code and type. Besides these: nothing,
            or the HTTP status again.
    """

    text: str
    source: str
    statuses: AbstractSet[int] = frozenset({404})
    codes: AbstractSet[str] = frozenset()

    def fits(self, object_id: str, status: int, error: ApiError) -> bool:
        """Say whether this is the wording, of our ID."""
        return (
            status in self.statuses
            and error.message == self.text.replace(_OUR_ID, object_id)
            and {error.code, error.kind} <= self.codes | {"", str(status)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a provider says of one kind of object.

    Attributes:
        kinds: What it calls one: the values of ``object`` in a confirmation.
        confirmations: The bodies that confirm a deletion.
        missing: The wordings for an object that does not exist.
    """

    kinds: AbstractSet[str]
    confirmations: Sequence[Confirmation]
    missing: Sequence[Missing] = field(default=())

    def confirmed(self, object_id: str, body: Mapping[str, Any]) -> Verdict | None:
        """Judge the body of a 200; None if it confirms nothing."""
        if body.get("deleted") is False:  # documented by Ark: "not deleted"
            return Verdict(
                Meaning.TRANSIENT, message="the provider answered that it is not deleted"
            )
        for confirmation in self.confirmations:
            if confirmation.fits(body):
                other = self._other_object(object_id, body)
                if other is not None:
                    return other
                if all(self._agrees(object_id, confirmation, *item) for item in body.items()):
                    return DELETED
        if body.get("deleted") is True:  # whatever else stands there, it names another ID
            other = self._other_object(object_id, body)
            if other is not None:
                return other
        return _other_id_in_words(object_id, body.get("message"))

    def misses(self, object_id: str, status: int, error: ApiError) -> bool:
        """Say whether an error names the object ``object_id`` as missing."""
        error = answers.without_request_id(error)
        return any(each.fits(object_id, status, error) for each in self.missing) and all(
            mute(name, value) or _repeats(name, value, status) for name, value in error.rest
        )

    def _agrees(self, object_id: str, confirmation: Confirmation, name: str, value: object) -> bool:
        """Say whether one field is documented, says the same again, or says nothing."""
        if name == "id" or confirmation.fields.get(name) == _OUR_ID:
            return value == object_id
        if name == "object":
            return isinstance(value, str) and value in self.kinds
        if name == "deleted":
            return value is True
        return name in confirmation.fields or mute(name, value)

    def _other_object(self, object_id: str, body: Mapping[str, Any]) -> Verdict | None:
        """Return the verdict on a confirmation of another object than ours, else None.

        It is ENDPOINT, not FAILED: whatever stands at that URL deletes something else than
        it is told to, and would for every further ID. FAILED would go on doing damage at
        full speed; ENDPOINT stops the lane and writes no line for the ID.
        """
        named, kind = body.get("id"), body.get("object")
        if isinstance(named, str) and named != object_id:
            return _confirmed_other("ID", named)
        if isinstance(kind, str) and kind not in self.kinds:
            return _confirmed_other("kind of object", kind)
        return None


def _other_id_in_words(object_id: str, message: object) -> Verdict | None:
    """Return the verdict on words that say "deleted" of another ID, in whatever wording."""
    head = _ID_HEAD(object_id)
    if head is None or not isinstance(message, str) or "deleted" not in message.lower():
        return None
    named = [word.strip(_PUNCTUATION) for word in message.split()]
    others = [word for word in named if word.startswith(head.group()) and word != object_id]
    return _confirmed_other("ID", others[0]) if others else None


def _confirmed_other(what: str, value: str) -> Verdict:
    message = f"the provider confirmed another {what}: {answers.clean(value, 200)!r}"
    return Verdict(Meaning.ENDPOINT, message=message)


def _repeats(name: str, value: object, status: int) -> bool:
    """Say whether a field of an error says again what is known: the status, the place."""
    if name == "param":
        return isinstance(value, str) and value in _PARAMS
    return name in ("status", "statusCode", "status_code") and value in (status, str(status))
