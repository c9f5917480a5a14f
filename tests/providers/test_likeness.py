"""Which answers are alike, which say something else, and what cannot exist."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace

import pytest

from bulkdel.models import Answer
from bulkdel.object_id import RESPONSE_ID
from bulkdel.providers import get
from bulkdel.providers.likeness import (
    RANDOM_CHARS_MIN,
    exact,
    impossible_path,
    made_up_id,
    said,
    segment,
    speaks_of_else,
)
from tests.support.provider_answers import ID, OTHER

DELETE = get("openai").resource().delete


def body(status: int, value: object) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status, json.dumps(value).encode())


ALIKE = [
    ({"detail": "No {id}"}, {"detail": "No {id}"}),
    ({"error": {"message": "No {id}. Request id: 021-a"}}, {"error": {"message": "No {id}."}}),
    ({"m": "no", "request_id": "a1"}, {"request_id": "b2", "m": "no"}),
    ({"m": "no", "timestamp": 17}, {"m": "no", "timestamp": 18}),
    ({"{id}": "no"}, {"{id}": "no"}),
]
NOT_ALIKE = [
    ({"detail": "No {id}"}, {"detail": "no {id}"}),
    ({"detail": "No {id}"}, {"detail": "No object"}),
    ({"detail": "No", "nonce": 1}, {"detail": "No", "nonce": 2}),
    ({"detail": "No"}, {"detail": "No", "retryable": True}),
    ({"request_id": "not so sure about this"}, {"request_id": "a1"}),
]


@pytest.mark.parametrize(
    ("one", "other", "alike"), [(*p, True) for p in ALIKE] + [(*p, False) for p in NOT_ALIKE]
)
def test_alike_is_the_same_but_for_the_id_and_what_is_always_new(
    one: object, other: object, alike: bool
) -> None:
    """A word more, or another field, is another answer."""
    first = body(404, json.loads(json.dumps(one).replace("{id}", ID)))
    second = body(404, json.loads(json.dumps(other).replace("{id}", OTHER)))

    assert (exact(ID, first) == exact(OTHER, second)) is alike
    assert exact(ID, first) != exact(ID, first._replace(status=410))


def test_a_text_is_alike_byte_for_byte() -> None:
    """HTML pages, empty bodies: the ID apart, also as a URL or HTML writes it."""
    odd = "resp_a&b"
    page = b"<p>no resp_a&amp;b at /responses/resp_a%26b</p>"

    assert exact(odd, Answer(404, page)) == exact(
        ID, Answer(404, f"<p>no {ID} at /responses/{ID}</p>".encode())
    )
    assert exact(ID, Answer(404)) != exact(ID, Answer(404, b" "))


def test_what_quotes_another_url_says_nothing_else() -> None:
    """Else each path would differ from the next at a server that repeats it."""
    other = impossible_path(DELETE, random.Random(1))
    made_up = made_up_id(ID, random.Random(2))
    for words in (
        "Cannot DELETE {path}",
        "no {path} (request 17f3a9)",
        '{{"detail": "no {path}"}}',
    ):
        here = words.format(path=DELETE.url("/v1", ID)).encode()
        there = words.format(path=other.url("/v1", made_up)).replace("17", "18").encode()

        assert said(ID, DELETE, Answer(404, here)) == said(made_up, other, Answer(404, there))
        assert said(ID, DELETE, Answer(404, here)) != said(made_up, other, Answer(405, there))


@pytest.mark.parametrize(
    ("words", "of_else"),
    [
        ("There is no response {id}.", False),
        ("", False),
        ("Not found: {id}; try again later", True),
        ("{id} is not in this region", True),
        ("no such object, or you have no access", True),
        (f"no {OTHER}", True),
        ("upstream says no", True),
    ],
)
def test_what_is_true_of_any_id_speaks_of_something_else(words: str, of_else: bool) -> None:
    """No comparison could tell it from an object that is there."""
    answer = body(404, {"detail": words.replace("{id}", ID)})

    assert speaks_of_else(ID, answer) is of_else


@pytest.mark.parametrize(
    "like", [ID, OTHER, "resp_1", "x", "file-Ab3", "0" * 64, "resp_é-ü", "A.b-C_9" * 5]
)
def test_a_made_up_id_has_the_same_shape_and_cannot_exist(like: str) -> None:
    """A server that checks the form must not answer that it is malformed."""
    drawn = {made_up_id(like, random.Random(seed)) for seed in range(200)}

    assert len(drawn) == 200
    for one in drawn:
        assert one != like
        assert RESPONSE_ID.invalid_reason(one) is None
        head = re.match(r"[A-Za-z]+[_-]", like)
        assert head is None or one.startswith(head.group())
        assert sum(map(str.isalnum, one[len(head.group()) if head else 0 :])) >= RANDOM_CHARS_MIN
        if len(like) > 40:
            assert [char.isdigit() for char in one] == [char.isdigit() for char in like]


def test_an_impossible_path_is_a_sister_of_the_right_one() -> None:
    """Behind the same gateway and the same prefix, or it would say nothing."""
    other = impossible_path(DELETE, random.Random(1))

    assert other.method == "DELETE"
    assert re.fullmatch(r"/responses-[0-9a-f]{32}/\{id\}", other.path)
    assert segment(other).startswith("responses-")
    deeper = impossible_path(replace(DELETE, path="/v2/stores/files/{id}/x"), random.Random(1))
    assert re.fullmatch(r"/v2/stores/files-[0-9a-f]{32}/\{id\}/x", deeper.path)
