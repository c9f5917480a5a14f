"""Whether it is gone is told by the provider's words or by comparison, and never guessed."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from bulkdel.engine.verify import Finding, Found, Verifier, VerifyError, most_present
from bulkdel.errors import NoAnswerError
from bulkdel.models import Answer
from bulkdel.pacing.choose import make_pace
from bulkdel.providers import Operation, find
from bulkdel.retry import RetryPolicy
from bulkdel.settings import Lane
from bulkdel.transport import Transport
from tests.support.engine_fakes import FakeTransport, answer, failing, in_virtual_time, refusing
from tests.support.lane_job import ids

Answering = Callable[[Operation, str], Answer]


def shown(object_id: str) -> Answer:
    """Return the answer that shows a response."""
    return answer(200, {"id": object_id, "object": "response"})


def missing(object_id: str) -> Answer:
    """Return OpenAI's words for a missing response."""
    return failing(404, f"Response with id '{object_id}' not found.")


async def found(
    answering: Answering, the_ids: list[str], provider: str = "openai"
) -> tuple[dict[str, Found], Verifier]:
    """Ask for IDs; return what was found of each."""

    @asynccontextmanager
    async def opener(_: Lane, operation: Operation) -> AsyncIterator[Transport]:
        assert operation.method == "GET"
        yield FakeTransport(lambda object_id, _: answering(operation, object_id))

    known, resource = find(provider)
    lane = Lane(provider=known, resource_name=resource.name, api_key="key", concurrency=8, rate=100)
    findings: dict[str, Found] = {}
    verifier = Verifier(
        lane,
        opener=opener,
        pace=make_pace(lane),
        retry=RetryPolicy(rng=random.Random(0)),
        rng=random.Random(0),
    )

    def tell(finding: Finding) -> None:
        assert finding.object_id not in findings
        findings[finding.object_id] = finding.found

    with anyio.fail_after(36_000):
        await verifier.run(the_ids, tell)
    return findings, verifier


@in_virtual_time
async def test_what_is_there_and_what_is_not_is_told_by_the_providers_words() -> None:
    """Each ID has one finding, in whatever order."""
    there = set(ids(30, 10))

    findings, verifier = await found(
        lambda _, one: shown(one) if one in there else missing(one), ids(100)
    )

    assert {one for one, what in findings.items() if what is Found.PRESENT} == there
    assert verifier.counts == {Found.PRESENT: 30, Found.ABSENT: 70}


@in_virtual_time
async def test_unknown_words_count_where_no_path_is_answered_with_them() -> None:
    """Ark's and Fireworks' words for a missing response are documented nowhere."""

    def answering(operation: Operation, one: str) -> Answer:
        if operation.path != "/responses/{id}":
            return failing(404, "no such route")
        return failing(404, f"there is no {one}")

    findings, _ = await found(answering, ids(20), "ark")

    assert set(findings.values()) == {Found.ABSENT}


@in_virtual_time
async def test_at_a_wrong_address_nothing_is_called_absent() -> None:
    """A page for everything looks like a whole account that is gone."""
    with pytest.raises(VerifyError, match="nginx"):
        await found(lambda *_: Answer(404, b"<html>404 nginx</html>"), ids(100))


@in_virtual_time
async def test_a_refused_key_ends_it_soon() -> None:
    """A million IDs are not asked for in vain."""
    with pytest.raises(VerifyError, match="Incorrect"):
        await found(lambda *_: failing(401, "Incorrect API key provided"), ids(10_000))


@in_virtual_time
async def test_what_cannot_be_told_is_unknown() -> None:
    """Refusals and errors are asked again; a server error that stays proves nothing."""
    dice, bad = random.Random(1), set(ids(5))

    def answering(_: Operation, one: str) -> Answer:
        luck = dice.random()
        if one in bad or luck < 0.1:
            return failing(500)
        if luck < 0.2:
            return refusing()
        if luck < 0.3:
            raise NoAnswerError("cut")
        return missing(one)

    findings, verifier = await found(answering, ids(200))

    assert len(findings) == 200
    assert {one for one, what in findings.items() if what is Found.UNKNOWN} >= bad
    assert verifier.counts[Found.ABSENT] > 180
    assert not verifier.counts[Found.PRESENT]


@pytest.mark.parametrize(
    ("asked", "present", "least", "most"),
    [(3000, 0, 0.0009, 0.001), (59, 0, 0.049, 0.051), (100, 10, 0.13, 0.17), (10, 10, 0.99, 1.0)],
)
def test_the_largest_share_at_95_percent(
    asked: int, present: int, least: float, most: float
) -> None:
    """Zero of 3,000: fewer than one in a thousand; and in simulated samples it holds so often."""
    assert least <= most_present(asked, present) <= most
    assert most_present(0, 0) == 1.0


def test_the_confidence_is_that_of_random_samples() -> None:
    """Drawn at random, the true share is below the bound in 95 of 100 samples or more, about."""
    dice = random.Random(0)
    for share in (0.001, 0.01, 0.2):
        held = 0
        for _ in range(400):
            hits = sum(dice.random() < share for _ in range(300))
            held += share <= most_present(300, hits)
        assert held >= 0.92 * 400, share
