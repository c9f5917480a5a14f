"""The socket's other end: a mistake of ours is told to who asks, and ends nothing."""

from __future__ import annotations

from pathlib import Path

import anyio
import orjson

from bulkdel.control.server import Control
from bulkdel.control.wire import order_line, socket_path
from bulkdel.engine.steering import Order, Verb


def test_a_mistake_of_ours_is_told_and_the_next_one_is_answered(tmp_path: Path) -> None:
    """Silence would look like a run of another user."""
    asked = []

    def status() -> dict[str, object]:
        asked.append(1)
        if len(asked) == 1:
            raise LookupError("nobody expected it")
        return {"well": True}

    def follow(order: Order, by: str) -> str:
        return f"{order.verb.value} {by}"

    async def ask(log: Path, line: bytes) -> dict[str, object]:
        with socket_path(log) as path:
            async with await anyio.connect_unix(path) as stream:
                await stream.send(line)
                return dict(orjson.loads(await stream.receive()))

    async def talk() -> None:
        log = tmp_path / "log"
        async with Control(status, follow).beside(log):
            first = await ask(log, order_line(None))
            assert not first["ok"]
            assert "internal error: LookupError" in str(first["error"])
            assert await ask(log, order_line(None)) == {"ok": True, "status": {"well": True}}
            said = await ask(log, order_line(Order(Verb.PAUSE)))
            assert str(said["said"]).startswith("pause process")

    anyio.run(talk)
