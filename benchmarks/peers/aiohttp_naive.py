"""aiohttp as most people write it: a task for every ID, a semaphore, `gather`."""

import asyncio
import os
import sys
from pathlib import Path

import aiohttp

CONCURRENCY = 64


async def delete(
    session: aiohttp.ClientSession, semaphore: asyncio.Semaphore, url: str
) -> dict[str, object]:
    """Delete one object."""
    async with semaphore, session.delete(url) as response:
        response.raise_for_status()
        answer: dict[str, object] = await response.json()
        return answer


async def main(ids: list[str], base_url: str) -> None:
    """Delete all of them."""
    semaphore = asyncio.Semaphore(CONCURRENCY)
    headers = {"Authorization": f"Bearer {os.environ['API_KEY']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        await asyncio.gather(
            *(delete(session, semaphore, f"{base_url}/responses/{object_id}") for object_id in ids)
        )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_text().split(), sys.argv[2]))
