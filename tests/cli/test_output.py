"""The summary for people says no more than its counts do."""

from __future__ import annotations

import pytest

from bulkdel.cli.output import summary_text
from bulkdel.models import Counts, State, Summary


@pytest.mark.parametrize(
    ("counts", "words", "not_said"),
    [
        (Counts(read=9, skipped=9), "every ID is done already", "has a result"),
        (Counts(read=9, skipped=9, skipped_failed=2), "every ID has a result", "is done already"),
    ],
)
def test_the_notes_speak_of_every_id_only_where_it_is_every_id(
    counts: Counts, words: str, not_said: str
) -> None:
    """A false "every" hides the rows that were invalid, failed or never reached."""
    summary = Summary(
        state=State.FINISHED, reason=None, counts=counts, lanes={}, rates={}, elapsed_s=1.0, log="x"
    )

    text = summary_text(summary)

    assert words in text
    assert not_said not in text
