"""The official openai SDK: worker loops on one AsyncOpenAI. It retries twice by itself."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from openai import AsyncOpenAI

CONCURRENCY = 64


async def work(client: AsyncOpenAI, ids: Iterator[str]) -> None:
    """Delete one object after another."""
    for object_id in ids:
        await client.responses.delete(object_id)


async def main(ids: list[str], base_url: str) -> None:
    """Delete all of them."""
    left = iter(ids)
    async with AsyncOpenAI(api_key=os.environ["API_KEY"], base_url=base_url) as client:
        await asyncio.gather(*(work(client, left) for _ in range(CONCURRENCY)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_text().split(), sys.argv[2]))
