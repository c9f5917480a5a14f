"""Fetch pages: GETs with long answers, a few at a time. Deletions never go this way.

    fetch(path and query) --> ClientSession --> Answer, with up to `PAGE_BYTES_MAX` of its body

Here aiohttp may ask again by itself: a GET changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from yarl import URL

from bulkdel.errors import NoAnswerError
from bulkdel.models import Answer
from bulkdel.settings import Lane
from bulkdel.transport.endpoint import endpoint_of, error_from

PAGE_BYTES_MAX: Final = 1 << 26
"""Longest page, 64 MiB: OpenAI's with 10,000 files, should a server send as many, has 3 MB."""

Fetch = Callable[[str], Awaitable[Answer]]
"""Fetches one page: path and query below the base URL."""


@asynccontextmanager
async def open_pages(lane: Lane) -> AsyncIterator[Fetch]:
    """Open what fetches the pages of a lane.

    Raises:
        ConfigError: As `open_transport`.
    """
    endpoint = await endpoint_of(lane, lane.resource.delete)
    async with aiohttp.ClientSession(
        connector=endpoint.connector(),
        headers=endpoint.headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=endpoint.timeout_s),
        auto_decompress=False,
    ) as session:

        async def fetch(target: str) -> Answer:
            url = URL(f"{endpoint.base_url}{target}", encoded=True)
            try:
                async with session.get(
                    url, allow_redirects=False, proxy=endpoint.proxy
                ) as response:
                    body = b""
                    async for piece in response.content.iter_any():
                        body += piece
                        if len(body) > PAGE_BYTES_MAX:
                            raise NoAnswerError(f"a page is longer than {PAGE_BYTES_MAX:,} bytes")
                    return Answer(response.status, body, response.headers, time.time())
            except (aiohttp.ClientError, OSError) as exc:
                raise error_from(exc, sent=True, timeout_s=endpoint.timeout_s) from None

        yield fetch
