"""What an answer means when it does not confirm what was asked for: tables, and `judge`.

    answer --> words: confirmed? --no--> provider's table --> words: named as missing?
                                     --> the common table --> by status alone

Status, code and words decide together, because the same thing has another status at
every provider: a bad key is 401 at most, 400 at xAI and Gemini; an unpaid account is
402, 403, 412 or 429. The first row that fits wins.

What holds here, always:

1. `judge` never says DELETED.
2. It says GONE only where `Words.misses` knows the whole answer. A bare 404 is no evidence:
   a mistyped base URL answers 404 to everything. What is in doubt stops the lane (ENDPOINT),
   with the provider's words, and burns no ID.

Patterns are searched here, unlike in `words`: nothing in these tables ends an ID for good as
done, and how a provider or a gateway words a refusal is not known in full.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bulkdel.models import Answer, LimitKind, Meaning, Verdict
from bulkdel.providers import answers
from bulkdel.providers.answers import ApiError
from bulkdel.providers.operations import Judge
from bulkdel.providers.shapes import FinalShapes
from bulkdel.providers.words import DELETED, Words


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


def anycase(pattern: str) -> re.Pattern[str]:
    """Return a pattern for a row's ``text``: the case of letters does not count."""
    return re.compile(pattern, re.IGNORECASE)


COMMON_RULES: Final[Sequence[Rule]] = (
    Rule(meaning=Meaning.KEY_REFUSED, statuses={401}),
    # xAI: 400 "Incorrect API key provided"; Gemini: 400 with reason API_KEY_INVALID.
    Rule(
        meaning=Meaning.KEY_REFUSED,
        statuses={400, 403, 422},
        text=anycase(
            r"\b(?:incorrect|invalid) api key\b|\bapi key not valid\b|\bAPI_KEY_INVALID\b"
        ),
    ),
    Rule(meaning=Meaning.ACCOUNT, statuses={402}),
    # xAI: 403 "used all available credits".
    Rule(
        meaning=Meaning.ACCOUNT,
        statuses={403},
        text=anycase(r"\b(?:credits?|billing|payment|overdue|suspended)\b"),
    ),
    # Not a question of this one ID: the lane asks once more before it stops.
    Rule(meaning=Meaning.KEY_REFUSED, statuses={403}),
    # 407 comes from a proxy on the way; 501 is Gemini's answer to a delete it lacks
    # (https://github.com/googleapis/python-genai/issues/2803).
    Rule(meaning=Meaning.ENDPOINT, statuses={405, 407, 501}),
    # OpenAI's words for "no more money", also the older one (type or code).
    Rule(meaning=Meaning.ACCOUNT, statuses={429}, code=anycase("insufficient_quota")),
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429},
        text=anycase("concurren"),
        limit=LimitKind.CONCURRENCY,
    ),
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429, 503},
        text=anycase("overload"),
        limit=LimitKind.OVERLOAD,
    ),
    Rule(
        meaning=Meaning.REFUSED,
        statuses={429},
        text=anycase(r"rate[ _-]?limit|\brpm\b|requests per"),
        limit=LimitKind.RATE,
    ),
    Rule(meaning=Meaning.REFUSED, statuses={429}),
    Rule(meaning=Meaning.TRANSIENT, statuses={408, 409, 425}),
    Rule(meaning=Meaning.FAILED, statuses=range(400, 500)),
)

_NOT_FOUND: Final = frozenset({404, 410})


def deletion(words: Words, rules: Sequence[Rule]) -> Judge:
    """Return what judges the answers to a deletion.

    Args:
        words: What the provider says of such an object.
        rules: The provider's own table; its rows come before the common ones.
    """

    def is_final(object_id: str, body: bytes) -> bool:
        read = answers.json_object(body)
        return read is not None and words.confirmed(object_id, read) is DELETED

    final = FinalShapes(is_final)

    def judge_deletion(object_id: str, answer: Answer) -> Verdict:
        if answer.status == 200 and final.has(object_id, answer.body):
            return DELETED
        body = answers.json_object(answer.body)
        if answer.status == 200 and body is not None:
            confirmed = words.confirmed(object_id, body)
            if confirmed is DELETED:
                final.learn(object_id, answer.body)
            if confirmed is not None:
                return confirmed
        return judge(object_id, answer, body, words=words, rules=rules)

    return judge_deletion


def judge(
    object_id: str,
    answer: Answer,
    body: dict[str, Any] | None,
    *,
    words: Words,
    rules: Sequence[Rule],
) -> Verdict:
    """Return what an answer means that does not confirm what was asked for.

    Args:
        object_id: The ID it answers to.
        answer: The answer.
        body: Its body as `answers.json_object` reads it.
        words: What the provider says of such an object.
        rules: The provider's own table; its rows come before the common ones.
    """
    error = answers.read_error(body)
    meaning, limit = _meaning(object_id, answer.status, error, words, rules)
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
    object_id: str, status: int, error: ApiError, words: Words, rules: Sequence[Rule]
) -> tuple[Meaning, LimitKind]:
    if 300 <= status < 400:  # never followed: the key belongs to this host alone
        return Meaning.ENDPOINT, LimitKind.UNKNOWN
    for rule in rules:
        if rule.fits(status, error):
            return rule.meaning, rule.limit
    if 400 <= status < 500 and words.misses(object_id, status, error):
        return Meaning.GONE, LimitKind.UNKNOWN
    if status in _NOT_FOUND:
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
    return answers.clean(error.message) or f"HTTP {answer.status}, {answers.excerpt(answer.body)}"
