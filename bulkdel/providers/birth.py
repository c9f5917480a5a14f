"""When an object was made, where its ID says so. Pure; observed, not documented.

No provider documents what its IDs are made of. Of Ark's responses the thirteen digits behind ``resp_02``
are ``created_at`` in milliseconds (6 of 6 published examples, to under a second); of OpenAI's with 48
hexadecimal digits the first eight are ``created_at`` in seconds (9 of 9 examples in its own
specification). Of OpenAI's newer ones with 50 digits one example is known, which is too few to delete
by. So whatever is not exactly of a known form has no age.

Not here: what is done with an age (`engine.aging`).
"""

from __future__ import annotations

import re
from typing import Final

FIRST_S: Final = 1_672_531_200.0
"""2023-01-01: no provider here stored a response before."""

_ARK: Final = re.compile(r"resp_02([0-9]{13})[0-9a-f]{38}").fullmatch
_OPENAI: Final = re.compile(r"resp_([0-9a-f]{8})[0-9a-f]{40}").fullmatch


def ark_response(object_id: str) -> float | None:
    """Return when an Ark response was made, in seconds since 1970; None if its ID does not say."""
    match = _ARK(object_id)
    return None if match is None else int(match[1]) / 1000


def openai_response(object_id: str) -> float | None:
    """Return when an OpenAI response was made, in seconds since 1970; None if its ID does not say."""
    match = _OPENAI(object_id)
    return None if match is None else float(int(match[1], 16))
