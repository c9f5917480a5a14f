"""What an answer says, read without judging it. Pure, and never raises.

    body     --> json_object --> read_error        one of the shapes of an error
    headers  --> retry_after_s, request_id

The shapes of an error, as found at the providers and at gateways in front of them:

    {"error": {"code", "message", "type" or "status", "details"}}   OpenAI, Ark, Gemini
    {"error": "text", "code": "text"}                               xAI
    {"detail": "text"} and {"detail": [{"loc", "msg"}]}             FastAPI (Fireworks)
    {"detail": {"error": {…}}} and {"error": {"detail": "text"}}    FastAPI around another
    {"code", "message"}                                             gateways

Everything a server sends may be wrong or hostile: bodies come cut at 64 KiB, texts are
cut and freed of control characters before anyone prints them.

Not here: what it means (`rules` and the provider modules).
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson

from bulkdel.models import Answer

MESSAGE_CHARS_MAX: Final = 500
"""Longest message of a verdict; also fixed in `models.Verdict`."""
_CODE_CHARS_MAX: Final = 200
_TEXT_CHARS_MAX: Final = 4096
"""Most of an error text that is looked at: an ID of 1,024 bytes fits in it several times."""
_EXCERPT_CHARS_MAX: Final = 120

_BEARER: Final = re.compile(r"\bbearer\s+\S+", re.IGNORECASE)
_REQUEST_ID: Final = re.compile(r"\brequest[ _-]?id\b[\s:=]*([\w.-]+)", re.IGNORECASE)
_REQUEST_ID_TAIL: Final = re.compile(r"\s+Request id: [\w-]+\.?\s*\Z", re.ASCII)
_WRAPPINGS: Final = ("error", "detail")
_WRAPPINGS_MAX: Final = 4
"""FastAPI wraps what a server raises in ``detail``, and that may hold an ``error``."""
_MESSAGES: Final = ("error", "message", "detail")
"""Fields that hold words. Where several do, all are read, in this order."""
_SECONDS: Final = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiError:
    """The parts of an error body. A part that is missing is the empty string.

    Attributes:
        code: The error code.
        kind: The error's ``type``, or Google's ``status``.
        message: The words as they came, cut at 8,192 characters: `clean` them to show them.
        rest: All other fields, with their names, wherever in the body they stood.
    """

    code: str = ""
    kind: str = ""
    message: str = ""
    rest: tuple[tuple[str, object], ...] = ()


_NO_ERROR: Final = ApiError()


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object that ``body`` is, or None if it is anything else.

    An object with a name that comes twice is none: two readers could read two things in it.
    orjson refuses nesting deeper than 1,024 levels, lone surrogates and bytes that are not
    UTF-8 with a ValueError.
    """
    try:
        value = orjson.loads(body)
    except ValueError:
        return None
    if not isinstance(value, dict) or _says_twice(body, value):
        return None
    return value


def _says_twice(body: bytes, value: dict[str, Any]) -> bool:
    """Say whether a name comes twice in one object of ``body``, whose value is ``value``."""
    # Each name and each text has two quotes; a name that was there before has two more. So
    # the usual answer, flat and without escapes, need not be read again.
    texts = sum(isinstance(held, str) for held in value.values())
    if body.count(b'"') == 2 * (len(value) + texts):
        return False
    try:
        json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return True
    return False


def _once(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name comes twice")


def clean(text: str, chars_max: int = _TEXT_CHARS_MAX) -> str:
    """Return ``text`` on one line, cut, without anything a terminal would act on.

    A server or proxy that quotes our request must not bring the key into the log, so
    what follows the word "Bearer" is left out.
    """
    text = text[: 2 * _TEXT_CHARS_MAX]
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return _BEARER.sub("Bearer [hidden]", " ".join(text.split()))[:chars_max]


def read_error(body: dict[str, Any] | None) -> ApiError:
    """Return what an error body says, whichever of the known shapes it has."""
    rest: list[tuple[str, object]] = []
    for _ in range(_WRAPPINGS_MAX):
        wrapping = next((name for name in _WRAPPINGS if isinstance(_get(body, name), dict)), None)
        if body is None or wrapping is None:
            break
        rest += [item for item in body.items() if item[0] != wrapping]
        body = body[wrapping]
    return _NO_ERROR if body is None else _from_fields(body, rest)


def excerpt(body: bytes) -> str:
    """Return the beginning of ``body`` for a message, or say that it is empty."""
    start = clean(body[: 4 * _EXCERPT_CHARS_MAX].decode("utf-8", "replace"), _EXCERPT_CHARS_MAX)
    return f"the body begins {start!r}" if start else "the body is empty"


def request_id(answer: Answer, message: str = "") -> str | None:
    """Return the provider's ID of the request, from a header or from its message.

    ``x-request-id`` is OpenAI's header and the one that Ark's SDK names
    (volcenginesdkarkruntime/_constants.py); Ark also ends its messages with
    "Request id: …".
    """
    header = answer.headers.get("x-request-id")
    if header:
        return clean(header, _CODE_CHARS_MAX) or None
    found = _REQUEST_ID.search(message)
    return found.group(1).rstrip(".")[:_CODE_CHARS_MAX] or None if found else None


def without_request_id(error: ApiError) -> ApiError:
    """Return an error without the "Request id: …" that its message ends with at Ark."""
    message = _REQUEST_ID_TAIL.sub("", error.message)
    return error if message == error.message else replace(error, message=message)


def retry_after_s(answer: Answer) -> float | None:
    """Return the seconds the provider asks to wait, or None if it does not say.

    The three forms, in the order in which openai-python 3.54 reads them:
    ``retry-after-ms``, then ``retry-after`` in seconds (also with decimals), then as an
    HTTP date. A date counts from the answer's own ``Date`` header, which has the same
    clock, else from the time of arrival. What is negative, past, not finite or not
    readable is no wish at all. Nothing is capped here: `retry` decides about a day.
    """
    wait_ms = _seconds(answer.headers.get("retry-after-ms"))
    if wait_ms is not None:
        return wait_ms / 1000
    value = answer.headers.get("retry-after")
    wait_s = _seconds(value)
    return wait_s if wait_s is not None else _until(value, answer)


def _until(value: str | None, answer: Answer) -> float | None:
    then_s = _http_date(value)
    now_s = _http_date(answer.headers.get("date")) or answer.received_s
    if then_s is None or now_s <= 0:
        return None
    wait_s = then_s - now_s
    return wait_s if 0 <= wait_s < math.inf else None


def _seconds(value: str | None) -> float | None:
    if value is None or not _SECONDS.fullmatch(value.strip()):
        return None
    seconds = float(value)
    return seconds if math.isfinite(seconds) else None


def _http_date(value: str | None) -> float | None:
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
        # HTTP dates are in GMT, also in the old form of asctime, which does not say so.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _from_fields(fields: dict[str, Any], rest: list[tuple[str, object]]) -> ApiError:
    """Read the fields that hold the words of an error; what else there is goes to the rest."""
    code = _reason(fields.get("details")) or _text(fields.get("code"))
    kind = _text(fields.get("type")) or _text(fields.get("status"))
    words = [_words(fields.get(name)) for name in _MESSAGES]
    message = ": ".join(word for word in words if word)[: 2 * _TEXT_CHARS_MAX]
    codes = ("code", "type" if _text(fields.get("type")) else "status")
    rest += [
        (name, value)
        for name, value in fields.items()
        if not (
            (name in _MESSAGES and isinstance(value, str))
            or (name in codes and (isinstance(value, str) or type(value) is int))
        )
    ]
    return ApiError(code, kind, message, tuple(rest))


def _get(body: dict[str, Any] | None, name: str) -> object:
    return None if body is None else body.get(name)


def _reason(details: object) -> str:
    """Return Google's ``details[].reason``, its only exact code (API_KEY_INVALID)."""
    for part in details if isinstance(details, list) else ():
        if isinstance(part, dict) and isinstance(part.get("reason"), str):
            return _text(part["reason"])
    return ""


def _words(value: object) -> str:
    """Return a text, or those of FastAPI's list of what is wrong."""
    if isinstance(value, list):
        parts = [
            part.get("msg") or part.get("message") for part in value[:10] if isinstance(part, dict)
        ]
        return "; ".join(part for part in parts if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _text(value: object) -> str:
    """Return a code or type as text; codes are numbers at Google and Azure."""
    if isinstance(value, str):
        return clean(value, _CODE_CHARS_MAX)
    return str(value) if type(value) is int else ""
