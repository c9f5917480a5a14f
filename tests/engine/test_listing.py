"""A list is whole or an error; an object comes once; choosing never guesses."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import anyio
import pytest

from bulkdel.engine.choice import Choice, parse_age, parse_date, parse_where
from bulkdel.engine.listing import Lister, ListingError
from bulkdel.errors import ConfigError, NoAnswerError
from bulkdel.models import Answer, Block
from bulkdel.pacing.choose import make_pace
from bulkdel.providers import PROVIDERS, find
from bulkdel.providers.listing import Listed, Listing, PageError, seconds
from bulkdel.result_log.index import Index
from bulkdel.retry import RetryPolicy
from bulkdel.settings import Lane
from tests.support.engine_fakes import in_virtual_time

LISTS = {
    f"{provider.name}:{resource.name}": resource.listing
    for provider in PROVIDERS.values()
    for resource in provider.resources.values()
    if resource.listing is not None
}


def lane(name: str = "openai:files", **settings: Any) -> Lane:
    """Return a lane."""
    provider, resource = find(name)
    return Lane(
        provider=provider, resource_name=resource.name, name=name, api_key="key", **settings
    )


def lister_of(fetch: Callable[[str], Any], of: Lane, known: Index | None = None) -> Lister:
    """Return a lister of a server."""

    async def fetched(target: str) -> Answer:
        await anyio.sleep(0.05)
        answer: Answer = fetch(target)
        return answer

    retry = RetryPolicy(rng=random.Random(0))
    return Lister(of, fetch=fetched, pace=make_pace(of), retry=retry, known=known)


async def listed(
    fetch: Callable[[str], Any],
    of: Lane | None = None,
    cursor: str | None = None,
    known: Index | None = None,
) -> list[str]:
    """Return the IDs that a list brings."""
    lister = lister_of(fetch, of or lane(), known)
    return [each.object_id async for batch in lister.pages(cursor) for each in batch.objects]


def page(ids: list[str], *, more: bool) -> Answer:
    """Return a page in OpenAI's form."""
    data = [{"id": one, "created_at": 1} for one in ids]
    return Answer(200, json.dumps({"data": data, "has_more": more}).encode())


IDS = [f"file-{number:05d}" for number in range(2500)]


def after(target: str, size: int = 1000) -> Answer:
    """Answer as OpenAI does."""
    begin = IDS.index(target.partition("after=")[2]) + 1 if "after=" in target else 0
    return page(IDS[begin : begin + size], more=begin + size < len(IDS))


@in_virtual_time
async def test_all_pages_come_in_their_order() -> None:
    """The usual case."""
    assert await listed(after) == IDS


@in_virtual_time
async def test_refusals_errors_and_lost_answers_are_asked_again() -> None:
    """A list of a thousand pages meets them all."""
    dice = random.Random(1)

    def fetch(target: str) -> Answer:
        luck = dice.random()
        if luck < 0.2:
            return Answer(429, b"{}", {"retry-after": "1"})
        if luck < 0.3:
            return Answer(500)
        if luck < 0.4:
            raise NoAnswerError("cut")
        return after(target, 100)

    assert await listed(fetch) == IDS


@pytest.mark.parametrize(
    "kind", ["the cursor is ignored", "the first page again", "no new one on it"]
)
@in_virtual_time
async def test_a_server_that_goes_round_in_circles_is_left(kind: str) -> None:
    """LiteLLM ignores the cursor, others answer with page one again: the same page for ever."""
    asked = 0

    def fetch(target: str) -> Answer:
        nonlocal asked
        asked += 1
        assert asked < 20
        if kind == "the cursor is ignored":
            return page(IDS[:100], more=True)
        if kind == "the first page again" and asked > 2:
            return page(IDS[:1000], more=True)
        if kind == "no new one on it" and asked > 2:
            return page([], more=True)
        return after(target)

    found = await listed(fetch)

    assert len(found) == len(set(found))
    assert found == IDS[: len(found)]


@pytest.mark.parametrize("seed", range(20))
@in_virtual_time
async def test_whatever_is_gone_between_two_pages_all_others_come(seed: int) -> None:
    """The object of the cursor is deleted by somebody: some servers begin at the first page again."""
    dice = random.Random(seed)
    stored, gone = list(IDS), set[str]()

    def fetch(target: str) -> Answer:
        named = target.partition("after=")[2]
        if named and not gone and dice.random() < 0.2:
            stored.remove(named)
            gone.add(named)
        begin = stored.index(named) + 1 if named in stored else 0
        return page(stored[begin : begin + 100], more=begin + 100 < len(stored))

    assert await listed(fetch) == IDS


@in_virtual_time
async def test_a_list_goes_on_behind_what_it_has_already() -> None:
    """It was interrupted, and the server knows nothing of its cursor: the first page again."""
    of = lane()
    known = Index()
    known.claim(Block(of.name, IDS[:2000]))

    def fetch(target: str) -> Answer:
        return after("" if "file-gone" in target else target)

    assert await listed(fetch, of, cursor="file-gone", known=known) == IDS[2000:]


@in_virtual_time
async def test_numbered_pages_are_read_from_the_first_when_a_list_goes_on() -> None:
    """What was deleted since has moved the rest to the pages before."""
    of = lane("mistral:files")
    size = (of.resource.listing or LISTS["mistral:files"]).size
    ids = [f"id-{number:05d}" for number in range(2 * size + 5)]
    known = Index()
    known.claim(Block(of.name, ids[:size]))

    def fetch(target: str) -> Answer:
        query = parse_qs(target.partition("?")[2])
        begin = int(query["page"][0]) * size
        return page(ids[begin : begin + size], more=False)

    assert await listed(fetch, of, cursor="2", known=known) == ids[size:]


@pytest.mark.parametrize("empty", [{1}, {0}, {1, 2, 3}, {0, 2}])
@in_virtual_time
async def test_an_empty_page_with_a_token_is_no_end(empty: set[int]) -> None:
    """Google's pages may be empty and have more behind them (AIP-158)."""

    def fetch(target: str) -> Answer:
        token = parse_qs(target.partition("?")[2]).get("pageToken", ["0"])[0]
        number = int(token)
        files = [] if number in empty else [{"name": f"files/f{number}"}]
        more = {"nextPageToken": str(number + 1)} if number < 4 else {}
        return Answer(200, json.dumps({"files": files, **more}).encode())

    expected = [f"f{number}" for number in range(5) if number not in empty]
    assert await listed(fetch, lane("gemini:files")) == expected


@pytest.mark.parametrize("name", ["openai:files", "gemini:files", "mistral:files"])
@pytest.mark.parametrize("fresh", [True, False])
@in_virtual_time
async def test_the_same_page_for_ever_ends_and_is_said(name: str, fresh: bool) -> None:
    """With one cursor or a fresh one each time; whether there is more nobody can tell."""
    of = lane(name)
    listing = of.resource.listing
    assert listing is not None
    asked = 0

    def fetch(_: str) -> Answer:
        nonlocal asked
        asked += 1
        assert asked < 20
        items = [{listing.id_field: f"{listing.id_head}x{n}"} for n in range(listing.size)]
        body = {listing.items: items, "has_more": True}
        body[listing.cursor_field] = f"t{asked if fresh else 0}"
        return Answer(200, json.dumps(body).encode())

    lister = lister_of(fetch, of)
    found = [each.object_id async for batch in lister.pages() for each in batch.objects]

    assert len(found) == len(set(found)) == listing.size
    assert lister.in_circles


@in_virtual_time
async def test_a_cursor_that_is_refused_begins_anew_without_repeating() -> None:
    """Its object was deleted by somebody: an error at some servers."""

    def fetch(target: str) -> Answer:
        if "after=file-gone" in target:
            return Answer(400, b'{"error":{"message":"no such cursor"}}')
        return after(target)

    assert await listed(fetch, cursor="file-gone") == IDS


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(401, b'{"error":{"message":"Incorrect API key"}}'), "check the key"),
        (Answer(404, b"<html>nginx</html>"), "base-url"),
        (Answer(200, b"<html>sign in</html>"), "not JSON"),
        (Answer(200, b'{"data":{}}'), "no list 'data'"),
        (Answer(200, b'{"data":[{"name":"x"}]}'), "no 'id'"),
        (Answer(302, b"", {"location": "https://elsewhere.example"}), "redirect"),
    ],
)
@in_virtual_time
async def test_what_is_no_page_is_an_error_and_never_an_empty_list(
    answer: Answer, words: str
) -> None:
    """An empty list would read as "nothing is stored"."""
    with pytest.raises(ListingError, match=words):
        await listed(lambda _: answer)


def test_what_cannot_be_listed_says_so() -> None:
    """OpenAI has no list of responses."""
    with pytest.raises(ListingError, match="no list"):
        Lister(lane("openai"), fetch=None, pace=None, retry=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_pages_that_can_be_asked_for(name: str) -> None:
    """The first, and the one behind it; with characters that a query must not have as they are."""
    listing = LISTS[name]

    first, second = listing.target(None), listing.target("a/b&c=d e")
    assert first.startswith(listing.path)
    assert " " not in second
    assert listing.paging == "none" or "a%2Fb%26c%3Dd%20e" in second or "a/b" in second
    assert listing.source


def test_gemini_leaves_the_list_out_where_there_is_nothing() -> None:
    """That is the end, and no error; for all others it is one."""
    gemini, openai = LISTS["gemini:files"], LISTS["openai:files"]

    assert gemini.read(b"{}", None).objects == []
    with pytest.raises(PageError):
        openai.read(b"{}", None)
    assert openai.read(b'{"data":null,"has_more":false}', None).objects == []


def test_the_id_is_the_last_part_of_a_name() -> None:
    """``files/abc`` is a path; ``abc`` is what is deleted."""
    body = b'{"files":[{"name":"files/abc","createTime":"2026-01-01T00:00:00Z"}]}'

    (one,) = LISTS["gemini:files"].read(body, None).objects

    assert (one.object_id, one.created_s) == ("abc", 1_767_225_600.0)
    with pytest.raises(PageError):
        LISTS["gemini:files"].read(b'{"files":[{"name":"abc"}]}', None)


def test_numbered_pages_end_with_one_that_is_not_full() -> None:
    """Mistral's have no has_more."""
    listing = Listing(path="/files", paging="number", cursor_param="page", size=2, source="x")

    full = listing.read(b'{"data":[{"id":"a"},{"id":"b"}]}', None)
    last = listing.read(b'{"data":[{"id":"c"}]}', "1")

    assert (full.cursor, last.cursor) == ("1", None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_767_225_600, 1_767_225_600.0),
        ("2026-01-01T00:00:00Z", 1_767_225_600.0),
        ("2026-01-01T01:00:00.000+01:00", 1_767_225_600.0),
        ("2026-01-01", 1_767_225_600.0),
        (None, None),
        (True, None),
        ("yesterday", None),
        ({}, None),
    ],
)
def test_times_are_read_in_both_forms(value: object, expected: float | None) -> None:
    """Seconds and RFC 3339; what is neither is no time."""
    assert seconds(value) == expected


def test_nothing_is_old_whose_age_is_not_known() -> None:
    """Retention by age deletes what is known to be old, and nothing else."""
    old = Choice(before_s=1000.0)
    young = Choice(since_s=1000.0)

    for made_s, is_old, is_young in (
        (999.0, True, False),
        (1000.0, False, True),
        (None, False, False),
    ):
        each = Listed("x", made_s, {})
        assert (old.fits(each), young.fits(each)) == (is_old, is_young)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("purpose=batch", True),
        ("purpose!=batch", False),
        ("purpose~atc", True),
        ("bytes>99", True),
        ("bytes<100", False),
        ("bytes=100", True),
        ("status.code=ok", True),
        ("deleted=false", True),
        ("missing=x", False),
        ("missing!=x", False),
        ("missing<1", False),
        ("purpose<1", False),
    ],
)
def test_conditions_on_fields(text: str, fits: bool) -> None:
    """A field that is not there fits none, not even "is not"."""
    fields = {"purpose": "batch", "bytes": 100, "status": {"code": "ok"}, "deleted": False}

    assert parse_where(text).fits(Listed("x", None, fields)) is fits


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_age, "30"),
        (parse_age, "-1d"),
        (parse_age, "30 days"),
        (parse_date, "yesterday"),
        (parse_date, "31.01.2026"),
        (parse_where, "purpose"),
        (parse_where, "=x"),
    ],
)
def test_what_cannot_be_read_is_refused_with_an_example(
    parse: Callable[[str], object], text: str
) -> None:
    """An age that is misread deletes the wrong objects."""
    with pytest.raises(ConfigError, match=r"30d|2026-01-31|field=value"):
        parse(text)


def test_ages_and_dates() -> None:
    """A day has 24 hours, a date is in UTC."""
    assert [parse_age(text) for text in ("90s", "1.5h", "2d", "1w")] == [90, 5400, 172_800, 604_800]
    assert parse_date("2026-01-01") == parse_date("2026-01-01T01:00:00+01:00") == 1_767_225_600


def test_an_object_without_an_id_is_passed_over_where_that_is_documented() -> None:
    """Fireworks lists also what was not stored; elsewhere such a page cannot be read."""
    lists = PROVIDERS["fireworks"].resource().listing
    other = PROVIDERS["openai"].resource("files").listing
    assert lists is not None
    assert other is not None
    body = b'{"data":[{"id":"a","created_at":1},{"id":null,"created_at":2}],"has_more":true}'

    page = lists.read(body, None)

    assert ([each.object_id for each in page.objects], page.cursor) == (["a"], "a")
    with pytest.raises(PageError, match="no object of the page has an ID"):
        lists.read(b'{"data":[{"id":null}],"has_more":true}', None)
    with pytest.raises(PageError, match="has no 'id'"):
        other.read(body, None)
