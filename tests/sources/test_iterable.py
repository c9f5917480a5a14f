"""IDs from Python, and the check that all sources share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdel.errors import ConfigError
from bulkdel.models import Block, InvalidRow
from bulkdel.object_id import STRICT, WIDE, IdForm
from bulkdel.sources import check_ids, from_iterable
from tests.support.hostile import hostile_ids


def test_an_iterable_may_be_endless() -> None:
    """A generator over a database is read as far as it is needed, in small blocks."""
    reader = from_iterable((f"resp_{n}" for n in count()), "ark")

    first, second = reader.read(), reader.read()

    assert first == [Block("ark", [f"resp_{n}" for n in range(1000)])]
    assert second == [Block("ark", [f"resp_{n}" for n in range(1000, 2000)])]


def test_elements_that_are_no_ids_are_named_by_their_place() -> None:
    """A None in a list is reported, not turned into an ID of four letters."""
    [block] = from_iterable(["a", None, 7, "b c", "d"], "ark").read() or []

    assert block.ids == ["a", "d"]
    assert block.invalid == [
        InvalidRow("None", "<ids>", 2, "the ID is not a string but NoneType"),
        InvalidRow("7", "<ids>", 3, "the ID is not a string but int"),
        InvalidRow("b c", "<ids>", 4, "the ID holds U+0020 SPACE at place 2"),
    ]


@pytest.mark.parametrize("ids", ["resp_1", b"resp_1", Path("ids.txt"), 7, None])
def test_what_holds_no_ids_is_refused(ids: Any) -> None:
    """``delete_ids("resp_1")`` is a slip; its letters are no IDs."""
    with pytest.raises(ConfigError, match="must be an iterable of IDs"):
        from_iterable(ids, "ark")


def test_an_interrupt_reaches_a_slow_iterable() -> None:
    """A block is not waited for to its end."""

    def ids() -> Iterator[str]:
        for number in count():
            if number == 10:
                reader.interrupt()
            yield f"resp_{number}"

    reader = from_iterable(ids(), "ark")

    assert reader.read() is None
    reader.close()


every_form = pytest.mark.parametrize("form", [STRICT, WIDE], ids=lambda form: form.name)


@every_form
@given(st.lists(st.one_of(hostile_ids(), st.text(max_size=5), st.none(), st.integers())))
def test_what_is_checked_at_once_is_what_one_by_one_would_give(
    form: IdForm, texts: list[object]
) -> None:
    """The quick check is about speed only."""
    ids, invalid = check_ids(texts, 1, "x", form)

    good = [t for t in texts if isinstance(t, str) and form.invalid_reason(t) is None]
    assert ids == good
    bad = [n for n, t in enumerate(texts, 1) if not isinstance(t, str) or form.invalid_reason(t)]
    assert [row.line for row in invalid] == bad
    for row in invalid:
        row.text.encode("utf-8")  # a lone surrogate could not be written to the log


@every_form
@pytest.mark.parametrize(
    "object_id", ["a" * 2048, "a" * 2049, ".", "..", "...", "resp_1\nresp_2", "é", "", "a/b", "'"]
)
def test_the_quick_check_knows_the_limits(form: IdForm, object_id: str) -> None:
    """Likewise at the limits, which random text seldom meets."""
    texts = ["resp_1", object_id, "resp_2"]

    ids, invalid = check_ids(texts, 5, "x", form)

    reason = form.invalid_reason(object_id)
    assert ids == ([*texts] if reason is None else ["resp_1", "resp_2"])
    assert [(row.line, row.reason) for row in invalid] == ([] if reason is None else [(6, reason)])
