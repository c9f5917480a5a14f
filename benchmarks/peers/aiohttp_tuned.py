"""aiohttp's ClientSession at its fastest: worker loops, uvloop, all that costs turned off.

It only looks at the status. What bulkdel adds (verdict, log, retry, resume) must not cost
more than what it saves against this.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import uvloop
from yarl import URL

CONCURRENCY = 64


async def work(session: aiohttp.ClientSession, base_url: str, ids: Iterator[str]) -> None:
    """Delete one object after another."""
    for object_id in ids:
        url = URL(f"{base_url}/responses/{object_id}", encoded=True)
        async with session.delete(url) as response:
            await response.read()
            if response.status != 200:
                raise RuntimeError(f"{object_id}: HTTP {response.status}")


async def main(path: Path, base_url: str) -> None:
    """Delete all of them."""
    with path.open() as file:
        ids = (line.strip() for line in file)
        async with aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {os.environ['API_KEY']}"},
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),
        ) as session:
            await asyncio.gather(*(work(session, base_url, ids) for _ in range(CONCURRENCY)))


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), sys.argv[2]))
