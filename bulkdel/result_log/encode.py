"""One result as one line of the log.

``id``, ``lane`` and ``outcome`` come first and in this order, without spaces: so a log is
indexed without a JSON parser (`reader`). Fields that say nothing are left out.
"""

from __future__ import annotations

import time

import orjson

from bulkdel.models import Outcome, Result
from bulkdel.utf8 import json_bytes


def result_line(result: Result) -> bytes:
    """Return the line of one result, newline included."""
    line: dict[str, object] = {
        "id": result.object_id,
        "lane": result.lane,
        "outcome": result.outcome.value,
    }
    if result.outcome is not Outcome.INVALID:
        line["status"] = result.status
        line["attempts"] = result.attempts
    line["at"] = utc(result.at_s)
    if result.outcome is not Outcome.INVALID:
        line["ms"] = round(result.ms)
    if result.outcome is Outcome.FAILED:
        line["retryable"] = result.retryable
    if result.after_unknown:
        line["after_unknown"] = True
    if result.doubted:
        line["doubted"] = True
    for name in ("evidence", "code", "error", "request_id", "source", "line"):
        value = getattr(result, name)
        if value is not None:
            line[name] = value
    try:
        return orjson.dumps(line) + b"\n"
    except TypeError:  # a lone surrogate, which UTF-8 cannot carry: a result is never lost
        line["id"] = carried_id(result.object_id).decode()
        return json_bytes(line) + b"\n"


def carried_id(text: str) -> bytes:
    """Return an ID, or a row that is none, in UTF-8, as the log has it for ever."""
    return text.encode("utf-8", "backslashreplace")


def deleted_line(object_id: str, lane_json: str, at_s: float, ms: float) -> bytes:
    """Return the line of an ID that was deleted at its first attempt: the usual one.

    The same bytes as `result_line`, for a third of its time.
    """
    return (
        b'{"id":'
        + orjson.dumps(object_id)
        + f',"lane":{lane_json},"outcome":"deleted","status":200,"attempts":1,"at":"{utc(at_s)}","ms":{round(ms)}}}\n'.encode()
    )


_second = (0, "")  # the last whole second rendered: most lines share it with the one before
_instant = (-1, "")  # the last millisecond: where it goes fast, dozens of lines share that


def utc(at_s: float) -> str:
    """Return a wall-clock time as ``2026-11-22T00:40:12.123Z``."""
    global _second, _instant
    at_ms = round(at_s * 1000)
    instant = _instant  # threads: each is one value, taken and set at once
    if at_ms == instant[0]:
        return instant[1]
    whole, millis = divmod(at_ms, 1000)
    second = _second
    if whole != second[0]:
        second = _second = (whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)))
    text = f"{second[1]}.{millis:03d}Z"
    _instant = (at_ms, text)
    return text
