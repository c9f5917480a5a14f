"""See whether the endpoint sees objects at all: GETs of IDs that are still to do.

    too many "gone" in a row --> GET, one ID after another --> one shows: they are believed
                                                          --> none shows: the lane stops

A GET shows only that objects can be seen, not that deletions are served there. So while
nothing has been deleted in this run, the object that shows is deleted next, as the proof; the
lane stops if it is called gone.

Not here: when to look (`guards.gone`), which IDs there are (`queue`), asking again (`inquiry`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bulkdel.engine.inquiry import Question, Tries, quoted, says_nothing
from bulkdel.models import Answer, Meaning, Verdict
from bulkdel.providers import Operation

LOOKS_MAX: Final = 20
"""IDs that are looked at. Where half of them are gone, one shows but for once in a million."""
_NAME: Final = "GET of an ID that is still to do"


class Look:
    """One look.

    Args:
        ids: The IDs, at least one; those after `LOOKS_MAX` are left out.
        get: The GET of one object.
    """

    def __init__(self, ids: Sequence[str], get: Operation) -> None:
        self.due_s = 0.0
        self.shown: str | None = None
        """Once it is settled: the ID of the object that showed, or None."""
        self.what = ""
        """What came back last, for a message."""
        self._questions = iter([Question(_NAME, get, one) for one in ids[:LOOKS_MAX]])
        self._tries = Tries()
        self.looked = 0
        """IDs that were looked at."""
        self.question: Question | None = next(self._questions, None)

    def answered(self, verdict: Verdict, answer: Answer, now_s: float) -> None:
        """Take the answer to `question`, and what its operation says of it."""
        self.what = quoted(answer)
        if says_nothing(verdict, answer):
            self._again(verdict.retry_after_s or 0.0, now_s)
            return
        self.looked += 1
        self._tries = Tries()
        if verdict.meaning is Meaning.PRESENT and self.question is not None:
            self.shown, self.question = self.question.object_id, None
        else:
            self.question = next(self._questions, None)

    def unanswered(self, error: str, now_s: float, *, hopeless: bool) -> None:
        """Take it that no answer came to `question`; ``hopeless`` says that none will."""
        self.what = error
        if hopeless:
            self.question = None
        else:
            self._again(0.0, now_s)

    def _again(self, asked_s: float, now_s: float) -> None:
        wait_s = self._tries.wait_s(asked_s)
        if wait_s is None:
            self.question = None
        else:
            self.due_s = now_s + wait_s
