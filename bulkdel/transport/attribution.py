"""Whose answer is it? What can be told where HTTP/1.1 does not tell.

    answer --> names the ID it is taken for?        --> that ID's
           --> came before its request had arrived? --> nobody's
           --> rested, and nothing else came?       --> that ID's, as far as can be known
                    └── something came              --> in doubt: asked again

An answer belongs to the oldest request of its connection that has none, and nothing in
HTTP/1.1 says so but their order. A proxy that answers once too often, a resend, a late 408,
makes each following answer count for the next ID: deletions are confirmed that were refused.

What holds here, always:

1. Arrival is asked of the system, not of a clock. TCP acknowledges what has arrived, and an
   answer acknowledges its request, so one that comes while its request is not acknowledged
   was sent before. No honest answer does that, so there is no margin to choose. The time of
   a handshake would need one: it is 1 round trip or 5, and what the event loop was busy with.
2. An ID proves an answer only as a word of its own, and only if it is too long for a word
   that stands in any answer.
3. A connection rests as long as an answer may take that is still on its way. So the right
   answer, which the one too many came before, is seen before either is believed.

What remains possible, all of it only where answers name no ID: one too many, whose right
one comes later than that, or never since the connection is closed; and a proxy that mixes
up the answers of its own connections, one for each request. Where the system does not tell
what is acknowledged (not Linux), 1 finds nothing; behind a proxy it speaks of the way there.

Not here: what an answer means (`providers`), and what becomes of the connection (`pool`).
"""

from __future__ import annotations

import sys
from typing import Final

NAME_BYTES_MIN: Final = 12
"""Shortest ID that proves whose an answer is; a "1" or a "response" may stand in any. The
IDs of every provider are longer."""

_WORD: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.~%+")
"""Bytes that IDs are made of: next to one of them an ID is a part of another one."""

REST_MIN_S: Final = 0.002
"""Shortest rest: uvloop counts in whole milliseconds, so less could be none."""

REST_MAX_S: Final = 1.0
"""Longest rest; it holds a place in flight."""


def names(body: bytes, name: bytes) -> bool:
    """Say whether an answer names an ID, so that it is the answer to no other one.

    Args:
        body: The body of the answer.
        name: The ID in UTF-8. One that JSON would write otherwise is not found, which costs
            a rest.
    """
    at = body.find(name)
    if at < 0 or len(name) < NAME_BYTES_MIN:
        return False
    end = at + len(name)
    return (at == 0 or body[at - 1] not in _WORD) and (end == len(body) or body[end] not in _WORD)


def ends_an_id(status: int) -> bool:
    """Say whether a status could end an ID: not if it only asks to come again later.

    Those are not held back: the pace must give way at once, and they confirm nothing.
    """
    return status < 500 and status not in (408, 429)


class AnswerTime:
    """How long answers take, and so how long to wait for one more.

    The mean and four times the mean deviation, as TCP waits for an acknowledgement (RFC
    6298), bounded by `REST_MIN_S` and `REST_MAX_S`.
    """

    __slots__ = ("_deviation_s", "_mean_s")

    def __init__(self) -> None:
        self._mean_s = 0.0
        self._deviation_s = 0.0

    def note(self, took_s: float) -> None:
        """Take note of an answer that took so long."""
        if not self._mean_s:
            self._mean_s, self._deviation_s = took_s, took_s / 2
        else:
            self._deviation_s += (abs(took_s - self._mean_s) - self._deviation_s) / 4
            self._mean_s += (took_s - self._mean_s) / 8

    @property
    def rest_s(self) -> float:
        """Seconds after which an answer that has not come yet hardly ever comes."""
        return min(max(self._mean_s + 4 * self._deviation_s, REST_MIN_S), REST_MAX_S)


if sys.platform == "linux":
    import fcntl
    import termios

    _NO_BYTES: Final = bytes(4)

    def unacknowledged(fd: int) -> int:
        """Return how many bytes written to a TCP connection have not arrived yet, for all we know.

        That is SIOCOUTQ of tcp(7). With an answer that has been read, its acknowledgement
        has been, too: they are one packet, and the kernel takes them under one lock.
        """
        try:
            return int.from_bytes(fcntl.ioctl(fd, termios.TIOCOUTQ, _NO_BYTES), sys.byteorder)
        except (OSError, ValueError):  # no TCP, or closed by now
            return 0

else:

    def unacknowledged(fd: int) -> int:  # noqa: ARG001
        """Return 0: this system does not tell."""
        return 0
