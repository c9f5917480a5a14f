"""The server of ``bulkdel bench``, in a process of its own.

    python -m bulkdel.bench.server 0 0.02 0.1

prints the base URL of each latency, one a line, and ends when its stdin is closed: so it
never outlives the command that started it, however that one ended.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import anyio
import anyio.to_thread

from bulkdel.emulator.confirming import serve_confirmations
from bulkdel.process import backend_options, raise_open_files
from bulkdel.settings import CONCURRENCY_MAX


async def serve(latencies_s: Sequence[float]) -> None:
    """Serve until stdin is closed."""
    async with serve_confirmations(latencies_s) as urls:
        sys.stdout.write("\n".join(urls) + "\n")
        sys.stdout.flush()
        await anyio.to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    raise_open_files(CONCURRENCY_MAX + 64)
    anyio.run(serve, [float(text) for text in sys.argv[1:]], backend_options=backend_options())
