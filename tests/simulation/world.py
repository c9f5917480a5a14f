"""The world that one seed makes: lanes with their IDs, and providers that answer badly.

    Scenario   lanes, rows, log; the same for every process of a seed
    Account    a provider's objects; answers late, wrongly, twice or not at all
    Rows       the rows as a source, in blocks of any size

Not here: the engine at work in it (`process`), what must hold (`checks`).
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import anyio
import anyio.lowlevel

from bulkdel.engine.inputs import AsyncSource, ReaderSource, RunSource
from bulkdel.errors import NoAnswerError, NotSentError
from bulkdel.models import Answer, Block
from bulkdel.object_id import WIDE
from bulkdel.providers import Operation, get
from bulkdel.settings import Durability, Lane
from bulkdel.sources import check_ids
from tests.support.engine_fakes import answer, deleted, failing, gone, refusing

PROCESSES_MAX: Final = 40
"""Starts after which a seed has not converged."""
CALM_AFTER: Final = 8
"""Starts after which nothing goes wrong any more."""
BLOCKING_MAX_S: Final = 0.05
"""The longest that a write, a sync or a read of a source takes."""

ODD_IDS: Final = ('resp_"q"', "resp_'", "resp_é-ü", "a:b@c,d", "a=b&c+", "\U0001f600", "-")
INVALID_IDS: Final = ("", ".", "..", "a b", "resp_1\n", "x\x00")
FAULTS: Final = (
    *("not sent", "lost before", "lost after", "lost late", "refused", "refused", "asked to wait"),
    *("error", "error", "error after", "cut", "page", "empty", "not deleted", "key", "other"),
)
"""What may happen to a request. "After" means that the object is deleted all the same."""
POISON: Final[dict[str, Callable[[], Answer]]] = {
    "key": lambda: failing(401),
    "route": lambda: Answer(404),
    "firewall": lambda: Answer(403, b"<html>Request blocked</html>"),
    "redirect": lambda: answer(301, b"", location="https://elsewhere.example/"),
    "shard": lambda: failing(500),
}
"""What some IDs are always answered with, until nothing goes wrong any more."""


class Living(Protocol):
    """What an account asks of the process that it answers to."""

    is_calm: bool
    """Whether nothing goes wrong in it."""

    def fault(self, dice: random.Random) -> str | None:
        """Return what happens to a request now."""
        ...

    async def is_alive(self) -> None:
        """Return, or never if the process is dead."""
        ...


@dataclass(slots=True)
class LaneWorld:
    """One lane of a scenario.

    Attributes:
        lane: Its settings.
        rows: What its sources hold, duplicates and invalid rows included.
        account: Its provider account.
    """

    lane: Lane
    rows: list[str]
    account: Account

    @property
    def ids(self) -> set[str]:
        """The IDs that may be sent."""
        return set(self.rows) - set(INVALID_IDS)


@dataclass(slots=True)
class Told:
    """What an account told a living process about an ID."""

    object_id: str
    word: str
    status: int | None

    @property
    def leaves_open(self) -> bool:
        """Whether it may have been carried out, for all that the process knows."""
        if self.status is None:
            return self.word == "lost"
        return self.word.startswith("trouble") and not 300 <= self.status < 500


class Account:
    """One provider account: its objects, and how it answers.

    Attributes:
        present: The objects that exist.
        bad: IDs whose deletion is an error for good.
        poisoned: IDs that alone are answered as if nothing were right, and the kind of it.
        unread: It names what is gone in words that are documented nowhere.
        deleted: Every ID that was ever deleted here.
        told: What it told the process that runs, in order.
    """

    def __init__(
        self,
        provider: str,
        present: set[str],
        bad: set[str],
        poisoned: dict[str, str],
        dice: random.Random,
    ) -> None:
        self.present = present
        self.bad = bad
        self.poisoned = poisoned
        self.unread = dice.random() < 0.25
        self.deleted: set[str] = set()
        self.told: list[Told] = []
        self.process: Living | None = None
        self._provider = provider
        self._dice = dice

    async def answering(self, object_id: str, _: int) -> Answer:
        """Answer one request, or not."""
        process, dice = self.process, self._dice
        assert process is not None
        await anyio.sleep(dice.choice((0.001, 0.01, 0.05, 0.05, 0.3)) * dice.random())
        fault = process.fault(dice)
        word, answered = self._answer(object_id, fault, dice)
        if fault in ("lost late", "asked to wait"):
            await anyio.sleep(30 * dice.random())
        await process.is_alive()
        self.told.append(Told(object_id, word, answered.status if answered else None))
        if answered is None:
            raise NotSentError("refused") if word == "not sent" else NoAnswerError("cut")
        return answered

    async def asked(self, operation: Operation, object_id: str) -> Answer:
        """Answer one request of an inquiry, or not."""
        process, dice = self.process, self._dice
        assert process is not None
        await anyio.sleep(0.05 * dice.random())
        fault = process.fault(dice)
        await process.is_alive()
        if fault in ("not sent", "lost before", "lost after"):
            raise NotSentError("refused") if fault == "not sent" else NoAnswerError("cut")
        if fault is not None:
            return refusing() if fault == "refused" else failing(503)
        if "/responses/" not in operation.path:
            return failing(404, "no such route")
        if operation.method == "GET" and object_id in self.present:
            return answer(200, {"id": object_id, "object": "response"})
        if operation.method == "DELETE" and object_id in self.deleted:
            self.told.append(Told(object_id, "known", 404))
        return self._gone(object_id)

    def _answer(  # noqa: C901 - a table, a row a fault
        self, object_id: str, fault: str | None, dice: random.Random
    ) -> tuple[str, Answer | None]:
        """Return the word that the answer comes to, and the answer; None if it is lost."""
        poison = self.poisoned.get(object_id)
        if poison is not None and self.process is not None and not self.process.is_calm:
            return "trouble" if poison == "shard" else "barred", POISON[poison]()
        match fault:
            case "not sent":
                return "not sent", None
            case "lost before":
                return "lost", None
            case "refused":
                return "refused", refusing()
            case "asked to wait":
                return "refused", refusing(retry_after=dice.choice(("1", "20", "0", "400")))
            case "error":
                return "trouble", failing(dice.choice((500, 503, 408, 409)))
            case "key":
                return "barred", failing(401)
            case "page":
                return "trouble", answer(dice.choice((200, 502)), b"<html>deleted</html>")
            case "not deleted":
                return "trouble", answer(200, {"id": object_id, "deleted": False})
            case "other":
                return "beside", answer(200, {"id": "resp_other", "deleted": True})
        word, right = self._act(object_id)
        if fault in ("lost after", "lost late"):
            return "lost", None
        if fault == "error after":
            return "trouble after", failing(dice.choice((500, 502, 504)))
        if fault in ("cut", "empty"):
            cut = right.body[: dice.randrange(len(right.body))] if fault == "cut" else b""
            return ("trouble after", answer(200, cut)) if right.status == 200 else (word, right)
        return word, right

    def _act(self, object_id: str) -> tuple[str, Answer]:
        """Do what was asked for, and return the right answer."""
        if object_id in self.bad:
            return "failed", failing(400, "cannot be deleted")
        if object_id not in self.present:
            return "gone", self._gone(object_id)
        self.present.remove(object_id)
        self.deleted.add(object_id)
        says = {"message": "Response deleted successfully"}
        return "deleted", answer(200, says) if self._provider == "fireworks" else deleted(object_id)

    def _gone(self, object_id: str) -> Answer:
        """Return what this provider says of an object that does not exist."""
        if self.unread:
            return failing(
                404, f"There is no {object_id}. Request id: {self._dice.getrandbits(64):x}"
            )
        if self._provider == "fireworks":
            return answer(404, {"detail": f"Response with id '{object_id}' not found"})
        if self._provider == "ark":
            words = f"The specified response {object_id} is not found. Request id: 0217-a"
            return failing(404, words, "NotFound.ResponseId")
        return gone(object_id)


class Rows:
    """The rows of lanes as a source, in blocks of any size."""

    def __init__(self, rows: list[tuple[str, str]], dice: random.Random) -> None:
        self._rows = rows
        self._at = 0
        self._dice = dice

    def read(self) -> list[Block] | None:
        """Return the next rows, a block for each lane."""
        if self._at >= len(self._rows):
            return None
        rows = self._rows[self._at : self._at + self._dice.randint(1, 12)]
        blocks: dict[str, Block] = {}
        for lane, text in rows:
            self._at += 1  # a row's line is the same however the blocks are cut
            ids, invalid = check_ids([text], self._at, "rows", WIDE)
            block = blocks.setdefault(lane, Block(lane, []))
            block.ids += ids
            block.invalid += invalid
        return list(blocks.values())

    def interrupt(self) -> None:
        """End now."""
        self._at = len(self._rows)

    def close(self) -> None:
        """Have nothing to close."""


class Scenario:
    """What a seed makes: lanes with their IDs, a log, and the way sources give the rows."""

    def __init__(self, seed: int, log: Path) -> None:
        self.dice = random.Random(seed)
        self.seed = seed
        self.log = log
        self.durability = self.dice.choice(list(Durability))
        self.lanes = {
            world.lane.name: world for world in map(self._lane, range(self.dice.choice((1, 1, 2))))
        }
        self.kind = self.dice.choice(("each", "mixed", "async"))
        self.max_delete = self.dice.randint(0, 30) if self.dice.random() < 0.2 else None

    def _lane(self, number: int) -> LaneWorld:
        dice = self.dice
        provider = dice.choice(("ark", "fireworks", "openai"))
        lane = Lane(
            provider=get(provider),
            api_key="key",
            name=f"{provider}{number}",
            concurrency=dice.choice((1, 2, 4, 16)),
            rate=dice.choice((None, 5.0, 50.0, 1000.0)),
            attempts_max=dice.randint(1, 4),
        )
        size = dice.choice((1, 5, 20, 60, 150))
        ids = [*(f"resp_{number}_{n}" for n in range(size)), *dice.sample(ODD_IDS, 2)]
        gone_share = dice.choice((0.0, 0.1, 1.0))
        bad_share = dice.choice((0.0, 0.0, 0.05))
        bad = {one for one in ids if dice.random() < bad_share}
        present = {one for one in ids if one not in bad and dice.random() >= gone_share}
        rows = [*ids, *dice.choices(ids, k=dice.randint(0, 5)), *dice.sample(INVALID_IDS, 2)]
        dice.shuffle(rows)
        account_dice = random.Random(dice.random())
        poisoned = poison(ids, random.Random(f"{self.seed} {number}"))
        return LaneWorld(lane, rows, Account(provider, present, bad, poisoned, account_dice))

    def sources(self) -> list[RunSource]:
        """Return the sources of one process."""
        if self.kind == "mixed":
            rows = [(name, text) for name, of in self.lanes.items() for text in of.rows]
            random.Random(self.seed).shuffle(rows)
            return [ReaderSource(Rows(rows, self.dice), "mixed", None)]
        if self.kind == "async":
            return [
                AsyncSource(trickle(of.rows, self.dice), name, name, WIDE)
                for name, of in self.lanes.items()
            ]
        return [
            ReaderSource(Rows([(name, text) for text in of.rows], self.dice), name, name)
            for name, of in self.lanes.items()
        ]


def poison(ids: list[str], dice: random.Random) -> dict[str, str]:
    """Return some IDs, single ones and a row of them, and with what each is always answered."""
    if dice.random() < 0.6:
        return {}
    kind, first = dice.choice([*POISON]), dice.randrange(len(ids))
    count = dice.choice((1, 15, 40)) if kind == "shard" else dice.choice((1, 1, 2))
    return dict.fromkeys(ids[first : first + count], kind)


async def trickle(rows: list[str], dice: random.Random) -> AsyncIterator[object]:
    """Give rows as they come."""
    for row in rows:
        if dice.random() < 0.2:
            await anyio.sleep(dice.random())
        yield row
