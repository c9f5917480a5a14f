"""What may be an object ID, and how it becomes exactly one path segment of a URL.

No provider documents a grammar for its IDs, so anything is accepted that can travel as
one path segment and come out the same at the other end. What can not is named with its
reason and never sent:

* nothing at all: the URL would be the whole collection;
* ``.`` and ``..``: URL libraries and servers resolve them, even percent-encoded, and
  ``DELETE …/responses/..`` is another object;
* control characters and white space: they come from damaged input files;
* a lone surrogate, which UTF-8 cannot carry;
* more than `ID_BYTES_MAX` bytes.

Usual prefixes (``resp_``) are not checked here: they are observations, not rules.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import quote

ID_BYTES_MAX: Final = 1024
"""Longest ID in UTF-8 bytes. The longest known, of LiteLLM's proxy, have about 200."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_\-]{1,1024}").fullmatch
_PRINTABLE_ASCII: Final = re.compile(r"[!-~]{1,1024}").fullmatch


def invalid_reason(object_id: str) -> str | None:
    """Say why ``object_id`` cannot be an object ID, or None if it can."""
    if _PLAIN(object_id):
        return None
    if not object_id:
        return "the ID is empty"
    if object_id in (".", ".."):
        return f"the ID is {object_id!r}, which a URL resolves to another object"
    if _PRINTABLE_ASCII(object_id):
        return None
    try:
        length = len(object_id.encode("utf-8"))
    except UnicodeEncodeError:
        return "the ID holds a lone surrogate, which UTF-8 cannot carry"
    if length > ID_BYTES_MAX:
        return f"the ID has {length} bytes; the most is {ID_BYTES_MAX}"
    for char in object_id:
        if char.isspace():
            return f"the ID holds white space (U+{ord(char):04X})"
        if unicodedata.category(char) in ("Cc", "Zl", "Zp"):
            return f"the ID holds a control character (U+{ord(char):04X})"
    return None


def path_segment(object_id: str) -> str:
    """Return ``object_id`` percent-encoded as one path segment.

    The result goes into the request as it is: a URL library that decodes, resolves or
    encodes it again would name another object (measured with yarl 1.25.1, where
    ``URL(base + "..")`` is the parent collection).

    Raises:
        ValueError: It cannot be an ID. The last line of defence; sources check before.
    """
    if _PLAIN(object_id):
        return object_id
    reason = invalid_reason(object_id)
    if reason is not None:
        raise ValueError(reason)
    return quote(object_id, safe="")
