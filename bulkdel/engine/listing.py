"""List all objects of a lane: page by page, under its pace and with its retries.

    Lister.pages ──target──> fetch ──answer──> Listing.read ──> objects that were not there before

What holds here, always:

1. A page is there as a whole, or the listing ends with an error: nothing is left out in silence.
2. An object comes once. A page without a new one is no end: Google's may be empty
   (https://google.aip.dev/158), and some servers begin anew where the cursor names nothing (seen).
   A page that comes twice in a row, or a cursor that comes a third time, is: some ignore the cursor
   (seen). That is said, because there may be more: `Lister.in_circles`.
3. A cursor that is refused begins the list anew, once in a row; what was there does not come again.
4. Nothing is deleted meanwhile.

Not here: which objects are wanted (`choice`), where they are written (`cli.list`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

import anyio

from bulkdel.engine.asking import Asker
from bulkdel.errors import BulkdelError
from bulkdel.models import Answer, Block, Meaning, Verdict
from bulkdel.pacing import Pace
from bulkdel.providers.listing import Listed, Listing, PageError
from bulkdel.result_log.index import Index
from bulkdel.retry import RetryPolicy
from bulkdel.settings import Lane
from bulkdel.transport.pages import Fetch

_CURSOR_REFUSED: Final = (400, 404, 410, 422)


class ListingError(BulkdelError):
    """The objects of a lane cannot be listed, or not to the end."""


class Batch(NamedTuple):
    """What a page brought.

    Attributes:
        objects: The new ones.
        cursor: Where the next page begins, or None after the last.
    """

    objects: list[Listed]
    cursor: str | None


class Lister:
    """Lists one lane.

    Args:
        lane: Whose objects; its resource must have a list.
        fetch: Fetches a page.
        pace: How fast.
        retry: When to ask again.
        known: What is known already: it does not come again.
        clock: Seconds, only going forward.

    Attributes:
        in_circles: The list ended because its pages came again.

    Raises:
        ListingError: Such objects cannot be listed.
    """

    def __init__(
        self,
        lane: Lane,
        *,
        fetch: Fetch,
        pace: Pace,
        retry: RetryPolicy,
        known: Index | None = None,
        clock: Callable[[], float] = anyio.current_time,
    ) -> None:
        if lane.resource.listing is None:
            raise ListingError(
                f"lane {lane.name}: {lane.title} has no list of these objects, or none that is"
                " known; `bulkdel providers` says which have"
            )
        self.in_circles = False
        self._lane = lane
        self._listing: Listing = lane.resource.listing
        self._fetch = fetch
        self._asker = Asker(pace, retry, clock)
        self._index = known or Index()

    @property
    def requests(self) -> int:
        """Pages asked for."""
        return self._asker.requests

    @property
    def refused(self) -> int:
        """How many of them were refused for being too many."""
        return self._asker.refused

    async def pages(self, cursor: str | None = None) -> AsyncIterator[Batch]:
        """Yield what each page brings, from ``cursor`` on.

        Raises:
            ListingError: A page cannot be had.
        """
        if self._listing.paging == "number":
            cursor = None  # what was deleted since has moved the rest to other pages
        anew, asked = False, Counter([cursor])
        before: list[str] = []
        while True:
            answer = await self._answer(cursor)
            if cursor is not None and not anew and answer.status in _CURSOR_REFUSED:
                cursor, anew = None, True
                continue
            if answer.status != 200:
                raise ListingError(self._refusal(self._verdict(answer)))
            try:
                page = self._listing.read(answer.body, cursor)
            except PageError as exc:
                raise ListingError(f"lane {self._lane.name}: {exc}; is it the right API?") from None
            yield Batch(self._new(page.objects), page.cursor)
            cursor, ids = page.cursor, [each.object_id for each in page.objects]
            if cursor is None:
                return
            self.in_circles = asked[cursor] > 1 or (ids == before and ids != [])
            if self.in_circles:
                return
            asked[cursor] += 1
            before = ids

    def _new(self, objects: list[Listed]) -> list[Listed]:
        ids = [each.object_id for each in objects]
        fresh = set(self._index.claim(Block(self._lane.name, ids)).block.ids)
        found = []
        for each in objects:
            if each.object_id in fresh:
                fresh.discard(each.object_id)
                found.append(each)
        return found

    async def _answer(self, cursor: str | None) -> Answer:
        """Return the answer that is no refusal and no error."""
        asked = await self._asker.ask(
            lambda: self._fetch(self._listing.target(cursor)), self._verdict
        )
        if asked.answer is None or asked.gave_up:
            raise ListingError(self._refusal(asked.verdict))
        return asked.answer

    def _verdict(self, answer: Answer) -> Verdict:
        """Return what an answer means: one that is no page as if it were about an object."""
        if answer.status == 200:
            return Verdict(Meaning.PRESENT)
        return self._lane.resource.delete.judge("-", answer.without(self._lane.secret))

    def _refusal(self, verdict: Verdict) -> str:
        words = ": ".join(part for part in (verdict.code, verdict.message) if part)
        advice = {
            Meaning.KEY_REFUSED: "check the key and its rights",
            Meaning.ENDPOINT: "check --base-url",
        }.get(verdict.meaning, "try again later")
        return f"lane {self._lane.name}: the list cannot be read ({words}); {advice}"
