"""Settle a 404 that nobody can read: compare it with answers whose meaning is certain.

    the 404 --> GET of the same ID --> DELETE at a path that --> DELETE of an ID --> gone, or not
                                       cannot exist              that cannot exist

A 404 means that the object is gone, or that this is not the delete endpoint. If an ID that
cannot exist is answered alike and a path that cannot exist is not, the endpoint is right, and
the words mean "gone". The wording is then remembered for the run.

What holds here, always:

1. Nothing is deleted but the user's own ID, which was sent already, and one that is made up.
2. Whatever does not fit ends the comparison, and the lane stops with all the answers: the
   object shows, something answers for no path at all, the words speak of something else.
3. The path is asked before the made-up ID. So what changes with time alone, as a clock in the
   body, cannot set the path apart and leave the ID alike.

A comparison cannot tell the wrong account: there, all IDs are missing. So what it calls gone
is doubted like any other (`recorder`).

Not here: sending (`runner`), how two answers are compared (`providers.likeness`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum
from typing import Final

from bulkdel.models import RETRY_AFTER_MAX_S, Answer, Meaning, Verdict
from bulkdel.providers import Operation, Resource, answers, likeness

COMPARISONS_MAX: Final = 4
"""Comparisons of one lane in one run: so many wordings a server may have for one thing."""
TRIES_MAX: Final = 10
"""Requests for one step, where answers are lost or refused: some 100 s."""
WAIT_MAX_S: Final = 30.0
_WAIT_GROWTH: Final = 1.5
_QUOTE_CHARS_MAX: Final = 100

_EVIDENCE: Final = "compared"
_PASSING: Final = (Meaning.REFUSED, Meaning.TRANSIENT)
_BARRED: Final = (Meaning.KEY_REFUSED, Meaning.ACCOUNT)
_MISSING: Final = (404, 410)


class Step(Enum):
    """What is asked, in this order, with the words for it."""

    LOOK = "GET of the same ID"
    PATH = "DELETE at a path that cannot exist"
    MADE_UP = "DELETE of an ID that cannot exist"


@dataclass(frozen=True, slots=True)
class Question:
    """One request of a comparison.

    Attributes:
        step: Which one.
        operation: What is asked.
        object_id: About which ID.
    """

    step: Step
    operation: Operation
    object_id: str


class Comparison:
    """One comparison, from an answer that nobody could read to what it means.

    Args:
        object_id: The ID.
        delete: The deletion.
        get: The GET of one object.
        answer: What came back for the deletion.
        took_s: Seconds that it took.
        rng: Where the ID and the path that cannot exist come from.
    """

    def __init__(
        self,
        object_id: str,
        *,
        delete: Operation,
        get: Operation,
        answer: Answer,
        took_s: float,
        rng: random.Random,
    ) -> None:
        self.answer = answer
        self.took_s = took_s
        self.due_s = 0.0
        """When the next request may be sent."""
        self.question: Question | None = None
        """The next request; None when it is settled."""
        self.why_not: str | None = None
        """Once it is settled: why it does not mean "gone", or None if it does."""
        self._object_id = object_id
        self._delete = delete
        self._said = likeness.said(object_id, delete, answer)
        self._told = [f"DELETE: {_quoted(answer)}"]
        self._tries = 0
        made_up = likeness.made_up_id(object_id, rng)
        elsewhere = likeness.impossible_path(delete, rng)
        self._questions = [
            Question(Step.MADE_UP, delete, made_up),
            Question(Step.PATH, elsewhere, made_up),
            Question(Step.LOOK, get, object_id),
        ]
        if likeness.speaks_of_else(object_id, answer):
            self._settle("its words speak of something else than a missing object")
        else:
            self._go_on()

    @property
    def message(self) -> str:
        """All the answers, and what they show."""
        shown = self.why_not or "so the endpoint is right, and the words mean that it is gone"
        return f"{'; '.join(self._told)}: {shown}"

    def answered(self, verdict: Verdict, answer: Answer, now_s: float) -> None:
        """Take the answer to `question`, and what its operation says of it."""
        question = self._asked()
        if verdict.meaning in _PASSING:
            asked_s = min(verdict.retry_after_s or 0.0, RETRY_AFTER_MAX_S)
            self._again(_quoted(answer), asked_s, now_s)
            return
        self._told.append(f"{question.step.value}: {_quoted(answer)}")
        why_not = self._objection(question, verdict, answer)
        if why_not is None:
            self._go_on()
        else:
            self._settle(why_not)

    def unanswered(self, error: str, now_s: float, *, hopeless: bool) -> None:
        """Take it that no answer came to `question`; ``hopeless`` says that none will."""
        if hopeless:
            self._tries = TRIES_MAX
        self._again(error, 0.0, now_s)

    def _objection(self, question: Question, verdict: Verdict, answer: Answer) -> str | None:
        """Say what in an answer speaks against "gone", or None."""
        if verdict.meaning in _BARRED:
            return "so nothing is shown"
        if question.step is Step.LOOK:
            if verdict.meaning is Meaning.PRESENT:
                return "so the object is there"
            return None if answer.status in _MISSING else "so nobody can say whether it is there"
        if question.step is Step.PATH:
            differs = likeness.said(question.object_id, question.operation, answer) != self._said
            return None if differs else "so any path is answered like this"
        same = likeness.exact(question.object_id, answer) == likeness.exact(
            self._object_id, self.answer
        )
        return None if same else "so it is not what a missing object is answered with"

    def _asked(self) -> Question:
        if self.question is None:
            raise ValueError("nothing was asked")
        return self.question

    def _again(self, what: str, asked_s: float, now_s: float) -> None:
        self._tries += 1
        if self._tries >= TRIES_MAX:
            self._told.append(f"{self._asked().step.value}: {what}")
            self._settle("so nothing is shown")
            return
        self.due_s = now_s + max(asked_s, min(WAIT_MAX_S, _WAIT_GROWTH**self._tries))

    def _go_on(self) -> None:
        self._tries = 0
        self.question = self._questions.pop() if self._questions else None

    def _settle(self, why_not: str) -> None:
        self.question = None
        self.why_not = why_not


class Comparer:
    """The comparisons of one lane, and the wordings that they have settled.

    Args:
        resource: What the lane deletes.
        api_key: Its key, which no message may hold.
        rng: Where the ID and the path that cannot exist come from.
    """

    def __init__(self, resource: Resource, api_key: str, rng: random.Random) -> None:
        self.current: Comparison | None = None
        """The comparison that is going on."""
        self._resource = resource
        self._api_key = api_key
        self._rng = rng
        self._begun = 0
        self._gone: set[likeness.Exact] = set()

    def read(self, object_id: str, answer: Answer, verdict: Verdict) -> Verdict:
        """Return what an unread answer means, as far as comparisons have settled it."""
        if self._gone and likeness.exact(object_id, self._masked(answer)) in self._gone:
            return Verdict(
                Meaning.GONE,
                code=verdict.code,
                message=verdict.message,
                request_id=verdict.request_id,
                evidence=_EVIDENCE,
            )
        return verdict

    def begin(self, object_id: str, answer: Answer, took_s: float) -> bool:
        """Begin to compare an answer; False if it cannot be done."""
        get = self._resource.get
        if get is None or self._begun >= COMPARISONS_MAX:
            return False
        self._begun += 1
        self.current = Comparison(
            object_id,
            delete=self._resource.delete,
            get=get,
            answer=self._masked(answer),
            took_s=took_s,
            rng=self._rng,
        )
        return True

    def answered(self, verdict: Verdict, answer: Answer, now_s: float) -> None:
        """Take the answer to the question of the current comparison."""
        if self.current is not None:
            self.current.answered(verdict, self._masked(answer), now_s)

    def end(self, object_id: str) -> Comparison | None:
        """Return the current comparison if it is settled, and remember what it has shown."""
        ended = self.current
        if ended is None or ended.question is not None:
            return None
        self.current = None
        if ended.why_not is None:
            self._gone.add(likeness.exact(object_id, ended.answer))
        return ended

    def _masked(self, answer: Answer) -> Answer:
        """Return an answer without the key: before anything of it is cut."""
        hidden = answer.body.replace(self._api_key.encode(), b"[hidden]")
        return answer._replace(body=hidden)


def _quoted(answer: Answer) -> str:
    """Return an answer for a message: its status and the beginning of its body."""
    text = answers.clean(answer.body.decode("utf-8", "replace"), _QUOTE_CHARS_MAX)
    return f"HTTP {answer.status} {text!r}" if text else f"HTTP {answer.status} without a body"
