"""Everything that a body says, whatever shape it has: never final, so read widely.

    JSON   --> its objects, outermost first --> a Saying of each that says something
    a page --> its visible text             --> one Saying
    text   --> itself                       --> one Saying

Servers, and gateways before them, wrap an error in anything: ``error``, ``detail``, ``fault``,
``errors``, a list, or JSON as text inside a message. No list of wrappings would be whole, so
none is kept: an error is what has codes or words, and what is which is told by the end of its
field's name and by whether it has a blank in it.

What holds here, always:

1. It never raises, and its work is bounded: `PARTS_MAX` objects and lists, `DEPTH_MAX` deep,
   and the first `PAGE_CHARS_MAX` characters of a page, each of them looked at once.
2. Nothing that is read here ends an ID. For that, `answers.read_error` reads the documented
   shapes with all that stands beside them, and `words` matches them whole.

Not here: what it means (`rules`).
"""

from __future__ import annotations

import html
import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bulkdel.providers.answers import clean

PARTS_MAX: Final = 256
"""Most objects and lists of one body that are looked at; the largest known error has 20."""
DEPTH_MAX: Final = 12
"""Deepest that is looked at. LiteLLM behind LiteLLM, each with JSON in its message, needs 7."""
PAGE_CHARS_MAX: Final = 16_384
"""Most of a page that is looked at. Cloudflare's have some 5,000 characters, styles included."""
WORDS_CHARS_MAX: Final = 4096
"""Most of the words of one saying; an error with an ID of 1,189 bytes fits in it."""

_CODE_CHARS_MAX: Final = 200
_TEXTS_MAX: Final = 10
"""Most texts of one list; FastAPI lists one for each field that is wrong."""
_CODE_NAME: Final = re.compile(r"(?:code|type|status|reason|error|kind)\Z", re.IGNORECASE)
"""Names of codes: ``code``, ``errorcode``, ``__type``. An ``error`` may be a code or words."""
_WORDS_NAME: Final = re.compile(
    r"(?:message|msg|error|errors|detail|title|description|string|text)\Z", re.IGNORECASE
)
"""Names of words, which count also where they are one word alone: ``{"message": "Forbidden"}``."""
_WAIT_NAME: Final = re.compile(r"retry_?(?:after|delay)(?:_?s(?:econds)?)?\Z", re.IGNORECASE)
"""``retry_after`` (Cloudflare) and ``retryDelay`` (google.rpc.RetryInfo), both in seconds."""
_WAIT: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s?", re.ASCII)
_HIDDEN_TAGS: Final = ("script", "style")
_CODE_TAG: Final = re.compile(r"\w{0,30}code", re.IGNORECASE)
"""Tags of a code, as in the XML of S3: ``<Code>AccessDenied</Code>``."""
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Saying:
    """What one object of a body says, or a whole page.

    Attributes:
        codes: Its codes, types and numbers as text, each of at most 200 characters.
        words: Its words as they came, at most `WORDS_CHARS_MAX` characters.
        wait_s: Seconds that it asks to wait, or None.
        is_page: Whether it is no JSON. Then it is not the API that speaks.
    """

    codes: tuple[str, ...] = ()
    words: str = ""
    wait_s: float | None = None
    is_page: bool = False


_NOTHING: Final = Saying()


def read_body(body: bytes) -> list[Saying]:
    """Return what each part of a body says, outermost first; none if it says nothing."""
    try:
        value = orjson.loads(body)
    except ValueError:
        page = _page(body[: 4 * PAGE_CHARS_MAX].decode("utf-8", "replace")[:PAGE_CHARS_MAX])
        return [page] if page.words else []
    if isinstance(value, str):
        value = {"message": value}
    return [saying for each in _objects(value) if (saying := _saying(each)) != _NOTHING]


def _objects(value: object) -> Iterator[dict[str, Any]]:
    """Return the objects in a JSON value, outermost first, those inside of texts included."""
    waiting = deque([(value, 0)])
    room = PARTS_MAX
    while waiting:
        part, depth = waiting.popleft()
        if isinstance(part, dict):
            yield part
        for held in _held(part) if depth < DEPTH_MAX else ():
            if room <= 0:
                break
            inner = _json_in(held) if isinstance(held, str) else held
            if isinstance(inner, (dict, list)):
                room -= 1
                waiting.append((inner, depth + 1))


def _held(part: object) -> Iterator[object]:
    if isinstance(part, dict):
        return iter(part.values())
    return iter(part) if isinstance(part, list) else iter(())


def _json_in(text: str) -> object:
    """Return the object that begins at the first brace of a text, or None.

    LiteLLM puts the answer of the server behind it there, with words before it and after.
    """
    start = text.find("{")
    if start < 0:
        return None
    try:
        return _DECODER.raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return None


def _saying(fields: dict[str, Any]) -> Saying:
    """Return what the fields of one object say themselves."""
    codes: list[str] = []
    words: list[str] = []
    wait_s = None
    for name, value in fields.items():
        if _WAIT_NAME.search(name):
            wait_s = _seconds(value)
        for text in _texts(value):
            is_code = bool(_CODE_NAME.search(name))
            if is_code:
                codes.append(clean(text, _CODE_CHARS_MAX))
            if _WORDS_NAME.search(name) or (not is_code and " " in text.strip()):
                words.append(text)
    return Saying(
        tuple(code for code in codes if code),
        ": ".join(word for word in words if word)[:WORDS_CHARS_MAX],
        wait_s,
    )


def _texts(value: object) -> list[str]:
    """Return a value as text: a text, a number, or the texts of a list."""
    if isinstance(value, str):
        return [value[:WORDS_CHARS_MAX]]
    if type(value) is int:  # a code; True is none
        return [str(value)]
    if isinstance(value, list):
        return [each[:WORDS_CHARS_MAX] for each in value[:_TEXTS_MAX] if isinstance(each, str)]
    return []


def _seconds(value: object) -> float | None:
    found = _WAIT.fullmatch(str(value)[:30]) if not isinstance(value, (dict, list)) else None
    return float(found.group(1)) if found else None


def _page(text: str) -> Saying:
    """Return what people would see of a page, and the codes of one in XML."""
    start = text.lstrip("\ufeff \t\r\n")[:1]
    if start != "<":  # plain text, or JSON that was cut
        return Saying((), " ".join(text.split())[:WORDS_CHARS_MAX], is_page=start not in "{[")
    seen: list[str] = []
    codes: list[str] = []
    hidden = ""
    for part in text.split("<"):
        tag, _, rest = part.partition(">")
        name = tag.split(maxsplit=1)[0].lower() if tag.strip() else ""
        if hidden:
            hidden, rest = _still_hidden(hidden, part, name, rest)
        elif name.startswith("!--"):
            _, end, rest = part.partition("-->")
            hidden = "" if end else "-->"
        elif name in _HIDDEN_TAGS:
            hidden, rest = f"/{name}", ""
        elif _CODE_TAG.fullmatch(name):
            codes.append(clean(rest, _CODE_CHARS_MAX))
        seen.append(rest)
    words = " ".join(html.unescape(" ".join(seen)).split())
    return Saying(tuple(codes), words[:WORDS_CHARS_MAX], is_page=True)


def _still_hidden(hidden: str, part: str, name: str, rest: str) -> tuple[str, str]:
    """Return what still hides the text of a page after this part of it, and what is seen of it."""
    if hidden == "-->":
        _, end, rest = part.partition("-->")
        return ("", rest) if end else (hidden, "")
    return ("", rest) if name == hidden else (hidden, "")
