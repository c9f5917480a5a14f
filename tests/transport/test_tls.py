"""The key goes to the provider only, who has proved it by its certificate."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from bulkdel.errors import ConfigError, EndpointError, NotSentError
from bulkdel.settings import Lane
from bulkdel.transport.endpoint import endpoint_of
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
)

pytest_plugins = ["tests.support.transport_tls"]
pytestmark = pytest.mark.usefixtures("_no_proxies")

LOCALHOST = "https://localhost:{port}/v1"


@every_way
@pytest.mark.usefixtures("_trusted")
def test_certificate_of_a_trusted_ca_is_accepted(way: Way, tls: ssl.SSLContext) -> None:
    """``SSL_CERT_FILE`` is how companies add their own CA."""

    async def test() -> None:
        async with (
            raw_server(answering(OK), tls=tls) as server,
            way.open(server, base=LOCALHOST) as transport,
        ):
            answers = [await transport.send("resp_1"), await transport.send("resp_2")]

        assert [answer.status for answer in answers] == [200, 200]
        assert len(server.peers) == way.connections(2)

    way.run(test)


@every_way
def test_unknown_ca_stops_before_the_key_is_sent(way: Way, tls: ssl.SSLContext) -> None:
    """Who cannot prove to be the provider gets no key; and no other ID would fare better."""

    async def test() -> None:
        async with (
            raw_server(answering(OK), tls=tls) as server,
            way.open(server, base=LOCALHOST) as transport,
        ):
            with pytest.raises(EndpointError, match=r"certificate cannot be verified: .*SSL_CERT"):
                await transport.send("resp_1")

        assert server.heads == []

    way.run(test)


@every_way
@pytest.mark.usefixtures("_trusted")
def test_certificate_of_another_host_stops_likewise(way: Way, tls: ssl.SSLContext) -> None:
    """A valid certificate for another name is what a man in the middle has."""

    async def test() -> None:
        async with (
            raw_server(answering(OK), tls=tls) as server,
            way.open(server, base="https://127.0.0.1:{port}/v1") as transport,
        ):
            with pytest.raises(EndpointError, match=r"IP address mismatch.*127\.0\.0\.1"):
                await transport.send("resp_1")

        assert server.heads == []

    way.run(test)


@every_way
@pytest.mark.parametrize("script", [answering_once(OK), answering_once(b"")])
def test_server_without_tls_gets_no_request(way: Way, script: Script) -> None:
    """A port mixed up is a connection that was not made."""

    async def test() -> None:
        async with (
            raw_server(script) as server,
            way.open(server, base=LOCALHOST, timeout_s=0.3) as transport,
        ):
            with pytest.raises(NotSentError):
                await transport.send("resp_1")

        assert KEY.encode() not in b"".join(server.heads)

    way.run(test)


@every_way
def test_connection_that_takes_too_long_is_not_sent(way: Way) -> None:
    """The limit covers the handshake, and it tells that the ID was not sent."""

    async def silent(peer: Peer) -> None:
        while await peer.reader.read(65536):
            pass

    async def test() -> None:
        async with (
            raw_server(silent) as server,
            way.open(server, base=LOCALHOST, timeout_s=0.2) as transport,
        ):
            with pytest.raises(NotSentError, match=r"^no connection within 0\.2 s$"):
                await transport.send("resp_1")
            await server.peers[0].closed.wait()

    way.run(test)


@every_way
def test_unknown_host_is_not_sent(way: Way) -> None:
    """Name servers fail for a while; the message names the host."""

    async def test() -> None:
        async with (
            raw_server(answering(OK)) as server,
            way.open(server, base="https://nowhere.invalid/v1") as transport,
        ):
            with pytest.raises(NotSentError, match=r"^nowhere\.invalid: .*resolved$"):
                await transport.send("resp_1")

    way.run(test)


@every_way
def test_netrc_and_cookies_are_left_alone(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key comes from the lane and nowhere else; one answer leaves no trace in the next."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login wrong password wrong\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    answer = OK.replace(b"\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n", 1)

    async def test() -> None:
        async with raw_server(answering(answer)) as server, way.open(server) as transport:
            await transport.send("resp_1")
            await transport.send("resp_2")

        assert all(f"\r\nAuthorization: Bearer {KEY}".encode() in head for head in server.heads)
        assert b"cookie" not in b"".join(server.heads).lower()
        assert b"Basic" not in b"".join(server.heads)

    way.run(test)


def test_endpoint_does_not_show_the_key() -> None:
    """It stands in tracebacks that show local variables."""
    endpoint = asyncio.run(endpoint_of(Lane(provider=PROVIDER, api_key=KEY), DELETE))

    assert KEY in str(endpoint.headers)
    assert KEY not in repr(endpoint)


@every_way
def test_a_lanes_headers_go_with_every_request(way: Way) -> None:
    """A project is named so, or a gateway before the provider."""

    async def test() -> None:
        async with (
            raw_server(answering(OK)) as server,
            way.open(server, headers={"OpenAI-Project": "proj_1"}) as transport,
        ):
            await transport.send("resp_1")

        assert b"\r\nOpenAI-Project: proj_1\r\n" in server.heads[0]

    way.run(test)


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".test", r"good.test\.evil.test", "xn--ü"])
def test_host_that_cannot_be_one_is_a_wrong_setting(host: str) -> None:
    """It shows before anything is sent, not as a failure of every ID."""
    lane = Lane(provider=PROVIDER, api_key=KEY, base_url=f"https://{host}/v1")

    with pytest.raises(ConfigError, match="base URL 'https://"):
        asyncio.run(endpoint_of(lane, DELETE))
