"""What an answer means when it does not confirm the deletion: tables, and `judge`.

    answer --> provider module: confirmed? --no--> judge: provider's table, then the
                                                   common table, then by status alone

Status, code and words decide together, because the same thing has another status at
every provider: a bad key is 401 at most, 400 at xAI and Gemini; an unpaid account is
402, 403, 412 or 429. The first row that fits wins.

What holds here, always:

1. `judge` never says DELETED.
2. It says GONE only if the body names a missing response, and no other ID than ours.
   A bare 404 is no evidence: a mistyped base URL answers 404 to everything. What is in
   doubt stops the lane (ENDPOINT), with the provider's words, and burns no ID.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bulkdel.models import Answer, LimitKind, Meaning, Verdict
from bulkdel.providers import answers
from bulkdel.providers.answers import ApiError

DELETED: Final = Verdict(Meaning.DELETED)
"""The confirmed case, which nearly every ID is: one object for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of a table: it fits if all of its conditions do.

    Attributes:
        meaning: What the answer means then.
        statuses: HTTP statuses.
        code: A pattern that the whole error code, or its type, must match.
        text: A pattern that must occur in the error's code, type or message.
        limit: For `Meaning.REFUSED`: which limit it is.
    """

    meaning: Meaning
    statuses: Container[int] = range(400, 600)
    code: re.Pattern[str] | None = None
    text: re.Pattern[str] | None = None
    limit: LimitKind = LimitKind.UNKNOWN

    def fits(self, status: int, error: ApiError) -> bool:
        """Say whether an answer with ``status`` and ``error`` is of this row."""
        if status not in self.statuses:
            return False
        if self.code and not (self.code.fullmatch(error.code) or self.code.fullmatch(error.kind)):
            return False
        return not self.text or any(map(self.text.search, (error.code, error.kind, error.message)))


def words(pattern: str) -> re.Pattern[str]:
    """Return a pattern for a row's ``text``: the case of letters does not count."""
    return re.compile(pattern, re.IGNORECASE)


Gone = Callable[[str, int, ApiError], bool]
"""Whether an answer names the object of an ID as missing: ID, status, error."""

COMMON_RULES: Final[Sequence[Rule]] = (
    Rule(meaning=Meaning.KEY_REFUSED, statuses={401}),
    # xAI: 400 "Incorrect API key provided"; Gemini: 400 with reason API_KEY_INVALID.
    Rule(
        meaning=Meaning.KEY_REFUSED,
        statuses={400, 403, 422},
        text=words(r"\b(?:incorrect|invalid) api key\b|\bapi key not valid\b|\bAPI_KEY_INVALID\b"),
    ),
    Rule(meaning=Meaning.ACCOUNT, statuses={402}),
    # xAI: 403 "used all available credits".
    Rule(
        meaning=Meaning.ACCOUNT,
        statuses={403},
        text=words(r"\b(?:credits?|billing|payment|overdue|suspended)\b"),
    ),
    # Not a question of this one ID: the lane asks once more before it stops.
    Rule(meaning=Meaning.KEY_REFUSED, statuses={403}),
    # 407 comes from a proxy on the way; 501 is Gemini's answer to a delete it lacks
    # (https://github.com/googleapis/python-genai/issues/2803).
    Rule(meaning=Meaning.ENDPOINT, statuses={405, 407, 501}),
    # OpenAI's words for "no more money", also the older one (type or code).
    Rule(meaning=Meaning.ACCOUNT, statuses={429}, code=words("insufficient_quota")),
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429},
        text=words("concurren"),
        limit=LimitKind.CONCURRENCY,
    ),
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429, 503},
        text=words("overload"),
        limit=LimitKind.OVERLOAD,
    ),
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429},
        text=words(r"rate[ _-]?limit|\brpm\b|requests per"),
        limit=LimitKind.RATE,
    ),
    Rule(meaning=Meaning.REFUSED, statuses={429}),
    Rule(meaning=Meaning.TRANSIENT, statuses={408, 409, 425}),
    Rule(meaning=Meaning.FAILED, statuses=range(400, 500)),
)

_GONE_STATUSES: Final = frozenset({404, 410})
_GONE_IF_NAMED_STATUSES: Final = frozenset({400, 422})
"""Older llama-stack answers 400 "Invalid value: Response with id … not found"."""

_OURS: Final = "\0"
"""Stands for our ID in a message; a cleaned message holds no control characters."""
_OTHER_ID: Final = re.compile(r"\bresp_\w|(?:\b|_)id\b[\s:=]*['\"`]?[^\s\0]*\d", re.IGNORECASE)
_MISSING: Final = re.compile(
    # "Response", "Response with id ID", "response_id: ID", or "ID" at the beginning,
    r"(?:(?:^|[:.,;]\s*)\0"
    r"|(?<!previous[ _])\b(?:response|object)(?: state)?(?: with)?(?:[ _](?:the )?id)?"
    r"(?:\s*[:=]?\s*\0)?)"
    # then nothing but that it is missing,
    r" (?:(?:is|was|has|could|can|does) )?(?:not (?:be )?found|cannot be found|not exist"
    r"|doesn't exist|no longer exists|(?:been )?already (?:been )?deleted)"
    # then the end of the sentence, or our ID, or a reason.
    r"(?=$|[.,;!)]| (?:or|in)\b|\s*[:=(]?\s*(?:(?:for|with) )?(?:id )?\0)"
    r"|\bno (?:such )?(?:response|object)(?: found)?(?: with)?(?: the)?(?: id)?\s*[:=]?\s*\0",
    re.IGNORECASE,
)


def names_missing(object_id: str, status: int, error: ApiError) -> bool:
    """Say whether the error names the response ``object_id`` as missing.

    It must say so of a "response" or "object", or of our ID, in one phrase: "Model not
    found", "Route DELETE:/v1/responses/resp_1 not found", "Not Found" (FastAPI) and
    "Resource not found" (Azure) are all about something else. Where the status alone
    does not speak of something missing, our ID must be there.
    """
    marked, is_named = mark_id(object_id, error.message)
    if not (status in _GONE_STATUSES or (is_named and status in _GONE_IF_NAMED_STATUSES)):
        return False
    return _MISSING.search(marked) is not None and not names_other_id(marked)


def names_other_id(marked: str) -> bool:
    """Say whether a message marked by `mark_id` holds an ID that is not ours."""
    return _OTHER_ID.search(marked) is not None


def mark_id(object_id: str, message: str) -> tuple[str, bool]:
    """Return ``message`` with our ID replaced by a mark, and whether it was there.

    The ID counts only where it stands in quotes or as a word of its own, not inside a
    URL or a longer ID.
    """
    text = answers.without_request_id(message)
    for quote in "'\"`":
        if f"{quote}{object_id}{quote}" in text:
            return text.replace(f"{quote}{object_id}{quote}", _OURS), True
    marked = " ".join(
        word.replace(object_id, _OURS)
        if object_id in (word, word.strip(".,;:!()"), word.rstrip(".,;:!"))
        else word
        for word in text.split(" ")
    )
    return marked, _OURS in marked


def confirm_by_flag(object_id: str, body: dict[str, Any]) -> Verdict | None:
    """Judge ``{"id": …, "object": "response", "deleted": true}``; None if it is not that.

    ``object`` is "response" in the documents and "response.deleted" in a reader's report
    (https://github.com/openai/openai-openapi/issues/507); either part may be absent.
    """
    deleted = body.get("deleted")
    if deleted is False:  # documented by Ark: "not deleted"
        return Verdict(Meaning.TRANSIENT, message="the provider answered that it is not deleted")
    if deleted is not True or body.get("error") is not None:
        return None
    return other_object(object_id, body) or DELETED


def other_object(object_id: str, body: dict[str, Any]) -> Verdict | None:
    """Return the verdict on a 200 that speaks of another object than ours, else None.

    It is ENDPOINT, not FAILED: whatever stands at that URL deletes something else than
    it is told to, and would for every further ID. FAILED would go on doing damage at
    full speed; ENDPOINT stops the lane and writes no line for the ID.
    """
    named, kind = body.get("id", object_id), body.get("object", "response")
    if named != object_id:
        said = f"the provider confirmed another ID: {answers.clean(str(named), 200)!r}"
    elif kind not in ("response", "response.deleted"):
        said = f"the provider confirmed another kind of object: {answers.clean(str(kind), 200)!r}"
    else:
        return None
    if not (isinstance(named, str) and isinstance(kind, str)):  # garbled, not another object
        return Verdict(Meaning.TRANSIENT, message=said)
    return Verdict(Meaning.ENDPOINT, message=said)


def judge(
    object_id: str,
    answer: Answer,
    body: dict[str, Any] | None,
    *,
    rules: Sequence[Rule],
    gone: Gone = names_missing,
) -> Verdict:
    """Return what an answer means that does not confirm the deletion.

    Args:
        object_id: The ID it answers to.
        answer: The answer.
        body: Its body as `answers.json_object` reads it.
        rules: The provider's own table; its rows come before the common ones.
        gone: Whether the error names our object as missing.
    """
    error = answers.read_error(body)
    meaning, limit = _meaning(object_id, answer.status, error, rules, gone)
    waits = meaning in (Meaning.REFUSED, Meaning.TRANSIENT)
    return Verdict(
        meaning,
        code=error.code or None,
        message=_message(answer, error)[: answers.MESSAGE_CHARS_MAX],
        limit=limit,
        retry_after_s=answers.retry_after_s(answer) if waits else None,
        request_id=answers.request_id(answer, error.message),
    )


def _meaning(
    object_id: str, status: int, error: ApiError, rules: Sequence[Rule], gone: Gone
) -> tuple[Meaning, LimitKind]:
    if 300 <= status < 400:  # never followed: the key belongs to this host alone
        return Meaning.ENDPOINT, LimitKind.UNKNOWN
    for rule in rules:
        if rule.fits(status, error):
            return rule.meaning, rule.limit
    if 400 <= status < 500 and gone(object_id, status, error):
        return Meaning.GONE, LimitKind.UNKNOWN
    if status in _GONE_STATUSES:
        return Meaning.ENDPOINT, LimitKind.UNKNOWN
    for rule in COMMON_RULES:
        if rule.fits(status, error):
            return rule.meaning, rule.limit
    # A 5xx, or a 2xx that nobody can read: nothing is confirmed, and asking again tells.
    return Meaning.TRANSIENT, LimitKind.UNKNOWN


def _message(answer: Answer, error: ApiError) -> str:
    if 200 <= answer.status < 300:
        return f"HTTP {answer.status} does not confirm the deletion: {answers.excerpt(answer.body)}"
    if 300 <= answer.status < 400:
        target = answers.clean(answer.headers.get("location", ""), 200)
        return f"HTTP {answer.status}, a redirect to {target!r}, which is not followed"
    return error.message or f"HTTP {answer.status}, {answers.excerpt(answer.body)}"
