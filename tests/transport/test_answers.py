"""Whatever a server sends: a whole answer is returned, half of one never is."""

from __future__ import annotations

import asyncio
import time
import traceback
import zlib
from contextlib import suppress

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkdel.errors import NoAnswerError, TransportError
from bulkdel.models import Answer
from bulkdel.transport.endpoint import BODY_BYTES_MAX
from bulkdel.transport.pool import open_pool
from tests.support.transport_server import (
    KEY,
    OK,
    Peer,
    Way,
    answering,
    answering_once,
    every_way,
    raw_server,
)

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@every_way
@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (OK, 200, b"{}"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b""),
        (b"HTTP/1.1 599\r\nContent-Length: 2\r\n\r\nhm", 599, b"hm"),
        (CHUNKED + b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", 200, b"abc"),
        (CHUNKED + b"1;x=y\r\na\r\n0\r\nTrailer: t\r\n\r\n", 200, b"a"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"{}"),
        (b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + OK, 200, b"{}"),
    ],
)
def test_whole_answer_is_returned_and_the_connection_kept(
    way: Way, raw: bytes, status: int, body: bytes
) -> None:
    """Every form of a complete HTTP/1.1 answer counts, also when it comes byte by byte."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            step = len(raw) if len(peer.server.heads) == 1 else 1
            for place in range(0, len(raw), step):
                await peer.write(raw[place : place + step])
                await asyncio.sleep(0)

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            answers = [await transport.send("resp_1"), await transport.send("resp_2")]

        assert [(answer.status, answer.body) for answer in answers] == [(status, body)] * 2
        assert len(server.peers) == way.connections(2)

    way.run(test)


@every_way
@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b""),
    ],
)
def test_answer_that_closes_its_connection(way: Way, raw: bytes, body: bytes) -> None:
    """Old servers and proxies end a body by closing; the next ID takes a new connection."""

    async def test() -> None:
        async with raw_server(answering_once(raw)) as server, way.open(server) as transport:
            answers = [await transport.send("resp_1"), await transport.send("resp_2")]

        assert [answer.body for answer in answers] == [body, body]
        assert len(server.peers) == len(server.heads) == 2

    way.run(test)


@every_way
def test_answer_tells_status_headers_and_time(way: Way) -> None:
    """Refusals are understood by their headers, in whatever case they are written."""
    raw = (
        b"HTTP/1.1 429 Too Many\r\nRETRY-after: 7\r\nX-Request-Id: r1\r\nContent-Length: 0\r\n\r\n"
    )

    async def test() -> None:
        async with raw_server(answering(raw)) as server, way.open(server) as transport:
            answer = await transport.send("resp_1")

        assert answer.status == 429
        assert (answer.headers["retry-after"], answer.headers["x-request-id"]) == ("7", "r1")
        assert time.time() - 20 < answer.received_s <= time.time()

    way.run(test)


@every_way
@pytest.mark.parametrize("size", [BODY_BYTES_MAX, BODY_BYTES_MAX + 1, 10_000_000])
def test_long_body_is_cut(way: Way, size: int) -> None:
    """A body of 10 MB, times the requests in flight, must not fill the memory."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()

    async def test() -> None:
        async with (
            raw_server(answering(head + b"x" * size)) as server,
            way.open(server) as transport,
        ):
            answers = [await transport.send("resp_1"), await transport.send("resp_2")]

        assert [len(answer.body) for answer in answers] == [BODY_BYTES_MAX] * 2
        if size == 10_000_000:
            assert len(server.peers) == 2, "the rest of the body was read or left in the way"

    way.run(test)


@every_way
@pytest.mark.parametrize("head", [CHUNKED, b"HTTP/1.1 200 OK\r\n\r\n"])
def test_body_that_never_ends_is_cut(way: Way, head: bytes) -> None:
    """A server gone wild takes neither memory nor the place in flight."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.write(head)
        while True:
            await peer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            answer = await transport.send("resp_1")
            with anyio.fail_after(2):
                await server.peers[0].closed.wait()

        assert len(answer.body) == BODY_BYTES_MAX

    way.run(test)


@every_way
@pytest.mark.parametrize("head", [CHUNKED, b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 20", b""])
def test_answer_that_takes_too_long_is_none(way: Way, head: bytes) -> None:
    """The limit covers the whole answer, also one that drips or one without a length."""

    async def script(peer: Peer) -> None:
        await peer.request()
        if len(peer.server.peers) > 1:
            await peer.write(OK)
            await peer.request()
        await peer.write(head)
        while head and not head.endswith(b"20"):
            await peer.write(b"1\r\nx\r\n")
            await asyncio.sleep(0.01)
        await peer.reader.read()

    async def test() -> None:
        async with (
            raw_server(script) as server,
            way.open(server, timeout_s=0.2) as transport,
        ):
            with pytest.raises(NoAnswerError, match=r"^no whole answer within 0\.2 s$"):
                await transport.send("resp_1")
            await server.peers[0].closed.wait()
            assert (await transport.send("resp_2")).status == 200

        assert len(server.heads) == len(server.peers) == 2

    way.run(test)


@every_way
def test_server_of_these_tests_notices_that_its_client_is_gone(way: Way) -> None:
    """The event loops differ there; a script that ends by luck would fail by luck."""
    wrote: list[type[Exception]] = []

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.reset()
        await asyncio.sleep(0.01)
        try:
            await peer.write(OK)
        except Exception as exc:
            wrote.append(type(exc))
            raise

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            with pytest.raises(NoAnswerError):
                await transport.send("resp_1")
            await server.peers[0].closed.wait()

    way.run(test)
    assert wrote == [ConnectionResetError]


@every_way
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n",
        b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"deleted":tru',
        CHUNKED,
        CHUNKED + b'10\r\n{"deleted":true}',
        CHUNKED + b'10\r\n{"deleted":true}\r\n',
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"garbage\r\n\r\n",
        b"<html><body>It works!</body></html>",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}",
        b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\nContent-Length: 2\r\n\r\n{}",
        CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_what_is_not_a_whole_answer_is_none(way: Way, raw: bytes) -> None:
    """Half an answer is no confirmation, whatever its first half says."""

    async def test() -> None:
        async with raw_server(answering_once(raw)) as server, way.open(server) as transport:
            with pytest.raises(NoAnswerError):
                await transport.send("resp_1")

        assert len(server.heads) == 1

    way.run(test)


@every_way
@pytest.mark.parametrize("size", [27 * 2000, 13])
def test_a_flood_of_interim_answers_is_ended(way: Way, size: int) -> None:
    """Each of its 27 bytes takes a hundred in memory; it would go on until the time is up."""
    if way.opener is not open_pool:
        pytest.skip("aiohttp's own session, behind an HTTP proxy, reads them without end")
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        flood = b"HTTP/1.1 102 Processing\r\n\r\n" * 2000
        while not peer.closed.is_set():
            for place in range(0, len(flood), size):
                await peer.write(flood[place : place + size])
                await asyncio.sleep(0)
            sent += len(flood)

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            with pytest.raises(NoAnswerError):
                await transport.send("resp_1")

            with suppress(TimeoutError):
                await asyncio.wait_for(server.peers[0].closed.wait(), 5)

    way.run(test)
    assert sent < 20_000_000


@every_way
@settings(max_examples=20, deadline=None)
@given(raw=st.binary(max_size=200), cut=st.integers(0, len(CHUNKED) + 200))
def test_random_bytes_give_an_answer_or_none(way: Way, raw: bytes, cut: int) -> None:
    """No input of the other end may raise what the lane does not expect."""

    async def test() -> None:
        answer = (CHUNKED + raw)[cut:] or CHUNKED
        async with raw_server(answering_once(answer)) as server, way.open(server) as transport:
            for _ in range(2):
                with suppress(NoAnswerError):
                    assert isinstance(await transport.send("resp_1"), Answer)

        assert len(server.heads) == 2

    way.run(test)


@every_way
def test_compressed_body_is_left_as_it_is(way: Way) -> None:
    """We ask for a plain one; unpacking could turn 64 KiB into 64 MiB."""
    packed = zlib.compress(b"x" * 1_000_000)
    raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(
        packed
    )

    async def test() -> None:
        async with raw_server(answering(raw + packed)) as server, way.open(server) as transport:
            answer = await transport.send("resp_1")

        assert answer.body == packed
        assert b"\r\nAccept-Encoding: identity" in server.heads[0]

    way.run(test)


@every_way
def test_no_error_shows_what_the_server_echoes(way: Way) -> None:
    """A server that sends our request back sends the key back; errors end in logs."""

    async def script(peer: Peer) -> None:
        await peer.write(b" ".join((await peer.request()).split(b"\r\n")) + b"\r\n")

    async def test() -> None:
        async with raw_server(script) as server, way.open(server) as transport:
            with pytest.raises(TransportError) as caught:
                await transport.send("resp_1")

        assert "not valid HTTP" in str(caught.value)
        assert KEY.encode() in server.heads[0]
        assert KEY not in "".join(traceback.format_exception(caught.value))

    way.run(test)
