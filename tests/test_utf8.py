"""Text that no encoding takes is written all the same; all other text stays as it is."""

from __future__ import annotations

import os

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdel.utf8 import encodable, json_bytes

TEXTS = st.text(st.characters(), max_size=20)  # lone surrogates, too


def is_utf8(text: str) -> bool:
    """Say whether text can be written."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


@given(TEXTS)
def test_only_what_cannot_be_carried_is_changed(text: str) -> None:
    """What is usual must not pay for what is not: a script may look for the name."""
    shown = encodable(text)

    assert is_utf8(shown)
    assert (shown == text) == is_utf8(text)


@given(st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_every_value_becomes_json(value: object) -> None:
    """A summary that cannot be written is lost after all deletions."""
    text = repr(value)

    again = orjson.loads(json_bytes(value))

    assert not isinstance(value, str) or again == encodable(value)
    assert "\\ud" in text or again == value


def test_a_byte_is_written_as_a_shell_writes_it() -> None:
    r"""``$'\xff'`` names the file; what else Python shows names nothing."""
    assert encodable(os.fsdecode(b"a\xff\xe9\xce\xa9\x80")) == r"a\xff\xe9Ω\x80"
    assert encodable("\ud800") == r"\ud800"
    assert (
        json_bytes({"\udcff": ["\udcfe", ("x", 1, None)]}) == rb'{"\\xff":["\\xfe",["x",1,null]]}'
    )


def test_what_is_no_json_is_still_an_error() -> None:
    """It is told, not written in some way."""
    with pytest.raises(TypeError):
        json_bytes({"x": object()})
