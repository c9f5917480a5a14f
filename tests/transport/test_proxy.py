"""Proxies of the environment: used as asked, never trusted with the key."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from contextlib import suppress

import pytest

from bulkdel.errors import ConfigError, EndpointError, NotSentError
from bulkdel.settings import Lane
from bulkdel.transport import open_transport
from bulkdel.transport.endpoint import endpoint_of
from bulkdel.transport.session import SessionTransport
from tests.support.transport_server import (
    DELETE,
    KEY,
    OK,
    PROVIDER,
    Peer,
    Script,
    Way,
    answering,
    answering_once,
    every_way,
    raw_server,
    write_to,
)

pytest_plugins = ["tests.support.transport_tls"]
pytestmark = pytest.mark.usefixtures("_no_proxies")

FAR = "https://provider.test:{port}/v1"


def connecting() -> Script:
    """Return the script of a proxy that tunnels whatever host is named to 127.0.0.1."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await write_to(writer, data)
        writer.close()

    async def script(peer: Peer) -> None:
        head = await peer.request()
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await peer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(pump(peer.reader, writer), pump(reader, peer.writer))
        finally:
            writer.transport.abort()

    return script


@every_way
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_https_proxy_tunnels_and_sees_no_key(
    way: Way, name: str, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In many companies a proxy is the only way out; it learns the host and nothing else."""

    async def test() -> None:
        async with (
            raw_server(answering(OK), tls=tls) as server,
            raw_server(connecting()) as proxy,
        ):
            monkeypatch.setenv(name, f"http://user:pa%20ss@127.0.0.1:{proxy.port}")
            async with way.open(server, base=FAR) as transport:
                await transport.send("resp_1")
                await transport.send("resp_2")

            assert server.targets == ["/v1/responses/resp_1", "/v1/responses/resp_2"]
            assert proxy.targets == [f"provider.test:{server.port}"] * way.connections(2)
            assert proxy.heads[0].startswith(b"CONNECT ")
            assert b"\r\nProxy-Authorization: Basic dXNlcjpwYSBzcw==" in proxy.heads[0]
            assert b"Proxy-Authorization" not in b"".join(server.heads)
            assert KEY.encode() not in proxy.heads[0]

    way.run(test)


@every_way
@pytest.mark.usefixtures("_trusted")
def test_certificate_is_verified_through_a_proxy(
    way: Way, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that answers in the provider's place is a man in the middle."""

    async def test() -> None:
        async with (
            raw_server(answering(OK), tls=tls) as server,
            raw_server(connecting()) as proxy,
        ):
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            async with way.open(server, base="https://other.test:{port}/v1") as transport:
                with pytest.raises(EndpointError, match=r"other\.test: its TLS certificate"):
                    await transport.send("resp_1")

            assert server.heads == []

    way.run(test)


@every_way
@pytest.mark.parametrize(
    ("status", "error"),
    [(407, EndpointError), (403, EndpointError), (429, NotSentError), (502, NotSentError)],
)
def test_proxy_that_refuses(
    way: Way, status: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that wants a password will want it for every ID; one that is down may come back."""
    refusal = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()

    async def test() -> None:
        async with raw_server(answering_once(refusal)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://u:hush@127.0.0.1:{proxy.port}")
            async with way.open(proxy, base=FAR) as transport:
                with pytest.raises(NotSentError, match=f"HTTP {status}") as caught:
                    await transport.send("resp_1")

        assert type(caught.value) is error
        assert "hush" not in "".join(traceback.format_exception(caught.value))

    way.run(test)


@every_way
def test_proxy_that_is_down_is_not_sent(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says that it is the proxy, and does not show its password."""

    async def test() -> None:
        async with raw_server(answering(OK)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://u:hush@127.0.0.1:{proxy.port}")
        async with way.open(proxy, base=FAR) as transport:
            with pytest.raises(NotSentError, match=r"^proxy 127\.0\.0\.1:\d+: ") as caught:
                await transport.send("resp_1")

        assert "hush" not in "".join(traceback.format_exception(caught.value))

    way.run(test)


def test_plain_http_goes_through_its_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """``HTTP_PROXY`` counts too; such requests take the plain way, in the form proxies want."""

    async def test() -> None:
        async with raw_server(answering(OK)) as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
            lane = Lane(
                provider=PROVIDER, api_key=KEY, base_url="http://provider.test/v1", allow_http=True
            )
            async with open_transport(lane, DELETE) as transport:
                assert isinstance(transport, SessionTransport)
                await transport.send("a+b")

        assert proxy.targets == ["http://provider.test/v1/responses/a%2Bb"]

    asyncio.run(test())


@every_way
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_loopback_is_reached_without_a_proxy(
    way: Way, scheme: str, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would reach its own loopback, and read what is sent there in the clear."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    async def test() -> None:
        async with (
            raw_server(answering(OK), tls=tls if scheme == "https" else None) as server,
            way.open(server, base=scheme + "://localhost:{port}/v1") as transport,
        ):
            assert (await transport.send("resp_1")).status == 200

    way.run(test)


@pytest.mark.parametrize(
    ("exempt", "direct"),
    [
        ("provider.test", True),
        (".test, 10.0.0.1", True),
        ("provider.test:443", True),
        ("*", True),
        ("provider.test:8443", False),
        ("other.test", False),
        ("", False),
    ],
)
def test_no_proxy_names_hosts_to_reach_directly(
    exempt: str, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that is exempt may not even be reachable from the proxy."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", exempt)

    endpoint = asyncio.run(endpoint_of(Lane(provider=PROVIDER, api_key=KEY), DELETE))

    assert (endpoint.proxy is None) == direct


@pytest.mark.parametrize("proxy", ["socks5://u:hush@127.0.0.1:1080", "http://", "http://[hush"])
def test_proxy_that_cannot_be_used_is_a_wrong_setting(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going around it in silence would break the rule of whoever set it."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    lane = Lane(provider=PROVIDER, api_key=KEY)

    with pytest.raises(ConfigError, match="HTTPS_PROXY") as caught:
        asyncio.run(endpoint_of(lane, DELETE))

    assert "hush" not in "".join(traceback.format_exception(caught.value))
