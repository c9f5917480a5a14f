"""A 404 that nobody can read is settled by comparison, and only where it is certain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import orjson
import pytest

from bulkdel import Outcome, State
from bulkdel.engine.comparison import COMPARISONS_MAX
from bulkdel.errors import EndpointError
from bulkdel.models import Answer
from bulkdel.providers import Operation
from tests.support.engine_fakes import answer, deleted, failing, in_virtual_time, refusing
from tests.support.lane_job import Job, ids, outcomes
from tests.support.seeds import seeds
from tests.support.unread_servers import UnreadServer

GONE = ids(30, 20)
PATH = "/responses/{id}"
SEEDS = seeds(500)


def missing(object_id: str) -> Answer:
    """Return a 404 in words that are documented nowhere."""
    return failing(404, f"There is no response {object_id} in this project", "Missing")


def server(object_id: str, _: int) -> Answer:
    """Answer a deletion."""
    return missing(object_id) if object_id in GONE else deleted(object_id)


def ask(operation: Operation, object_id: str) -> Answer:
    """Answer as the endpoint that the lane means."""
    if operation.path != PATH:
        return failing(404, "no such route")
    return missing(object_id)


def job(asking: Callable[[Operation, str], Answer] = ask) -> Job:
    """Return a job at a server with unknown words."""
    made = Job(server)
    made.transport.asking = asking
    return made


@in_virtual_time
async def test_unknown_words_for_gone_are_found_out_once(tmp_path: Path) -> None:
    """Thirty IDs are gone, and eight requests tell what that sounds like."""
    log, one = tmp_path / "log.jsonl", job()

    summary = await one.delete(ids(200), log=log)

    assert (summary.state, summary.counts.gone, summary.counts.deleted) == (State.FINISHED, 30, 170)
    lines = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    compared = [line for line in lines if line.get("evidence") == "compared"]
    assert {line["id"] for line in compared} == set(GONE)
    assert all((line["outcome"], line["status"]) == ("gone", 404) for line in compared)
    assert [method for method, _, _ in one.transport.asked] == ["GET", *["DELETE"] * 7]
    [note] = summary.notes
    for words in ("HTTP 404", "a path that cannot exist", "an ID that cannot exist", "gone"):
        assert words in note
    assert lines[-1]["end"]["notes"] == [note]


@in_virtual_time
async def test_only_the_users_ids_and_a_made_up_one_are_ever_deleted() -> None:
    """And at the path of deletions only: what stands at another one is not ours."""
    one = job()

    await one.delete(ids(200))

    asked = one.transport.asked
    assert asked[0][:2] == ("GET", PATH)
    assert asked[0][2] in GONE
    made_up = {object_id for _, _, object_id in asked[1:]}
    assert len(made_up) == 1
    assert not made_up & set(ids(200))
    assert sum(path == PATH for _, path, _ in asked) == 4
    assert all(len(path) > len(PATH) + 20 for _, path, _ in asked if path != PATH)


DOUBTS: dict[str, tuple[Callable[[Operation, str], Answer], str]] = {
    "the object shows": (
        lambda operation, one: (
            answer(200, {"id": one, "object": "response"})
            if operation.method == "GET"
            else ask(operation, one)
        ),
        "the object is there",
    ),
    "any path is answered alike": (lambda _, one: missing(one), "any path is answered like this"),
    "the made-up ID is answered otherwise": (
        lambda operation, one: (
            failing(404, "malformed") if "resp_20" not in one else ask(operation, one)
        ),
        "not what a missing object is answered with",
    ),
    "nobody may look": (
        lambda operation, one: failing(403) if operation.method == "GET" else ask(operation, one),
        "nothing is shown",
    ),
    "a GET shows something else": (
        lambda operation, one: (
            answer(200, {"object": "response"})
            if operation.method == "GET"
            else ask(operation, one)
        ),
        "nobody can say",
    ),
    "it is down now": (lambda *_: failing(503, "down"), "nothing is shown"),
    "it refuses for ever": (lambda *_: refusing(), "nothing is shown"),
}


@pytest.mark.parametrize("kind", DOUBTS)
@in_virtual_time
async def test_what_does_not_fit_is_never_called_gone(kind: str, tmp_path: Path) -> None:
    """Where other IDs are deleted these fail, with all the answers; no wording is tried twice.

    The last of them may be left to do: a deleted ID is answered alike, so nothing tells.
    """
    asking, words = DOUBTS[kind]
    one = job(asking)

    summary = await one.delete(ids(200), log=tmp_path / "log")

    assert summary.counts.deleted == 170
    assert {r.object_id for r in one.results if r.outcome is Outcome.FAILED} <= set(GONE)
    assert summary.counts.pending <= 1
    assert "gone" not in outcomes(tmp_path / "log").values()
    compared = [r for r in one.results if words in str(r.error)]
    assert len(compared) == 1
    assert "DELETE: HTTP 404" in str(compared[0].error)


@pytest.mark.parametrize("kind", DOUBTS)
@in_virtual_time
async def test_where_nothing_was_deleted_it_stops_the_lane_with_all_answers(kind: str) -> None:
    """No other ID is sent to an address that is likely wrong."""
    asking, words = DOUBTS[kind]
    one = Job(lambda object_id, _: missing(object_id))
    one.transport.asking = asking

    summary = await one.delete(GONE)

    assert (summary.state, summary.counts.ended) == (State.STOPPED, 0)
    assert words in str(summary.reason)
    assert "DELETE: HTTP 404" in str(summary.reason)
    assert set(one.transport.ids) == {"resp_20"}


@in_virtual_time
async def test_an_endpoint_that_deletes_what_cannot_be_stops_the_lane() -> None:
    """What confirms everything confirms nothing: no other ID is sent there."""

    def asking(operation: Operation, object_id: str) -> Answer:
        is_delete = (operation.method, operation.path) == ("DELETE", PATH)
        return deleted(object_id) if is_delete else ask(operation, object_id)

    one = job(asking)
    summary = await one.delete(ids(200))

    assert summary.state is State.STOPPED
    assert "not what a missing object is answered with" in str(summary.reason)
    assert summary.counts.failed == summary.counts.gone == 0


@pytest.mark.parametrize(
    "words",
    [
        "response {id} not found, try again",
        "response {id} is not in this region",
        "no response {id}, or you do not have access",
        "no response resp_another01, asked for {id}",
        "upstream has no {id}",
    ],
)
@in_virtual_time
async def test_words_of_something_else_are_not_even_compared(words: str) -> None:
    """They are true of an ID that cannot exist, too."""
    one = Job(lambda object_id, _: failing(404, words.replace("{id}", object_id)))

    summary = await one.delete(ids(20))

    assert (summary.state, summary.counts.ended) == (State.STOPPED, 0)
    assert "something else" in str(summary.reason)
    assert one.transport.asked == []


@in_virtual_time
async def test_a_question_without_an_answer_is_asked_again() -> None:
    """A lost connection in the middle of it must not stop a run of days."""
    times = Counter[str]()

    def asking(operation: Operation, object_id: str) -> Answer:
        times[operation.method + operation.path[:11]] += 1
        if sum(times.values()) % 3:
            return failing(500) if sum(times.values()) % 2 else refusing(retry_after="3")
        return ask(operation, object_id)

    one = job(asking)
    summary = await one.delete(ids(200))

    assert (summary.state, summary.counts.gone) == (State.FINISHED, 30)
    assert len(one.transport.asked) == 24


@in_virtual_time
async def test_an_endpoint_that_cannot_be_trusted_ends_the_question() -> None:
    """Its certificate has expired meanwhile: asking ten times helps nobody."""

    def asking(*_: object) -> Answer:
        raise EndpointError("certificate has expired")

    one = job(asking)
    summary = await one.delete(ids(200))

    assert summary.state is State.STOPPED
    assert "certificate has expired" in str(summary.reason)
    assert len(one.transport.asked) == 1


@in_virtual_time
async def test_few_wordings_are_compared_and_the_next_ids_fail() -> None:
    """A server with a new wording for each ID is none that can be understood."""
    one = Job()
    wordings = {one_id: n for n, one_id in enumerate(f"resp_{n}" for n in range(7, 1000, 50))}

    def words(object_id: str) -> Answer:
        return failing(404, "alas" + "s" * wordings[object_id])

    one.transport.answering = lambda one_id, _: (
        words(one_id) if one_id in wordings else deleted(one_id)
    )
    last = ""

    def asking(operation: Operation, object_id: str) -> Answer:
        nonlocal last
        if operation.path != PATH:
            return failing(404, "no such route")
        last = object_id if operation.method == "GET" else last
        return words(last)

    one.transport.asking = asking
    summary = await one.delete(ids(1000))

    assert summary.state is State.FINISHED
    assert summary.counts.gone == COMPARISONS_MAX
    assert summary.counts.failed == len(wordings) - COMPARISONS_MAX
    assert len(one.transport.asked) == 8 * COMPARISONS_MAX


@in_virtual_time
async def test_the_key_is_in_no_message_of_a_comparison() -> None:
    """A server that repeats the request's head in its 404."""
    one = Job(lambda *_: failing(404, "nothing for sk-secret-secret here"))
    one.lane = replace(one.lane, api_key="sk-secret-secret")

    summary = await one.delete(ids(10))

    assert summary.state is State.STOPPED
    assert "nothing for [hidden] here" in str(summary.reason)
    assert "sk-secret" not in str(summary.as_dict())


def test_whatever_the_server_nothing_that_is_there_is_called_gone() -> None:
    """Seeded: servers without deletions, proxies that answer for all, words of any kind."""
    happened = Counter[str]()

    @in_virtual_time
    async def try_server(seed: int) -> None:
        server = UnreadServer(seed, ids(150))
        one = Job(server.delete, rate=2000, concurrency=8)
        one.transport.asking = server.ask
        with anyio.fail_after(3600):
            summary = await one.delete(ids(150))
        for result in one.results:
            assert result.outcome in (Outcome.DELETED, Outcome.GONE, Outcome.FAILED)
            if result.outcome is Outcome.GONE:
                assert result.object_id not in server.present, (seed, result)
        assert len(one.transport.asked) < 200
        happened[f"{summary.state}, {'plain' if server.is_plain else 'not'}"] += 1
        happened["compared"] += any(result.evidence for result in one.results)

    for seed in SEEDS:
        try_server(seed)

    assert happened["compared"] > len(SEEDS) / 30, happened
    assert happened["finished, plain"] > len(SEEDS) / 30, happened
    assert happened["stopped, not"] > len(SEEDS) / 10, happened
