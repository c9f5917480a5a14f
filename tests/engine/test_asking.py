"""Whatever asks beside a run tells the pace alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from bulkdel.engine.asking import Asker
from bulkdel.errors import EndpointError, NoAnswerError
from bulkdel.models import Answer, Meaning, Verdict
from bulkdel.retry import RetryPolicy
from tests.support.engine_fakes import in_virtual_time


class Told:
    """A pace that notes what it is told."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def wait_s(self, now_s: float, in_flight: int) -> float:  # noqa: ARG002
        """Let it be sent at once."""
        return 0.0

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.words.append(name)


@pytest.mark.parametrize(
    ("came", "told", "meaning"),
    [
        ([Meaning.PRESENT], ["accepted"], Meaning.PRESENT),
        ([Meaning.TRANSIENT, Meaning.GONE], ["troubled", "accepted"], Meaning.GONE),
        ([Meaning.REFUSED, Meaning.PRESENT], ["refused", "accepted"], Meaning.PRESENT),
        ([NoAnswerError("cut"), Meaning.PRESENT], ["troubled", "accepted"], Meaning.PRESENT),
        ([EndpointError("TLS")], ["troubled"], Meaning.ENDPOINT),
        ([Meaning.KEY_REFUSED], ["accepted"], Meaning.KEY_REFUSED),
        ([Meaning.TRANSIENT] * 3, ["troubled"] * 3, Meaning.TRANSIENT),
    ],
)
@in_virtual_time
async def test_the_pace_is_told_of_every_answer_and_of_none(
    came: Sequence[Meaning | Exception], told: list[str], meaning: Meaning
) -> None:
    """A server error is no sign that the rate is right: it must not count as taken."""
    pace, coming = Told(), iter(came)
    meant: list[Meaning] = []

    async def send() -> Answer:
        await anyio.sleep(0.1)
        one = next(coming)
        if isinstance(one, Exception):
            raise one
        meant.append(one)
        return Answer(200)

    asker = Asker(pace, RetryPolicy(attempts_max=3))
    asked = await asker.ask(send, lambda _: Verdict(meant[-1]))

    assert asked.verdict.meaning is meaning
    assert [word for word in pace.words if word != "sent"] == told
    assert asker.requests == len(came)
