"""A head that came before is not parsed again, and means what it meant then."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from bulkdel.errors import NoAnswerError
from bulkdel.models import Answer
from bulkdel.transport.parser import WholeAnswers
from tests.support.transport_server import Peer, Way, every_way, pool_only, raw_server

HEAD = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 16\r\n\r\n"
FIRST = b'{"deleted":true}'
SECOND = b'{"deleted":null}'


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was given to aiohttp to parse as a whole answer."""
    pieces: list[bytes] = []
    parse = WholeAnswers._parse

    def noted(self: WholeAnswers, piece: bytes, end: int) -> Answer | None:
        pieces.append(piece)
        return parse(self, piece, end)

    monkeypatch.setattr(WholeAnswers, "_parse", noted)
    return pieces


async def arrive() -> None:
    """Let what was written arrive by itself; on one event loop that takes a few turns."""
    for _ in range(5):
        await asyncio.sleep(0)


async def send_each(way: Way, *answers: list[bytes]) -> list[Answer | None]:
    """Send a request for each answer, which comes in pieces. Returns None for one cut off."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            for piece in answers[len(peer.server.heads) - 1]:
                await peer.write(piece)
                await arrive()
            if len(peer.server.heads) == len(answers):
                return

    got: list[Answer | None] = []
    async with raw_server(script) as server, way.open(server) as transport:
        for number in range(len(answers)):
            try:
                got.append(await transport.send(f"resp_{number}"))
            except NoAnswerError:
                got.append(None)
    return got


@pool_only
def test_same_head_is_parsed_once(way: Way, parsed: list[bytes]) -> None:
    """That is a third of the CPU time of a DELETE."""

    async def test() -> None:
        got = await send_each(way, [HEAD + FIRST], [HEAD + SECOND], [HEAD + FIRST])

        assert [answer and answer.body for answer in got] == [FIRST, SECOND, FIRST]
        assert all(answer and answer.headers["content-length"] == "16" for answer in got)
        assert all(answer and answer.received_s > time.time() - 20 for answer in got)

    way.run(test)
    assert parsed == [HEAD + FIRST]


@every_way
def test_answer_with_a_known_head_may_come_in_pieces(way: Way) -> None:
    """Where TCP cuts an answer says nothing about what it means."""
    whole = HEAD + SECOND

    async def test() -> None:
        for cut in range(1, len(whole)):
            got = await send_each(way, [HEAD + FIRST], [whole[:cut], whole[cut:]], [HEAD + FIRST])

            assert [answer and answer.body for answer in got] == [FIRST, SECOND, FIRST]

    way.run(test)


@every_way
def test_known_head_makes_no_answer_of_a_part(way: Way) -> None:
    """A connection that breaks before the last byte has confirmed nothing."""

    async def test() -> None:
        for length in range(len(HEAD + SECOND)):
            got = await send_each(way, [HEAD + FIRST], [(HEAD + SECOND)[:length]])

            assert [answer and answer.body for answer in got] == [FIRST, None]

    way.run(test)


@every_way
def test_known_head_hides_nothing_that_follows(way: Way) -> None:
    """A second answer in the same piece must not confirm the next deletion in advance."""
    more = HEAD + FIRST

    async def test() -> None:
        for length in range(1, len(more) + 1):
            answers = [HEAD + SECOND], [HEAD + SECOND + more[:length]], [HEAD + SECOND]
            got = await send_each(way, *answers)

            assert got[1] is None or got[1].body == SECOND
            assert got[2] is None or got[2].body == SECOND

    way.run(test)


@pool_only
@pytest.mark.parametrize("second", [HEAD + FIRST, b"HTTP/1.1 404 No\r\n\r\n"])
def test_answer_after_a_cancellation_is_dropped(way: Way, second: bytes) -> None:
    """It may come in the same turn of the event loop."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(HEAD + FIRST)
        await peer.request()
        await peer.reader.read()

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            await transport.send("resp_1")
            sending = asyncio.create_task(transport.send("resp_2"))
            await arrive()
            (connection,) = _connections(transport)
            sending.cancel()
            connection.data_received(second)
            with pytest.raises(asyncio.CancelledError):
                await sending

    way.run(test)


@pool_only
def test_answer_may_come_as_a_bytearray(way: Way) -> None:
    """Python 3.11 on Windows gives one; a request must not hang for it."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            for number, body in enumerate((FIRST, SECOND), 1):
                sending = asyncio.create_task(transport.send("resp_1"))
                while len(server.heads) < number:
                    await asyncio.sleep(0)
                (connection,) = _connections(transport)
                connection.data_received(bytearray(HEAD + body))
                assert (await sending).body == body

    way.run(test)


@every_way
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 404 OK\r\nDate: now\r\nContent-Length: 16\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nDate: yet\r\nContent-Length: 16\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 16\r\nX-A: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 16\r\nConnection: close\r\n\r\n",
    ],
)
def test_other_head_is_read_anew(way: Way, head: bytes) -> None:
    """One byte decides between deleted and not found."""

    async def test() -> None:
        got = await send_each(way, [HEAD + FIRST], [HEAD + FIRST], [head + SECOND])
        answer = got[-1]

        assert answer is not None
        assert (str(answer.status), answer.body) == (head[9:12].decode(), SECOND)
        assert answer.headers["date"].encode() in head
        assert ("x-a" in answer.headers) == (b"X-A" in head)

    way.run(test)


UNSAFE: dict[str, bytes] = {
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\n{}",
    "closes": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    "old": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "empty lines before": b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "continue before": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "long": b"HTTP/1.1 200 OK\r\nX-A: %b\r\nContent-Length: 2\r\n\r\n{}" % (b"a" * 4096),
}
"""Answers whose head does not say by itself how they end, is not the only one, or is long."""


@pool_only
@pytest.mark.parametrize("kind", UNSAFE)
def test_no_other_head_is_remembered(way: Way, kind: str, parsed: list[bytes]) -> None:
    """Only an answer of one head and a stated length can be told by its head."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.write(UNSAFE[kind])
            if kind in ("no length", "closes", "old"):
                return

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            for number in range(2):
                answer = await transport.send(f"resp_{number}")
                assert (answer.status, answer.body) == (200, b"{}")
            assert _known(transport) == []

    way.run(test)
    assert len(parsed) >= 2


@pool_only
@pytest.mark.parametrize("first_body", [b"{}", b"0123456789abcdef" * 3])
def test_answer_in_pieces_teaches_nothing(way: Way, first_body: bytes) -> None:
    """What the first piece held beside the head is not known then."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(first_body)

    async def test() -> None:
        for cut in range(1, len(head + first_body)):

            async def script(peer: Peer, cut: int = cut) -> None:
                await peer.request()
                await peer.write((head + first_body)[:cut])
                await arrive()
                await peer.write((head + first_body)[cut:])
                await peer.request()

            async with raw_server(script) as server, way.open(server) as transport:
                assert (await transport.send("resp_1")).body == first_body
                assert _known(transport) == []

    way.run(test)


@pool_only
def test_memory_of_heads_is_bounded(way: Way) -> None:
    """Providers put a request ID of its own into every head."""

    async def script(peer: Peer) -> None:
        for number in range(1000):
            await peer.request()
            await peer.write(b"HTTP/1.1 200 OK\r\nX-Id: %d\r\nContent-Length: 2\r\n\r\n{}" % number)

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            for number in range(200):
                answer = await transport.send(f"resp_{number}")
                assert answer.headers["x-id"] == str(number)
            assert 0 < len(_known(transport)) <= 64

    way.run(test)


def _connections(transport: Any) -> list[Any]:
    return list(transport._open)


def _known(transport: Any) -> list[bytes]:
    return list(transport._answers.heads)
