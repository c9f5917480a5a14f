"""Recognise a confirmation that came before, byte for byte, but for the ID in it.

    body --> our ID taken out --> came before, and was final then? --> it is final now

Reading a body whole (`words`) costs some 4 us, a tenth of all that one ID costs, and a provider
words its confirmations alike a million times. What is remembered is the body with a mark in
the ID's place.

What holds here, always:

1. A shape is remembered only if it was read whole with our ID and was final, and is final too
   with another ID in the mark's place. So the mark stands for the ID and for nothing else: an
   ID may also be the word "deleted", or come twice.
2. Two bodies with one shape are the same JSON but for that one string. The mark, a zero byte,
   is in no JSON text, and an ID that JSON would write in another way is not looked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

SHAPES_MAX: Final = 64
"""Shapes that are remembered. Where each body has a request's ID of its own none comes again,
and this bounds the memory."""
BODY_BYTES_MAX: Final = 4096
"""Longest body that is remembered. The usual one has about 100 bytes."""

_MARK: Final = b"\0"
_MARK_BYTE: Final = 0
"""To look for: a number is found in bytes eight times as fast as bytes are."""
_OTHER_ID: Final = "some_other_ID-0"


class FinalShapes:
    """The shapes of bodies that were final.

    Args:
        is_final: Whether a body, read whole, ends an ID.
    """

    __slots__ = ("_is_final", "_known")

    def __init__(self, is_final: Callable[[str, bytes], bool]) -> None:
        self._is_final = is_final
        self._known: set[bytes] = set()

    def has(self, object_id: str, body: bytes) -> bool:
        """Say whether this body came before, with another ID in the same place."""
        return _shape(object_id, body) in self._known

    def learn(self, object_id: str, body: bytes) -> None:
        """Remember a body that was read whole and is final."""
        shape = _shape(object_id, body)
        if shape is None or len(body) > BODY_BYTES_MAX:
            return
        if not self._is_final(_OTHER_ID, shape.replace(_MARK, _OTHER_ID.encode())):
            return
        if len(self._known) >= SHAPES_MAX:
            self._known.clear()
        self._known.add(shape)


def _shape(object_id: str, body: bytes) -> bytes | None:
    """Return a body with the mark for the ID; None if JSON may write the ID in another way.

    An ID that was sent holds no control characters (`object_id`): they are not looked for.
    """
    if not object_id.isascii() or "\\" in object_id or '"' in object_id or _MARK_BYTE in body:
        return None
    return body.replace(object_id.encode(), _MARK, 1)
