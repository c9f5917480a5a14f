r"""What may be an object ID, and how it becomes exactly one path segment of a URL.

    IdForm    what the IDs of one resource look like; a plain value
    STRICT    printable ASCII, without what a server or a proxy might read otherwise
    WIDE      all that can be sent without being mistaken for anything else

No provider documents a grammar for its IDs, and none is known whose IDs leave `STRICT`.
So what does is a damaged row far more often than an ID: a byte order mark, a zero-width
space or half a character names an object that does not exist, which would end as "gone"
while the real one stays. It is refused with the character named, and never sent.

What holds here, always:

1. No form lets an ID hold ``/``, ``\\``, ``%``, ``?``, ``#`` or ``;``, or be ``.`` or ``..``.
   Percent-encoded they are one segment to us, but a usual reverse proxy decodes the path,
   resolves it and passes on another one (nginx with a path in ``proxy_pass``), so the
   request would reach another object. An ID with a fixed path before it (``files/abc``)
   is a path template of its resource, and only ``abc`` is the ID.
2. No form lets through what cannot be seen or what changes on its way: white space,
   controls, format characters (zero-width, bidi), what is private, unassigned or stands
   for damage (U+FFFD), and what Unicode normalization turns into something else.

Usual prefixes (``resp_``) are no reason to refuse an ID: they are observations, not rules.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote

ID_BYTES_MAX: Final = 2048
"""Longest ID in UTF-8 bytes. The longest known have 1,189: LiteLLM wraps the ID of the server
behind it into its own, and there were two such proxies. At worst, three characters for each
byte, the request line has 6 KiB; usual servers take 8."""

RESERVED: Final = "/\\%?#;"
"""What servers and proxies may read as path, escape, query, fragment or parameter."""

_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_QUOTES: Final = "\"'`"

# Default-ignorable characters whose category does not say so, and others that look like
# nothing: https://www.unicode.org/Public/16.0.0/ucd/DerivedCoreProperties.txt. A Braille
# blank is no white space to Unicode, yet nobody sees it. U+FFFC and U+FFFD stand for what
# a program could not keep.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\ufff0-\ufffd\U000e0000-\U000e0fff]"
).match

# Control, format, surrogate, private use, unassigned; space, line and paragraph separators.
_UNSEEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})

_NAMELESS: Final = {
    "Cc": "a control character",
    "Cs": "a lone surrogate, which UTF-8 cannot carry",
    "Co": "private use",
    "Cn": "no character",
}

_NEVER_ENCODED: Final = re.compile(rf"[A-Za-z0-9_\-]{{1,{ID_BYTES_MAX}}}").fullmatch

_USUAL: Final = re.compile(r"[A-Za-z0-9_.:=~+@\-]*").fullmatch
"""All that IDs were seen with: words, numbers, base64, and what parts of names are joined by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdForm:
    """What the IDs of one resource look like.

    Attributes:
        name: Its name, for people.
        alphabet: The ASCII characters that an ID may hold. None of `RESERVED`.
        beyond_ascii: Whether an ID may also hold other characters, as far as they can be
            seen and arrive as they are.
        bytes_max: Longest ID in UTF-8 bytes, at most `ID_BYTES_MAX`.
        prefixes: What an ID usually begins with, if known; never a reason to refuse one.

    Raises:
        ValueError: With this form an ID could be mistaken for something else.
    """

    name: str
    alphabet: str
    beyond_ascii: bool = False
    bytes_max: int = ID_BYTES_MAX
    prefixes: tuple[str, ...] = ()
    _is_plain: Callable[[str], object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        foreign = set(self.alphabet) - (set(_PRINTABLE) - set(RESERVED))
        if foreign or not self.alphabet:
            raise ValueError(f"no ID form may hold any of {sorted(foreign)}, nor nothing")
        if not 1 <= self.bytes_max <= ID_BYTES_MAX:
            raise ValueError(f"bytes_max must be 1 to {ID_BYTES_MAX:,}, not {self.bytes_max}")
        pattern = f"[{re.escape(self.alphabet)}]{{1,{self.bytes_max}}}"
        object.__setattr__(self, "_is_plain", re.compile(pattern).fullmatch)

    def invalid_reason(self, object_id: str) -> str | None:
        """Say why ``object_id`` cannot be an ID of this form, or None if it can."""
        if self._is_plain(object_id) and object_id not in (".", ".."):
            return None
        reason = self._reason(object_id)
        if reason is None or WIDE._reason(object_id) is not None:  # noqa: SLF001 - another of us
            return reason
        return f"{reason} (--any-id accepts it)"

    def _reason(self, object_id: str) -> str | None:
        if not object_id:
            return "the ID is empty"
        if object_id in (".", ".."):
            return f"the ID is {object_id!r}, which a URL resolves to another object"
        for place, char in enumerate(object_id, start=1):
            if not self._may_hold(char):
                return f"the ID holds {_named(char)} at place {place}"
        length = len(object_id.encode("utf-8"))
        if length > self.bytes_max:
            return f"the ID has {length:,} bytes; the most is {self.bytes_max:,}"
        if not unicodedata.is_normalized("NFKC", object_id):
            return "the ID holds characters that Unicode normalization (NFKC) joins or reorders"
        return None

    def is_unusual(self, object_id: str) -> bool:
        """Say whether it as a whole looks unlike the IDs that are known.

        It begins with none of `prefixes`, where they are known, or holds what separates the
        cells of a table, or the parts of a record, and no ID: ``resp_1,2024-01-01``.
        """
        known = not self.prefixes or object_id.startswith(self.prefixes)
        return not known or not _USUAL(object_id)

    def widened(self) -> IdForm:
        """Return the form of all that can be sent, with the same usual prefixes."""
        return replace(WIDE, prefixes=self.prefixes)

    def _may_hold(self, char: str) -> bool:
        if char.isascii():
            return char in self.alphabet
        return (
            self.beyond_ascii
            and unicodedata.category(char) not in _UNSEEN_CATEGORIES
            and _UNSEEN(char) is None
            and unicodedata.is_normalized("NFKC", char)
        )


STRICT: Final = IdForm(
    name="strict",
    alphabet="".join(char for char in _PRINTABLE if char not in RESERVED + _QUOTES),
)
"""The IDs of every provider that is known."""

RESPONSE_ID: Final = replace(STRICT, name="response", prefixes=("resp_",))
"""The ID of a stored response."""

WIDE: Final = IdForm(
    name="wide",
    alphabet="".join(char for char in _PRINTABLE if char not in RESERVED),
    beyond_ascii=True,
)
"""What can be sent as one path segment, and be nothing else on any way there."""


def path_segment(object_id: str) -> str:
    """Return ``object_id`` percent-encoded as one path segment.

    The result goes into the request as it is: a URL library that decodes, resolves or
    encodes it again would name another object (measured with yarl 1.25.1, where
    ``URL(base + "..")`` is the parent collection).

    Raises:
        ValueError: It cannot be an ID of any form. The last line of defence; sources check
            before, by the form of the lane.
    """
    if _NEVER_ENCODED(object_id):
        return object_id
    reason = WIDE.invalid_reason(object_id)
    if reason is not None:
        raise ValueError(reason)
    return quote(object_id, safe="")


def _named(char: str) -> str:
    """Return a character for a message: nobody sees a zero-width space in a quotation."""
    what = _NAMELESS.get(unicodedata.category(char), "a character without a name")
    return f"U+{ord(char):04X} {unicodedata.name(char, f'({what})')}"
