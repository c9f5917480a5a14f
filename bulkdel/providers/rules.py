"""What an answer means when it does not confirm what was asked for: `judge`.

    answer --> words: confirmed? --no--> provider's table --> words: named as missing?
                                     --> the common table --> by status alone

    body   --> bodies.read_body --> what it says, in whatever it is wrapped --> the tables

What holds here, always:

1. `judge` never says DELETED.
2. It says GONE only where `Words.misses` knows the whole answer. A bare 404 is no evidence:
   a mistyped base URL answers 404 to everything. What is in doubt stops the lane (ENDPOINT),
   with the provider's words, and burns no ID; `unread` says that a comparison may tell.

Not here: the rows of the tables (`tables` and the provider modules).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bulkdel.models import Answer, LimitKind, Meaning, Verdict
from bulkdel.providers import answers
from bulkdel.providers.answers import ApiError
from bulkdel.providers.bodies import Saying, read_body
from bulkdel.providers.operations import Judge
from bulkdel.providers.shapes import FinalShapes
from bulkdel.providers.tables import COMMON_RULES, Rule
from bulkdel.providers.words import DELETED, Words

NOT_FOUND: Final = frozenset({404, 410})
"""The statuses of what is not there: an object, or the path itself."""


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


def look(words: Words, rules: Sequence[Rule]) -> Judge:
    """Return what judges the answers to a GET of one object; the arguments as for `deletion`."""

    def judge_look(object_id: str, answer: Answer) -> Verdict:
        body = answers.json_object(answer.body)
        if answer.status == 200 and body is not None and body.get("id") == object_id:
            return Verdict(Meaning.PRESENT)
        return judge(object_id, answer, body, words=words, rules=rules)

    return judge_look


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
    said = read_body(answer.body) if answer.status >= 400 else []
    is_missing = 400 <= answer.status < 500 and words.misses(object_id, answer.status, error)
    meaning, limit = _meaning(answer.status, said, rules, is_missing=is_missing)
    waits = meaning in (Meaning.REFUSED, Meaning.TRANSIENT)
    missing = meaning is Meaning.ENDPOINT and answer.status in NOT_FOUND
    return Verdict(
        meaning,
        code=error.code or (None if error.message else _first_code(said)),
        message=_message(answer, error, said)[: answers.MESSAGE_CHARS_MAX],
        limit=limit,
        retry_after_s=_wait_s(answer, said) if waits else None,
        request_id=answers.request_id(answer, error.message),
        unread=missing and _first_fitting(rules, answer.status, said or [Saying()]) is None,
    )


def _meaning(
    status: int, said: Sequence[Saying], rules: Sequence[Rule], *, is_missing: bool
) -> tuple[Meaning, LimitKind]:
    if 300 <= status < 400:  # never followed: the key belongs to this host alone
        return Meaning.ENDPOINT, LimitKind.UNKNOWN
    # What a 5xx quotes deeper inside is about an errand of the server's own: a key that its
    # store has refused is not ours.
    said = (said[:1] if status >= 500 else said) or [Saying()]
    rule = _first_fitting(rules, status, said)
    if rule is None and is_missing:
        return Meaning.GONE, LimitKind.UNKNOWN
    if rule is None and status in NOT_FOUND:
        return Meaning.ENDPOINT, LimitKind.UNKNOWN
    rule = rule or _first_fitting(COMMON_RULES, status, said)
    if rule is not None:
        return rule.meaning, rule.limit
    # A 5xx, or a 2xx that nobody can read: nothing is confirmed, and asking again tells.
    return Meaning.TRANSIENT, LimitKind.UNKNOWN


def _first_fitting(rules: Sequence[Rule], status: int, said: Sequence[Saying]) -> Rule | None:
    """Return the first row that fits what any part of the body says."""
    return next((rule for rule in rules if any(rule.fits(status, each) for each in said)), None)


def _wait_s(answer: Answer, said: Sequence[Saying]) -> float | None:
    """Return the seconds that an answer asks to wait: its head's, else the first in its body."""
    wait_s = answers.retry_after_s(answer)
    if wait_s is not None:
        return wait_s
    return next((each.wait_s for each in said if each.wait_s is not None), None)


def _first_code(said: Sequence[Saying]) -> str | None:
    """Return the first code that is more than the status again, else the first."""
    codes = [code for each in said for code in each.codes]
    return next((code for code in codes if not code.isdigit()), codes[0] if codes else None)


def _message(answer: Answer, error: ApiError, said: Sequence[Saying]) -> str:
    if 200 <= answer.status < 300:
        return f"HTTP {answer.status} does not confirm the deletion: {answers.excerpt(answer.body)}"
    if 300 <= answer.status < 400:
        target = answers.clean(answer.headers.get("location", ""), 200)
        return f"HTTP {answer.status}, a redirect to {target!r}, which is not followed"
    words = answers.clean(error.message)
    if words:
        return words
    words = answers.clean(": ".join(each.words for each in said if each.words))
    if not words:
        return f"HTTP {answer.status}, {answers.excerpt(answer.body)}"
    return f"HTTP {answer.status}, not JSON but: {words}" if said[0].is_page else words
