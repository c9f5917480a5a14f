"""Delete IDs from your own program and look at every result.

Against the emulator, in two terminals:

    bulkdel emulate --ids samples/ids.txt --port 8080
    ARK_API_KEY=test-key ARK_BASE_URL=http://127.0.0.1:8080/api/v3 python samples/library.py
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import anyio

import bulkdel


async def expired_ids() -> AsyncIterator[str]:
    """Yield the IDs to delete; yours may come from a database."""
    for line in Path(__file__).with_name("ids.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


async def main() -> None:
    """Delete, print each result, then the counts."""
    lane = bulkdel.Lane(
        provider=bulkdel.PROVIDERS["ark"],
        api_key=os.environ["ARK_API_KEY"],
        base_url=os.environ.get("ARK_BASE_URL", ""),
    )
    log = os.environ.get("BULKDEL_LOG", "library.bulkdel.jsonl")
    async with bulkdel.open_deletion(expired_ids(), lane=lane, log=log) as deletion:
        async for result in deletion:
            print(result.object_id, result.outcome)
    summary = deletion.summary
    if summary is not None:
        print(f"{summary.counts.deleted} deleted, {summary.counts.pending} still to do")


if __name__ == "__main__":
    anyio.run(main)
