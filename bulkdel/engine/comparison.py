"""Settle a 404 that nobody can read: compare it with answers whose meaning is certain.

    the 404 --> GET of the same ID --> DELETE at a path that <--> DELETE of an ID --> gone, or not
                                       cannot exist, by turns     that cannot exist

A 404 means that the object is gone, or that this is not the delete endpoint. If an ID that
cannot exist is answered alike and a path that cannot exist is not, the endpoint is right, and
the words mean "gone". The wording is then remembered for the run. Of objects below others, as the
files of a vector store, a parent that cannot exist must be answered in another way, too: else it may
be the user's parent that is missing, with all that is below the right one still there.

What holds here, always:

1. Nothing is deleted but the user's own ID, which was sent already, and one that is made up.
2. Whatever does not fit ends the comparison, and the lane stops with all the answers: the
   object shows, something answers for no path at all, the words speak of something else.
3. A path is asked before the made-up ID and after it, three times. So what changes with time
   or by chance, as a clock in the body or two proxies, does not set the path apart.

A comparison cannot tell the wrong account: there, all IDs are missing. Nor can it tell a
server that has such objects but no deletion from one where they are gone. So what it calls
gone is doubted like any other (`recorder`), until something was deleted.

Not here: sending (`runner`), asking again (`inquiry`), how two answers are compared
(`providers.likeness`).
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Final

from bulkdel.engine.inquiry import Question, Tries, quoted, says_nothing
from bulkdel.models import Answer, Meaning, Verdict
from bulkdel.providers import Operation, Resource, likeness
from bulkdel.providers.rules import NOT_FOUND
from bulkdel.secret import Secret

COMPARISONS_MAX: Final = 4
"""Comparisons of one lane in one run: so many wordings a server may have for one thing."""
ROUNDS: Final = 3
"""So often the made-up ID is asked, a path before each and after the last: a proxy that answers
every other request, by chance, with a page of its own passes once in a thousand times."""
LOOK: Final = "GET of the same ID"
PARENT: Final = "DELETE below a parent that cannot exist"
PATH: Final = "DELETE at a path that cannot exist"
MADE_UP: Final = "DELETE of an ID that cannot exist"

_EVIDENCE: Final = "compared"
_BARRED: Final = (Meaning.KEY_REFUSED, Meaning.ACCOUNT)


class Comparison:
    """One comparison, from an answer that nobody could read to what it means.

    Args:
        object_id: The ID.
        resource: What the lane deletes.
        get: The GET of one object.
        answer: What came back for the deletion.
        sent_s: When that was sent.
        rng: Where the ID and the paths that cannot exist come from.
    """

    def __init__(
        self,
        object_id: str,
        *,
        resource: Resource,
        get: Operation,
        answer: Answer,
        sent_s: float,
        rng: random.Random,
    ) -> None:
        self.object_id = object_id
        self.answer = answer
        self.sent_s = sent_s
        self.due_s = 0.0
        self.question: Question | None = None
        self.why_not: str | None = None
        """Once it is settled: why it does not mean "gone", or None if it does."""
        self.discredits = False
        """Whether the endpoint confirms what cannot be, or cannot be reached any more: then no
        other ID is sent there."""
        delete, self._whose = resource.delete, resource.whose
        self._said = likeness.said(object_id, delete, answer, resource.whose.values())
        self._told = {"DELETE": quoted(answer)}
        self._tries = Tries()
        made_up = likeness.made_up_id(object_id, rng)
        by_turns = (
            Question(PATH, likeness.impossible_path(delete, rng), made_up)
            if turn % 2 == 0
            else Question(MADE_UP, delete, made_up)
            for turn in range(2 * ROUNDS + 1)
        )
        below, self._parents = likeness.elsewhere(delete, resource.whose, rng)
        parent = [Question(PARENT, below, made_up)] if resource.whose else []
        self._questions = iter((Question(LOOK, get, object_id), *by_turns, *parent))
        if likeness.speaks_of_else(object_id, answer):
            self._settle("its words speak of something else than a missing object")
        else:
            self._go_on()

    @property
    def message(self) -> str:
        """The answers, the newest of each kind, and what they show."""
        shown = self.why_not or "so the endpoint is right, and the words mean that it is gone"
        return f"{'; '.join(f'{name}: {what}' for name, what in self._told.items())}: {shown}"

    def answered(self, verdict: Verdict, answer: Answer, now_s: float) -> None:
        """Take the answer to `question`, and what its operation says of it."""
        question = self._asked()
        if says_nothing(verdict, answer):
            self._again(quoted(answer), verdict.retry_after_s or 0.0, now_s)
            return
        self._told[question.name] = quoted(answer)
        self.discredits = question.name != LOOK and verdict.meaning is Meaning.DELETED
        why_not = self._objection(question, verdict, answer)
        if why_not is None:
            self._go_on()
        else:
            self._settle(why_not)

    def unanswered(self, error: str, now_s: float, *, hopeless: bool) -> None:
        """Take it that no answer came to `question`; ``hopeless`` says that none will."""
        self.discredits = self.discredits or hopeless
        if hopeless:
            self._fail(error)
        else:
            self._again(error, 0.0, now_s)

    def _objection(self, question: Question, verdict: Verdict, answer: Answer) -> str | None:
        """Say what in an answer speaks against "gone", or None."""
        if verdict.meaning in _BARRED:
            return "so nothing is shown"
        if question.name == LOOK:
            if verdict.meaning is Meaning.PRESENT:
                return "so the object is there"
            return None if answer.status in NOT_FOUND else "so nobody can say whether it is there"
        if question.name in (PATH, PARENT):
            parents = [*self._whose.values(), *self._parents]
            heard = likeness.said(question.object_id, question.operation, answer, parents)
            if heard != self._said:
                return None
            if question.name == PARENT:
                return f"so it may be the {' or '.join(self._whose)} that does not exist"
            return "so any path is answered like this"
        same = likeness.exact(question.object_id, answer) == likeness.exact(
            self.object_id, self.answer
        )
        return None if same else "so it is not what a missing object is answered with"

    def _asked(self) -> Question:
        if self.question is None:
            raise ValueError("nothing was asked")
        return self.question

    def _again(self, what: str, asked_s: float, now_s: float) -> None:
        wait_s = self._tries.wait_s(asked_s)
        if wait_s is None:
            self._fail(what)
        else:
            self.due_s = now_s + wait_s

    def _fail(self, what: str) -> None:
        self._told[self._asked().name] = what
        self._settle("so nothing is shown")

    def _go_on(self) -> None:
        self._tries = Tries()
        self.question = next(self._questions, None)

    def _settle(self, why_not: str) -> None:
        self.question = None
        self.why_not = why_not


class Comparer:
    """The comparisons of one lane, and the wordings that they have settled.

    Args:
        resource: What the lane deletes.
        secret: Its key, which no message may hold.
        rng: Where the ID and the path that cannot exist come from.
    """

    def __init__(self, resource: Resource, secret: Secret, rng: random.Random) -> None:
        self._resource = resource
        self._secret = secret
        self._rng = rng
        self._begun = 0
        self._gone: set[likeness.Exact] = set()
        self._unproven: set[likeness.Exact] = set()

    def read(self, object_id: str, answer: Answer, verdict: Verdict) -> Verdict:
        """Return what an unread answer means, as far as comparisons have settled it."""
        if self._gone and likeness.exact(object_id, self.masked(answer)) in self._gone:
            return replace(verdict, meaning=Meaning.GONE, unread=False, evidence=_EVIDENCE)
        return verdict

    def begin(self, object_id: str, answer: Answer, sent_s: float) -> Comparison | None:
        """Begin to compare an answer; None if it cannot be done, or one like it showed nothing.

        Else a server that answers by chance would be asked until it passes.
        """
        get = self._resource.get
        if get is None or self._begun >= COMPARISONS_MAX:
            return None
        if likeness.exact(object_id, self.masked(answer)) in self._unproven:
            return None
        self._begun += 1
        return Comparison(
            object_id,
            resource=self._resource,
            get=get,
            answer=self.masked(answer),
            sent_s=sent_s,
            rng=self._rng,
        )

    def remember(self, ended: Comparison) -> None:
        """Remember the wording of a comparison that has shown that it means "gone"."""
        self._gone.add(likeness.exact(ended.object_id, ended.answer))

    def distrust(self, ended: Comparison) -> None:
        """Remember the wording of a comparison that has not shown that it means "gone"."""
        self._unproven.add(likeness.exact(ended.object_id, ended.answer))

    def masked(self, answer: Answer) -> Answer:
        """Return an answer without the key: before anything of it is cut."""
        return answer.without(self._secret)
