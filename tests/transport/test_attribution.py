"""An answer too many on a connection confirms nothing, whether or not answers name their ID."""

from __future__ import annotations

import asyncio
import ssl
import sys
from contextlib import suppress
from typing import Any

import anyio
import pytest

from bulkdel.errors import NoAnswerError
from bulkdel.transport import Transport
from bulkdel.transport.attribution import REST_MAX_S, REST_MIN_S, AnswerTime, names
from bulkdel.transport.pool import REQUESTS_MAX, ConnectionPool
from tests.support.transport_server import OK, Peer, Way, pool_only, raw_server
from tests.support.transport_twice import FAULTS, Twice, answer, at_random

pytest_plugins = ["tests.support.transport_tls"]
pytestmark = pytest.mark.usefixtures("_no_proxies")

IDS = [f"resp_1234567890_{number}" for number in range(40)]
REFUSED = answer("429 Too Many Requests", "{}")


async def ask_until_answered(transport: Transport, twice: Twice) -> dict[str, bytes]:
    """Return what each ID is taken to have been answered, asked again as a lane would."""
    ids = [*IDS]
    taken: dict[str, bytes] = {}

    async def work() -> None:
        while ids:
            object_id = ids.pop()
            with suppress(NoAnswerError):
                body = (await transport.send(object_id)).body
                if body and twice.is_for(object_id, body):
                    taken[object_id] = body
                    continue
            ids.insert(0, object_id)

    async with anyio.create_task_group() as workers:
        for _ in range(8):
            workers.start_soon(work)
    return taken


def check(twice: Twice, taken: dict[str, bytes]) -> None:
    """Check that no ID was taken to have another one's answer."""
    wrong = [one for one in IDS if not twice.right(one).endswith(b"\r\n\r\n" + taken[one])]
    assert wrong == []
    assert twice.faults > 5


@pool_only
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_id_gets_the_answer_of_another(way: Way, fault: Any, *, named: bool) -> None:
    """IDs were logged as deleted that the server had refused to delete."""

    async def test() -> None:
        twice = Twice(fault, named)
        async with raw_server(twice.script) as server, way.open(server) as transport:
            check(twice, await ask_until_answered(transport, twice))

    way.run(test)


@pool_only
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("named", [True, False])
def test_nor_over_tls(way: Way, tls: ssl.SSLContext, *, named: bool) -> None:
    """Encryption protects what is said, not which request it is said to."""

    async def test() -> None:
        twice = Twice(at_random, named)
        async with (
            raw_server(twice.script, tls=tls) as server,
            way.open(server, base="https://localhost:{port}/v1") as transport,
        ):
            check(twice, await ask_until_answered(transport, twice))

    way.run(test)


@pool_only
def test_connection_that_is_one_answer_behind_is_left(way: Way) -> None:
    """One answer comes for each request, so only the ID that it names can tell."""

    async def script(peer: Peer) -> None:
        targets: list[str] = []
        while True:
            targets.append((await peer.request()).split(b" ")[1].decode())
            await peer.write(answer("200 OK", targets[-1 if len(targets) < 4 else -2]))

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            behind = 0
            for object_id in IDS[:12]:
                if not names((await transport.send(object_id)).body, object_id.encode()):
                    behind += 1
                    again = await transport.send(object_id)
                    assert names(again.body, object_id.encode())

        assert behind == len(server.peers) - 1 == 3

    way.run(test)


@pool_only
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what has arrived")
@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("early", [OK, REFUSED])
def test_answer_that_comes_before_its_request_arrives_is_nobodys(
    way: Way, early: bytes, pieces: int
) -> None:
    """It was on its way already: nobody can answer what has not come."""

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.deafen()
        await peer.write(REFUSED)
        await asyncio.sleep(0.03)
        await peer.write(early if pieces == 1 else early[:9])
        await peer.reader.read()

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            await transport.send(IDS[0])
            with pytest.raises(NoAnswerError, match="more has come"):
                await transport.send(IDS[1])

        assert len(server.peers) == 1

    way.run(test)


@pool_only
def test_no_connection_gets_more_than_so_many_requests(way: Way) -> None:
    """A shift that nothing shows must end by itself."""

    async def script(peer: Peer) -> None:
        while True:
            target = (await peer.request()).split(b" ")[1].decode()
            await peer.write(answer("200 OK", target))

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            await transport.send(IDS[0])
            assert isinstance(transport, ConnectionPool)
            transport._idle[0].requests = REQUESTS_MAX - 1
            await transport.send(IDS[0])
            assert len(server.peers) == 1

            await transport.send(IDS[0])
            assert len(server.peers) == 2

    way.run(test)


@pool_only
def test_refusal_is_not_held_back(way: Way) -> None:
    """The pace must give way at once; a refusal confirms nothing, whosever it is."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(REFUSED + OK)
        await peer.reader.read()

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            for _ in range(2):
                assert (await transport.send(IDS[0])).status == 429

        assert len(server.peers) == 2

    way.run(test)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"id":"resp_1234567890"}', True),
        (b"resp_1234567890", True),
        (b"Response 'resp_1234567890' not found.", True),
        (b"no DELETE on /v1/responses/resp_1234567890", True),
        (b'{"id":"resp_12345678901"}', False),
        (b'{"id":"xresp_1234567890"}', False),
        (b'{"id":"resp_1234567890-2"}', False),
        (b'{"message":"Response deleted successfully"}', False),
        (b"", False),
    ],
)
def test_only_an_id_as_a_word_of_its_own_is_named(body: bytes, *, named: bool) -> None:
    """An ID may begin as another one does, and that one's answer is not its own."""
    assert names(body, b"resp_1234567890") is named


def test_short_id_proves_nothing() -> None:
    """An object called "1" or "response" is named by half of all answers."""
    assert not names(b'{"object":"response","deleted":true}', b"response")


def test_rest_is_as_long_as_answers_take_within_bounds() -> None:
    """The right answer must be seen before either is believed; a place must not wait for ever."""
    times = AnswerTime()
    assert times.rest_s == REST_MIN_S

    for number in range(100):
        times.note(0.1 + 0.02 * (number % 2))
    assert 0.12 < times.rest_s < 0.2

    for _ in range(100):
        times.note(30.0)
    assert times.rest_s == REST_MAX_S
