"""One `send` is one request, at the right URL, on a clean connection."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote

import anyio
import pytest
from aiohttp.connector import Connection
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkdel.errors import NoAnswerError, NotSentError
from bulkdel.object_id import WIDE
from tests.support.transport_server import (
    OK,
    POOL,
    SESSION,
    Peer,
    Way,
    after_connecting,
    answering,
    answering_once,
    every_way,
    pool_only,
    raw_server,
    session_only,
)


@pool_only
def test_keeps_one_connection_for_requests_after_each_other(way: Way) -> None:
    """A handshake per deletion would cost more than the deletion."""

    async def test() -> None:
        async with raw_server(answering(OK)) as server, way.open(server) as transport:
            answers = [await transport.send(f"resp_{number}") for number in range(5)]

        assert [(answer.status, answer.body) for answer in answers] == [(200, b"{}")] * 5
        assert server.targets == [f"/v1/responses/resp_{number}" for number in range(5)]
        assert len(server.peers) == 1

    way.run(test)


@session_only
def test_session_takes_a_connection_for_each_request(way: Way) -> None:
    """What comes behind an answer is not shown there, so nobody knew whose the next is."""

    async def test() -> None:
        async with raw_server(answering(OK)) as server, way.open(server) as transport:
            for number in range(5):
                await transport.send(f"resp_{number}")

        assert len(server.heads) == len(server.peers) == 5

    way.run(test)


@every_way
def test_takes_as_many_connections_as_there_are_sends(way: Way) -> None:
    """The lane decides how many are in flight, not a limit of the connection pool."""

    async def test() -> None:
        asked = 0
        all_asked = anyio.Event()

        async def script(peer: Peer) -> None:
            nonlocal asked
            await peer.request()
            asked += 1
            if asked == 150:
                all_asked.set()
            await all_asked.wait()
            await peer.write(OK)

        async with (
            raw_server(script) as server,
            way.open(server) as transport,
            anyio.create_task_group() as group,
        ):
            for number in range(150):
                group.start_soon(transport.send, f"resp_{number}")

        assert len(server.peers) == 150

    way.run(test)


@pytest.mark.parametrize(
    ("way", "place"),
    [(way, "first") for way in (*POOL, *SESSION)] + [(way, "kept") for way in POOL],
)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_sends_once_even_if_the_connection_breaks(way: Way, how: str, place: str) -> None:
    """A DELETE that is resent in silence may turn our own deletion into a `gone`."""

    async def script(peer: Peer) -> None:
        if place == "kept":
            await peer.request()
            await peer.write(OK)
        await peer.request()
        if how == "reset":
            peer.reset()

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            if place == "kept":
                await transport.send("before")
            with pytest.raises(NoAnswerError):
                await transport.send("resp_1")

        assert server.targets.count("/v1/responses/resp_1") == 1
        assert len(server.peers) == 1

    way.run(test)


@every_way
def test_takes_another_connection_if_the_kept_one_was_closed(way: Way) -> None:
    """Servers close idle connections: that costs no attempt as long as nothing was written."""

    async def test() -> None:
        async with raw_server(answering_once(OK)) as server, way.open(server) as transport:
            await transport.send("resp_1")
            await server.peers[0].closed.wait()
            await asyncio.sleep(0.02)
            await transport.send("resp_2")

        assert len(server.heads) == len(server.peers) == 2

    way.run(test)


@every_way
def test_does_not_use_a_connection_that_was_idle_for_long(way: Way) -> None:
    """The longer it was idle, the likelier the server closes it just as we write."""

    async def test() -> None:
        async with (
            raw_server(answering(OK)) as server,
            way.open(server, idle_max_s=0.03) as transport,
        ):
            await transport.send("resp_1")
            await asyncio.sleep(0.06)
            await transport.send("resp_2")

        assert len(server.peers) == 2

    way.run(test)


@pool_only
def test_closes_connections_that_are_idle_for_long(way: Way) -> None:
    """After a burst, no connection stays open for a whole slow run."""

    async def test() -> None:
        async with (
            raw_server(answering(OK)) as server,
            way.open(server, idle_max_s=0.03, timeout_s=0.2) as transport,
        ):
            await transport.send("resp_1")

            await server.peers[0].closed.wait()

    way.run(test)


@pool_only
def test_connection_that_is_lost_at_once_is_not_used(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would tell of its end a second time: the request would wait for ever."""

    async def lose(connection: Connection) -> None:
        assert connection.protocol is not None
        assert connection.protocol.transport is not None
        connection.protocol.transport.abort()

    after_connecting(monkeypatch, lose)

    async def test() -> None:
        async with raw_server(answering(OK)) as server, way.open(server) as transport:
            with pytest.raises(NotSentError):
                await transport.send("resp_1")

        assert server.heads == []

    way.run(test)


@every_way
def test_cancelled_request_closes_its_connection(way: Way) -> None:
    """A late answer on a kept connection would pass for the next ID's."""

    async def test() -> None:
        async def script(peer: Peer) -> None:
            await peer.request()
            if len(server.peers) > 1:
                await peer.write(OK)
            await peer.reader.read()

        async with (
            raw_server(script) as server,
            way.open(server, timeout_s=60) as transport,
        ):
            with anyio.move_on_after(0.05) as scope:
                await transport.send("resp_1")
            await server.peers[0].closed.wait()
            answer = await transport.send("resp_2")

        assert scope.cancelled_caught
        assert answer.status == 200
        assert server.targets == ["/v1/responses/resp_1", "/v1/responses/resp_2"]

    way.run(test)


@every_way
def test_cancelled_run_closes_its_connections(way: Way) -> None:
    """A second Ctrl-C leaves nothing open, and warns of nothing."""

    async def test() -> None:
        async with raw_server(answering(OK)) as server:
            with anyio.CancelScope() as scope:
                async with way.open(server) as transport:
                    await transport.send("resp_1")
                    scope.cancel()
            await server.peers[0].closed.wait()

    way.run(test)


@every_way
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_answer(way: Way, status: int) -> None:
    """Following it would send the key, or the deletion, somewhere else."""
    redirect = f"HTTP/1.1 {status} Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"

    async def test() -> None:
        async with (
            raw_server(answering(redirect.encode(), OK)) as server,
            way.open(server) as transport,
        ):
            answer = await transport.send("resp_1")

        assert answer.status == status
        assert len(server.heads) == 1

    way.run(test)


@every_way
@pytest.mark.parametrize(
    ("object_id", "segment"),
    [
        ("resp_-1", "resp_-1"),
        ("a+b==", "a%2Bb%3D%3D"),
        ("...", "..."),
        (".a", ".a"),
        ("a:b@c,d&e", "a%3Ab%40c%2Cd%26e"),
        ("{id}", "%7Bid%7D"),
        ("回应_ü", "%E5%9B%9E%E5%BA%94_%C3%BC"),
        ("😀", "%F0%9F%98%80"),
    ],
)
def test_url_arrives_as_it_was_made(way: Way, object_id: str, segment: str) -> None:
    """URL libraries that resolve or requote would delete another object."""

    async def test() -> None:
        async with raw_server(answering(OK)) as server, way.open(server) as transport:
            await transport.send(object_id)

        assert server.targets == [f"/v1/responses/{segment}"]

    way.run(test)


@every_way
@pytest.mark.parametrize(
    "object_id",
    [
        "a/b",
        "../files/file-1",
        "a\\b",
        "100%",
        "%2e%2e",
        "a?b",
        "a#c",
        "a;v=1",
        "..",
        "a b",
        "a\u200b",
    ],
)
def test_what_a_proxy_would_take_apart_is_never_sent(way: Way, object_id: str) -> None:
    """Nginx with a path in proxy_pass decodes ``..%2Ffiles`` and deletes another object."""

    async def test() -> None:
        async with raw_server(answering(OK)) as server, way.open(server) as transport:
            with pytest.raises(ValueError, match="the ID"):
                await transport.send(object_id)

        assert server.targets == []

    way.run(test)


@every_way
@settings(max_examples=15, deadline=None)
@given(ids=st.lists(st.text(max_size=30), min_size=1, max_size=20))
def test_any_id_arrives_whole_or_is_never_sent(way: Way, ids: list[str]) -> None:
    """Whatever stands in a file, no request goes to another URL than its own."""

    async def test() -> None:
        async with raw_server(answering(OK)) as server, way.open(server) as transport:
            for object_id in ids:
                if WIDE.invalid_reason(object_id) is None:
                    await transport.send(object_id)
                else:
                    with pytest.raises(ValueError, match="ID"):
                        await transport.send(object_id)

        segments = [target.removeprefix("/v1/responses/") for target in server.targets]
        assert all("/" not in segment for segment in segments)
        assert [unquote(segment) for segment in segments] == [
            object_id for object_id in ids if WIDE.invalid_reason(object_id) is None
        ]

    way.run(test)


@every_way
def test_refused_connection_is_not_sent(way: Way) -> None:
    """The ID may be tried again without a doubt about what became of it."""

    async def test() -> None:
        async with raw_server(answering(OK)) as server:
            pass
        async with way.open(server) as transport:
            with pytest.raises(NotSentError, match=r"127\.0\.0\.1:\d+: connection failed"):
                await transport.send("resp_1")

    way.run(test)
