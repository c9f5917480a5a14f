"""A server that limits by the ``limits`` library, as services in Python do; one of `pacing_live`.

    python -m benchmarks.limits_server 8080 moving "6000 per 1 minute"

It prints one line for each deletion, "time status ID", the time in seconds since 1970. It ends
when it is told to.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, Storage
from limits.strategies import (
    FixedWindowRateLimiter,
    MovingWindowRateLimiter,
    RateLimiter,
    SlidingWindowCounterRateLimiter,
)

STRATEGIES: Final[Mapping[str, Callable[[Storage], RateLimiter]]] = {
    "fixed": FixedWindowRateLimiter,
    "moving": MovingWindowRateLimiter,
    "counter": SlidingWindowCounterRateLimiter,
}
LATENCY_S: Final = 0.02
"""Seconds to every answer: a provider is not on the same machine."""

_REFUSAL: Final = {"error": {"code": "RateLimitExceeded.EndpointRPMExceeded", "message": "Slow"}}


def limited(
    strategy: str, limit: RateLimitItem
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what answers to a deletion."""
    limiter = STRATEGIES[strategy](MemoryStorage())

    async def delete(request: web.Request) -> web.Response:
        object_id = request.match_info["id"]
        taken = limiter.hit(limit, "account")
        print(f"{time.time():.3f} {200 if taken else 429} {object_id}", flush=True)
        await asyncio.sleep(LATENCY_S)
        if not taken:
            return web.json_response(_REFUSAL, status=429)
        return web.json_response({"id": object_id, "object": "response", "deleted": True})

    return delete


async def serve(port: int, strategy: str, limit: RateLimitItem) -> None:
    """Serve until the process is ended."""
    app = web.Application()
    app.router.add_delete("/api/v3/responses/{id}", limited(strategy, limit))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], parse(sys.argv[3])))
