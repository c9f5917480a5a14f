"""An ID becomes exactly one path segment of the URL, or it is never sent."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkdel.object_id import ID_BYTES_MAX, invalid_reason, path_segment
from bulkdel.providers import PROVIDERS, Provider

every_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda p: p.name)


@pytest.mark.parametrize(
    ("object_id", "segment"),
    [
        ("resp_0e946f2d46bf4b49bf8b29ff78083583", "resp_0e946f2d46bf4b49bf8b29ff78083583"),
        ("resp_4ca7fa5e-6ff5", "resp_4ca7fa5e-6ff5"),
        ("%2e%2e", "%252e%252e"),
        ("a/../../files/f", "a%2F..%2F..%2Ffiles%2Ff"),
        ("../files/x", "..%2Ffiles%2Fx"),
        ("a?x=1", "a%3Fx%3D1"),
        ("a#f", "a%23f"),
        ("a;b", "a%3Bb"),
        ("a\\b", "a%5Cb"),
        ("resp_bGl0ZWxsbTpj+/==", "resp_bGl0ZWxsbTpj%2B%2F%3D%3D"),  # LiteLLM's proxy
        ("ft:gpt-4o:org::id", "ft%3Agpt-4o%3Aorg%3A%3Aid"),
        ("...", "..."),
        ("é", "%C3%A9"),
        ("a" * 1024, "a" * 1024),
        ("é" * 512, "%C3%A9" * 512),
    ],
)
def test_an_id_becomes_one_segment(object_id: str, segment: str) -> None:
    """Whatever stands in it, the server sees this one object."""
    assert invalid_reason(object_id) is None
    assert path_segment(object_id) == segment


@pytest.mark.parametrize(
    ("object_id", "reason"),
    [
        ("", "empty"),
        (".", "resolves to another object"),
        ("..", "resolves to another object"),
        ("a b", r"white space \(U\+0020\)"),
        ("resp_1\r", r"white space \(U\+000D\)"),
        ("\tresp_1", "white space"),
        ("a\u00a0b", "white space"),
        ("a\u2028b", "white space"),
        ("a\nb", "white space"),
        ("a\0", r"control character \(U\+0000\)"),
        ("a\x7f", "control character"),
        ("a\x1b[2J", "control character"),
        ("a\ud800", "surrogate"),
        ("a" * 1025, "1025 bytes"),
        ("+" * 1025, "1025 bytes"),
        ("é" * 513, "1026 bytes"),
    ],
)
def test_what_cannot_be_an_id_is_named_and_never_sent(object_id: str, reason: str) -> None:
    """An empty ID is the whole collection, and ``..`` is another object."""
    said = invalid_reason(object_id)

    assert said is not None
    with pytest.raises(ValueError, match=reason):
        path_segment(object_id)


@given(st.one_of(st.text(), st.text(alphabet="./%?#\\+=2eEfF\x00 \ud800", max_size=12)))
@example("%2F")
@example("é" * 513)
def test_every_text_arrives_whole_or_is_refused(object_id: str) -> None:
    """What the server decodes is the ID, or the ID was never sent."""
    if invalid_reason(object_id) is not None:
        with pytest.raises(ValueError, match="the ID"):
            path_segment(object_id)
        return

    segment = path_segment(object_id)

    assert unquote(segment, errors="strict") == object_id
    assert not set(segment) & set("/?#\\")
    assert segment not in ("", ".", "..")
    assert segment.isascii()
    assert len(object_id.encode()) <= ID_BYTES_MAX


@every_provider
@given(object_id=st.text(min_size=1))
@example(object_id="{id}")
@example(object_id="a/../../files/f?x#y")
def test_the_url_differs_in_its_last_segment_only(provider: Provider, object_id: str) -> None:
    """No ID reaches another host, path or query, whatever the base URL ends with."""
    if invalid_reason(object_id) is not None:
        return

    for base_url in (None, "http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/"):
        base = urlsplit(base_url or provider.base_url)
        url = urlsplit(provider.resource().delete.url(base_url or provider.base_url, object_id))

        parent, _, last = url.path.rpartition("/")
        assert (url.scheme, url.netloc, url.query, url.fragment) == (*base[:2], "", "")
        assert parent == base.path.rstrip("/") + "/responses"
        assert unquote(last) == object_id


def test_url_refuses_what_is_no_id() -> None:
    """The last line of defence, should a source let one through."""
    with pytest.raises(ValueError, match="empty"):
        PROVIDERS["ark"].resource().delete.url("https://provider.test/v1", "")
