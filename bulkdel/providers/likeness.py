"""How two answers are compared that nobody can read, and what cannot exist: an ID, a path, a parent.

    answer --> exact --> alike:     the same in every part, but for the ID and what is volatile
           --> said  --> different: in what it says, whatever names the request in it

The two forms err to the same side. Answers are *alike* only if nothing tells them apart, and
*different* only if status, code or words do once IDs, paths, numbers and fields that nobody
knows are left out: a server that quotes the URL, a clock or its own name says nothing new.

Not here: which answers are compared and what follows (`engine.comparison`).
"""

from __future__ import annotations

import html
import random
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import quote

import orjson

from bulkdel.models import Answer
from bulkdel.object_id import path_segment
from bulkdel.providers import answers
from bulkdel.providers.operations import Operation
from bulkdel.providers.words import volatile

Exact = tuple[int, str]
"""An answer in its exact form: its status, and its body without what differs each time."""
Said = tuple[int, str, str, str]
"""What an answer says: its status, code, type and words."""

RANDOM_CHARS_MIN: Final = 16
"""Random characters of a made-up ID at least: 10 ** 16 IDs if all of them are digits."""
_RANDOM_CHARS: Final = 32
_DEPTH_MAX: Final = 16
_ID: Final = "\0id"
_HEX: Final = frozenset("abcdef")
_HEAD: Final = re.compile(r"[A-Za-z]+[_-]")
_WORD: Final = re.compile(r"[^\W_][\w-]*")
_OF_ELSE: Final = re.compile(
    r"again|retry|retries|later|temporar|unavailab|replica|\blag\b|maintenance|upstream|backend"
    r"|gateway|region|access|permission|authori[sz]|forbidden|credential|api.?key",
    re.IGNORECASE,
)


def exact(object_id: str, answer: Answer) -> Exact:
    """Return an answer about an ID as it must be again to be alike."""
    body = answers.json_object(answer.body)
    if body is None:
        text = answer.body.decode("utf-8", "backslashreplace")
        return answer.status, _without(text, _ways_to_write(object_id), _ID)
    same = orjson.dumps(_steady(body, object_id, 0), option=orjson.OPT_SORT_KEYS)
    return answer.status, same.decode()


def said(object_id: str, operation: Operation, answer: Answer, parents: Iterable[str] = ()) -> Said:
    """Return what an answer to a request says, whatever of the request it quotes."""
    body = answers.json_object(answer.body)
    error = answers.read_error(body)
    text = error.message if body is not None else answer.body.decode("utf-8", "replace")
    text = _without(text, _ways_to_write(object_id), " ", re.IGNORECASE)
    text = _without(text, [segment(operation), *parents], " ", re.IGNORECASE)
    words = [word for word in _WORD.findall(text.lower()) if not any(map(str.isdigit, word))]
    return answer.status, error.code, error.kind, " ".join(words)


def speaks_of_else(object_id: str, answer: Answer) -> bool:
    """Say whether an answer speaks of another object, or of what passes or is only hidden.

    "Try again", "not in this region" and "or you do not have access" are said of an ID that
    cannot exist just as of one that is there: no comparison tells these apart.
    """
    _, text = exact(object_id, answer)
    head = _HEAD.match(object_id)
    other = head is not None and re.search(re.escape(head.group()) + r"\w{4}", text)
    return bool(other) or _OF_ELSE.search(text) is not None


def made_up_id(like: str, rng: random.Random) -> str:
    """Return an ID of the same shape that cannot exist: random, character by character."""
    head = _HEAD.match(like)
    start = head.group() if head is not None else ""
    rest = like[len(start) :]
    letters = {char for char in rest.lower() if char in string.ascii_letters}
    of_hex = letters <= _HEX
    drawn = "".join(_draw(char, rng, of_hex=of_hex) for char in rest)
    if sum(char.isalnum() for char in drawn if char.isascii()) >= RANDOM_CHARS_MIN:
        return start + drawn
    return start + "".join(rng.choices("0123456789abcdef", k=_RANDOM_CHARS))


def impossible_path(operation: Operation, rng: random.Random) -> Operation:
    """Return the same request at a path that cannot exist, as near to the right one as can be."""
    name = segment(operation)
    other = f"{name}-{''.join(rng.choices('0123456789abcdef', k=_RANDOM_CHARS))}"
    before, _, after = operation.path.rpartition(f"/{name}/")
    return replace(operation, path=f"{before}/{other}/{after}")


def elsewhere(
    operation: Operation, whose: Mapping[str, str], rng: random.Random
) -> tuple[Operation, list[str]]:
    """Return the same request below parents that cannot exist, and their IDs."""
    path, parents = operation.path, []
    for value in whose.values():
        parents.append(made_up_id(value, rng))
        path = path.replace(f"/{path_segment(value)}/", f"/{path_segment(parents[-1])}/")
    return replace(operation, path=path), parents


def segment(operation: Operation) -> str:
    """Return the part of an operation's path before the ID: ``responses``."""
    before, _ = operation.around_id()
    return before.rstrip("/").rpartition("/")[2]


def _draw(char: str, rng: random.Random, *, of_hex: bool) -> str:
    if not char.isascii() or not char.isalnum():
        return char if char in "_-" else "0"
    if char.isdigit():
        return rng.choice(string.digits)
    letters = "abcdef" if of_hex else string.ascii_lowercase
    return rng.choice(letters.upper() if char.isupper() else letters)


def _steady(value: object, object_id: str, depth: int) -> object:
    """Return a part of a body without what is volatile, the ID taken out of its texts."""
    if depth > _DEPTH_MAX:
        return value
    if isinstance(value, dict):
        return {
            _without(name, [object_id], _ID): _steady(part, object_id, depth + 1)
            for name, part in value.items()
            if not volatile(name, part)
        }
    if isinstance(value, list):
        return [_steady(part, object_id, depth + 1) for part in value]
    if isinstance(value, str):
        text = answers.without_request_tail(value)
        return _without(text, _ways_to_write(object_id), _ID)
    return value


def _ways_to_write(object_id: str) -> list[str]:
    ways = {object_id, quote(object_id, safe=""), quote(object_id), html.escape(object_id)}
    return sorted(ways, key=len, reverse=True)


def _without(text: str, parts: Iterable[str], mark: str, flags: int = 0) -> str:
    pattern = "|".join(re.escape(part) for part in parts if part)
    return re.sub(pattern, lambda _: mark, text, flags=flags) if pattern else text
