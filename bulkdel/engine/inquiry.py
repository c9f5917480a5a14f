"""A few questions to the endpoint while a lane is held: requests that delete nothing of it.

    Question ──(sent by `runner`)──> answered, unanswered ──> the next Question, or settled

What holds here, always:

1. One question at a time, and nothing else is in flight: the lane is held (`guards`).
2. An answer that says nothing, as a refusal or a server error, is asked for again, later each
   time and a bounded number of times.

Not here: what is asked and what follows from it (`comparison`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from bulkdel.models import RETRY_AFTER_MAX_S, Answer, Meaning, Verdict
from bulkdel.providers import Operation, answers

TRIES_MAX: Final = 10
"""Requests for one question, where answers are lost or refused: some 100 s."""
WAIT_MAX_S: Final = 30.0
_WAIT_GROWTH: Final = 1.5
_QUOTE_CHARS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Question:
    """One request that is not the deletion of an ID of the sources.

    Attributes:
        name: What it is, in words.
        operation: What is asked.
        object_id: About which ID.
    """

    name: str
    operation: Operation
    object_id: str


class Inquiry(Protocol):
    """Some questions, one after another.

    Attributes:
        question: The next request; None when it is settled.
        due_s: When it may be sent.
    """

    question: Question | None
    due_s: float

    def answered(self, verdict: Verdict, answer: Answer, now_s: float) -> None:
        """Take the answer to `question`, and what its operation says of it."""
        ...

    def unanswered(self, error: str, now_s: float, *, hopeless: bool) -> None:
        """Take it that no answer came to `question`; ``hopeless`` says that none will."""
        ...


class Tries:
    """The requests for one question whose answers said nothing."""

    def __init__(self) -> None:
        self._count = 0

    def wait_s(self, asked_s: float = 0.0) -> float | None:
        """Count one; return the seconds until the next, or None after the last.

        ``asked_s`` is what the provider asked to wait.
        """
        self._count += 1
        if self._count >= TRIES_MAX:
            return None
        asked_s = min(asked_s, RETRY_AFTER_MAX_S)
        return max(asked_s, min(WAIT_MAX_S, _WAIT_GROWTH**self._count))


def says_nothing(verdict: Verdict, answer: Answer) -> bool:
    """Say whether an answer may be another one next time: a refusal, a server error."""
    if verdict.meaning is Meaning.TRANSIENT:
        return not 200 <= answer.status < 300  # that one nobody can read, today or later
    return verdict.meaning is Meaning.REFUSED


def quoted(answer: Answer) -> str:
    """Return an answer for a message: its status and the beginning of its body."""
    text = answers.clean(answer.body.decode("utf-8", "replace"), _QUOTE_CHARS_MAX)
    return f"HTTP {answer.status} {text!r}" if text else f"HTTP {answer.status} without a body"
