"""httpx: worker loops on one AsyncClient."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

CONCURRENCY = 64


async def work(client: httpx.AsyncClient, base_url: str, ids: Iterator[str]) -> None:
    """Delete one object after another."""
    for object_id in ids:
        response = await client.delete(f"{base_url}/responses/{object_id}")
        response.raise_for_status()


async def main(ids: list[str], base_url: str) -> None:
    """Delete all of them."""
    limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    headers = {"Authorization": f"Bearer {os.environ['API_KEY']}"}
    left = iter(ids)
    async with httpx.AsyncClient(headers=headers, limits=limits) as client:
        await asyncio.gather(*(work(client, base_url, left) for _ in range(CONCURRENCY)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_text().split(), sys.argv[2]))
