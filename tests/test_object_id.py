"""An ID becomes exactly one path segment of the URL, or it is never sent."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkdel.object_id import ID_BYTES_MAX, STRICT, WIDE, IdForm, path_segment
from bulkdel.providers import PROVIDERS, Provider
from tests.support.hostile import HOSTILE, hostile_ids

every_form = pytest.mark.parametrize("form", [STRICT, WIDE], ids=lambda form: form.name)
every_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda p: p.name)


@pytest.mark.parametrize(
    ("object_id", "segment"),
    [
        ("resp_0e946f2d46bf4b49bf8b29ff78083583", "resp_0e946f2d46bf4b49bf8b29ff78083583"),
        ("resp_4ca7fa5e-6ff5", "resp_4ca7fa5e-6ff5"),
        ("resp_bGl0ZWxsbTpj+x==", "resp_bGl0ZWxsbTpj%2Bx%3D%3D"),  # LiteLLM's proxy
        ("ft:gpt-4o:org::id", "ft%3Agpt-4o%3Aorg%3A%3Aid"),
        ("{id}", "%7Bid%7D"),
        ("...", "..."),
        ("a" * 2048, "a" * 2048),
        ("+" * 2048, "%2B" * 2048),
    ],
)
def test_an_id_becomes_one_segment(object_id: str, segment: str) -> None:
    """Whatever stands in it, the server sees this one object."""
    assert STRICT.invalid_reason(object_id) is None
    assert path_segment(object_id) == segment


@pytest.mark.parametrize(
    ("object_id", "segment"),
    [("é", "%C3%A9"), ("é" * 1024, "%C3%A9" * 1024), ("l'été", "l%27%C3%A9t%C3%A9"), ('"', "%22")],
)
def test_the_wide_form_takes_what_can_be_sent(object_id: str, segment: str) -> None:
    """Who knows that the IDs are like that says so with --any-id; by default they are refused."""
    assert WIDE.invalid_reason(object_id) is None
    assert path_segment(object_id) == segment
    assert (STRICT.invalid_reason(object_id) or "").endswith("(--any-id accepts it)")


@every_form
@pytest.mark.parametrize(
    ("object_id", "reason"),
    [
        ("", "the ID is empty"),
        (".", "the ID is '.', which a URL resolves to another object"),
        ("..", "the ID is '..', which a URL resolves to another object"),
        ("a b", "the ID holds U+0020 SPACE at place 2"),
        ("a\nb", "the ID holds U+000A (a control character) at place 2"),
        ("a\u200bb", "the ID holds U+200B ZERO WIDTH SPACE at place 2"),
        ("a\ud800", "the ID holds U+D800 (a lone surrogate, which UTF-8 cannot carry) at place 2"),
        ("a\ue000", "the ID holds U+E000 (private use) at place 2"),
        ("a\ufffe", "the ID holds U+FFFE (no character) at place 2"),
        ("a/b", "the ID holds U+002F SOLIDUS at place 2"),
        ("a" * 2049, "the ID has 2,049 bytes; the most is 2,048"),
    ],
)
def test_what_cannot_be_an_id_is_named(form: IdForm, object_id: str, reason: str) -> None:
    """An empty ID is the whole collection, and nobody sees a zero-width space in a file."""
    assert form.invalid_reason(object_id) == reason
    with pytest.raises(ValueError, match=re.escape(reason)):
        path_segment(object_id)


@every_form
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("where", ["{}resp_1", "resp{}_1", "resp_1{}"])
def test_no_form_lets_through_what_names_another_object(
    form: IdForm, where: str, text: str
) -> None:
    """A proxy that decodes would reach another one; an unseen character, none: "gone"."""
    object_id = where.format(text)

    assert form.invalid_reason(object_id) is not None
    with pytest.raises(ValueError, match="the ID"):
        path_segment(object_id)


def test_every_character_can_be_named() -> None:
    """Some have no name in Python, like Tangut letters; they must not end the run."""
    assert (STRICT.invalid_reason("a\U00017000") or "").startswith("the ID holds U+17000 ")
    # One of each kind of character with and without a name.
    kinds = {
        (unicodedata.category(c), unicodedata.name(c, "") == ""): c
        for c in map(chr, range(0x110000))
    }
    for char in kinds.values():
        for form in (STRICT, WIDE):
            reason = form.invalid_reason(f"a{char}")
            assert reason is None or f"U+{ord(char):04X} " in reason


def test_a_form_says_what_its_ids_hold() -> None:
    """Each resource may be stricter, by the alphabet, the length and the usual beginning."""
    form = IdForm(name="file", alphabet="abc-", bytes_max=4, prefixes=("a-", "b-"))

    assert form.invalid_reason("a-cc") is None
    assert form.invalid_reason("a-d") == (
        "the ID holds U+0064 LATIN SMALL LETTER D at place 3 (--any-id accepts it)"
    )
    assert form.invalid_reason("a-ccc") == (
        "the ID has 5 bytes; the most is 4 (--any-id accepts it)"
    )
    assert form.is_unusual("c-a")
    assert not form.is_unusual("b-a")
    assert not STRICT.is_unusual("anything")
    assert form.widened() == replace(WIDE, prefixes=("a-", "b-"))


@pytest.mark.parametrize(
    "fault",
    [
        *({"alphabet": alphabet} for alphabet in ("a/", "a b", "é", "")),
        *({"bytes_max": bytes_max} for bytes_max in (0, ID_BYTES_MAX + 1)),
    ],
)
def test_no_form_can_be_made_that_lets_an_id_leave_its_segment(fault: dict[str, Any]) -> None:
    """A resource that is declared later cannot open what is closed here."""
    with pytest.raises(ValueError, match=r"must be|no ID form"):
        IdForm(**{"name": "x", "alphabet": "a", **fault})


@given(
    st.one_of(st.text(), st.text(alphabet="./%?#\\+=2eEfF\x00 \ud800", max_size=12), hostile_ids())
)
@example("%2F")
@example("é" * 1025)
@example("e\u0301")
def test_every_text_arrives_whole_or_is_refused(object_id: str) -> None:
    """What the server decodes is the ID, or the ID was never sent."""
    if WIDE.invalid_reason(object_id) is not None:
        assert STRICT.invalid_reason(object_id) is not None
        with pytest.raises(ValueError, match="the ID"):
            path_segment(object_id)
        return

    segment = path_segment(object_id)

    decoded = unquote(segment, errors="strict")
    assert decoded == object_id == unicodedata.normalize("NFKC", object_id)
    assert unquote(decoded) == decoded  # for servers that decode twice
    assert not set(segment) & set("/?#;\\")
    assert segment.isascii()
    assert posixpath.normpath(f"/v1/responses/{decoded}") == f"/v1/responses/{decoded}"
    assert len(segment) + len("DELETE /v1/responses/ HTTP/1.1") < 8190
    assert 0 < len(object_id.encode()) <= ID_BYTES_MAX


@every_provider
@given(object_id=st.text(min_size=1))
@example(object_id="{id}")
@example(object_id="a/../../files/f?x#y")
def test_the_url_differs_in_its_last_segment_only(provider: Provider, object_id: str) -> None:
    """No ID reaches another host, path or query, whatever the base URL ends with."""
    for resource in provider.resources.values():
        delete = resource.at(dict.fromkeys(resource.params, "parent_1")).delete
        if WIDE.invalid_reason(object_id) is not None:
            with pytest.raises(ValueError, match="the ID"):
                delete.url(provider.base_url, object_id)
            continue

        for base_url in (None, "http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/"):
            base = urlsplit(base_url or provider.base_url)
            url = urlsplit(delete.url(base_url or provider.base_url, object_id))

            parent, _, last = url.path.rpartition("/")
            assert (url.scheme, url.netloc, url.query, url.fragment) == (*base[:2], "", "")
            assert parent == base.path.rstrip("/") + delete.path.removesuffix("/{id}")
            assert unquote(last) == object_id


def test_url_refuses_what_is_no_id() -> None:
    """The last line of defence, should a source let one through."""
    with pytest.raises(ValueError, match="empty"):
        PROVIDERS["ark"].resource().delete.url("https://provider.test/v1", "")
