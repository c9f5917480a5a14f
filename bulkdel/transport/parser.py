"""Read the usual answer: one that comes in one piece, whole, with nothing after it.

    piece --> head came before? --> what it meant then, and the bytes that follow it
          --> aiohttp's C parser --> one answer, complete, not the last one of its connection
          --> None: for who reads an answer in pieces

A head that came before, byte for byte, means what it meant then, since each is parsed on
its own; and the answer is whole if as many bytes follow as the head states. So most answers
of a server that puts nothing of its own into each head are not parsed at all.

Not here: answers in pieces, chunked, cut off, too many or broken (`pool` leaves them to
aiohttp's protocol, from their first byte on).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpResponseParser, RawResponseMessage

from bulkdel.models import Answer

BYTES_MAX: Final = 16_384
"""Longest answer that is read here."""

HEADS_MAX: Final = 64
"""Heads that are remembered. Where they differ by their date, there is a new one every
second; where each has an ID of its own, none comes again and this bounds the memory."""

HEAD_BYTES_MAX: Final = 4096
"""Longest head that is remembered."""

_HEAD_END: Final = b"\r\n\r\n"


class _Head(NamedTuple):
    """What aiohttp's parser has read out of the head of an answer.

    Attributes:
        status: HTTP status.
        headers: Its header fields.
        body_bytes: How long the body after it is.
    """

    status: int
    headers: Mapping[str, str]
    body_bytes: int


class WholeAnswers:
    """Reads the whole answers of one lane; use it in the event loop ``loop``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.heads: dict[bytes, _Head] = {}
        """The heads that came before."""
        self._loop = loop
        # The parser wants a protocol to hold back when a body gets long. None does here.
        self._protocol = ResponseHandler(loop)

    def read(self, piece: bytes) -> Answer | None:
        """Return the answer that ``piece`` is, if it is exactly one and leaves room for more."""
        end = piece.find(_HEAD_END) + len(_HEAD_END)
        known = self.heads.get(piece[:end])
        if known is not None and len(piece) - end == known.body_bytes:
            return Answer(known.status, piece[end:], known.headers, time.time())
        return self._parse(piece, end) if len(piece) <= BYTES_MAX else None

    def _parse(self, piece: bytes, end: int) -> Answer | None:
        parser = HttpResponseParser(
            self._protocol,
            self._loop,
            BYTES_MAX,
            payload_exception=aiohttp.ClientPayloadError,
            read_until_eof=True,
            auto_decompress=False,
        )
        try:
            messages, upgraded, _ = parser.feed_data(piece)
            if len(messages) != 1 or upgraded:
                return None
            message, payload = messages[0]
            if message.code < 200 or message.should_close or not payload.is_eof():
                return None
            body = payload.read_nowait()
        except Exception:  # noqa: BLE001 - aiohttp's protocol meets it again, and tells
            return None
        if len(piece) - end != len(body):  # chunked, or something follows or goes before
            return None
        self._learn(piece[:end], message, len(body))
        return Answer(message.code, body, message.headers, time.time())

    def _learn(self, head: bytes, message: RawResponseMessage, body_bytes: int) -> None:
        """Remember a head that states the length of what follows."""
        if len(head) > HEAD_BYTES_MAX:
            return
        if message.headers.getall("Content-Length", None) != [str(body_bytes)]:
            return
        if len(self.heads) >= HEADS_MAX:
            self.heads.clear()
        self.heads[head] = _Head(message.code, message.headers, body_bytes)
