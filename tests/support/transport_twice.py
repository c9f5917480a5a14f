"""A server that answers too much, and what would have been the right answer to each ID.

Half of its IDs it deletes, half it refuses to. Each request is acted on; then something goes
wrong with the answers of its connection.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bulkdel.transport.attribution import names
from tests.support.transport_server import Peer

TAKES_S = (0.008, 0.012)
"""How long an answer takes."""


def answer(status: str, body: str) -> bytes:
    """Return an answer as it is sent."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


LATE_408 = answer("408 Request Timeout", "")


@dataclass(slots=True)
class Twice:
    """The state of such a server.

    Attributes:
        fault: What it does to one request: the connection, the right answer to this request
            and to the one before.
        named: Whether its answers name the ID.
        share: Share of the requests to which it happens.
        faults: How often it has happened.
    """

    fault: Callable[[Peer, random.Random, bytes, bytes], Awaitable[None]]
    named: bool
    share: float = 0.25
    faults: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    def right(self, object_id: str) -> bytes:
        """Return the right answer to an ID."""
        deleted = int(object_id[-1]) % 2 == 0
        if self.named:
            body = f'{{"id":"{object_id}","deleted":{str(deleted).lower()}}}'
        else:
            body = f'{{"message":"Response {"deleted successfully" if deleted else "locked"}"}}'
        return answer("200 OK" if deleted else "423 Locked", body)

    def is_for(self, object_id: str, body: bytes) -> bool:
        """Say whether a lane would take a body for the answer to an ID."""
        return not self.named or names(body, object_id.encode())

    async def script(self, peer: Peer) -> None:
        """Serve one connection."""
        before = self.right("resp_1234567890_0")
        while True:
            target = (await peer.request()).split(b" ")[1]
            right = self.right(target.rpartition(b"/")[2].decode())
            if self.dice.random() < self.share:
                self.faults += 1
                await self.fault(peer, self.dice, right, before)
            else:
                await asyncio.sleep(self.dice.uniform(*TAKES_S))
                await peer.write(right)
            before = right


async def in_one_packet(peer: Peer, dice: random.Random, right: bytes, before: bytes) -> None:
    """Send the last answer again, and this one with it."""
    await asyncio.sleep(dice.uniform(*TAKES_S))
    await peer.write(before + right)


async def before_it(peer: Peer, dice: random.Random, right: bytes, before: bytes) -> None:
    """Send the last answer again; this one comes some milliseconds later."""
    takes_s = dice.uniform(*TAKES_S)
    early_s = takes_s * dice.uniform(0.4, 0.9)
    await asyncio.sleep(early_s)
    await peer.write(before)
    await asyncio.sleep(takes_s - early_s)
    await peer.write(right)


async def after_it(peer: Peer, dice: random.Random, right: bytes, _before: bytes) -> None:
    """Send this answer twice, the second time some milliseconds later."""
    await asyncio.sleep(dice.uniform(*TAKES_S))
    await peer.write(right)
    await asyncio.sleep(dice.uniform(0, 0.02))
    await peer.write(right)


async def late_408(peer: Peer, dice: random.Random, right: bytes, _before: bytes) -> None:
    """Complain that no request came, while one is answered."""
    await asyncio.sleep(dice.uniform(*TAKES_S) / 2)
    await peer.write(LATE_408)
    await asyncio.sleep(dice.uniform(*TAKES_S) / 2)
    await peer.write(right)


async def at_random(peer: Peer, dice: random.Random, right: bytes, before: bytes) -> None:
    """Do any of it."""
    fault = dice.choice((in_one_packet, before_it, after_it, late_408))
    await fault(peer, dice, right, before)


FAULTS = (in_one_packet, before_it, after_it, late_408, at_random)
"""Each of them ends with the right answer, so that it can be seen that there is one too many."""
