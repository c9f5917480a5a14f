"""An answer that no request asked for is never taken for the answer to one."""

from __future__ import annotations

import asyncio

import pytest

from bulkdel.errors import NoAnswerError, NotSentError
from tests.support.transport_server import OK, Peer, Way, after_connecting, every_way, raw_server

NAMED = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nresp_1234567890"
OTHER = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"deleted":true}'


@every_way
@pytest.mark.parametrize("unasked", [OTHER, OTHER[:20], b"HTTP/1.1 408 Timeout\r\n\r\n", b"x"])
def test_answer_on_an_idle_connection_belongs_to_nobody(way: Way, unasked: bytes) -> None:
    """It would pass for the answer to the next ID, which may not even exist."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(NAMED if len(peer.server.heads) == 1 else OK)
        if len(peer.server.peers) == 1:
            await asyncio.sleep(0.02)
            await peer.write(unasked)
        await peer.request()
        await peer.write(OTHER[20:])
        await peer.reader.read()

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            await transport.send("resp_1234567890")  # believed at once: it is named
            await asyncio.sleep(0.06)
            try:
                answer = await transport.send("resp_2")
            except NoAnswerError:
                assert unasked == OTHER[:20], "only half an answer cannot be seen before"
            else:
                assert answer.body == b"{}"

        assert len(server.heads) == 2

    way.run(test)


@every_way
@pytest.mark.parametrize("cut", [0, 1, 20, len(OTHER) - 1, len(OTHER)])
def test_second_answer_to_one_request_belongs_to_nobody(way: Way, cut: int) -> None:
    """A proxy that answers twice must not confirm the next deletion in advance."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(OK + OTHER[:cut])
        await peer.request()
        await peer.write(OTHER[cut:] or OK)
        await peer.reader.read()

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            try:
                assert (await transport.send("resp_1")).body == b"{}"
            except NoAnswerError:
                assert cut >= len(OTHER) - 1, "only the head of a second answer can be seen"
            try:
                answer = await transport.send("resp_2")
            except NoAnswerError:
                return
            if cut:
                assert len(server.peers) == 2
                assert answer.body == b"{}"

    way.run(test)


@every_way
def test_answer_before_any_request_belongs_to_nobody(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was sent on that connection, so nothing can be confirmed on it."""
    after_connecting(monkeypatch, lambda _: asyncio.sleep(0.02))

    async def script(peer: Peer) -> None:
        await peer.write(OTHER)
        await peer.reader.read()

    async def test() -> None:
        async with raw_server(script) as server, way.open(server, concurrency=2) as transport:
            with pytest.raises(NotSentError, match="before it is asked"):
                await transport.send("resp_1")

        assert server.heads == []

    way.run(test)
