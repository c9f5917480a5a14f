"""What the transports rest on inside aiohttp: it is there, or it is not used."""

from __future__ import annotations

import inspect

import aiohttp
import anyio
import pytest

from bulkdel.errors import NoAnswerError
from bulkdel.providers import Operation
from bulkdel.settings import Lane
from bulkdel.transport import open_transport
from bulkdel.transport.pool import ConnectionPool, aiohttp_fits
from bulkdel.transport.session import SessionTransport
from tests.support.transport_server import (
    DELETE,
    GET,
    OK,
    POOL,
    PROVIDER,
    SESSION,
    Way,
    answering,
    answering_once,
    raw_server,
    session_only,
)


@pytest.mark.parametrize("operation", [DELETE, GET], ids=lambda operation: operation.method)
@pytest.mark.parametrize("base", ["", "/", "/api/v3", "/v1/", "/prefix%2Fx/v1", "/ü"])
def test_both_ways_send_the_same_bytes(base: str, operation: Operation) -> None:
    """The fast way renders the head itself; a provider must not see a difference."""

    async def sent(way: Way) -> list[bytes]:
        async with (
            raw_server(answering(OK)) as server,
            way.open(
                server, base="http://127.0.0.1:{port}" + base, operation=operation
            ) as transport,
        ):
            for object_id in ("resp_1", "a:b+c=", "ü"):
                await transport.send(object_id)
        return [head.replace(str(server.port).encode(), b"PORT") for head in server.heads]

    async def test() -> None:
        heads = await sent(POOL[0])

        # The session takes a connection for each request, and says so.
        assert [head + b"\r\nConnection: close" for head in heads] == await sent(SESSION[0])
        before, after = operation.around_id()
        assert heads[0].startswith(f"{operation.method} ".encode())
        assert f"{before}resp_1{after} HTTP/1.1\r\n".encode() in heads[0]
        assert heads[0].count(b"\r\nHost: ") == heads[0].count(b"\r\nAuthorization: ") == 1

    anyio.run(test)


@session_only
def test_own_guard_stops_a_resend_without_aiohttps_switch(way: Way) -> None:
    """`_retry_connection` is private: if it goes, one request must stay one."""

    async def test() -> None:
        async with raw_server(answering_once(b"")) as server, way.open(server) as transport:
            assert isinstance(transport, SessionTransport)
            assert transport._session._retry_connection is False
            transport._session._retry_connection = True
            with pytest.raises(NoAnswerError):
                await transport.send("resp_1")

        assert len(server.heads) == 1

    way.run(test)


def test_aiohttp_is_as_the_fast_way_knows_it() -> None:
    """Fails when aiohttp changes, so that the slow way is not taken unnoticed."""
    assert anyio.run(aiohttp_fits)
    assert "_retry_connection" in inspect.getsource(aiohttp.ClientSession)


@pytest.mark.parametrize("changed", [False, True])
def test_takes_the_slow_way_if_aiohttp_has_changed(
    monkeypatch: pytest.MonkeyPatch, *, changed: bool
) -> None:
    """A release of aiohttp may break the fast way; it must not break deletions."""
    if changed:
        monkeypatch.setattr(aiohttp.StreamReader, "read_nowait", lambda _self: None)

    async def test() -> None:
        async with raw_server(answering(OK)) as server:
            lane = Lane(
                provider=PROVIDER, api_key="k", base_url=f"http://127.0.0.1:{server.port}/v1"
            )
            async with open_transport(lane, DELETE) as transport:
                assert isinstance(transport, SessionTransport if changed else ConnectionPool)
                assert (await transport.send("resp_1")).status == 200

    anyio.run(test)
